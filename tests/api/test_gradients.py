"""grad, value_and_grad and vjp: what they take, what they return, what they refuse."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import (
    ArgumentError,
    DtypeError,
    IntegerDifferentiationError,
    NonScalarGradError,
    ShapeError,
    StructureError,
)


def product(x, y):
    return np.sum(x * y)


def test_the_gradients_of_the_readme():
    dx, dy = bp.grad(lambda x, y: x * y + np.sin(x), (0, 1))(1.0, 2.0)
    assert dx == pytest.approx(2.5403023058681398, rel=1e-15)
    assert dy == 1.0
    neuron = bp.grad(lambda a, b, c, x, y: bp.special.expit(a * x + b * y + c), (0, 1, 2, 3, 4))
    expected = [-0.1049935854035065, 0.3149807562105195, 0.1049935854035065, 0.1049935854035065, 0.209987170807013]
    assert np.allclose(neuron(1.0, 2.0, -3.0, -1.0, 3.0), expected, rtol=1e-13)


def test_argnums_shape_the_gradient():
    x, y = np.array([1.0, 2.0]), np.array([3.0, 5.0])
    assert np.array_equal(bp.grad(product)(x, y), y)
    assert np.array_equal(bp.grad(product, 1)(x, y), x)
    assert np.array_equal(bp.grad(product, -1)(x, y), x)
    both = bp.grad(product, (1, 0))(x, y)
    assert type(both) is tuple
    assert np.array_equal(both[0], x)
    assert np.array_equal(both[1], y)
    one = bp.grad(product, (0,))(x, y)
    assert type(one) is tuple
    assert len(one) == 1


def test_argnums_that_are_not_there_are_refused():
    with pytest.raises(ArgumentError, match="with respect to argument 2, but was called with 2"):
        bp.grad(product, 2)(1.0, 2.0)
    with pytest.raises(ArgumentError, match=r"argnums \(0, -2\) names an argument of product twice"):
        bp.grad(product, (0, -2))(1.0, 2.0)
    with pytest.raises(ArgumentError, match="passed by position"):
        bp.grad(product)(x=1.0, y=2.0)


def test_results_are_of_numpys_kinds():
    gradient = bp.grad(lambda x: x * x)(3.0)
    assert type(gradient) is np.float64
    assert type(bp.grad(lambda x: x * x)(np.float32(3.0))) is np.float32
    value, gradient = bp.value_and_grad(lambda x: np.sum(x * x))(np.ones(3, np.float32))
    assert type(value) is np.float32
    assert gradient.dtype == np.float32
    assert type(bp.grad(lambda x: x * x)(np.array(3.0))) is np.float64


class Pair(NamedTuple):
    left: float
    right: float


@dataclass
class Plain:
    weights: np.ndarray
    scale: float


def test_containers_keep_their_kinds():
    def f(tree):
        return sum(np.sum(leaf * leaf) for leaf in bp.tree.leaves(tree))

    tree = {
        "list": [1.0, np.array([2.0, 3.0])],
        "tuple": (np.ones((2, 2)),),
        "named": Pair(4.0, 5.0),
        "data": Plain(np.array([6.0]), 7.0),
        "name": "relu",
        "none": None,
    }
    gradient = bp.grad(f)(tree)
    assert list(gradient) == list(tree)
    assert type(gradient["list"]) is list
    assert type(gradient["list"][0]) is np.float64
    assert type(gradient["named"]) is Pair
    assert type(gradient["data"]) is Plain
    assert gradient["name"] == "relu"
    assert gradient["none"] is None
    for before, after in zip(bp.tree.leaves(tree), bp.tree.leaves(gradient), strict=True):
        assert np.array_equal(after, 2 * np.asarray(before))


def test_unused_inputs_have_zero_gradients():
    x, y = bp.grad(lambda x, y: np.sum(x), (0, 1))(np.ones(2), np.ones((2, 3)))
    assert np.array_equal(x, np.ones(2))
    assert np.array_equal(y, np.zeros((2, 3)))
    assert bp.grad(lambda x: 3.0)(2.0) == 0.0
    assert bp.value_and_grad(lambda x: 3.0)(2.0) == (3.0, 0.0)


def test_aux_is_handed_on_undifferentiated():
    def f(x):
        y = np.sin(x)
        return y * y, {"y": y, "name": "sine", "n": 3, "parts": [x, None]}

    gradient, aux = bp.grad(f, has_aux=True)(0.5)
    assert gradient == pytest.approx(2 * np.sin(0.5) * np.cos(0.5))
    assert aux["y"] == pytest.approx(np.sin(0.5))
    assert aux["name"] == "sine"
    assert aux["n"] == 3
    assert aux["parts"][0] == 0.5
    assert aux["parts"][1] is None
    (value, aux), gradient = bp.value_and_grad(f, has_aux=True)(0.5)
    assert value == pytest.approx(np.sin(0.5) ** 2)
    assert aux["n"] == 3
    with pytest.raises(ArgumentError, match="has_aux=True but returns a Tracer"):
        bp.grad(lambda x: x, has_aux=True)(1.0)


def test_aux_of_a_decorated_function_is_kept():
    @bp.differentiable(has_aux=True)
    def f(x):
        return x * x, x + 1.0

    assert f(3.0) == (9.0, 4.0)
    assert f.grad(3.0) == (6.0, 4.0)
    assert bp.grad(f)(3.0) == (6.0, 4.0)
    assert bp.grad(bp.grad(f))(3.0) == (2.0, 4.0)
    out, pullback, aux = f.vjp(3.0)
    assert (out, pullback(1.0), aux) == (9.0, 6.0, 4.0)
    assert f.jvp((3.0,), 1.0) == (9.0, 6.0, 4.0)


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (lambda x: x, r"f64\[3\]"),
        (lambda x: x[:1], r"f64\[1\]"),
        (lambda x: (x[0], x[1]), "a tuple"),
        (lambda x: np.argmax(x), r"i64\[\]"),
        (lambda x: x[0] > 0, r"bool\[\]"),
        (lambda x: None, "a NoneType"),
    ],
)
def test_only_real_numbers_have_gradients(result, shown):
    with pytest.raises(NonScalarGradError, match=f"returns {shown}") as caught:
        bp.grad(result)(np.ones(3))
    assert "np.sum" in str(caught.value)
    assert "test_gradients.py" in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_integers_are_refused_by_their_path():
    with pytest.raises(IntegerDifferentiationError, match="x is int64"):
        bp.grad(lambda x: x * 1.0)(3)
    with pytest.raises(IntegerDifferentiationError, match="x is bool"):
        bp.grad(lambda x: x * 1.0)(True)
    with pytest.raises(IntegerDifferentiationError, match=r"net\['layers'\]\[1\] is int32"):
        bp.grad(lambda net: net["layers"][0])({"layers": [1.0, np.ones(2, np.int32)]})
    assert bp.grad(lambda x, n: x * n)(3.0, 2) == 2.0


def test_what_cannot_be_compiled_is_refused_by_its_path():
    with pytest.raises(DtypeError, match=r"net\.weights has dtype float16"):
        bp.grad(lambda net: np.sum(net.weights))(Plain(np.ones(2, np.float16), 1.0))
    with pytest.raises(DtypeError, match="x has dtype object"):
        bp.grad(lambda x: x)(np.array([None]))
    with pytest.raises(ArgumentError, match="MaskedArray"):
        bp.grad(np.sum)(np.ma.ones(3))
    with pytest.raises(ArgumentError, match="set at"):
        bp.grad(lambda x: x)([{1.0}])


def test_keyword_arguments_are_passed_on():
    def f(x, *, power=2.0, mode="plain"):
        return np.sum(x**power) if mode == "plain" else np.sum(x)

    x = np.array([1.0, 2.0])
    assert np.array_equal(bp.grad(f)(x), 2 * x)
    assert np.allclose(bp.grad(f)(x, power=3.0), 3 * x**2)
    assert np.array_equal(bp.grad(f)(x, mode="sum"), np.ones(2))


def test_second_derivatives_and_closures():
    assert bp.grad(bp.grad(lambda x: x**3))(2.0) == pytest.approx(12.0)

    def outer(x, y):
        # The inner gradient captures y, which the outer one differentiates.
        return bp.grad(lambda a: a * a * y * y)(x)

    dx, dy = bp.grad(outer, (0, 1))(3.0, 5.0)
    assert dx == pytest.approx(2 * 25)
    assert dy == pytest.approx(2 * 3 * 2 * 5)


def test_perturbations_are_not_confused():
    assert bp.grad(lambda x: x * bp.grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert bp.grad(lambda x: x * bp.grad(lambda y: x * y)(2.0))(3.0) == pytest.approx(6.0)


def test_vjp_of_structures():
    def f(x, y):
        return {"sum": x + y, "product": [x * y]}

    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    out, pullback = bp.vjp(f, x, y)
    assert np.array_equal(out["product"][0], x * y)
    dx, dy = pullback({"sum": 0, "product": [np.array([1.0, 10.0])]})
    assert np.array_equal(dx, [3.0, 40.0])
    assert np.array_equal(dy, [1.0, 20.0])
    dx, _ = pullback({"sum": np.ones(2, np.float32), "product": [0.0]})
    assert np.array_equal(dx, [1.0, 1.0])
    with pytest.raises(StructureError, match="cotangent is"):
        pullback(np.ones(2))
    with pytest.raises(ShapeError, match=r"cotangent\['sum'\] has shape \(3,\), where \(2,\) is needed"):
        pullback({"sum": np.ones(3), "product": [0.0]})
    with pytest.raises(DtypeError, match="complex"):
        pullback({"sum": 1j, "product": [0.0]})


def test_a_pullback_owns_what_it_needs():
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    scale = np.array([1.0, 1.0])
    out, pullback = bp.vjp(lambda x, y: np.sin(x) * y * scale, x, y)
    x[:], y[:], scale[:], out[:] = 0.0, 0.0, 0.0, 0.0
    first = pullback(np.ones(2))
    second = pullback(np.ones(2))
    assert np.allclose(first[0], np.cos([1.0, 2.0]) * [3.0, 4.0])
    assert np.allclose(second[1], np.sin([1.0, 2.0]))
    assert first[0] is not second[0]


def test_a_pullback_is_a_value_like_any_other():
    _, pullback = bp.vjp(lambda x: np.sin(x), 0.5)
    assert bp.compile(lambda ct: pullback(ct)[0])(2.0) == pytest.approx(2 * np.cos(0.5))

    def f(x):
        out, back = bp.vjp(lambda x: x * x, x)
        return back(3.0 * out)[0]  # 3 x^2 * 2 x

    assert bp.grad(f)(2.0) == pytest.approx(18 * 4.0)
    value, back = bp.compile(lambda x: bp.vjp(np.exp, x))(1.0)
    assert back(1.0)[0] == pytest.approx(value)


def test_vjp_of_a_decorated_function_is_about_its_argnums():
    @bp.differentiable(argnums=(0, 2))
    def f(x, n, y):
        return x * y * n

    value, pullback = f.vjp(2.0, 3, 5.0)
    assert value == 30.0
    assert pullback(1.0) == (15.0, 6.0)
    assert f.jvp((2.0, 3, 5.0), (1.0, 0.0)) == (30.0, 15.0)
    with pytest.raises(IntegerDifferentiationError, match="n is int64"):
        bp.vjp(f, 2.0, 3, 5.0)


def test_integer_outputs_take_no_cotangent():
    out, pullback = bp.vjp(lambda x: (np.argmax(x), np.sum(x)), np.array([1.0, 5.0]))
    assert out == (1, 6.0)
    assert np.array_equal(pullback((0, 2.0))[0], [2.0, 2.0])


def test_stop_gradient():
    assert bp.grad(lambda x: x * bp.stop_gradient(x))(3.0) == 3.0
    tree = {"a": 1, "b": np.ones(2)}
    assert bp.stop_gradient(tree)["b"] is tree["b"]
