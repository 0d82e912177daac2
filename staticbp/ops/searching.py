"""Places in sorted arrays, and what is looked up there: `searchsorted`, `interp`, `histogram` and their kin."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import BOOL, FLOAT64, INT64
from staticbp.core.primitive import Traced, Value, value_aval
from staticbp.errors import ShapeError, UnsupportedFunctionError
from staticbp.ops.arithmetic import where as choose
from staticbp.ops.index import gathered, scatter_add
from staticbp.ops.linear import fill
from staticbp.ops.movement import reversed_along
from staticbp.ops.options import alike_arrays, as_ints, in_dtype, traced
from staticbp.ops.ranges import linspace
from staticbp.ops.registry import implements, refuse
from staticbp.ops.shape import move_axis, reshaped
from staticbp.ops.sorting import argsort_, sort_

# ---- places ------------------------------------------------------------------------------------------------


def _vector(name: str, a: Any) -> tuple[Value, int]:
    """A vector, and how long it is."""
    x = traced(a)
    shape = value_aval(x).shape
    if len(shape) != 1:
        raise ShapeError(f"{name} looks things up in a vector, not in an array of shape {shapes.text(shape)}")
    return x, shapes.static(shape[0], name)


def _at(x: Value, place: Value) -> Value:
    """The elements of a vector at places that are known to lie within it."""
    return gathered(x, [place], (0,), 0, safe=True)


def _count_before(ordered: Value, values: Value, side: str) -> Value:
    """How many elements of a sorted vector come before each value: bisection in all places at once."""
    length = shapes.static(value_aval(ordered).shape[0])
    nan_last = value_aval(values).is_float
    low: Value = fill(0, value_aval(values).with_dtype(INT64))
    step = 1 << max(length.bit_length() - 1, 0)
    while step and length:
        next_place = low + step
        element = _at(ordered, np.minimum(next_place, length) - 1)
        before = element < values if side == "left" else element <= values
        if nan_last:
            before = before | np.isnan(values) & (np.logical_not(np.isnan(element)) if side == "left" else True)
        low = choose((next_place <= length) & before, next_place, low)
        step //= 2
    return low


@implements(np.searchsorted)
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Value:
    """As `np.searchsorted`."""
    if side not in ("left", "right"):
        raise UnsupportedFunctionError(f"np.searchsorted has no side {side!r}", advice="There are 'left' and 'right'.")
    ordered, values = alike_arrays(a, v)
    ordered, _ = _vector("np.searchsorted", ordered)
    if sorter is not None:
        ordered = np.take(ordered, sorter)
    return traced(_count_before(ordered, traced(values), side))


@implements(np.digitize)
def digitize(x: Any, bins: Any, right: bool = False) -> Value:
    """As `np.digitize`; whether the bins ascend is seen from their ends."""
    edges, length = _vector("np.digitize", bins)
    if not length:
        return np.zeros_like(traced(x), dtype=np.int64)
    side = "left" if right else "right"
    ascending, descending = searchsorted(edges, x, side), length - searchsorted(reversed_along(edges, (0,)), x, side)
    return choose(edges[0] <= edges[-1], ascending, descending)


# ---- interpolation -----------------------------------------------------------------------------------------


@implements(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Value:
    """As `np.interp`; differentiable by the points, their values and where it is evaluated."""
    at, points, values = (in_dtype(traced(value), FLOAT64) for value in (x, xp, fp))
    points, length = _vector("np.interp", points)
    values, count = _vector("np.interp", values)
    if length != count or not length:
        raise ShapeError(f"np.interp takes as many values as points, at least one, not {count} for {length}")
    if period is not None:
        at, points = at % period, points % period
        order = argsort_(points)
        points, values = points[order], values[order]
        points = np.concatenate([points[-1:] - period, points, points[:1] + period])
        values = np.concatenate([values[-1:], values, values[:1]])
        length, left, right = length + 2, None, None
    line = _on_line(at, points, values, length) if length > 1 else 0 * at + values[0]
    first = values[0] if left is None else left
    last = values[-1] if right is None else right
    return choose(at < points[0], first, choose(at > points[-1], last, line))


def _on_line(at: Value, points: Value, values: Value, length: int) -> Value:
    """The value on the line between the two points on either side."""
    place = np.clip(_count_before(points, at, "right") - 1, 0, length - 2)
    start, end, low, high = (_at(v, p) for v in (points, values) for p in (place, place + 1))
    width = end - start
    jump = width == 0  # the same point twice, at the very end: the second value counts
    return choose(jump, high, low + (high - low) / choose(jump, 1, width) * (at - start))


# ---- counts ------------------------------------------------------------------------------------------------


def _edges(a: Value, bins: Any, limits: Any) -> Value:
    if isinstance(bins, str):
        raise UnsupportedFunctionError(
            f"np.histogram with bins={bins!r}: how many bins there are would depend on the values",
            advice="Give their number, or their edges.",
        )
    if isinstance(bins, Traced | np.ndarray | list | tuple):
        return _vector("np.histogram", bins)[0]
    count = int(bins.__index__())
    if limits is not None:
        low, high = limits
        if low == high:
            low, high = low - 0.5, high + 0.5
        return traced(linspace(low, high, count + 1))
    if not shapes.static(shapes.size(value_aval(a).shape), "np.histogram"):
        return traced(linspace(0.0, 1.0, count + 1))
    low, high = (in_dtype(end, FLOAT64) for end in (np.min(a), np.max(a)))
    flat = low == high
    return linspace(choose(flat, low - 0.5, low), choose(flat, high + 0.5, high), count + 1)


def _bin_of(x: Value, edges: Value, count: int) -> tuple[Value, Value]:
    """The bin that each number is in, and whether there is one."""
    place = searchsorted(edges, x, side="right") - 1
    place = choose(x == edges[-1], count - 1, place)  # the last bin has both its edges
    return np.clip(place, 0, count - 1), (place >= 0) & (place < count)


def _each(weights: Any) -> Value:
    return in_dtype(1, INT64) if weights is None else reshaped(traced(weights), (-1,))


@implements(np.histogram)
def histogram(
    a: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> tuple[Value, Value]:
    """As `np.histogram`, of a number of bins or of edges; differentiable by the weights."""
    x = reshaped(traced(a), (-1,))
    edges = _edges(x, bins, range)
    count = shapes.static(value_aval(edges).shape[0], "np.histogram") - 1
    place, inside = _bin_of(x, edges, count)
    each = choose(inside, _each(weights), 0)
    counts = scatter_add(each, place, axes=(0,), shape=(count,), batch=0, safe=True)
    if not density:
        return counts, edges
    return counts / np.diff(edges) / np.sum(counts), edges


@implements(np.histogramdd)
def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> tuple[Value, tuple[Value, ...]]:
    """As `np.histogramdd`, of points in rows or of a list of coordinates; differentiable by the weights."""
    if isinstance(sample, list | tuple):
        columns = [traced(column) for column in sample]
    else:
        points = traced(sample)
        columns = list(np.transpose(points)) if value_aval(points).ndim > 1 else [points]
    rank = len(columns)
    each = list(bins) if isinstance(bins, list | tuple | np.ndarray) else [bins] * rank
    limits = [None] * rank if range is None else list(range)
    if len(each) != rank or len(limits) != rank:
        raise ShapeError(f"np.histogramdd of {rank} coordinates takes as many bins and ranges")
    edges = tuple(_edges(x, count, limit) for x, count, limit in zip(columns, each, limits, strict=True))
    counts = [shapes.static(value_aval(edge).shape[0], "np.histogramdd") - 1 for edge in edges]
    place, inside = in_dtype(0, INT64), in_dtype(True, BOOL)
    for x, edge, count in zip(columns, edges, counts, strict=True):
        own, within = _bin_of(x, edge, count)
        place, inside = place * count + own, inside & within
    values = choose(inside, in_dtype(_each(weights), FLOAT64), 0.0)
    found = scatter_add(values, place, axes=(0,), shape=(math.prod(counts),), batch=0, safe=True)
    found = reshaped(found, counts)
    if density:
        for axis, edge in enumerate(edges):
            found = found / reshaped(np.diff(edge), [-1 if axis == other else 1 for other in builtins.range(rank)])
        found = found / np.sum(values)
    return found, edges


@implements(np.histogram2d)
def histogram2d(
    x: Any, y: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> tuple[Value, Value, Value]:
    """As `np.histogram2d`; differentiable by the weights."""
    each = bins
    if isinstance(bins, list | tuple | np.ndarray) and len(bins) not in (1, 2):
        each = [np.asarray(bins)] * 2
    elif isinstance(bins, list | tuple | np.ndarray):
        each = [bins[0], bins[-1]]
    found, edges = histogramdd([x, y], each, range, density, weights)
    return found, *edges


@implements(np.histogram_bin_edges)
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Value:
    """As `np.histogram_bin_edges`, of a number of bins."""
    return _edges(reshaped(traced(a), (-1,)), bins, range)


@implements(np.isin)
def isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: str | None = None
) -> Value:
    """As `np.isin`."""
    x, others = alike_arrays(element, test_elements)
    ordered, values = sort_(reshaped(traced(others), (-1,))), traced(x)
    length = shapes.static(value_aval(ordered).shape[0], "np.isin")
    if not length:
        return traced(fill(bool(invert), value_aval(values).with_dtype(BOOL)))
    found = _at(ordered, np.minimum(_count_before(ordered, values, "left"), length - 1)) == values
    return np.logical_not(found) if invert else found


# ---- order -------------------------------------------------------------------------------------------------


def _check_kth(name: str, a: Any, kth: Any, axis: Any) -> None:
    shape = value_aval(traced(a)).shape
    extent = shapes.size(shape) if axis is None else shape[shapes.normalize_axis(int(axis), len(shape))]
    size = shapes.static(extent, name)
    for place in as_ints(kth):
        if not -size <= place < size:
            raise ShapeError(f"{name}: place {place} is out of bounds for an axis of size {size}")


@implements(np.partition)
def partition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> Value:
    """As `np.partition`, of whose results it gives the one that is sorted throughout."""
    refuse("np.partition", order=order)
    _check_kth("np.partition", a, kth, axis)
    return sort_(a, axis)


@implements(np.argpartition)
def argpartition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> Value:
    """As `np.argpartition`, of whose results it gives the one that sorts throughout."""
    refuse("np.argpartition", order=order)
    _check_kth("np.argpartition", a, kth, axis)
    return argsort_(a, axis)


@implements(np.lexsort)
def lexsort(keys: Any, axis: int = -1) -> Value:
    """As `np.lexsort`: by the last key, then by the one before."""
    listed = [traced(key) for key in keys]
    if not listed:
        raise ShapeError("np.lexsort takes at least one key")
    rank = value_aval(listed[0]).ndim
    if not rank:
        return traced(in_dtype(0, INT64))
    last = [move_axis(key, shapes.normalize_axis(axis, rank), rank - 1) for key in listed]
    order = argsort_(last[0], -1)
    for key in last[1:]:
        order = np.take_along_axis(order, argsort_(np.take_along_axis(key, order, axis=-1), -1), axis=-1)
    return move_axis(order, rank - 1, shapes.normalize_axis(axis, rank))


@implements(np.sort_complex)
def sort_complex(a: Any) -> Value:
    """As `np.sort_complex`: by the real part, then by the imaginary one."""
    x = traced(a)
    dtype = value_aval(x).dtype
    if dtype.kind != "c":
        return in_dtype(sort_(x), np.complex64 if dtype.char in "bhBH" else np.complex128)
    return np.take_along_axis(x, lexsort([np.imag(x), np.real(x)]), axis=-1)
