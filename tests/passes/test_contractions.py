"""Sums over a batch of outer products become products of matrices, and products of one row less than that."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.core.interpret import interpret
from staticbp.core.schedule import Call
from staticbp.core.traverse import walk
from staticbp.ops.products import matmul, matvec, outer, vecdot, vecmat
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from tests.support import assert_close, assert_lowered, graph_of, lowered

RNG = np.random.default_rng(4)
X, Y = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 4))


def batched(x, y):
    return np.sum(outer(x, y), axis=0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_sum_of_outer_products_is_one_product(dtype):
    args = [X.astype(dtype), Y.astype(dtype)]
    graph = graph_of(batched, *args)
    simple = run(graph, PRIMAL, check=True)
    assert [eqn.op.name for eqn in simple.eqns] == ["transpose", "matmul"]
    assert_close(interpret(simple, args)[0], interpret(graph, args)[0])
    assert_close(interpret(simple, args)[0], args[0].T @ args[1])


@pytest.mark.parametrize("axes", [1, 2, (0, 1), None])
def test_other_sums_stay(axes):
    graph = graph_of(lambda x, y: np.sum(outer(x, y), axis=axes), X, Y)
    assert matmul not in {eqn.op for eqn in run(graph, PRIMAL, check=True).eqns}


def test_a_single_outer_product_has_no_batch():
    graph = graph_of(lambda x, y: np.sum(outer(x, y), axis=0), X[0], Y[0])
    simple = run(graph, PRIMAL, check=True)
    assert matmul not in {eqn.op for eqn in simple.eqns}
    assert_close(interpret(simple, [X[0], Y[0]])[0], X[0].sum() * Y[0])


@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
@pytest.mark.parametrize(
    ("op", "left", "right", "made"),
    [
        (matmul, (4, 1), (1, 5), outer),
        (matmul, (4, 6), (6, 1), matvec),
        (matmul, (1, 6), (6, 5), vecmat),
        (matmul, (1, 6), (6, 1), vecdot),
        (matmul, (1, 1), (1, 1), outer),
        (matvec, (1, 6), (6,), vecdot),
        (matvec, (4, 1), (1,), None),
        (vecmat, (6,), (6, 1), vecdot),
        (vecmat, (1,), (1, 5), None),
    ],
)
def test_products_of_one_row_or_column_are_products_of_vectors(leading, op, left, right, made):
    def product(x, y):
        return op(x, y)

    x, y = RNG.normal(size=(*leading, *left)), RNG.normal(size=(*leading, *right))
    graph = graph_of(product, x, y)
    simple = run(graph, PRIMAL, check=True)
    products = {eqn.op for eqn in simple.eqns} & {vecdot, matvec, vecmat, matmul, outer}
    assert products == ({made} if made is not None else set())
    assert_lowered(simple, [x, y])
    assert_close(interpret(simple, [x, y])[0], interpret(graph, [x, y])[0])


def test_a_layer_of_one_neuron_needs_no_matrix():
    """Forwards a product of a matrix and a vector, and no more than that backwards."""

    def slopes(X, w, y):
        return bp.grad(lambda w: np.sum((X @ w.T - y) ** 2))(w)

    args = [RNG.normal(size=(30, 9)), RNG.normal(size=(1, 9)), RNG.normal(size=(30, 1))]
    graph = run(graph_of(slopes, *args), JOINT, check=True)
    assert matmul not in {eqn.op for eqn in graph.eqns}
    X, w, y = args
    assert_close(assert_lowered(graph, args)[0], (2 * (X @ w.T - y).T @ X))


def test_the_one_row_of_a_matrix_is_read_where_it_lies():
    def layer(X, w):
        return X @ w.T

    args = [RNG.normal(size=(30, 9)), RNG.normal(size=(1, 9))]
    graph = run(graph_of(layer, *args), JOINT, check=True)
    (call,) = (stmt for stmt in walk(lowered(graph).body) if isinstance(stmt, Call))
    assert [ref.buffer.name for ref in call.reads] == ["X", "w"]
    assert call.reads[1].shape == (9,)
    assert_lowered(graph, args)
