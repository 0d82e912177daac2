import numpy as np
import pytest

from staticbp.core.aval import FLOAT32, FLOAT64, INT64, Aval
from staticbp.core.check import check_graph
from staticbp.core.graph import Eqn, Graph, Lit, Var
from staticbp.core.interpret import interpret
from staticbp.ops import arithmetic, math, products, reduce
from staticbp.ops import shape as moves
from staticbp.ops.compare import less
from staticbp.ops.linear import broadcast, cast, reshape
from staticbp.passes.fold import fold
from tests.support import graph_of

VECTOR = Aval((4,), FLOAT64)
MATRIX = Aval((4, 3), FLOAT64)


def applied(op, *ins, **params):
    """The graph of one equation, and what is left of it."""
    avals = op.avals([lit.aval for lit in ins], params)
    outs = tuple(Var(aval, "y") for aval in avals)
    graph = Graph("f", (), (Eqn(outs, op, ins, params),), outs)
    return graph, fold(graph)


@pytest.mark.parametrize(
    ("op", "ins", "params"),
    [
        (arithmetic.add, (Lit(2, VECTOR), Lit(3, VECTOR)), {}),
        (arithmetic.div, (Lit(1, VECTOR), Lit(0, VECTOR)), {}),
        (arithmetic.div, (Lit(1, Aval((), FLOAT32)), Lit(3, Aval((), FLOAT32))), {}),
        (math.log, (Lit(-1, VECTOR),), {}),
        (less, (Lit(1, VECTOR), Lit(2, VECTOR)), {}),
        (arithmetic.add, (Lit(2**63 - 1, Aval((), INT64)), Lit(1, Aval((), INT64))), {}),
        (cast, (Lit(2.7, VECTOR),), {"dtype": INT64}),
        (cast, (Lit(0.1, VECTOR),), {"dtype": FLOAT32}),
        (broadcast, (Lit(2, Aval((), FLOAT64)),), {"shape": (4, 3), "dims": ()}),
        (reshape, (Lit(2, VECTOR),), {"shape": (2, 2)}),
        (moves.transpose, (Lit(2, MATRIX),), {"perm": (1, 0)}),
        (moves.slice, (Lit(2, VECTOR),), {"starts": (3,), "steps": (-1,), "shape": (2,)}),
        (moves.embed, (Lit(0, VECTOR),), {"starts": (1,), "steps": (1,), "shape": (9,)}),
        (moves.concatenate, (Lit(2, VECTOR), Lit(2, MATRIX.with_shape((3,)))), {"axis": 0}),
        (reduce.reduce_sum, (Lit(0.1, MATRIX),), {"axes": (0,)}),
        (reduce.reduce_sum, (Lit(np.inf, Aval((0, 3), FLOAT64)),), {"axes": (0,)}),
        (reduce.reduce_sum, (Lit(2**40, Aval((3,), INT64)),), {"axes": (0,)}),
        (reduce.reduce_prod, (Lit(1.5, MATRIX),), {"axes": (0, 1)}),
        (reduce.reduce_max, (Lit(1.5, MATRIX),), {"axes": (0,)}),
        (reduce.reduce_all, (Lit(True, Aval((3,), np.dtype(np.bool_))),), {"axes": (0,)}),
        (products.vecdot, (Lit(2, VECTOR), Lit(0.5, VECTOR)), {}),
        (products.matvec, (Lit(2, MATRIX), Lit(0.5, Aval((3,), FLOAT64))), {}),
        (products.vecmat, (Lit(2, VECTOR), Lit(0.5, MATRIX)), {}),
        (products.matmul, (Lit(2, MATRIX), Lit(0.5, Aval((3, 5), FLOAT64))), {}),
        (products.outer, (Lit(2, VECTOR), Lit(0.5, VECTOR)), {}),
    ],
)
def test_numbers_are_worked_out(op, ins, params):
    graph, folded = applied(op, *ins, **params)
    assert folded.eqns == ()
    (found,), (wanted,) = interpret(folded, []), interpret(graph, [])
    assert found.dtype == wanted.dtype
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-15)


@pytest.mark.parametrize(
    ("op", "ins", "params"),
    [
        (moves.embed, (Lit(1, VECTOR),), {"starts": (1,), "steps": (1,), "shape": (9,)}),
        (moves.embed, (Lit(-0.0, VECTOR),), {"starts": (1,), "steps": (1,), "shape": (9,)}),
        (moves.concatenate, (Lit(2, VECTOR), Lit(3, VECTOR)), {"axis": 0}),
        (reduce.reduce_max, (Lit(1.5, Aval((0,), FLOAT64)),), {"axes": (0,)}),
        (arithmetic.power, (Lit(2, Aval((), INT64)), Lit(-1, Aval((), INT64))), {}),
    ],
)
def test_what_is_no_single_number_is_kept(op, ins, params):
    graph, folded = applied(op, *ins, **params)
    assert folded is graph


def test_arrays_without_elements_are_not_computed():
    def f(x):
        return np.sum(np.sin(x[:0]) * 2), x[:0, None] @ np.ones((1, 3)), x

    graph = graph_of(f, np.ones(4))
    folded = check_graph(fold(graph))
    assert [str(out) for out in folded.outs[:2]] == ["0.0: f64[]", "0.0: f64[0,3]"]
    assert folded.outs[2] is graph.invars[0]


def test_an_index_out_of_range_is_found_even_if_nothing_is_read():
    x, i = np.ones((3, 0)), np.array([7])
    graph = graph_of(lambda x, i: x[i], x, i)
    assert "gather" in {eqn.op.name for eqn in fold(graph).eqns}


def test_weakness_is_kept():
    weak = Aval((), FLOAT64, weak=True)
    _, folded = applied(arithmetic.add, Lit(1, weak), Lit(2, weak))
    assert folded.outs == (Lit(3, weak),)


def test_a_chain_is_folded_in_one_sweep():
    a, b = (Var(VECTOR, name) for name in "ab")
    eqns = (Eqn((a,), arithmetic.add, (Lit(1, VECTOR), Lit(2, VECTOR))), Eqn((b,), arithmetic.mul, (a, a)))
    assert fold(Graph("f", (), eqns, (b,))).outs == (Lit(9, VECTOR),)
