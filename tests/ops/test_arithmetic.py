"""What arithmetic and the elementary functions refuse, and how Python scalars and captured arrays take part."""

import numpy as np
import pytest

from staticbp.core.aval import aval_of
from staticbp.errors import DtypeError, NumpyCallError, ShapeError, UnsupportedFunctionError
from staticbp.trace.trace import trace
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.checks import assert_value, evaluate, graph_of

X = np.array([1.0, 2.0, 3.0])
N = np.array([1, 2, 3])
B = np.array([True, False, True])


@pytest.mark.parametrize(
    ("function", "args", "error", "words"),
    [
        (lambda x: np.add(x, 1, dtype=np.float32), (X,), UnsupportedFunctionError, "np.add with dtype="),
        (lambda x: np.exp(x, where=B), (X,), UnsupportedFunctionError, "np.exp with where="),
        (lambda x: np.round(x, out=x), (X,), UnsupportedFunctionError, "np.round with out="),
        (lambda x: np.where(x), (X,), UnsupportedFunctionError, "keeps the shape"),
        (lambda n: n**-1, (N,), NumpyCallError, "negative integer powers"),
        (lambda b: b - b, (B,), DtypeError, "not defined for bool"),
        (lambda b: -b, (B,), DtypeError, "not defined for bool"),
        (lambda b: np.positive(b), (B,), DtypeError, "not defined for bool"),
        (lambda b: np.round(b), (B,), DtypeError, "float16"),
        (lambda b: np.sin(b), (B,), DtypeError, "float16"),
        (lambda n: np.exp(n), (N.astype(np.int8),), DtypeError, "float16"),
        (lambda x: x << 1, (X,), DtypeError, "left_shift is not defined for f64"),
        (lambda n: n + 300, (N.astype(np.uint8),), DtypeError, "out of bounds for uint8"),
        (lambda x: x + np.ones(2), (X,), ShapeError, "cannot be broadcast"),
        (lambda x: np.floor(x + 1j), (X,), DtypeError, "not defined for"),
        (lambda x: np.maximum(x, 1j), (X,), DtypeError, "of complex numbers"),
        (lambda x: (x + 1j).astype(float), (X,), DtypeError, "does not fit"),
        (lambda x: np.sort(x + 1j), (X,), DtypeError, "order of complex numbers"),
        (lambda x: np.max(x + 1j), (X,), DtypeError, "order of complex numbers"),
    ],
)
def test_refused(function, args, error, words):
    with pytest.raises(error, match=words) as caught:
        graph_of(function, args)
    assert "test_arithmetic.py" in str(caught.value)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, rate: x * rate,
        lambda x, rate: rate * x + 1,
        lambda x, rate: (1 - rate) * x,
        lambda x, rate: rate**2 * x,
        lambda x, rate: abs(-rate) * x,
        lambda x, rate: np.maximum(x, rate),
        lambda x, rate: np.where(x > 0, x, rate),
        lambda x, rate: x**rate,
    ],
)
def test_python_scalars_do_not_promote(function):
    x, rate = X.astype(np.float32), 0.5
    avals = [aval_of(x), aval_of(rate)]
    assert avals[1].weak
    graph = trace(lambda *tracers: [function(*tracers)], "case", avals, ["x", "rate"])
    assert graph.out_avals[0].dtype == np.float32
    (found,) = evaluate(graph, [x, rate])
    np.testing.assert_allclose(found, function(x, rate), rtol=1e-6)


def test_a_function_of_a_python_scalar_is_strong():
    graph = trace(lambda rate: [np.exp(rate), rate + 1], "case", [aval_of(0.5)], ["rate"])
    assert [aval.weak for aval in graph.out_avals] == [False, True]


def test_captured_arrays_are_read_when_the_graph_runs():
    captured = np.array([1.0, 2.0, 3.0], np.float32)
    graph = graph_of(lambda x: x * captured, (X,))
    captured[:] = 10.0
    np.testing.assert_array_equal(evaluate(graph, [X])[0], 10 * X)


@pytest.mark.parametrize(
    "copy",
    [
        lambda x: +x,
        lambda x: x**1,
        lambda x: np.positive(x),
        lambda x: np.conjugate(x),
        lambda x: np.clip(x, None, None),
        lambda x: np.sum(x, axis=()),
        lambda x: np.round(x.astype(int), 2).astype(float),
    ],
)
def test_copies_are_not_the_original(copy):
    def function(x):
        y = copy(x)
        y += 1
        return x * y

    assert_value(function, (X,))


def test_power_by_a_small_constant_is_a_product():
    graph = graph_of(lambda x: (x**2, x**1, x**0, x**-1, x**0.5, x**3), (X,))
    assert [eqn.op.name for eqn in graph.eqns] == ["square", "div", "sqrt", "power"]
    graph = graph_of(lambda n: n**5, (N,))
    assert [eqn.op.name for eqn in graph.eqns] == ["square", "square", "mul"]


def test_choices_let_nothing_through_to_the_other_side():
    graph = graph_of(lambda c, x, y: np.where(c, x, y), (B, X, X))
    reverse = vjp(RULES, graph, [False, True, True])
    ct = np.array([np.inf, np.nan, 1.0])
    _, x_bar, y_bar = evaluate(reverse, [B, X, X, ct])
    np.testing.assert_array_equal(x_bar, [np.inf, 0, 1])
    np.testing.assert_array_equal(y_bar, [0, np.nan, 0])


@pytest.mark.parametrize("number", [2.5, np.float32(2.5), np.float64(2.5), np.int32(2), np.complex64(1j)])
def test_numpy_scalars_are_literals_as_pythons_are(number):
    def function(x):
        return x * number + np.sqrt(number)

    assert_value(function, [X.astype(np.float32)])
    assert graph_of(function, [X]).consts == ()
