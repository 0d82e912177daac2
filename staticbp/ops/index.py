"""Indexing by integers that are data: `gather`, its dual `scatter_add`, and NumPy's `take` and kin.

``x[key]`` is in `getitem.py`, in terms of `gather` and of `slice`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import INT64, Aval
from staticbp.core.lowering import Choose, IndexMap, Reader, Scatter
from staticbp.core.primitive import Value, value_aval
from staticbp.core.schedule import Affine, Expr, Index
from staticbp.core.shape import Dim, Shape
from staticbp.errors import DtypeError, ShapeError, TracedIndexError
from staticbp.ops.linear import Linear, broadcast_to, linear, to_dtype
from staticbp.ops.lowering import all_of, compare, wrapped
from staticbp.ops.options import alike, alike_arrays, traced
from staticbp.ops.registry import implements, refuse
from staticbp.ops.shape import concatenate, move_axis, reshaped

# ---- gather and scatter_add --------------------------------------------------------------------------------
#
#     gather[axes, batch]             (x, *indices) -> (batch axes, index axes, remaining axes of x)
#     scatter_add[axes, shape, batch] (u, *indices) -> an array of that shape
#
# `x` and the indices have their first `batch` axes in common.  There is an index array for each of the axes.
# With `safe` the indexes are known to lie between 0 and the size; else they are checked, and may be negative.


def check_indices(name: str, axes: Sequence[int], batch: int, indices: Sequence[Aval], rank: int) -> Shape:
    """The axes of the indices behind those of the batch."""
    if len(indices) != len(axes) or not indices:
        raise ShapeError(f"{name} along {len(axes)} axes takes as many index arrays, not {len(indices)}")
    if any(i.dtype != INT64 for i in indices):
        raise DtypeError(f"{name} takes indexes of int64")
    if any(not shapes.same(i.shape, indices[0].shape) for i in indices):
        raise ShapeError(f"{name} takes index arrays of one shape")
    if list(axes) != sorted(set(axes)) or not all(batch <= axis < rank for axis in axes):
        raise ShapeError(f"{name} along axes {tuple(axes)} of an array of dimension {rank}")
    return indices[0].shape[batch:]


def _gather_aval(x: Aval, *indices: Aval, axes: tuple[int, ...], batch: int, safe: bool = False) -> Aval:
    inner = check_indices("gather", axes, batch, indices, x.ndim)
    if not shapes.same(indices[0].shape[:batch], x.shape[:batch]):
        raise ShapeError(f"gather from {x} by {indices[0]}: the first {batch} dimensions differ")
    return Aval((*x.shape[:batch], *inner, *shapes.without(x.shape[batch:], [a - batch for a in axes])), x.dtype)


def indexed_first(x: Any, axes: Sequence[int], batch: int) -> Any:
    """A view of an array with its batch axes first, then those that are indexed."""
    rest = [axis for axis in range(batch, x.ndim) if axis not in axes]
    return x.transpose(*range(batch), *axes, *rest)


def index_grid(indices: Sequence[Any], batch: int) -> tuple[Any, ...]:
    """The indices preceded by those of the batch axes."""
    shape = np.shape(indices[0])
    grid = [
        np.arange(shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))]) for axis in range(batch)
    ]
    return (*grid, *indices)


def _gather_numpy(x: Any, *indices: Any, axes: tuple[int, ...], batch: int, safe: bool = False) -> Any:
    return indexed_first(np.asarray(x), axes, batch)[index_grid(indices, batch)]


def _scatter_aval(u: Aval, *indices: Aval, axes: tuple[int, ...], shape: Shape, batch: int, safe: bool = False) -> Aval:
    inner = check_indices("scatter_add", axes, batch, indices, len(shape))
    rest = shapes.without(shape[batch:], [axis - batch for axis in axes])
    if not shapes.same(u.shape, (*shape[:batch], *inner, *rest)):
        raise ShapeError(f"scatter_add of {u} into shape {shapes.text(shape)} by {indices[0]}")
    return Aval(shape, u.dtype)


def _scatter_numpy(
    u: Any, *indices: Any, axes: tuple[int, ...], shape: tuple[int, ...], batch: int, safe: bool = False
) -> Any:
    out = np.zeros(shape, np.asarray(u).dtype)
    np.add.at(indexed_first(out, axes, batch), index_grid(indices, batch), u)
    return out


def place_of(
    read: Reader, index: Sequence[Index], shape: Shape, rank: int, params: dict[str, Any]
) -> tuple[Index, ...]:
    """Where in an array of `shape` the element lies that `index` counts in gathered order."""
    inner, rest = tuple(index[:rank]), iter(index[rank:])
    found: dict[int, Index] = {}
    for number, axis in enumerate(params["axes"]):
        i = read(1 + number, inner)
        found[axis] = i if params.get("safe") else wrapped(i, shape[axis])
    places = range(len(shape))
    return tuple(index[a] if a < params["batch"] else found[a] if a in found else next(rest) for a in places)


def _gather_pull(
    read: Reader, index: Sequence[Index], in_avals: Sequence[Aval], out: Aval, params: dict[str, Any]
) -> Expr:
    return read(0, place_of(read, index, in_avals[0].shape, in_avals[1].ndim, params))


def _scatter_target(
    read: Reader, index: Sequence[Index], in_avals: Sequence[Aval], params: dict[str, Any]
) -> tuple[Index, ...]:
    return place_of(read, index, params["shape"], in_avals[1].ndim, params)


def in_range(read: Reader, index: Sequence[Index], extents: Sequence[Dim]) -> Expr:
    """Whether the indexes, the second operand and those after it, lie within `extents`; negative ones count back."""
    conditions = []
    for number, extent in enumerate(extents):
        i = read(1 + number, tuple(index))
        conditions += [
            compare(">=", i, Affine(shapes.negate(extent))),
            compare("<", i, Affine(extent)),
        ]
    whole = all_of(conditions)
    assert whole is not None, "a gather has at least one index"
    return whole


def _gather_check(read: Reader, index: Sequence[Index], in_avals: Sequence[Aval], params: dict[str, Any]) -> Expr:
    return in_range(read, index, [in_avals[0].shape[axis] for axis in params["axes"]])


def _scatter_check(read: Reader, index: Sequence[Index], in_avals: Sequence[Aval], params: dict[str, Any]) -> Expr:
    return in_range(read, index, [params["shape"][axis] for axis in params["axes"]])


def indices_shape(in_avals: Sequence[Aval], params: dict[str, Any]) -> Shape:
    """The shape of the indexes."""
    return in_avals[1].shape


OUT_OF_RANGE = "an index is out of range"


def moved_axes(axes: tuple[int, ...], batch: int, safe: bool, size: Dim | None = None) -> dict[str, Any]:
    """The params, for operands with one more leading axis where a size is given."""
    by = 0 if size is None else 1
    params: dict[str, Any] = {"axes": tuple(axis + by for axis in axes), "batch": batch + by}
    return {**params, "safe": True} if safe else params


_SAFE_GATHER = IndexMap(_gather_pull)
_GATHER = IndexMap(_gather_pull, _gather_check, indices_shape, OUT_OF_RANGE)

gather: Linear = linear(
    "gather",
    aval=_gather_aval,
    numpy=_gather_numpy,
    transpose=lambda ct, x, *indices, axes, batch, safe=False: scatter_add(
        ct, *indices, shape=value_aval(x).shape, **moved_axes(axes, batch, safe)
    ),
    batch=lambda ins, size, axes, batch, safe=False: (ins, moved_axes(axes, batch, safe, size)),
    lower=Choose(lambda in_avals, params: _SAFE_GATHER if params.get("safe") else _GATHER),
    linear_in=1,
)

_SAFE_SCATTER = Scatter(
    domain=lambda in_avals, params: in_avals[0].shape,
    target=_scatter_target,
    value=lambda read, index, params: read(0, tuple(index)),
)
_SCATTER = replace(_SAFE_SCATTER, check=_scatter_check, check_domain=indices_shape, message=OUT_OF_RANGE)

scatter_add: Linear = linear(
    "scatter_add",
    aval=_scatter_aval,
    numpy=_scatter_numpy,
    transpose=lambda ct, u, *indices, axes, shape, batch, safe=False: gather(
        ct, *indices, **moved_axes(axes, batch, safe)
    ),
    batch=lambda ins, size, axes, shape, batch, safe=False: (
        ins,
        {"shape": (size, *shape), **moved_axes(axes, batch, safe, size)},
    ),
    lower=Choose(lambda in_avals, params: _SAFE_SCATTER if params.get("safe") else _SCATTER),
    linear_in=1,
)

# ---- indexes -----------------------------------------------------------------------------------------------


def as_index(value: Any, what: str) -> Value:
    """An array of indexes, as int64; anything but integers is refused."""
    index = traced(np.asarray(value, np.int64) if isinstance(value, list | tuple) and not value else value)
    dtype = value_aval(index).dtype
    if dtype.kind not in "iu":
        raise TracedIndexError(f"{what} takes integers as indexes, not {dtype}", advice="Convert with .astype(int).")
    return traced(to_dtype(index, INT64))


def checked_static(index: np.ndarray[Any, Any], extent: Dim, axis: int) -> np.ndarray[Any, Any]:
    """Indexes that are known now, checked now, and counted from the front."""
    if not isinstance(extent, int):
        return index
    bad = (index < -extent) | (index >= extent)
    if bad.any():
        raise TracedIndexError(f"index {index[bad].flat[0]} is out of bounds for axis {axis} with size {extent}")
    return np.where(index < 0, index + extent, index)


def take_static(x: Value, index: np.ndarray[Any, Any], axis: int) -> Value:
    """The elements of `x` along one axis at indexes that are known now."""
    return _take(x, traced(index.astype(np.int64)), axis, safe=True)


def gathered(x: Value, indexes: Sequence[Value], axes: tuple[int, ...], batch: int, safe: bool) -> Value:
    """`gather`, checked unless it is safe."""
    return gather(x, *indexes, **moved_axes(axes, batch, safe))


def _take(x: Value, index: Value, axis: int, safe: bool) -> Value:
    """`np.take`: the axes of the index stand where the axis stood."""
    found = gathered(x, [index], (axis,), 0, safe)
    count = value_aval(index).ndim
    rank = value_aval(found).ndim
    order = [*range(count, count + axis), *range(count), *range(count + axis, rank)]
    return traced(np.transpose(found, order)) if order != list(range(rank)) else found


# ---- NumPy's functions -------------------------------------------------------------------------------------


@implements(np.take)
def take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Value:
    """As `np.take`."""
    refuse("np.take", out=out)
    x = traced(a)
    if axis is None:
        x, axis = reshaped(x, (-1,)), 0
    place = shapes.normalize_axis(int(axis), value_aval(x).ndim)
    extent = value_aval(x).shape[place]
    if mode == "raise" and isinstance(indices, int | list | tuple) and not isinstance(indices, bool):
        static = np.asarray(indices, np.int64) if _has_no_traced(indices) else None
        if static is not None:
            return _take(x, traced(checked_static(static, extent, place)), place, safe=isinstance(extent, int))
    index = by_mode(as_index(indices, "np.take"), extent, mode)
    return _take(x, index, place, safe=mode != "raise")


def _has_no_traced(indices: Any) -> bool:
    if isinstance(indices, list | tuple):
        return all(_has_no_traced(i) for i in indices)
    return isinstance(indices, int | np.integer)


def by_mode(index: Value, extent: Dim, mode: str) -> Value:
    """Indexes out of range brought into it as `mode` says; as they are with "raise"."""
    if mode == "raise":
        return index
    last = shapes.static(extent, f"mode={mode!r}")
    if not last:
        raise TracedIndexError("cannot take from an axis of size 0")
    if mode == "wrap":
        return traced(np.remainder(index, last))
    if mode == "clip":
        return traced(np.clip(index, 0, last - 1))
    raise TracedIndexError(f"mode {mode!r} is none of 'raise', 'wrap' and 'clip'")


@implements(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Value:
    """As `np.take_along_axis`."""
    x, index = traced(arr), as_index(indices, "np.take_along_axis")
    if axis is None:
        if value_aval(index).ndim != 1:
            raise ShapeError("np.take_along_axis with axis=None takes indices of one dimension")
        x, axis = reshaped(x, (-1,)), 0
    rank = value_aval(x).ndim
    if value_aval(index).ndim != rank:
        raise ShapeError("np.take_along_axis takes indices of as many dimensions as the array")
    place = shapes.normalize_axis(int(axis), rank)
    x, index = move_axis(x, place, rank - 1), move_axis(index, place, rank - 1)
    leading = shapes.broadcast(value_aval(x).shape[:-1], value_aval(index).shape[:-1])
    x = traced(broadcast_to(x, (*leading, value_aval(x).shape[-1])))
    index = traced(broadcast_to(index, (*leading, value_aval(index).shape[-1])))
    return move_axis(gather(x, index, axes=(rank - 1,), batch=rank - 1), rank - 1, place)


@implements(np.select)
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Value:
    """As `np.select`."""
    if len(condlist) != len(choicelist) or not condlist:
        raise ShapeError("np.select takes as many choices as conditions, at least one")
    conditions = [traced(condition) for condition in condlist]
    if any(value_aval(c).dtype.kind != "b" for c in conditions):
        raise DtypeError("np.select takes conditions of bool")
    *choices, result = alike(*choicelist, default)
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        result = np.where(condition, choice, result)
    shape = shapes.broadcast(*(value_aval(v).shape for v in (*conditions, *choices)))
    return traced(broadcast_to(result, shape))


@implements(np.choose)
def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Value:
    """As `np.choose`."""
    refuse("np.choose", out=out)
    values = alike_arrays(*choices)
    index = as_index(a, "np.choose")
    shape = shapes.broadcast(value_aval(index).shape, *(value_aval(v).shape for v in values))
    stacked = concatenate(*(reshaped(traced(broadcast_to(v, shape)), (1, *shape)) for v in values), axis=0)
    picked = by_mode(traced(broadcast_to(index, shape)), len(values), mode)
    return reshaped(take_along_axis(stacked, reshaped(picked, (1, *shape)), axis=0), shape)
