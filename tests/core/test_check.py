import numpy as np
import pytest

from staticbp.core.aval import FLOAT32, FLOAT64, Aval
from staticbp.core.check import check_graph
from staticbp.core.graph import Eqn, Graph, Lit, SrcLine, Var
from staticbp.errors import DtypeError, GraphError, ShapeError
from staticbp.ops.arithmetic import add
from staticbp.ops.control import scan
from staticbp.ops.math import exp

SCALAR = Aval((), FLOAT64)
VECTOR = Aval((3,), FLOAT64)
SRC = SrcLine("net.py", 7, "y = x + x")


def var(name="x", aval=VECTOR):
    return Var(aval, name)


def test_a_good_graph_comes_back():
    x, y = var(), var("y")
    graph = Graph("f", (x,), (Eqn((y,), add, (x, Lit(1, VECTOR))),), (y, Lit(0, SCALAR), x))
    assert check_graph(graph) is graph


def test_an_input_that_occurs_twice():
    x = var()
    with pytest.raises(GraphError, match="f: input x occurs twice"):
        check_graph(Graph("f", (x, x), (), (x,)))


def test_use_before_definition():
    x, y, z = var(), var("y"), var("z")
    with pytest.raises(GraphError, match="fold: f: exp uses y before it is defined"):
        check_graph(Graph("f", (x,), (Eqn((z,), exp, (y,)), Eqn((y,), exp, (x,))), (z,)), "fold")
    with pytest.raises(GraphError, match="result uses y before"):
        check_graph(Graph("f", (x,), (), (y,)))


def test_a_second_definition():
    x, y = var(), var("y")
    twice = Graph("f", (x,), (Eqn((y,), exp, (x,)), Eqn((y,), exp, (x,), {}, SRC)), (y,))
    with pytest.raises(GraphError, match=r"y is defined twice\n  at net.py:7  y = x \+ x"):
        check_graph(twice)


@pytest.mark.parametrize("wrong", [SCALAR, Aval((3,), FLOAT32), Aval((3,), FLOAT64, weak=True)], ids=str)
def test_a_recorded_type_that_is_not_the_derived_one(wrong):
    x, y = var(), var("y", wrong)
    with pytest.raises(GraphError, match=r"exp gives f64\[3\], but the graph says"):
        check_graph(Graph("f", (x,), (Eqn((y,), exp, (x,)),), (y,)))


def test_operands_that_do_not_fit():
    x, y, z = var(), var("y", SCALAR), var("z")
    with pytest.raises(ShapeError, match="the shapes differ"):
        check_graph(Graph("f", (x, y), (Eqn((z,), add, (x, y)),), (z,)))
    with pytest.raises(DtypeError, match="the dtypes do not fit"):
        check_graph(Graph("f", (x,), (Eqn((z,), add, (x, Lit(1, Aval((3,), FLOAT32)))),), (z,)))


def test_constants_have_the_type_of_their_array():
    c = var("c")
    check_graph(Graph("f", (), (), (c,), ((c, np.ones(3)),)))
    with pytest.raises(GraphError, match=r"const c is not of type f64\[3\]"):
        check_graph(Graph("f", (), (), (c,), ((c, np.ones(4)),)))
    with pytest.raises(GraphError, match="const c"):
        check_graph(Graph("f", (), (), (c,), ((c, np.ones(3, np.float32)),)))


def loop(body, init):
    out = var("out", SCALAR)
    params = {"body": body, "n_consts": 0, "n_carry": 1, "length": 2, "reverse": False}
    return Graph("f", (init,), (Eqn((out,), scan, (init,), params, SRC),), (out,))


def test_bodies_are_checked_too():
    c, d = var("c", SCALAR), var("d", SCALAR)
    check_graph(loop(Graph("step", (c,), (Eqn((d,), exp, (c,)),), (d,)), var("x", SCALAR)))
    with pytest.raises(GraphError, match="step: result uses d before it is defined"):
        check_graph(loop(Graph("step", (c,), (), (d,)), var("x", SCALAR)))


def test_bodies_have_no_constants_of_their_own():
    c, k = var("c", SCALAR), var("k", VECTOR)
    body = Graph("step", (c,), (), (c,), ((k, np.ones(3)),))
    with pytest.raises(GraphError, match="step, a body in f, has constants of its own"):
        check_graph(loop(body, var("x", SCALAR)))
