"""Beside an error of types stands what the user's line speaks of."""

import copy
import math
from math import lgamma
from types import SimpleNamespace

import numba
import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import DtypeError, ShapeError, TracedConversionError, TracedIndexError

TABLE = np.ones((4, 2))


@bp.record
class Layer:
    W: np.ndarray
    b: np.ndarray


class Lazy:
    """Rows that are read once; to read them for the sake of a message would be once too often."""

    reads = 0

    @property
    def rows(self):
        self.reads += 1
        assert self.reads == 1
        return np.ones(7)


def added(layer, x):
    h = layer.W @ x
    return np.sum(h + layer.b)


def joined(layer, x):
    parts = [x, layer.W]
    return np.sum(np.concatenate(parts))


def from_around(layer, x):
    return np.sum(TABLE * x)


def over_lines(layer, x):
    return np.sum(
        np.tanh(x)
        * layer.b
    )  # fmt: skip


def reached(layer, x):
    return x.T[7]


def converted(layer, x):
    return x.astype("M8[s]")


def with_a_property(layer, x):
    lazy = Lazy()
    return np.sum(x + lazy.rows)


def nameless(layer, x):
    return np.sum((x * 2.0)[:2] + np.zeros(7))


def nested(layer, x):
    settings = SimpleNamespace(offset=np.ones(9))
    return np.sum(x - settings.offset)


@pytest.mark.parametrize(
    ("function", "error", "told"),
    [
        (added, ShapeError, "h: f64[4], layer.b: f64[5]"),
        (joined, ShapeError, "parts: [f64[3], f64[4,3]]"),
        (from_around, ShapeError, "TABLE: f64[4,2], x: f64[3]"),
        (over_lines, ShapeError, "x: f64[3], layer.b: f64[5]"),
        (reached, TracedIndexError, "x: f64[3]"),
        (converted, DtypeError, "x: f64[3]"),
        (with_a_property, ShapeError, "x: f64[3]"),
        (nameless, ShapeError, "x: f64[3]"),
        (nested, ShapeError, "x: f64[3], settings.offset: f64[9]"),
    ],
)
def test_the_operands_are_told_by_name(function, error, told):
    layer = Layer(np.ones((4, 3)), np.ones(5))
    with pytest.raises(error) as caught:
        bp.grad(function)(layer, np.ones(3))
    assert caught.value.operands == told
    what, line, operands, *_ = str(caught.value).splitlines()
    assert what == caught.value.what
    assert line.startswith("  at test_operands.py:")
    assert operands == f"  with {told}"


@pytest.mark.parametrize(
    ("function", "advised"),
    [
        (lambda x: math.sin(x), "write np.sin."),
        (lambda x: 1.0 + lgamma(2.0 * x), "write scipy.special.gammaln."),
        (lambda x: math.factorial(x), "astype"),
        (lambda x: float(x), "astype"),
    ],
)
def test_functions_of_math_have_their_namesakes_named(function, advised):
    with pytest.raises(TracedConversionError) as caught:
        bp.grad(function)(1.0)
    assert advised in caught.value.advice


def test_numba_is_not_asked_for_the_type_of_a_traced_value():
    compiled = numba.njit(lambda x: x * x)
    with pytest.raises(TracedConversionError, match=r"bp\.from_numba"):
        bp.grad(lambda x: compiled(x) + 1.0)(1.0)


def test_traced_values_can_be_copied():
    def total(x):
        y, z = copy.copy(x), copy.deepcopy([x])
        y[0] = 0.0
        return np.sum(x * x + y) + z[0][1]

    np.testing.assert_array_equal(bp.grad(total)(np.arange(3.0)), [0.0, 4.0, 5.0])
