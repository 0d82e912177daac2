"""An update by a product is one call, where nobody else wants the product."""

import numpy as np
import pytest

from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.schedule import Call, Store
from staticbp.core.traverse import walk
from staticbp.ops.control import scan
from staticbp.trace.trace import trace
from tests.support import assert_lowered, lowered

M, N, BATCH, STEPS = 12, 9, 8, 4
RNG = np.random.default_rng(2)


def descend(W, rate, xs):
    return [W - rate * (np.tanh(xs @ W.T).T @ xs)]


def ascend(W, rate, xs):
    return [W + np.tanh(xs @ W.T).T @ xs]


def descend_transposed(W, rate, xs):
    return [W - rate * (xs.T @ np.tanh(xs @ W.T)).T]


def use_twice(W, rate, xs):
    product = np.tanh(xs @ W.T).T @ xs
    return [W - rate * product, np.sum(product)]


def factor_by_row(W, rate, xs):
    return [W - np.sum(W, axis=1, keepdims=True) * (np.tanh(xs @ W.T).T @ xs)]


def read_after(W, rate, xs):
    following = W - rate * (np.tanh(xs @ W.T).T @ xs)
    return [following, np.sum(W * following)]


def loop_of(step):
    avals = [Aval((M, N), FLOAT64), Aval((), FLOAT64), Aval((BATCH, N), FLOAT64)]
    # The rate is a const of the loop, the matrix its carry.
    body = trace(lambda rate, W, xs: step(W, rate, xs), "step", [avals[1], avals[0], avals[2]], ["rate", "W", "xs"])

    def whole(W, rate, xs):
        outs = scan(rate, W, xs, body=body, n_consts=1, n_carry=1, length=STEPS, reverse=False)
        return outs if isinstance(outs, tuple) else (outs,)

    return trace(whole, "loop", [avals[0], avals[1], Aval((STEPS, BATCH, N), FLOAT64)], ["W", "rate", "xs"])


def updating_calls(graph):
    """The products that are added to a matrix."""
    schedule = lowered(graph)
    return [s for s in walk(schedule.body) if isinstance(s, Call) and s.kernel == "blas.gemm" and len(s.args) == 7]


@pytest.mark.parametrize(
    ("step", "count"),
    [(descend, 1), (descend_transposed, 1), (ascend, 1), (use_twice, 0), (factor_by_row, 0), (read_after, 0)],
)
def test_products_that_update(step, count):
    graph = loop_of(step)
    assert len(updating_calls(graph)) == count
    assert_lowered(graph, [RNG.normal(size=(M, N)), 0.1, RNG.normal(size=(STEPS, BATCH, N))])


def put_transposed(a, b):
    return [(a.T @ b).T]


def put_scaled(a, b):
    return [0.5 * (a.T @ b)]


def put_negated_transposed(a, b):
    return [-(a.T @ b).T]


def put_scaled_by_a_result(a, b):
    return [np.sum(a) * (a.T @ b)]


def put_twice(a, b):
    product = a.T @ b
    return [product, product.T]


def put_in_a_part(a, b):
    return [np.concatenate([(a.T @ b).T, np.zeros((2, M))])]


@pytest.mark.parametrize(
    ("job", "stores"),
    [
        (put_transposed, 0),
        (put_scaled, 0),
        (put_negated_transposed, 0),
        (put_scaled_by_a_result, 1),  # if that is 0, BLAS does not look at what it multiplies
        (put_twice, 1),
        (put_in_a_part, 2),
    ],
)
def test_products_that_are_only_put_elsewhere_are_made_there(job, stores):
    a, b = RNG.normal(size=(BATCH, M)), RNG.normal(size=(BATCH, N))
    graph = trace(job, "job", [Aval(a.shape, FLOAT64), Aval(b.shape, FLOAT64)], ["a", "b"])
    statements = list(walk(lowered(graph).body))
    assert sum(isinstance(s, Store) and len(s.index) == 2 for s in statements) == stores
    assert sum(isinstance(s, Call) for s in statements) == 1
    assert_lowered(graph, [a, b])
    a[0, 0] = np.nan
    assert_lowered(graph, [a, b])
