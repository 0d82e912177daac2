"""Op: values and pullbacks side by side, composed, added, compiled with what is around them, and printed."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import ArgumentError, NotDifferentiableError, StructureError

V = np.array([1.0, -2.0, 0.5])
M = np.arange(6.0).reshape(2, 3)


@bp.Op
def apply(m, v):
    return m @ v, lambda g: (np.outer(g, v), m.T @ g)


@bp.Op
def dot(x, y):
    return x @ y, lambda g: (g * y, g * x)


@bp.Op
def total(x):
    return np.sum(x), lambda g: np.broadcast_to(g, x.shape)


def test_run_grad_and_pullback():
    assert np.array_equal(apply(M, V), M @ V)
    value, pullback = apply.vjp(M, V)
    assert np.array_equal(value, M @ V)
    m_bar, v_bar = pullback(np.array([1.0, 10.0]))
    assert np.array_equal(m_bar, np.outer([1.0, 10.0], V))
    assert np.array_equal(v_bar, M.T @ [1.0, 10.0])
    assert np.array_equal(total.grad(V), np.ones(3))
    x_bar, y_bar = dot.grad(V, 2 * V)
    assert np.array_equal(x_bar, 2 * V)
    assert np.array_equal(y_bar, V)
    assert dot.value_and_grad(V, V)[0] == V @ V


def test_composition():
    squares = total @ bp.Op.lift(np.square)
    assert squares(V) == V @ V
    assert np.array_equal(squares.grad(V), 2 * V)
    assert np.array_equal((np.square >> total).grad(V), 2 * V)
    assert (np.sqrt @ squares)(V) == np.sqrt(V @ V)
    form = dot @ (apply, apply)
    assert form(M, V) == (M @ V) @ (M @ V)
    assert np.allclose(form.grad(M, V)[1], 2 * M.T @ (M @ V))
    with pytest.raises(ArgumentError, match="takes 2 arguments, and is composed with 1 operations"):
        dot @ apply
    with pytest.raises(ArgumentError, match="with no operation at all"):
        bp.Op.pack() @ ()


def test_arithmetic_is_pointwise():
    sin, cos = bp.Op.lift(np.sin), bp.Op.lift(np.cos)
    f = 2.0 * sin + cos**2 / 4 - (-sin) - 1
    x = 0.3
    assert f(x) == pytest.approx(3 * np.sin(x) + np.cos(x) ** 2 / 4 - 1)
    assert f.grad(x) == pytest.approx(3 * np.cos(x) - np.sin(x) * np.cos(x) / 2)
    g = 1 / (1 + np.float64(2.0) ** sin) - sin
    assert g.grad(x) == pytest.approx(bp.grad(lambda x: 1 / (1 + 2 ** np.sin(x)) - np.sin(x))(x))
    assert (V * total)(V).shape == (3,)


def test_they_print_as_they_are_written():
    sin = bp.Op.lift(np.sin)
    shown = {
        "<Op apply(m, v)>": apply,
        "<Op dot @ (apply, apply)>": dot @ (apply, apply),
        "<Op (2.0 * sin) @ total>": bp.Op.lift(lambda x: x) and (2.0 * sin) @ total,
        "<Op lens('a.0')>": bp.Op.lens("a.0"),
        "<Op -sin>": -sin,
    }
    for text, op in shown.items():
        assert repr(op).replace("const(2.0)", "2.0") == text


def test_constants_and_structures():
    assert bp.grad(bp.Op.const(V) >> total)(1.0) == 0.0
    assert bp.Op.const(42.0)() == 42.0
    pair = bp.Op.pack() @ (total, bp.Op.identity())
    value, pullback = bp.vjp(pair, V)
    assert value[0] == V.sum()
    assert np.array_equal(pullback((1.0, np.zeros(3)))[0], np.ones(3))
    inner = bp.Op.lens("layers.1.w") >> total
    tree = {"layers": [{"w": V}, {"w": 2 * V}]}
    assert inner(tree) == 2 * V.sum()
    bars = inner.grad(tree)["layers"]
    assert np.array_equal(bars[0]["w"], np.zeros(3))
    assert np.array_equal(bars[1]["w"], np.ones(3))


def test_isomorphisms():
    @bp.record
    class Pair:
        x: float
        y: float

    paired = bp.Op.iso(lambda x, y: Pair(x, y), lambda pair: (pair.x, pair.y))
    area = bp.Op.lift(lambda pair: pair.x * pair.y) @ paired
    assert area.grad(3.0, 4.0) == (4.0, 3.0)


def test_no_gradient():
    floor = bp.Op.no_gradient(np.floor)
    assert floor(2.5) == 2.0
    with pytest.raises(NotDifferentiableError, match="floor is an operation without a gradient"):
        floor.grad(2.5)


def test_in_traced_code():
    @bp.differentiable
    def loss(m, vs):
        return bp.fold(lambda c, v: c + dot(apply(m, v), apply(m, v)), 0.0, vs)

    vs = np.stack([V, 2 * V])
    assert loss(M, vs) == pytest.approx(np.sum((vs @ M.T) ** 2))
    assert np.allclose(loss.grad(M, vs), 2 * M @ vs.T @ vs)
    assert "custom" not in loss.grad.inspect(M, vs).source


def test_what_composed_operations_read_is_watched():
    rate = 2.0
    scaled = bp.Op(lambda x: (rate * x, lambda g: rate * g))
    both = scaled @ scaled
    assert both.grad(1.0) == 4.0
    rate = 3.0
    assert both.grad(1.0) == 9.0


def test_a_function_is_not_an_operation_unless_lifted():
    with pytest.raises(StructureError, match="returns a Tracer, not a value and a pullback"):
        bp.Op(lambda x: x * x)(2.0)
    with pytest.raises(ArgumentError, match="takes any number of arguments"):
        _ = bp.Op.pack().grad
