"""Polynomials as vectors of coefficients, the highest power first: `np.polyval` and its kin."""

from __future__ import annotations

from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import FLOAT64
from staticbp.core.primitive import Value, value_aval
from staticbp.errors import ShapeError, UnsupportedFunctionError
from staticbp.ops.complex import as_complex
from staticbp.ops.convolution import np_convolve
from staticbp.ops.joining import joined
from staticbp.ops.linear import fill
from staticbp.ops.movement import atleast_1d
from staticbp.ops.options import alike_arrays, in_dtype, traced
from staticbp.ops.ranges import vander
from staticbp.ops.registry import implements
from staticbp.ops.shape import reshaped


def _coefficients(name: str, p: Any) -> tuple[Value, int]:
    """A vector of coefficients, and how many there are."""
    x = atleast_1d(p)
    shape = value_aval(x).shape
    if len(shape) != 1:
        raise ShapeError(f"{name} takes coefficients as a vector, not as an array of shape {shapes.text(shape)}")
    return x, shapes.static(shape[0], name)


@implements(np.polyval)
def polyval(p: Any, x: Any) -> Value:
    """As `np.polyval`: by Horner's rule."""
    coefficients, count = _coefficients("np.polyval", p)
    at = traced(x)
    dtype = np.result_type(value_aval(coefficients).dtype, value_aval(at).dtype)
    value: Value = np.zeros_like(at, dtype=dtype)
    for k in range(count):
        value = value * at + coefficients[k]
    return value


def _sum(name: str, a1: Any, a2: Any, sign: int) -> Value:
    left, right = alike_arrays(a1, a2)
    (left, n), (right, m) = _coefficients(name, left), _coefficients(name, right)
    longest = max(n, m)
    left, right = (_lengthened(v, longest - count) for v, count in ((left, n), (right, m)))
    return left + right if sign > 0 else left - right


def _lengthened(p: Value, by: int) -> Value:
    """The same polynomial with zeros for the powers above."""
    return joined([fill(0, value_aval(p).with_shape((by,))), p], 0) if by else p


@implements(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Value:
    """As `np.polyadd`."""
    return _sum("np.polyadd", a1, a2, 1)


@implements(np.polysub)
def polysub(a1: Any, a2: Any) -> Value:
    """As `np.polysub`."""
    return _sum("np.polysub", a1, a2, -1)


@implements(np.polymul)
def polymul(a1: Any, a2: Any) -> Value:
    """As `np.polymul`, but that zeros in front are kept: which they are would depend on the values."""
    return np_convolve(_coefficients("np.polymul", a1)[0], _coefficients("np.polymul", a2)[0])


@implements(np.polyder)
def polyder(p: Any, m: int = 1) -> Value:
    """As `np.polyder`."""
    value, count = _coefficients("np.polyder", p)
    if m < 0:
        raise ShapeError(f"np.polyder takes an order that is not negative, not {m}")
    for _ in range(int(m)):
        value = value[:-1] * np.arange(count - 1, 0, -1)
        count = max(count - 1, 0)
    return value


@implements(np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Value:
    """As `np.polyint`."""
    value, count = _coefficients("np.polyint", p)
    if m < 0:
        raise ShapeError(f"np.polyint takes an order that is not negative, not {m}")
    constants = np.broadcast_to(0.0 if k is None else np.reshape(k, -1), (int(m),))
    value = value if value_aval(value).is_float else in_dtype(value, FLOAT64)
    for i in range(int(m)):
        last = in_dtype(reshaped(traced(constants[i]), (1,)), value_aval(value).dtype)
        value = joined([value / np.arange(count, 0, -1), last], 0)
        count += 1
    return value


@implements(np.poly)
def poly(seq_of_zeros: Any) -> Value:
    """As `np.poly`: the polynomial with these zeros, the highest coefficient being one."""
    x = traced(seq_of_zeros)
    rank = value_aval(x).ndim
    if rank == 2:
        raise UnsupportedFunctionError(
            "np.poly of a traced matrix is not supported", advice="Write np.poly(np.linalg.eigvalsh(x))."
        )
    zeros, count = _coefficients("np.poly", x)
    value: Value = fill(1, value_aval(zeros).with_shape((1,)))
    for k in range(count):
        value = np_convolve(value, np.stack([np.ones_like(zeros[k]), -zeros[k]]))
    return value


@implements(np.polyfit)
def polyfit(
    x: Any, y: Any, deg: Any, rcond: float | None = None, full: bool = False, w: Any = None, cov: Any = False
) -> Value:
    """As `np.polyfit`: the coefficients of least squares."""
    if full or cov or np.ndim(deg):
        raise UnsupportedFunctionError(
            "np.polyfit gives the coefficients alone, of all powers up to one",
            advice="Leave out full= and cov=, and give the degree as a number.",
        )
    at, values = (traced(v) + 0.0 for v in alike_arrays(x, y))
    powers = vander(at, int(deg) + 1)
    if w is not None:
        weights = traced(w)
        powers = powers * weights[:, None]
        values = values * (weights[:, None] if value_aval(values).ndim == 2 else weights)
    # Columns of one length, as NumPy scales them, keep the equations well conditioned.
    scale = np.sqrt(np.sum(np.square(powers), axis=0))
    solution = np.linalg.lstsq(powers / scale, values, rcond=rcond)[0]
    return solution / (scale[:, None] if value_aval(solution).ndim == 2 else scale)


@implements(np.roots)
def roots(p: Any) -> Value:
    """As `np.roots`, complex and for a first coefficient that is not zero: NaN where it is.

    They are the eigenvalues of the companion matrix, and their derivatives those of simple eigenvalues.
    """
    coefficients, count = _coefficients("np.roots", p)
    values = coefficients if value_aval(coefficients).is_float else in_dtype(coefficients, FLOAT64)
    if count < 2:
        return fill(0, value_aval(as_complex(values)).with_shape((0,)))
    first = reshaped(-values[1:] / values[0], (1, count - 1))
    below = in_dtype(np.eye(count - 2, count - 1), value_aval(values).dtype)
    return np.linalg.eigvals(joined([first, below], 0) if count > 2 else first)
