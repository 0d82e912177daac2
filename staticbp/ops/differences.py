"""Differences of neighbours and what undoes them: `gradient`, `unwrap`, `cross`, integrals of samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import FLOAT64
from staticbp.core.primitive import Traced, Value, value_aval
from staticbp.errors import ShapeError, UnsupportedFunctionError
from staticbp.ops.arithmetic import where as choose
from staticbp.ops.joining import diff, joined
from staticbp.ops.linear import to_dtype
from staticbp.ops.movement import axes_of, axis_of, moveaxis
from staticbp.ops.options import alike_arrays, in_dtype, traced
from staticbp.ops.registry import implements
from staticbp.ops.shape import move_axis, reshaped, take_slice

# ---- slopes of samples -------------------------------------------------------------------------------------


def _spacings(spacings: Sequence[Any], axes: Sequence[int], shape: Sequence[Any]) -> list[Any]:
    """One spacing for each axis: a number, or the places of the samples as their differences."""
    if len(spacings) == 0:
        return [1.0] * len(axes)
    if len(spacings) == 1 and np.ndim(spacings[0]) == 0:
        return [spacings[0]] * len(axes)
    if len(spacings) != len(axes):
        raise ShapeError(f"np.gradient takes no spacing, one, or one for each of {len(axes)} axes, not {len(spacings)}")
    return [_steps(spacing, shape[axis]) for spacing, axis in zip(spacings, axes, strict=True)]


def _steps(spacing: Any, extent: Any) -> Any:
    if np.ndim(spacing) == 0:
        return spacing
    places = traced(spacing)
    if not shapes.same(value_aval(places).shape, (extent,)):
        raise ShapeError(
            f"np.gradient: {shapes.text(value_aval(places).shape)} places of samples for an axis of size {extent}"
        )
    return diff(places)


def _slope(x: Value, step: Any, edge_order: int) -> Value:
    """Central differences along the last axis, one-sided at the ends: exact for parabolas within."""
    last = value_aval(x).ndim - 1
    extent = shapes.static(value_aval(x).shape[last], "np.gradient")
    if extent < edge_order + 1:
        raise ShapeError(f"np.gradient needs {edge_order + 1} samples along an axis, which has {extent}")

    def part(start: int, stop: int) -> Value:
        return take_slice(x, last, start % extent, 1, (stop % extent or extent) - start % extent)

    regular = np.ndim(step) == 0
    first_steps = (step, step) if regular else (step[0], step[min(1, extent - 2)])
    last_steps = (step, step) if regular else (step[-1], step[max(-2, 1 - extent)])
    first, final = (_end(x, part, edge_order, steps, at_end) for steps, at_end in ((first_steps, 0), (last_steps, 1)))
    if extent == 2:
        return joined([first, final], last)
    if regular:
        return joined([first, (part(2, 0) - part(0, -2)) / (2.0 * step), final], last)
    before, after = step[:-1], step[1:]
    inner = (
        -(after / (before * (before + after))) * part(0, -2)
        + (after - before) / (before * after) * part(1, -1)
        + before / (after * (before + after)) * part(2, 0)
    )
    return joined([first, inner, final], last)


def _end(x: Value, part: Any, edge_order: int, steps: tuple[Any, Any], at_end: int) -> Value:
    """The slope at the first or the last sample, from two samples or from three."""
    near, far = steps
    if edge_order == 1:
        return (part(-1, 0) - part(-2, -1)) / near if at_end else (part(1, 2) - part(0, 1)) / near
    a, b, c = (part(-1, 0), part(-2, -1), part(-3, -2)) if at_end else (part(0, 1), part(1, 2), part(2, 3))
    slope = (
        -(2.0 * near + far) / (near * (near + far)) * a
        + (near + far) / (near * far) * b
        - near / (far * (near + far)) * c
    )
    return -slope if at_end else slope


@implements(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """As `np.gradient`: differences of neighbouring samples, an array for each axis."""
    x = traced(f)
    shape = value_aval(x).shape
    axes = tuple(range(len(shape))) if axis is None else axes_of(axis, len(shape))
    if edge_order not in (1, 2):
        raise UnsupportedFunctionError("np.gradient takes edge_order=1 or 2")
    x = x if value_aval(x).is_float else in_dtype(x, FLOAT64)
    slopes = [
        move_axis(_slope(move_axis(x, d, len(shape) - 1), step, int(edge_order)), len(shape) - 1, d)
        for d, step in zip(axes, _spacings(varargs, axes, shape), strict=True)
    ]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


# ---- angles ------------------------------------------------------------------------------------------------


@implements(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * np.pi) -> Value:
    """As `np.unwrap`: jumps of half a period or more are made good by whole periods."""
    x = traced(p)
    place = axis_of(axis, x)
    steps = diff(x, axis=place)
    dtype = np.result_type(value_aval(steps).dtype, period if not isinstance(period, Traced) else np.float64)
    if dtype.kind in "iu":
        half, rest = divmod(period, 2)
        halves_count = rest == 0
    else:
        half, halves_count = period / 2, True
    if shapes.same((value_aval(x).shape[place],), (0,)):
        return in_dtype(x, dtype)
    low = -half
    folded = np.mod(steps - low, period) + low
    if halves_count:
        folded = choose((folded == low) & (steps > 0), half, folded)
    limit = half if discont is None else np.maximum(discont, half)
    change = choose(np.abs(steps) < limit, 0, folded - steps)
    extent = value_aval(x).shape[place]
    head = in_dtype(take_slice(x, place, 0, 1, 1), dtype)
    tail = take_slice(x, place, 1, 1, shapes.total((extent, -1))) + np.cumsum(change, axis=place)
    return joined([head, in_dtype(tail, dtype)], place)


# ---- vectors -----------------------------------------------------------------------------------------------


@implements(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Value:
    """As `np.cross`, of vectors of three components, or of two, of whose product there is the third."""
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = (traced(value) for value in alike_arrays(a, b))
    x, y = moveaxis(x, axisa, -1), moveaxis(y, axisb, -1)
    components = [shapes.static(value_aval(v).shape[-1], "np.cross") for v in (x, y)]
    sizes = set(components)
    if not sizes <= {2, 3}:
        raise ShapeError(f"np.cross takes vectors of 2 or 3 components, not of {' and '.join(map(str, sorted(sizes)))}")
    u, v = ([w[..., i] for i in range(n)] for w, n in zip((x, y), components, strict=True))
    third = u[0] * v[1] - u[1] * v[0]
    if sizes == {2}:
        return third
    u, v = ([*w, None][:3] for w in (u, v))
    first, second = _difference(u[1], v[2], u[2], v[1]), _difference(u[2], v[0], u[0], v[2])
    return moveaxis(np.stack(np.broadcast_arrays(first, second, third), axis=-1), -1, axisc)


@implements(np.linalg.cross)
def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Value:
    """As `np.linalg.cross`: of vectors of three components."""
    for value in (x1, x2):
        shape = value_aval(traced(value)).shape
        if shape[axis] != 3:
            raise ShapeError(
                f"np.linalg.cross takes vectors of 3 components, not an array of shape {shapes.text(shape)}"
            )
    return cross(x1, x2, axis=axis)


def _difference(a: Any, b: Any, c: Any, d: Any) -> Value:
    """``a * b - c * d``; a component that is not there is zero."""
    if a is None or b is None:
        return -(c * d)
    return a * b if c is None or d is None else a * b - c * d


# ---- differences with something at the ends ----------------------------------------------------------------


@implements(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Value:
    """As `np.ediff1d`."""
    x = reshaped(traced(ary), (-1,))
    parts = [diff(x)]
    for at_end, extra in enumerate((to_begin, to_end)):
        if extra is not None:
            value = reshaped(traced(to_dtype(traced(extra), value_aval(x).dtype)), (-1,))
            parts = [*parts, value] if at_end else [value, *parts]
    return joined(parts, 0)


__all__ = ["cross", "ediff1d", "gradient", "unwrap"]
