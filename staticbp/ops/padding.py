"""`np.pad`: arrays with something around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.primitive import Traced, Value, value_aval
from staticbp.errors import ShapeError, UnsupportedFunctionError
from staticbp.ops.index import take_static
from staticbp.ops.joining import joined
from staticbp.ops.movement import filled, shape_of
from staticbp.ops.options import as_ints, fresh, in_dtype, traced
from staticbp.ops.registry import implements, refuse
from staticbp.ops.shape import embed, take_slice

_BY_INDEX = ("edge", "reflect", "symmetric", "wrap")  # what is padded with are elements of the array
_STATISTICS: dict[str, Callable[..., Any]] = {
    "maximum": np.max,
    "mean": np.mean,
    "median": np.median,
    "minimum": np.min,
}


def _widths(name: str, given_widths: Any, rank: int) -> list[tuple[Any, Any]]:
    """NumPy's way to give something for the two ends of each axis."""
    if isinstance(given_widths, dict):
        each: list[tuple[Any, Any]] = [(0, 0)] * rank
        for axis, pair in given_widths.items():
            first, last = np.broadcast_to(np.asarray(pair), (2,)).tolist()
            each[shapes.normalize_axis(int(axis), rank)] = (first, last)
        return each
    pairs = np.asarray(given_widths)
    try:
        return [(first, last) for first, last in np.broadcast_to(pairs, (rank, 2)).tolist()]
    except ValueError:
        raise ShapeError(f"np.pad: {name} {given_widths!r} does not fit an array of dimension {rank}") from None


@implements(np.pad)
def pad(array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Value:
    """As `np.pad`, without the mode 'empty' and functions as modes."""
    x = traced(array)
    rank = len(shape_of(x))
    widths = [as_ints(pair) for pair in _widths("pad_width", pad_width, rank)]
    if any(width < 0 for pair in widths for width in pair):
        raise ShapeError("np.pad takes no negative widths")
    if mode == "constant":
        return _pad_constant(x, widths, options.pop("constant_values", 0), options)
    if mode == "linear_ramp":
        return _pad_ramp(x, widths, options.pop("end_values", 0), options)
    if mode in _STATISTICS:
        return _pad_statistic(x, widths, mode, options.pop("stat_length", None), options)
    if mode not in _BY_INDEX:
        supported = ("constant", "linear_ramp", *_BY_INDEX, *_STATISTICS)
        raise UnsupportedFunctionError(
            f"np.pad with mode={mode!r} is not supported on traced values",
            advice=f"Supported are {', '.join(map(repr, supported))}.",
        )
    if mode in ("reflect", "symmetric") and options.pop("reflect_type", "even") != "even":
        raise UnsupportedFunctionError("np.pad with reflect_type='odd' is not supported on traced values")
    refuse("np.pad", **options)
    result = fresh(x)
    for axis, pair in enumerate(widths):
        if any(pair):
            extent = _extent(x, axis, mode)
            result = take_static(result, np.pad(np.arange(extent), pair, mode=mode), axis)
    return result


def _extent(x: Value, axis: int, mode: str) -> int:
    """The size of an axis that has something to extend it by."""
    extent = shapes.static(shape_of(x)[axis], "np.pad")
    if not extent:
        raise ShapeError(f"np.pad with mode={mode!r} cannot extend an axis of size 0")
    return extent


def _edges(name: str, values: Any, rank: int) -> list[tuple[Any, Any]]:
    """Values for the two ends of each axis; a traced one is for all."""
    return [(values, values)] * rank if isinstance(values, Traced) else _widths(name, values, rank)


def _pad_constant(x: Value, widths: Sequence[Sequence[int]], constants: Any, options: dict[str, Any]) -> Value:
    refuse("np.pad", **options)
    shape, dtype = shape_of(x), value_aval(x).dtype
    edges = _edges("constant_values", constants, len(shape))
    if all(not isinstance(edge, Traced) and edge == 0 for pair in edges for edge in pair):
        if not any(width for pair in widths for width in pair):
            return fresh(x)
        whole = tuple(shapes.total((dim, *pair)) for dim, pair in zip(shape, widths, strict=True))
        return embed(x, starts=tuple(pair[0] for pair in widths), steps=(1,) * len(shape), shape=whole)
    result = fresh(x)
    for axis, (pair, edge) in enumerate(zip(widths, edges, strict=True)):
        rim = list(shape_of(result))
        parts = [result]
        for last, (width, value) in enumerate(zip(pair, edge, strict=True)):
            if width:
                rim[axis] = width
                block = filled(value, Aval(tuple(rim), dtype))
                parts = [*parts, block] if last else [block, *parts]
        result = joined(parts, axis) if len(parts) > 1 else result
    return result


def _around(x: Value, axis: int, before: Value | None, after: Value | None) -> Value:
    """An array between others; none where nothing is added."""
    return joined([part for part in (before, x, after) if part is not None], axis)


def _rounded(value: Value, dtype: np.dtype[Any]) -> Value:
    return in_dtype(np.round(value) if dtype.kind in "iu" else value, dtype)


def _pad_statistic(
    x: Value, widths: Sequence[Sequence[int]], mode: str, lengths: Any, options: dict[str, Any]
) -> Value:
    """With the mean, the median, the largest or the smallest of the elements at each end, or of all."""
    refuse("np.pad", **options)
    dtype, statistic = value_aval(x).dtype, _STATISTICS[mode]
    counts = _widths("stat_length", lengths, len(widths)) if lengths is not None else [(None, None)] * len(widths)
    result = fresh(x)
    for axis, (pair, wanted) in enumerate(zip(widths, counts, strict=True)):
        if not any(pair):
            continue
        extent = _extent(x, axis, mode)
        ends: list[Value | None] = []
        for last, (width, count) in enumerate(zip(pair, wanted, strict=True)):
            size = extent if count is None else min(int(count), extent)
            if not size:
                raise ShapeError(f"np.pad with mode={mode!r} takes a stat_length of at least 1")
            part = take_slice(result, axis, extent - size if last else 0, 1, size)
            value = _rounded(statistic(part, axis=axis, keepdims=True), dtype)
            ends.append(np.repeat(value, width, axis=axis) if width else None)
        result = _around(result, axis, *ends)
    return result


def _pad_ramp(x: Value, widths: Sequence[Sequence[int]], values: Any, options: dict[str, Any]) -> Value:
    """With straight lines from the elements at the ends to given values."""
    refuse("np.pad", **options)
    dtype = value_aval(x).dtype
    goals = _edges("end_values", values, len(widths))
    result = fresh(x)
    for axis, (pair, goal) in enumerate(zip(widths, goals, strict=True)):
        if not any(pair):
            continue
        extent = _extent(x, axis, "linear_ramp")
        ends: list[Value | None] = []
        for last, (width, end) in enumerate(zip(pair, goal, strict=True)):
            shape = tuple(-1 if place == axis else 1 for place in range(len(widths)))
            part = np.reshape(np.arange(width)[:: -1 if last else 1] / max(width, 1), shape)
            edge = take_slice(result, axis, extent - 1 if last else 0, 1, 1)
            ramp = end + (edge - end) * part
            ends.append(in_dtype(np.floor(ramp) if dtype.kind in "iu" else ramp, dtype) if width else None)
        result = _around(result, axis, *ends)
    return result
