"""Medians, quantiles and percentiles: numbers between two neighbours of the sorted array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import FLOAT64, INT64
from staticbp.core.primitive import Traced, Value, value_aval
from staticbp.errors import DtypeError, NumericalError, ShapeError, UnsupportedFunctionError
from staticbp.ops.arithmetic import where as choose
from staticbp.ops.index import take_static
from staticbp.ops.linear import broadcast_to, to_dtype
from staticbp.ops.options import in_dtype, traced
from staticbp.ops.reduce import Axis, with_kept_axes
from staticbp.ops.registry import implements, refuse
from staticbp.ops.shape import permuted, reshaped
from staticbp.ops.sorting import sort_

# Hyndman and Fan (1996), "Sample quantiles in statistical packages": the place of the quantile q among n sorted
# elements is ``n q + alpha + q (1 - alpha - beta) - 1``, by (alpha, beta).
_BETWEEN = {
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "linear": (1.0, 1.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
_ELEMENTS = ("lower", "higher", "nearest", "inverted_cdf", "closest_observation")  # one of the array, as it is
_METHODS = (*_BETWEEN, *_ELEMENTS, "midpoint", "averaged_inverted_cdf")


def _rows(a: Any, axis: Axis) -> tuple[Value, tuple[int, ...]]:
    """The array with the axes that are reduced as its last, and these axes."""
    x = traced(a)
    x = x if value_aval(x).is_float else in_dtype(x, FLOAT64)
    shape = value_aval(x).shape
    axes = shapes.normalize_axes(axis, len(shape))
    kept = tuple(d for d in range(len(shape)) if d not in axes)
    size = shapes.static(shapes.size(shape[d] for d in axes), "a quantile")
    if not size:
        raise ShapeError(f"a quantile of no elements: an array of shape {shapes.text(shape)} over axes {axes}")
    return reshaped(permuted(x, (*kept, *axes)), (*(shape[d] for d in kept), size)), axes


def _neighbours(q: Value, count: Value, method: str) -> tuple[Value, Value, Value]:
    """The places of the two elements that a quantile lies between, and how far it lies from the first."""
    if method in _BETWEEN:
        alpha, beta = _BETWEEN[method]
        place = count * q + (alpha + q * (1 - alpha - beta)) - 1
        below = np.floor(place)
        return below, below + 1, place - below
    between = (count - 1) * q
    if method == "lower":
        return np.floor(between), np.floor(between), 0.0 * between
    if method == "higher":
        return np.ceil(between), np.ceil(between), 0.0 * between
    if method == "midpoint":
        return np.floor(between), np.ceil(between), 0.0 * between + 0.5
    if method == "nearest":
        return np.rint(between), np.rint(between), 0.0 * between
    reached = count * q - 1
    below = np.floor(reached)
    whole = reached == below
    if method == "inverted_cdf":
        place = choose(whole, below, below + 1)
        return place, place, 0.0 * place
    if method == "averaged_inverted_cdf":
        return below, below + 1, choose(whole, 0.5, 1.0)
    # closest_observation: of two that are as close the one at an even place, places counting from one.
    reached = reached - 0.5
    below = np.floor(reached)
    place = choose((reached == below) & (np.remainder(below, 2) == 1), below, below + 1)
    return place, place, 0.0 * place


def _quantile(
    name: str, a: Any, q: Any, axis: Axis, method: str, keepdims: Any, *, skip_nan: bool, scale: float = 1.0
) -> Value:
    if method not in _METHODS:
        raise UnsupportedFunctionError(f"{name} has no method {method!r}", advice=f"There are {', '.join(_METHODS)}.")
    x, axes = _rows(a, axis)
    dtype = value_aval(x).dtype
    fractions = _fractions(name, q, dtype, scale)
    ordered = sort_(x, axis=-1)
    size = value_aval(x).shape[-1]
    missing = np.isnan(x)
    wrong = np.all(missing, axis=-1) if skip_nan else np.any(missing, axis=-1)
    present: Value = size
    if skip_nan:
        present = to_dtype(np.sum(np.logical_not(missing), axis=-1), dtype)
    q_shape, rest = value_aval(fractions).shape, value_aval(wrong).shape
    spread = reshaped(fractions, (*q_shape, *(1 for _ in rest)))
    below, above, part = (_as_numbers(value) for value in _neighbours(spread, present, method))
    last = present - 1
    first, second = (
        _picked(ordered, np.clip(place, 0, np.maximum(last, 0)), q_shape, rest) for place in (below, above)
    )
    value = _between(first, second, part)
    value = choose(first == second, first, value)  # infinities have no difference
    value = choose(wrong, np.nan, value)
    own, promoted = value_aval(traced(a)).dtype, np.promote_types(dtype, value_aval(fractions).dtype)
    value = traced(to_dtype(value, own if method in _ELEMENTS else promoted))  # an element, or something between two
    if not keepdims or keepdims is np._NoValue:
        return value
    shape = value_aval(traced(a)).shape
    return reshaped(value, (*q_shape, *(1 if d in axes else n for d, n in enumerate(shape))))


def _between(first: Value, second: Value, part: Value) -> Value:
    """A part of the way from one number to another, by the sum that is exact at the nearer end."""
    near_second = part >= 0.5
    if isinstance(near_second, np.bool_):
        return second - (second - first) * (1 - part) if near_second else first + (second - first) * part
    return choose(near_second, second - (second - first) * (1 - part), first + (second - first) * part)


def _as_numbers(value: Value) -> Value:
    """What is known now, a single one as a number: it cannot change any more."""
    if isinstance(value, Traced):
        return value
    known = np.asarray(value)
    return np.reshape(known, ())[()] if known.size == 1 else known


def _fractions(name: str, q: Value, dtype: np.dtype[Any], scale: float) -> Value:
    """The fractions that are asked for, as floats; Python's numbers in the dtype of the elements."""
    if not isinstance(q, Traced):
        numbers = np.asarray(q, np.float64) / scale
        if not np.all((numbers >= 0) & (numbers <= 1)):
            raise NumericalError(f"{name} takes numbers between 0 and {scale:g}, not {q}")
        weak = isinstance(q, int | float) and not isinstance(q, np.generic)
        return numbers.astype(dtype if weak else np.promote_types(dtype, np.asarray(q).dtype))
    if not value_aval(q).is_float:
        raise DtypeError(f"{name} takes floats, not {value_aval(q).dtype}")
    return traced(q) / scale


def _picked(ordered: Value, place: Value, q_shape: Sequence[Any], rest: Sequence[Any]) -> Value:
    """The elements of the rows at places, all of them in each row."""
    if not isinstance(place, Traced):  # the same in all rows, and known now
        index = np.reshape(place, -1).astype(np.int64)
        if index.size == 1:
            return (
                np.reshape(ordered[..., int(index[0])], (*q_shape, *rest)) if q_shape else ordered[..., int(index[0])]
            )
        found = take_static(ordered, index, len(rest))
        return _places_first(found, q_shape, rest)
    place = traced(broadcast_to(to_dtype(place, INT64), (*q_shape, *rest)))
    count = shapes.size(q_shape)
    flat = reshaped(place, (count, *rest))
    index = permuted(flat, (*range(1, len(rest) + 1), 0))
    found = np.take_along_axis(ordered, index, axis=-1)
    return _places_first(found, q_shape, rest) if q_shape else found[..., 0]


def _places_first(found: Value, q_shape: Sequence[Any], rest: Sequence[Any]) -> Value:
    """NumPy's order of axes: the last one, of the places asked for, comes first, in the shape of `q`."""
    return reshaped(permuted(found, (len(rest), *range(len(rest)))), (*q_shape, *rest))


@implements(np.quantile)
def quantile(
    a: Any,
    q: Any,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
    interpolation: Any = None,
) -> Value:
    """The numbers below which given fractions of the elements lie."""
    refuse("np.quantile", out=out, weights=weights, interpolation=interpolation)
    return _quantile("np.quantile", a, q, axis, method, keepdims, skip_nan=False)


@implements(np.percentile)
def percentile(
    a: Any,
    q: Any,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
    interpolation: Any = None,
) -> Value:
    """The numbers below which given percentages of the elements lie."""
    refuse("np.percentile", out=out, weights=weights, interpolation=interpolation)
    return _quantile("np.percentile", a, q, axis, method, keepdims, skip_nan=False, scale=100.0)


@implements(np.nanquantile)
def nanquantile(
    a: Any,
    q: Any,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = np._NoValue,
    *,
    weights: Any = None,
    interpolation: Any = None,
) -> Value:
    """The numbers below which given fractions of the elements lie that are not NaN."""
    refuse("np.nanquantile", out=out, weights=weights, interpolation=interpolation)
    return _quantile("np.nanquantile", a, q, axis, method, keepdims, skip_nan=True)


@implements(np.nanpercentile)
def nanpercentile(
    a: Any,
    q: Any,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = np._NoValue,
    *,
    weights: Any = None,
    interpolation: Any = None,
) -> Value:
    """The numbers below which given percentages of the elements lie that are not NaN."""
    refuse("np.nanpercentile", out=out, weights=weights, interpolation=interpolation)
    return _quantile("np.nanpercentile", a, q, axis, method, keepdims, skip_nan=True, scale=100.0)


# ---- medians -----------------------------------------------------------------------------------------------


def _median(a: Any, axis: Axis, keepdims: Any, *, skip_nan: bool) -> Value:
    x, axes = _rows(a, axis)
    ordered = sort_(x, axis=-1)
    missing = np.isnan(x)
    rest = value_aval(x).shape[:-1]
    if skip_nan:
        count = np.sum(np.logical_not(missing), axis=-1)
        wrong = count == 0
        places = [np.maximum(count - 1, 0) // 2, np.where(wrong, 0, count // 2)]
        low, high = (_picked(ordered, place, (), rest) for place in places)
    else:
        size = shapes.static(value_aval(x).shape[-1], "np.median")
        wrong = np.any(missing, axis=-1)
        low, high = ordered[..., (size - 1) // 2], ordered[..., size // 2]
    # One element in the middle is the same as both of two; a half of each has the right slope for either.
    value = choose(low == high, low * 0.5 + high * 0.5, (low + high) / 2)
    value = choose(wrong, np.nan, value)
    return with_kept_axes(value, traced(a), axes, keepdims)


@implements(np.median)
def median(a: Any, axis: Axis = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Value:
    """The element in the middle of the sorted array, or the mean of the two there."""
    refuse("np.median", out=out)
    return _median(a, axis, keepdims, skip_nan=False)


@implements(np.nanmedian)
def nanmedian(
    a: Any, axis: Axis = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = np._NoValue
) -> Value:
    """The median of the elements that are not NaN."""
    refuse("np.nanmedian", out=out)
    return _median(a, axis, keepdims, skip_nan=True)
