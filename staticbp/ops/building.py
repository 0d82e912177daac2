"""Arrays put together or taken apart by their places: `block`, `insert`, `delete`, `piecewise`, `apply_along_axis`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.primitive import Traced, Value, value_aval
from staticbp.errors import DtypeError, ShapeError, UnsupportedFunctionError
from staticbp.ops.arithmetic import where as choose
from staticbp.ops.index import as_index, by_mode, take_static
from staticbp.ops.joining import joined
from staticbp.ops.linear import broadcast_to, fill, to_dtype
from staticbp.ops.movement import axis_of, shape_of
from staticbp.ops.options import alike_arrays, as_shape, traced
from staticbp.ops.registry import implements, refuse
from staticbp.ops.shape import move_axis, reshaped
from staticbp.ops.sorting import cumprod_, cumsum_

# ---- blocks ------------------------------------------------------------------------------------------------


def _depth(arrays: Any) -> int:
    if not isinstance(arrays, list):
        return 0
    depths = {_depth(part) for part in arrays}
    if len(depths) != 1:
        raise ShapeError("np.block takes lists that are nested to one depth, and not empty")
    return 1 + depths.pop()


def _leaves(arrays: Any) -> list[Any]:
    return [leaf for part in arrays for leaf in _leaves(part)] if isinstance(arrays, list) else [arrays]


@implements(np.block)
def block(arrays: Any) -> Value:
    """As `np.block`."""
    depth = _depth(arrays)
    values = alike_arrays(*_leaves(arrays))
    rank = max(depth, *(value_aval(value).ndim for value in values))
    parts = iter([_leading_ones(rank, value) for value in values])

    def joined_at(part: Any, level: int) -> Value:
        if not isinstance(part, list):
            return next(parts)
        return joined([joined_at(inner, level + 1) for inner in part], rank - depth + level)

    return joined_at(arrays, 0)


def _leading_ones(rank: int, x: Value) -> Value:
    shape = value_aval(x).shape
    return reshaped(x, (1,) * (rank - len(shape)) + shape)


@implements(np.resize)
def resize(a: Any, new_shape: Any) -> Value:
    """As `np.resize`: the elements again and again, until the shape is full."""
    x = reshaped(traced(a), (-1,))
    shape = as_shape(new_shape)
    have, need = (shapes.static(n, "np.resize") for n in (value_aval(x).shape[0], shapes.size(shape)))
    if not have:
        return fill(0, Aval(shape, value_aval(x).dtype))
    return reshaped(take_static(x, np.arange(need) % have, 0), shape)


def banded(ab: Any, below: int, above: int) -> Value:
    """The matrix whose diagonals, from the highest to the lowest, are the rows of `ab`."""
    rows = traced(ab)
    count, side = shapes.static_shape(value_aval(rows).shape, "a banded matrix")
    if count != below + above + 1:
        raise ShapeError(f"a banded matrix of {below} and {above} diagonals has {below + above + 1} rows, not {count}")
    offsets = range(-min(below, side - 1), min(above, side - 1) + 1)
    diagonals = [np.diag(rows[above - k, max(k, 0) : side + min(k, 0)], k) for k in offsets]
    return sum(diagonals[1:], start=diagonals[0])


# ---- elements put in and left out --------------------------------------------------------------------------


def _known_places(name: str, obj: Any, extent: int) -> np.ndarray[Any, Any]:
    """The places that an index of one axis names; they are known when the function is traced."""
    if isinstance(obj, Traced):
        raise UnsupportedFunctionError(
            f"{name} with traced places: the shape of the result would not be known",
            advice="Give the places as a static argument, or as numbers in the code.",
        )
    key = obj if isinstance(obj, slice) else np.asarray(obj)
    if not isinstance(key, slice) and key.dtype == np.bool_ and key.shape != (extent,):
        raise ShapeError(f"{name}: a mask of shape {key.shape} for an axis of size {extent}")
    return np.atleast_1d(np.arange(extent)[key if isinstance(key, slice) or key.size else []])


@implements(np.delete)
def delete(arr: Any, obj: Any, axis: Any = None) -> Value:
    """As `np.delete`."""
    x = traced(arr)
    if axis is None:
        x, axis = reshaped(x, (-1,)), 0
    place = axis_of(axis, x)
    extent = shapes.static(shape_of(x)[place], "np.delete")
    return take_static(x, np.delete(np.arange(extent), _known_places("np.delete", obj, extent)), place)


@implements(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Value:
    """As `np.insert`."""
    x = traced(arr)
    if axis is None:
        x, axis = reshaped(x, (-1,)), 0
    place = axis_of(axis, x)
    shape = shape_of(x)
    extent = shapes.static(shape[place], "np.insert")
    # What NumPy does to the numbers of the places says which element of both comes where.
    places = _insertion_places(obj, extent)
    new = traced(to_dtype(traced(values), value_aval(x).dtype))
    if value_aval(new).ndim < len(shape):
        new = _leading_ones(len(shape), new)
    if not isinstance(obj, slice) and np.ndim(obj) == 0:
        new = move_axis(new, 0, place)  # NumPy's way with several rows at one place
    count = places.size
    if count == 1:
        count = shapes.static(value_aval(new).shape[place], "np.insert")
        places = np.repeat(places, count)
    new = traced(broadcast_to(new, (*shape[:place], count, *shape[place + 1 :])))
    order = np.insert(np.arange(extent), places, extent + np.arange(count))
    return take_static(joined([x, new], place), order, place)


def _insertion_places(obj: Any, extent: int) -> np.ndarray[Any, Any]:
    if isinstance(obj, Traced):
        raise UnsupportedFunctionError(
            "np.insert at traced places is not supported",
            advice="Write np.concatenate([x[:i], values, x[i:]]), with i known when the function is traced.",
        )
    if isinstance(obj, slice):
        return np.arange(*obj.indices(extent))
    places = np.atleast_1d(np.asarray(obj))
    if places.dtype == np.bool_:
        return np.flatnonzero(places)
    bad = (places < -extent) | (places > extent)
    if bad.any():
        raise ShapeError(f"np.insert: place {places[bad][0]} is out of bounds for an axis of size {extent}")
    return np.where(places < 0, places + extent, places).astype(np.int64)


@implements(np.compress)
def compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Value:
    """As `np.compress`, by a mask that is known when the function is traced."""
    refuse("np.compress", out=out)
    if isinstance(condition, Traced):
        raise UnsupportedFunctionError(
            "np.compress by a traced mask: the shape of the result would not be known",
            advice="Write np.where(mask, x, 0), which keeps the shape.",
        )
    x = traced(a)
    if axis is None:
        x, axis = reshaped(x, (-1,)), 0
    return take_static(x, np.flatnonzero(np.asarray(condition)), axis_of(axis, x))


@implements(np.extract)
def extract(condition: Any, arr: Any) -> Value:
    """As `np.extract`, by a mask that is known when the function is traced."""
    return compress(condition if isinstance(condition, Traced) else np.ravel(condition), arr)


# ---- functions of parts --------------------------------------------------------------------------------------


@implements(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Value:
    """As `np.piecewise`; each function is given the whole array, and used where its condition holds."""
    value = traced(x)
    single = not isinstance(condlist, list | tuple) and value_aval(traced(condlist)).ndim <= value_aval(value).ndim
    conditions = [traced(condition) for condition in ([condlist] if single else condlist)]
    if any(value_aval(condition).dtype.kind != "b" for condition in conditions):
        raise DtypeError("np.piecewise takes conditions of bool")
    functions = list(funclist)
    if len(functions) == len(conditions) + 1:  # the last is for where no condition holds
        otherwise = traced(True)
        for condition in conditions:
            otherwise = otherwise & np.logical_not(condition)
        conditions.append(otherwise)
    if len(functions) != len(conditions):
        raise ShapeError(f"np.piecewise takes a function for each condition and perhaps one more, not {len(functions)}")
    dtype = value_aval(value).dtype
    result: Value = np.zeros_like(value)
    for condition, function in zip(conditions, functions, strict=True):
        piece = function(value, *args, **kw) if callable(function) else function
        result = choose(condition, traced(to_dtype(traced(piece), dtype)), result)
    return result


@implements(np.apply_along_axis)
def apply_along_axis(func1d: Callable[..., Any], axis: Any, arr: Any, *args: Any, **kwargs: Any) -> Value:
    """As `np.apply_along_axis`: the function is traced once for each vector."""
    x = traced(arr)
    place = axis_of(axis, x)
    shape = shape_of(x)
    rest = shapes.static_shape(shapes.without(shape, (place,)), "np.apply_along_axis")
    moved = move_axis(x, place, len(shape) - 1)
    results = [traced(func1d(moved[index], *args, **kwargs)) for index in np.ndindex(*rest)]
    if not results:
        raise ShapeError("np.apply_along_axis of an array without elements along the other axes")
    inner = value_aval(results[0]).shape
    whole = reshaped(np.stack(results), (*rest, *inner))
    order = [*range(place), *range(len(rest), len(rest) + len(inner)), *range(place, len(rest))]
    return np.transpose(whole, order)


@implements(np.apply_over_axes)
def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Value:
    """As `np.apply_over_axes`."""
    value = traced(a)
    for axis in np.atleast_1d(axes).tolist():
        result = traced(func(value, axis_of(axis, value)))
        if value_aval(result).ndim < value_aval(value).ndim:
            result = np.expand_dims(result, axis_of(axis, value))
        value = result
    return value


# ---- running totals by the names of the array API standard ---------------------------------------------------


def _cumulative(op: Callable[..., Value], start: int, x: Any, axis: Any, dtype: Any, include_initial: bool) -> Value:
    value = traced(x)
    rank = value_aval(value).ndim
    if axis is None and rank != 1:
        raise ShapeError("a cumulative sum or product of an array that is not a vector needs an axis")
    place = shapes.normalize_axis(0 if axis is None else int(axis), rank)
    total = op(value, place, dtype)
    if not include_initial:
        return total
    aval = value_aval(total)
    first = fill(start, aval.with_shape((*aval.shape[:place], 1, *aval.shape[place + 1 :])))
    return joined([first, total], place)


@implements(np.cumulative_sum)
def cumulative_sum(
    x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False
) -> Value:
    """As `np.cumulative_sum`."""
    refuse("np.cumulative_sum", out=out)
    return _cumulative(cumsum_, 0, x, axis, dtype, include_initial)


@implements(np.cumulative_prod)
def cumulative_prod(
    x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False
) -> Value:
    """As `np.cumulative_prod`."""
    refuse("np.cumulative_prod", out=out)
    return _cumulative(cumprod_, 1, x, axis, dtype, include_initial)


# ---- places ------------------------------------------------------------------------------------------------


@implements(np.ix_)
def ix_(*args: Any) -> tuple[Value, ...]:
    """As `np.ix_`."""
    result = []
    for axis, arg in enumerate(args):
        index = as_index(arg, "np.ix_") if isinstance(arg, Traced) else np.ix_(arg)[0]
        if value_aval(index).ndim != 1:
            raise ShapeError("np.ix_ takes vectors")
        result.append(reshaped(traced(index), [-1 if a == axis else 1 for a in range(len(args))]))
    return tuple(result)


@implements(np.ravel_multi_index)
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Value:
    """As `np.ravel_multi_index`; with ``mode="raise"`` places are taken to lie within the shape."""
    onward = 1 if order == "C" else -1
    extents = shapes.static_shape(as_shape(dims), "np.ravel_multi_index")
    places = [as_index(place, "np.ravel_multi_index") for place in multi_index]
    modes = [mode] * len(extents) if isinstance(mode, str) else list(mode)
    flat: Value = 0
    for place, extent, way in list(zip(places, extents, modes, strict=True))[::onward]:
        flat = flat * extent + by_mode(place, extent, way)
    return flat


@implements(np.unravel_index)
def unravel_index(indices: Any, shape: Any, order: str = "C") -> tuple[Value, ...]:
    """As `np.unravel_index`; places are taken to lie within the shape."""
    rest = as_index(indices, "np.unravel_index")
    places = []
    for extent in shapes.static_shape(as_shape(shape), "np.unravel_index")[:: -1 if order == "C" else 1]:
        places.append(np.remainder(rest, extent))
        rest = rest // extent
    return tuple(places[:: -1 if order == "C" else 1])


@implements(np.diag_indices_from)
def diag_indices_from(arr: Any) -> tuple[Any, ...]:
    """As `np.diag_indices_from`: plain arrays, for only the shape matters."""
    shape = shapes.static_shape(shape_of(traced(arr)), "np.diag_indices_from")
    if len(shape) < 2 or len(set(shape)) != 1:
        raise ShapeError(f"np.diag_indices_from takes arrays of equal sides, not of shape {shapes.text(shape)}")
    return np.diag_indices(shape[0], len(shape))


@implements(np.tril_indices_from)
def tril_indices_from(arr: Any, k: int = 0) -> tuple[Any, ...]:
    """As `np.tril_indices_from`: plain arrays, for only the shape matters."""
    rows, columns = shapes.static_shape(shape_of(traced(arr)), "np.tril_indices_from")
    return np.tril_indices(rows, k, columns)


@implements(np.triu_indices_from)
def triu_indices_from(arr: Any, k: int = 0) -> tuple[Any, ...]:
    """As `np.triu_indices_from`: plain arrays, for only the shape matters."""
    rows, columns = shapes.static_shape(shape_of(traced(arr)), "np.triu_indices_from")
    return np.triu_indices(rows, k, columns)
