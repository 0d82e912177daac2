"""What reductions refuse, and what they are made of."""

import numpy as np
import pytest

from staticbp.errors import ShapeError, UnsupportedFunctionError
from tests.ops.checks import evaluate, graph_of

X = np.arange(6.0).reshape(2, 3)
EMPTY = np.zeros((0, 3))


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        (lambda x: np.sum(x, out=np.zeros(())), UnsupportedFunctionError, "np.sum with out="),
        (lambda x: np.max(x, where=x > 0), UnsupportedFunctionError, "np.max with where= needs initial="),
        (lambda x: np.sum(x, axis=2), ShapeError, "axis 2 is out of bounds"),
        (lambda x: np.sum(x, axis=(0, -2)), ShapeError, "names an axis twice"),
        (lambda x: np.max(x[:0]), ShapeError, "of no elements"),
        (lambda x: np.min(x[:, :0], axis=1), ShapeError, "of no elements"),
        (lambda x: np.argmax(x[:0]), ShapeError, "of no elements"),
        (lambda x: np.average(x, weights=np.ones(3)), ShapeError, "needs an axis"),
        (lambda x: np.average(x, axis=0, weights=np.ones(3)), ShapeError, "weights of shape"),
        (lambda x: np.subtract.reduce(x, axis=(0, 1)), UnsupportedFunctionError, "np.subtract.reduce over 2 axes"),
        (lambda x: np.nonzero(x), UnsupportedFunctionError, "no fixed shape"),
    ],
)
def test_refused(function, error, words):
    with pytest.raises(error, match=words):
        graph_of(function, (X,))


def test_an_extreme_over_other_axes_may_be_empty():
    graph = graph_of(lambda x: np.max(x, axis=1), (EMPTY,))
    assert evaluate(graph, [EMPTY])[0].shape == (0,)


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (lambda x: np.sum(x), ["reduce_sum"]),
        (lambda x: np.sum(x, axis=0, keepdims=True), ["reduce_sum", "reshape"]),
        (lambda x: np.mean(x, axis=1), ["reduce_sum", "div"]),
        (lambda x: np.max(x > 0), ["greater", "reduce_any"]),
        (lambda x: x.sum(0).sum(), ["reduce_sum", "reduce_sum"]),
        (lambda x: np.count_nonzero(x), ["cast", "cast", "reduce_sum"]),
    ],
)
def test_graph(function, names):
    assert [eqn.op.name for eqn in graph_of(function, (X,)).eqns] == names


def test_methods_are_functions():
    graph = graph_of(
        lambda x: (x.sum(), x.mean(axis=0), x.std(1), x.max(), x.argmin(axis=1), x.cumsum(), x.prod(), x.any()), (X,)
    )
    found = evaluate(graph, [X])
    wanted = [X.sum(), X.mean(axis=0), X.std(1), X.max(), X.argmin(axis=1), X.cumsum(), X.prod(), X.any()]
    for ours, numpys in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, numpys, rtol=1e-14)
