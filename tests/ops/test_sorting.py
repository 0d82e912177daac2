"""Order, ties and NaN: what sorting does beyond the cases of the table."""

import numpy as np
import pytest

from staticbp.errors import ShapeError, UnsupportedFunctionError
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.checks import assert_value, evaluate, graph_of

WITH_NAN = np.array([3.0, np.nan, -np.inf, 0.0, -0.0, np.nan, np.inf, 1.0])


def test_nan_comes_last():
    for function in (np.sort, np.argsort, np.argmax, np.argmin):
        assert_value(function, (WITH_NAN,))


def test_gradient_goes_where_the_element_went():
    x = np.array([[3.0, 1.0, 2.0], [2.0, 2.0, 1.0]])
    graph = graph_of(lambda x: np.sort(x, axis=1), (x,))
    ct = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    _, bar = evaluate(vjp(RULES, graph, [True]), [x, ct])
    np.testing.assert_array_equal(bar, [[3.0, 1.0, 2.0], [5.0, 6.0, 4.0]])


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        (lambda x: np.sort(x, axis=1), ShapeError, "axis 1 is out of bounds"),
        (lambda x: np.sort(x, order="a"), UnsupportedFunctionError, "np.sort with order="),
        (lambda x: np.sort(x[0]), ShapeError, "np.sort of a scalar"),
        (lambda x: np.argmax(x, out=np.array(0)), UnsupportedFunctionError, "np.argmax with out="),
        (lambda x: np.cumsum(x, out=x), UnsupportedFunctionError, "np.cumsum with out="),
        (lambda x: np.unique(x), UnsupportedFunctionError, "no fixed shape"),
    ],
)
def test_refused(function, error, words):
    with pytest.raises(error, match=words):
        graph_of(function, (WITH_NAN,))


@pytest.mark.parametrize("count", range(1, 10))
@pytest.mark.parametrize("function", [np.prod, np.cumprod])
def test_products_beside_zeros(function, count):
    """Against the definition: the product of all others, whatever zeros there are."""
    rng = np.random.default_rng(count)
    x = rng.integers(-2, 3, count).astype(float)
    graph = graph_of(function, (x,))
    out = evaluate(graph, [x])[0]
    ct = rng.uniform(size=out.shape)
    _, bar = evaluate(vjp(RULES, graph, [True]), [x, ct])
    ends = [count] if function is np.prod else range(1, count + 1)
    wanted = np.zeros(count)
    for weight, end in zip(np.atleast_1d(ct), ends, strict=True):
        for i in range(end):
            wanted[i] += weight * np.prod(np.delete(x[:end], i))
    np.testing.assert_allclose(bar, wanted, rtol=1e-13, atol=1e-13)
