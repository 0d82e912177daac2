"""vmap: axes in, axes out, nested and with derivatives."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import ArgumentError, ShapeError, StructureError

X = np.arange(12.0).reshape(3, 4)


def test_axes_in_and_out():
    assert np.array_equal(bp.vmap(np.sum)(X), X.sum(axis=1))
    assert np.array_equal(bp.vmap(np.sum, in_axes=1)(X), X.sum(axis=0))
    assert np.array_equal(bp.vmap(np.sum, in_axes=-1)(X), X.sum(axis=0))
    doubled = bp.vmap(lambda x: 2.0 * x, in_axes=1, out_axes=1)(X)
    assert np.array_equal(doubled, 2.0 * X)
    assert doubled.flags.c_contiguous
    assert np.array_equal(bp.vmap(lambda x: x, out_axes=-1)(X), X.T)


def test_axes_of_structures():
    def f(tree, y):
        return {"product": tree[0] * y, "same": y, "n": 1}

    w, xs = np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0])
    out = bp.vmap(f, in_axes=((0, None), None), out_axes={"product": 0, "same": None, "n": None})((xs, 5.0), w)
    assert np.array_equal(out["product"], xs[:, None] * w)
    assert np.array_equal(out["same"], w)
    assert out["n"] == 1
    everywhere = bp.vmap(f, in_axes=((0, None), None))((xs, 5.0), w)
    assert np.array_equal(everywhere["same"], np.stack([w, w]))
    assert np.array_equal(everywhere["n"], [1, 1])


def test_keyword_arguments_are_mapped():
    assert np.array_equal(bp.vmap(lambda x, *, y: x * y)(np.arange(3.0), y=np.arange(3.0)), [0.0, 1.0, 4.0])


def test_nested_and_with_derivatives():
    outer = bp.vmap(bp.vmap(lambda x, y: x * y, in_axes=(None, 0)), in_axes=(0, None))
    assert np.array_equal(outer(X[:, 0], X[0]), np.multiply.outer(X[:, 0], X[0]))
    each = bp.vmap(bp.grad(lambda x: np.sum(x**3)))(X)
    assert np.allclose(each, 3 * X**2)
    whole = bp.grad(lambda x: np.sum(bp.vmap(lambda row: np.sum(row) ** 2)(x)))(X)
    assert np.allclose(whole, np.repeat(2 * X.sum(axis=1, keepdims=True), 4, axis=1))
    weights = np.ones(4)
    captured = bp.vmap(lambda x: x @ weights)(X)
    assert np.allclose(captured, X @ weights)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="x has 3, y has 4"):
        bp.vmap(lambda x, y: x + y)(np.ones(3), np.ones(4))
    with pytest.raises(ShapeError, match="axis 0 of x, which has 0 axes"):
        bp.vmap(lambda x: x)(1.0)
    with pytest.raises(ArgumentError, match="nothing to map over"):
        bp.vmap(lambda x: x, in_axes=None)(X)
    with pytest.raises(ArgumentError, match="in_axes names 2 arguments"):
        bp.vmap(lambda x: x, in_axes=(0, 0))(X)
    with pytest.raises(StructureError, match="in_axes has a list"):
        bp.vmap(lambda x: x[0], in_axes=([0],))((X,))
    with pytest.raises(ArgumentError, match="out_axes is None"):
        bp.vmap(lambda x: x, out_axes=None)(X)
