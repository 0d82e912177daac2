import numpy as np

from staticbp.core.aval import BOOL, FLOAT32, FLOAT64, Aval
from staticbp.core.graph import Eqn, Graph, Lit, SrcLine, Var
from staticbp.core.text import Names, graph_text, literal_text, param_text
from staticbp.ops.arithmetic import add, mul
from staticbp.ops.control import scan
from staticbp.ops.linear import broadcast
from tests.support import graph_of

SCALAR = Aval((), FLOAT64)
VECTOR = Aval((3,), FLOAT64)


def test_literals_are_the_same_when_their_bits_are():
    assert Lit(1, SCALAR) == Lit(1.0, SCALAR)
    assert Lit(np.nan, SCALAR) == Lit(np.nan, SCALAR)
    assert Lit(0.0, SCALAR) != Lit(-0.0, SCALAR)
    assert Lit(1, SCALAR) != Lit(1, VECTOR)
    assert Lit(1, SCALAR) != Lit(1, Aval((), FLOAT32))
    assert len({Lit(2, VECTOR), Lit(2.0, VECTOR)}) == 1
    assert isinstance(Lit(1, Aval((), FLOAT32)).value, np.float32)
    assert Lit(-0.0, SCALAR).is_value(0)
    assert not Lit(np.nan, SCALAR).is_value(np.nan)


def test_variables_are_the_same_only_as_objects():
    assert Var(SCALAR, "x") != Var(SCALAR, "x")
    assert repr(Var(VECTOR, "x")) == "x: f64[3]"


def test_text_of_literals():
    texts = [literal_text(Lit(v, SCALAR)) for v in (1.0, -0.5, 1e-30, np.inf, -np.inf, np.nan)]
    assert texts == ["1.0", "-0.5", "1e-30", "inf", "-inf", "nan"]
    assert literal_text(Lit(True, Aval((), BOOL))) == "True"


def test_text_of_parameters_does_not_change_from_run_to_run():
    assert param_text((1,)) == "(1,)"
    assert param_text((1, (2, 3))) == "(1, (2, 3))"
    assert param_text(np.dtype(np.float32)) == "float32"
    assert param_text(len) == "len"
    assert "0x" not in param_text(lambda x: x)


def test_names_are_handed_out_once():
    names = Names({"work"})
    assert [names.fresh(w) for w in ("h", "h", "work", "h_2", "h")] == ["h", "h_2", "work_2", "h_2_2", "h_3"]
    x, other = Var(SCALAR, "x"), Var(SCALAR, "x")
    assert (names.of(x), names.of(other), names.of(x)) == ("x", "x_2", "x")
    assert names.wish("h_3") == "h"
    assert names.is_taken("h_3")
    assert not names.is_taken("h_4")


def test_text_of_a_graph(golden):
    def loss(W, x, t):
        h = np.tanh(W @ x)
        e = h - t
        return e @ e

    graph = graph_of(loss, np.ones((10, 3)), np.ones(3), np.ones(10))
    golden("graph_loss.txt", graph_text(graph, comments=False))
    assert str(graph).count("# test_graph.py:") == 3
    assert "h = np.tanh(W @ x)" in str(graph)


def test_each_line_of_the_users_is_quoted_where_it_changes():
    line, other = SrcLine("net.py", 3, "y = x + x"), SrcLine("net.py", 4, "")
    x, a, b, c = (Var(VECTOR, name) for name in ("x", "a", "b", "y"))
    eqns = [Eqn((a,), add, (x, x), {}, line), Eqn((b,), mul, (a, a), {}, line), Eqn((c,), mul, (b, b), {}, other)]
    text = str(Graph("f", (x,), tuple(eqns), (c,)))
    assert text.split("\n")[1:] == [
        "  a: f64[3] = add x x                           # net.py:3  y = x + x",
        "  b: f64[3] = mul a a",
        "  y: f64[3] = mul b b                           # net.py:4",
        "  return y",
    ]


def test_bodies_are_indented_and_found():
    x, out = Var(SCALAR, "x"), Var(SCALAR, "x")
    c, n = Var(SCALAR, "c"), Var(SCALAR, "c")
    body = Graph("step", (c,), (Eqn((n,), add, (c, c)),), (n,))
    params = {"body": body, "n_consts": 0, "n_carry": 1, "length": 4, "reverse": False}
    eqn = Eqn((out,), scan, (x,), params)
    assert list(eqn.subgraphs()) == [body]
    assert str(Graph("f", (x,), (eqn,), (out,))).split("\n") == [
        "graph f(x: f64[]) -> f64[]",
        "  x_2: f64[] = scan[n_consts=0, n_carry=1, length=4, reverse=False] x",
        "    graph step(c: f64[]) -> f64[]",
        "      c_2: f64[] = add c c",
        "      return c_2",
        "  return x_2",
    ]


def test_with_eqns_keeps_the_rest():
    x, y = Var(SCALAR, "x"), Var(VECTOR, "y")
    graph = Graph("f", (x,), (Eqn((y,), broadcast, (x,), {"shape": (3,), "dims": ()}),), (y,))
    other = graph.with_eqns((), [x])
    assert (other.name, other.invars, other.eqns, other.outs) == ("f", (x,), (), (x,))
    assert graph.in_avals == (SCALAR,)
    assert graph.out_avals == (VECTOR,)
    assert graph.with_eqns(graph.eqns).outs == (y,)
