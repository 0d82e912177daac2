"""Assignment as functions: `assign` and `scatter_set` give an array some of whose elements have been replaced.

``x[key] = value`` is traced as one of these (`trace/mutation.py`).  Where nobody wants the array as it was, the new
elements are written into its memory, so that an array built piece by piece costs no more than its pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import INT64, Aval
from staticbp.core.lowering import Choose, Overwrite, Reader
from staticbp.core.primitive import Value, value_aval
from staticbp.core.schedule import Expr, Index
from staticbp.core.shape import Shape
from staticbp.errors import DtypeError, ShapeError
from staticbp.ops.index import (
    OUT_OF_RANGE,
    check_indices,
    gather,
    in_range,
    index_grid,
    indexed_first,
    moved_axes,
    place_of,
    scatter_add,
)
from staticbp.ops.linear import Linear, broadcast_to, fill, linear, zeros
from staticbp.ops.lowering import along
from staticbp.ops.options import traced
from staticbp.ops.shape import check_strided, strided
from staticbp.ops.shape import slice as slice_of
from staticbp.ops.sorting import cumsum

# ---- assign ------------------------------------------------------------------------------------------------
#
#     assign[starts, steps] (x, v)      x with v written from `starts` on in `steps`, axis by axis


def _check_dtypes(name: str, x: Aval, v: Aval) -> None:
    if x.dtype != v.dtype:
        raise DtypeError(f"{name} of {v} in {x}: the dtypes differ")


def _assign_aval(x: Aval, v: Aval, starts: Shape, steps: tuple[int, ...]) -> Aval:
    _check_dtypes("assign", x, v)
    check_strided(x.shape, v.shape, starts, steps, "an assignment")
    return x.strong()


def _assign_numpy(x: Any, v: Any, starts: tuple[int, ...], steps: tuple[int, ...]) -> Any:
    out = np.array(x)
    out[strided(starts, steps, np.shape(v))] = v
    return out


def _assign_target(
    read: Reader, index: Sequence[Index], in_avals: Sequence[Aval], params: dict[str, Any]
) -> tuple[Index, ...]:
    where = zip(params["starts"], params["steps"], index, strict=True)
    return tuple(along(start, step, i) for start, step, i in where)


def _assign_transpose(ct: Value, x: Value, v: Value, starts: Shape, steps: tuple[int, ...]) -> tuple[Value, Value]:
    place = {"starts": starts, "steps": steps}
    return assign(ct, zeros(v), **place), slice_of(ct, **place, shape=value_aval(v).shape)


assign: Linear = linear(
    "assign",
    aval=_assign_aval,
    numpy=_assign_numpy,
    transpose=_assign_transpose,
    batch=lambda ins, size, starts, steps: (ins, {"starts": (0, *starts), "steps": (1, *steps)}),
    lower=Overwrite(_assign_target),
)

# ---- scatter_set and add_at --------------------------------------------------------------------------------
#
#     scatter_set[axes, batch] (x, u, *indices)      x with u written where gather[axes, batch] would read it
#     add_at[axes, batch] (x, u, *indices)           x with u added there
#
# Of several values set for one element the last is kept.  With `unique` there is only one for each.


def _set_aval(
    x: Aval, u: Aval, *indices: Aval, axes: tuple[int, ...], batch: int, safe: bool = False, unique: bool = False
) -> Aval:
    _check_dtypes("scatter_set", x, u)
    inner = check_indices("scatter_set", axes, batch, indices, x.ndim)
    rest = shapes.without(x.shape[batch:], [axis - batch for axis in axes])
    if not shapes.same(u.shape, (*x.shape[:batch], *inner, *rest)):
        raise ShapeError(f"scatter_set of {u} in {x} by {indices[0]}")
    return x.strong()


def _set_numpy(
    x: Any, u: Any, *indices: Any, axes: tuple[int, ...], batch: int, safe: bool = False, unique: bool = False
) -> Any:
    out = np.array(x)
    indexed_first(out, axes, batch)[index_grid(indices, batch)] = u
    return out


def _behind(read: Reader) -> Reader:
    """The operands as a gather has them: one array before the indexes."""
    return lambda position, index: read(position + 1, index)


def _set_target(
    read: Reader, index: Sequence[Index], in_avals: Sequence[Aval], params: dict[str, Any]
) -> tuple[Index, ...]:
    return place_of(_behind(read), index, in_avals[0].shape, in_avals[2].ndim, params)


def _set_check(read: Reader, index: Sequence[Index], in_avals: Sequence[Aval], params: dict[str, Any]) -> Expr:
    return in_range(_behind(read), index, [in_avals[0].shape[axis] for axis in params["axes"]])


def _kept(x: Aval, indices: Sequence[Value], place: dict[str, Any]) -> Value:
    """Which of the values are still there after all have been written: the last for each element."""
    axes, batch = place["axes"], place["batch"]
    index = value_aval(indices[0])
    count = shapes.static(index.size, "an assignment at traced indexes")
    # Counted rather than an array of numbers: a rule in the body of a loop has no place to keep one.
    counted = cumsum(fill(1, Aval((count,), INT64)), axis=0, reverse=False)
    numbers = traced(counted).reshape(index.shape)
    extents = (*x.shape[:batch], *(x.shape[axis] for axis in axes))
    among = {**place, "axes": tuple(range(batch, len(extents)))}
    last = scatter_set(fill(0, Aval(extents, INT64)), numbers, *indices, **among)
    return gather(last, *indices, **among) == numbers


def _set_transpose(
    ct: Value,
    x: Value,
    u: Value,
    *indices: Value,
    axes: tuple[int, ...],
    batch: int,
    safe: bool = False,
    unique: bool = False,
) -> tuple[Value, Value]:
    place = moved_axes(axes, batch, safe)
    u_bar = gather(ct, *indices, **place)
    if not unique:
        kept = _kept(value_aval(x), indices, place)
        u_shape = value_aval(u).shape
        spread = kept.reshape(*kept.shape, *(1,) * (len(u_shape) - kept.ndim))
        u_bar = np.where(traced(broadcast_to(spread, u_shape)), u_bar, zeros(u))
    return scatter_set(ct, zeros(u), *indices, **place, unique=unique), u_bar


_SAFE = Overwrite(_set_target)
_CHECKED = replace(
    _SAFE, check=_set_check, check_domain=lambda in_avals, params: in_avals[2].shape, message=OUT_OF_RANGE
)

scatter_set: Linear = linear(
    "scatter_set",
    aval=_set_aval,
    numpy=_set_numpy,
    transpose=_set_transpose,
    batch=lambda ins, size, axes, batch, safe=False, unique=False: (
        ins,
        {**moved_axes(axes, batch, safe, size), "unique": unique},
    ),
    lower=Choose(lambda in_avals, params: _SAFE if params.get("safe") else _CHECKED),
    linear_in=2,
)

_ADDED = "{0} + {1}"

# x + scatter_add(u, *indices), in the memory of x where nobody else wants it.
add_at: Linear = linear(
    "add_at",
    aval=_set_aval,
    numpy=lambda x, u, *indices, axes, batch, safe=False: (
        x + scatter_add(u, *indices, axes=axes, batch=batch, shape=np.shape(x), safe=safe)
    ),
    transpose=lambda ct, x, u, *indices, axes, batch, safe=False: (
        ct,
        gather(ct, *indices, **moved_axes(axes, batch, safe)),
    ),
    batch=lambda ins, size, axes, batch, safe=False: (ins, moved_axes(axes, batch, safe, size)),
    lower=Choose(lambda in_avals, params: replace(_SAFE if params.get("safe") else _CHECKED, combine=_ADDED)),
    linear_in=2,
)
