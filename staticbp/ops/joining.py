"""NumPy's functions that join arrays, take them apart and repeat them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval, check_dtype
from staticbp.core.primitive import Traced, Value, value_aval
from staticbp.core.shape import Dim
from staticbp.errors import DtypeError, ShapeError, UnsupportedFunctionError
from staticbp.ops.index import take_static
from staticbp.ops.linear import broadcast, to_dtype
from staticbp.ops.movement import atleast_1d, atleast_2d, atleast_3d, axis_of, filled, shape_of
from staticbp.ops.options import alike_arrays, as_ints, fresh, given, traced
from staticbp.ops.registry import implements, refuse
from staticbp.ops.shape import concatenate as join
from staticbp.ops.shape import reshaped, take_slice
from staticbp.ops.views import returns_view

# ---- joining -----------------------------------------------------------------------------------------------


def joined(values: Sequence[Value], axis: int) -> Value:
    """Values of one dtype, one after the other along an axis."""
    return fresh(values[0]) if len(values) == 1 else join(*values, axis=axis)


def _converted(name: str, arrays: Any, dtype: Any, casting: str) -> list[Value]:
    if isinstance(arrays, Traced):
        arrays = unstack(arrays)
    if not arrays:
        raise ShapeError(f"{name} takes at least one array")
    values = alike_arrays(*arrays)
    if dtype is None:
        return values
    wanted = check_dtype(np.dtype(dtype), f"the result of {name}")
    if not np.can_cast(value_aval(values[0]).dtype, wanted, casting):  # type: ignore[arg-type]
        raise DtypeError(f"{name}: {value_aval(values[0]).dtype} cannot be cast to {wanted} by the rule {casting!r}")
    return [traced(to_dtype(value, wanted)) for value in values]


@implements(np.concatenate)
def concatenate(
    arrays: Any, /, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind"
) -> Value:
    """As `np.concatenate`."""
    refuse("np.concatenate", out=out)
    values = _converted("np.concatenate", arrays, dtype, casting)
    if axis is None:
        return joined([reshaped(value, (-1,)) for value in values], 0)
    if not shape_of(values[0]):
        raise ShapeError("scalars cannot be concatenated", advice="Write np.stack([x, y]) to make a vector of them.")
    return joined(values, axis_of(axis, values[0]))


@implements(np.stack)
def stack(arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> Value:
    """As `np.stack`."""
    refuse("np.stack", out=out)
    values = _converted("np.stack", arrays, dtype, casting)
    shape = shape_of(values[0])
    if any(not shapes.same(shape_of(value), shape) for value in values):
        listed = ", ".join(shapes.text(shape_of(value)) for value in values)
        raise ShapeError(f"np.stack takes arrays of one shape, not {listed}")
    place = shapes.normalize_axis(int(axis), len(shape) + 1)
    return joined([reshaped(value, (*shape[:place], 1, *shape[place:])) for value in values], place)


@implements(np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Value:
    """As `np.vstack`."""
    values = _converted("np.vstack", tup, dtype, casting)
    return joined([atleast_2d(value) for value in values], 0)


@implements(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Value:
    """As `np.hstack`."""
    values = [atleast_1d(value) for value in _converted("np.hstack", tup, dtype, casting)]
    return joined(values, 0 if len(shape_of(values[0])) == 1 else 1)


@implements(np.dstack)
def dstack(tup: Any) -> Value:
    """As `np.dstack`."""
    return joined([atleast_3d(value) for value in _converted("np.dstack", tup, None, "same_kind")], 2)


@implements(np.column_stack)
def column_stack(tup: Any) -> Value:
    """As `np.column_stack`."""
    values = _converted("np.column_stack", tup, None, "same_kind")
    columns = [v if len(shape_of(v)) > 1 else reshaped(v, (-1, 1)) for v in values]
    return joined(columns, 1)


@implements(np.append)
def append(arr: Any, values: Any, axis: Any = None) -> Value:
    """As `np.append`."""
    return concatenate([arr, values], axis=axis)


# ---- splitting ---------------------------------------------------------------------------------------------


def _parts(x: Value, axis: int, bounds: Sequence[int]) -> list[Value]:
    return [take_slice(x, axis, start, 1, max(stop - start, 0)) for start, stop in pairwise(bounds)]


@implements(np.array_split)
@returns_view
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    """As `np.array_split`."""
    x = traced(ary)
    place = axis_of(axis, x)
    extent = shapes.static(shape_of(x)[place], "np.array_split")
    if np.ndim(indices_or_sections) == 0:
        sections = int(indices_or_sections)
        if sections <= 0:
            raise ShapeError("the number of sections must be larger than 0")
        each, rest = divmod(extent, sections)
        sizes = [each + 1] * rest + [each] * (sections - rest)
        return _parts(x, place, [0, *np.cumsum(sizes).tolist()])
    cuts = [0, *as_ints(indices_or_sections), extent]
    bounds = [range(extent)[start:stop] for start, stop in pairwise(cuts)]
    return [take_slice(x, place, r.start if len(r) else 0, 1, len(r)) for r in bounds]


@implements(np.split)
@returns_view
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    """As `np.split`."""
    x = traced(ary)
    if np.ndim(indices_or_sections) == 0:
        extent = shapes.static(shape_of(x)[axis_of(axis, x)], "np.split")
        if extent % int(indices_or_sections):
            raise ShapeError(f"an axis of size {extent} cannot be split into {indices_or_sections} equal parts")
    return array_split(x, indices_or_sections, axis)


@implements(np.hsplit)
@returns_view
def hsplit(ary: Any, indices_or_sections: Any) -> list[Value]:
    """As `np.hsplit`."""
    x = traced(ary)
    return split(x, indices_or_sections, 1 if len(shape_of(x)) > 1 else 0)


@implements(np.vsplit)
@returns_view
def vsplit(ary: Any, indices_or_sections: Any) -> list[Value]:
    """As `np.vsplit`."""
    x = traced(ary)
    if len(shape_of(x)) < 2:
        raise ShapeError("np.vsplit needs an array of at least two dimensions")
    return split(x, indices_or_sections, 0)


@implements(np.dsplit)
@returns_view
def dsplit(ary: Any, indices_or_sections: Any) -> list[Value]:
    """As `np.dsplit`."""
    x = traced(ary)
    if len(shape_of(x)) < 3:
        raise ShapeError("np.dsplit needs an array of at least three dimensions")
    return split(x, indices_or_sections, 2)


@returns_view
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Value, ...]:
    """As `np.unstack`."""
    value = traced(x)
    place = axis_of(axis, value)
    shape = shape_of(value)
    return tuple(
        reshaped(part, shapes.without(shape, (place,)))
        for part in _parts(value, place, range(shapes.static(shape[place], "np.unstack") + 1))
    )


if hasattr(np, "unstack"):
    implements(np.unstack)(unstack)

# ---- repeating ---------------------------------------------------------------------------------------------


@implements(np.tile)
def tile(A: Any, reps: Any) -> Value:
    """As `np.tile`."""
    x = traced(A)
    counts = as_ints(reps)
    rank = max(len(counts), len(shape_of(x)))
    counts = (1,) * (rank - len(counts)) + counts
    shape = (1,) * (rank - len(shape_of(x))) + shape_of(x)
    if all(count == 1 for count in counts):
        return fresh(reshaped(x, shape))
    wide: list[Dim] = [dim for pair in zip(counts, shape, strict=True) for dim in pair]
    offset = rank - len(shape_of(x))
    dims = tuple(2 * (axis + offset) + 1 for axis in range(len(shape_of(x))))
    repeated = broadcast(x, shape=tuple(wide), dims=dims)
    return reshaped(repeated, [shapes.size(pair) for pair in zip(counts, shape, strict=True)])


@implements(np.repeat)
def repeat(a: Any, repeats: Any, axis: Any = None) -> Value:
    """As `np.repeat`; the counts are known when the function is traced."""
    x = traced(a)
    if axis is None:
        x, axis = reshaped(x, (-1,)), 0
    place = axis_of(axis, x)
    if isinstance(repeats, Traced):
        raise UnsupportedFunctionError(
            "np.repeat with traced counts: the shape of the result would not be known",
            advice="Give the counts as a static argument, or as numbers in the code.",
        )
    counts = as_ints(np.asarray(repeats).reshape(-1).tolist())
    shape = shape_of(x)
    if len(counts) == 1:
        return _repeat_each(x, place, counts[0])
    extent = shapes.static(shape[place], "np.repeat")
    if len(counts) != extent:
        raise ShapeError(f"np.repeat of an axis of size {extent} with {len(counts)} counts")
    return take_static(x, np.repeat(np.arange(extent), counts), place)


def _repeat_each(x: Value, axis: int, count: int) -> Value:
    shape = shape_of(x)
    if count < 0:
        raise ShapeError("np.repeat takes no negative counts")
    if count == 1:
        return fresh(x)
    wide = (*shape[: axis + 1], count, *shape[axis + 1 :])
    repeated = broadcast(x, shape=wide, dims=tuple(d for d in range(len(wide)) if d != axis + 1))
    return reshaped(repeated, (*shape[:axis], shapes.size((shape[axis], count)), *shape[axis + 1 :]))


@implements(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Value:
    """As `np.roll`; the shifts are known when the function is traced."""
    x = traced(a)
    if isinstance(shift, Traced):
        raise UnsupportedFunctionError(
            "np.roll by a traced shift is not supported",
            advice="Write np.take(x, (np.arange(n) - shift) % n, axis=axis).",
        )
    if axis is None:
        by = int(np.sum(shift))
        if by % max(shapes.static(shapes.size(shape_of(x)), "np.roll"), 1) == 0:
            return fresh(x)
        return reshaped(roll(reshaped(x, (-1,)), by, 0), shape_of(x))
    shifts, axes = np.broadcast_arrays(np.asarray(as_ints(shift)), np.asarray(as_ints(axis)))
    result = fresh(x)
    for by, along in zip(shifts.ravel().tolist(), axes.ravel().tolist(), strict=True):
        place = axis_of(along, x)
        extent = shapes.static(shape_of(x)[place], "np.roll")
        cut = -by % extent if extent else 0
        if cut:
            parts = [take_slice(result, place, cut, 1, extent - cut), take_slice(result, place, 0, 1, cut)]
            result = joined(parts, place)
    return result


# ---- differences -------------------------------------------------------------------------------------------


def _ends(x: Value, axis: int) -> tuple[Any, Any]:
    """All but the first and all but the last element along an axis."""
    if shapes.same((shape_of(x)[axis],), (0,)):
        return x, x
    rest = shapes.total((shape_of(x)[axis], -1))
    return take_slice(x, axis, 1, 1, rest), take_slice(x, axis, 0, 1, rest)


@implements(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = np._NoValue, append: Any = np._NoValue) -> Value:
    """As `np.diff`."""
    x = traced(a)
    if n < 0:
        raise ShapeError("np.diff takes an order that is not negative")
    if n == 0:
        return x
    if not shape_of(x):
        raise ShapeError("np.diff needs an array of at least one dimension")
    place = axis_of(axis, x)
    parts = [x]
    for end, extra in enumerate((prepend, append)):
        if given(extra):
            value = traced(extra)
            if not shape_of(value):
                rim = (*shape_of(x)[:place], 1, *shape_of(x)[place + 1 :])
                value = filled(value, Aval(rim, value_aval(value).dtype))
            parts = [*parts, value] if end else [value, *parts]
    x = joined(alike_arrays(*parts), place)
    for _ in range(n):
        if shapes.same((shape_of(x)[place],), (0,)):
            break
        later, earlier = _ends(x, place)
        x = later != earlier if value_aval(x).dtype.kind == "b" else later - earlier
    return x


@implements(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Value:
    """As `np.trapezoid`."""
    values = traced(y)
    place = axis_of(axis, values)
    width = dx
    if x is not None:
        points = traced(x)
        width = diff(points, axis=place if len(shape_of(points)) > 1 else 0)
        if len(shape_of(points)) == 1:
            width = reshaped(width, [-1 if a == place else 1 for a in range(len(shape_of(values)))])
    later, earlier = _ends(values, place)
    return (width * (later + earlier) / 2.0).sum(place)
