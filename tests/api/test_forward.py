"""jvp: tangents in, tangents out."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import DtypeError, IntegerDifferentiationError, ShapeError, StructureError


def test_jvp_of_structures():
    def f(tree, y):
        return [tree["x"] * y, {"sin": np.sin(tree["x"]), "n": 3}]

    primals = ({"x": np.array([1.0, 2.0])}, 3.0)
    out, dot = bp.jvp(f, primals, ({"x": np.array([1.0, 0.0])}, 0.5))
    assert np.array_equal(out[0], [3.0, 6.0])
    assert np.allclose(dot[0], [3.0 + 0.5, 1.0])
    assert np.allclose(dot[1]["sin"], [np.cos(1.0), 0.0])
    assert dot[1]["n"] == 0


def test_tangents_are_cast_and_checked():
    x = np.ones(3, np.float32)
    out, dot = bp.jvp(lambda x: x * x, (x,), (1,))
    assert out.dtype == dot.dtype == np.float32
    assert np.array_equal(dot, [2.0, 2.0, 2.0])
    with pytest.raises(ShapeError, match=r"the tangent of x has shape \(2,\)"):
        bp.jvp(lambda x: x, (x,), (np.ones(2),))
    with pytest.raises(StructureError, match="tangents"):
        bp.jvp(lambda x: x, (x,), ([1.0],))
    with pytest.raises(DtypeError, match="complex"):
        bp.jvp(lambda x: x, (x,), (1j,))
    with pytest.raises(IntegerDifferentiationError, match="x is int64"):
        bp.jvp(lambda x: x, (1,), (1.0,))


def test_what_does_not_move_has_a_zero_tangent():
    out, dot = bp.jvp(lambda x: (np.argmax(x), np.zeros(2), x[0]), (np.array([1.0, 3.0]),), (np.ones(2),))
    assert out[0] == 1
    assert dot[0] == 0
    assert np.array_equal(dot[1], np.zeros(2))
    assert dot[2] == 1.0


def test_forward_over_reverse_and_reverse_over_forward():
    def f(x):
        return np.sum(np.sin(x) * x[::-1])

    x, v = np.array([0.3, 1.2, -0.7]), np.array([1.0, -2.0, 0.5])
    forward = bp.jvp(bp.grad(f), (x,), (v,))[1]
    reverse = bp.grad(lambda x: bp.jvp(f, (x,), (v,))[1])(x)
    assert np.allclose(forward, reverse, rtol=1e-13)
    step = 1e-6
    numeric = (bp.grad(f)(x + step * v) - bp.grad(f)(x - step * v)) / (2 * step)
    assert np.allclose(forward, numeric, rtol=1e-6)


def test_aux_is_handed_on():
    out, dot, aux = bp.jvp(lambda x: (x * x, x), (3.0,), (1.0,), has_aux=True)
    assert (out, dot, aux) == (9.0, 6.0, 3.0)
