"""Jacobians and Hessians, of arrays and of structures."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import NotDifferentiableError

A = np.arange(6.0).reshape(2, 3) / 10.0
X = np.array([0.3, -0.5, 0.9])


def f(x):
    return np.sin(A @ x)


@pytest.mark.parametrize("jacobian", [bp.jacobian, bp.jacrev, bp.jacfwd])
def test_a_jacobian_has_the_shapes_of_output_and_input(jacobian):
    assert np.allclose(jacobian(f)(X), np.cos(A @ X)[:, None] * A)
    outer = jacobian(lambda x, y: np.multiply.outer(x, y), (0, 1))(X, np.ones(2, np.float64))
    assert outer[0].shape == (3, 2, 3)
    assert outer[1].shape == (3, 2, 2)
    assert np.array_equal(outer[1], X[:, None, None] * np.eye(2))
    assert jacobian(lambda x: x * x)(3.0) == 6.0


@pytest.mark.parametrize("jacobian", [bp.jacobian, bp.jacrev, bp.jacfwd])
def test_arguments_nest_within_outputs(jacobian):
    def g(tree):
        return {"a": tree["x"] * tree["s"], "b": [np.sum(tree["x"]), np.ones(2)]}

    found = jacobian(g)({"x": X, "s": 2.0})
    assert np.array_equal(found["a"]["x"], 2 * np.eye(3))
    assert np.array_equal(found["a"]["s"], X)
    assert np.array_equal(found["b"][0]["x"], np.ones(3))
    assert found["b"][0]["s"] == 0.0
    assert np.array_equal(found["b"][1]["x"], np.zeros((2, 3)))


def test_the_cheaper_mode_is_taken():
    wide, tall = np.ones((2, 7)), np.ones((7, 2))
    assert "f64[2,2]" in str(bp.jacobian(lambda x: np.sin(wide @ x)).inspect(np.ones(7)).stages["trace"])
    assert "f64[2,2]" in str(bp.jacobian(lambda x: np.sin(tall @ x)).inspect(np.ones(2)).stages["trace"])


def test_hessians():
    def g(x):
        return np.sum(np.sin(A @ x) ** 2)

    found = bp.hessian(g)(X)
    z = A @ X
    assert np.allclose(found, A.T @ np.diag(2 * np.cos(2 * z)) @ A)
    v = np.array([1.0, 2.0, -1.0])
    assert np.allclose(bp.hvp(g, (X,), (v,))[0], found @ v)
    pair = bp.hessian(lambda x, y: x * x * y, (0, 1))(3.0, 5.0)
    assert pair == ((10.0, 6.0), (6.0, 0.0))


def test_aux_and_nesting():
    jacobian, aux = bp.jacobian(lambda x: (x * x, {"n": 1}), has_aux=True)(X)
    assert np.array_equal(jacobian, np.diag(2 * X))
    assert aux == {"n": 1}
    traces = bp.vmap(lambda x: np.trace(bp.jacobian(lambda x: x**3)(x)))(np.stack([X, 2 * X]))
    assert np.allclose(traces, [3 * np.sum(X**2), 12 * np.sum(X**2)])
    through = bp.grad(lambda a: np.sum(bp.jacfwd(lambda x: a * x * x)(X)))(2.0)
    assert through == pytest.approx(2 * np.sum(X))


def test_integers_have_no_jacobian():
    with pytest.raises(NotDifferentiableError, match=r"output\[1\] of <lambda> is int64"):
        bp.jacobian(lambda x: (x, np.argmax(x)))(X)
