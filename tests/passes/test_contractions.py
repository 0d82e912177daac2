"""Sums over a batch of outer products become products of matrices; nothing else does."""

import numpy as np
import pytest

from staticbp.core.interpret import interpret
from staticbp.ops.products import matmul, outer
from staticbp.passes.pipeline import PRIMAL, run
from tests.support import assert_close, graph_of

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
