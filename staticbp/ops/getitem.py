"""``x[key]``: basic indexing as `slice` and `reshape`, integers and arrays of them as `gather`.

A key is taken apart into items, one for each axis or new axis, then applied in three steps: the slices and
the integers that are known now, the index arrays, and the axes of size one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.primitive import Traced, Value, value_aval
from staticbp.core.shape import Dim
from staticbp.errors import TracedIndexError
from staticbp.ops.index import as_index, checked_static, gathered
from staticbp.ops.linear import broadcast_to
from staticbp.ops.options import as_dim, traced
from staticbp.ops.shape import permuted, reshaped, sliced
from staticbp.ops.views import ItemView, view_of

# ---- items of a key ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """``start:stop:step`` of one axis: `count` elements."""

    start: Dim
    step: int
    count: Dim


@dataclass(frozen=True)
class One:
    """An integer that is known now."""

    index: Dim


@dataclass(frozen=True)
class New:
    """``None``: a new axis of size one."""


@dataclass(frozen=True)
class Gap:
    """An ellipsis that stands for no axis: all it does is keep index arrays apart."""


@dataclass(frozen=True)
class Many:
    """An array of indexes of one axis; without `indexes`, a shape that only takes part in broadcasting.

    Those that are `safe` are known to lie between 0 and the size.
    """

    indexes: Value | None
    shape: tuple[Dim, ...]
    safe: bool = False


Item = Part | One | New | Gap | Many


def getitem(x: Value, key: Any) -> Value:
    """``x[key]`` with NumPy's result for every key whose result has a shape that is known now."""
    items = _parse(value_aval(x).shape, key)
    part = _apply_slices(x, items)
    if any(isinstance(item, Many) and (item.indexes is None or item.shape) for item in items):
        return _apply_arrays(part, items)
    if any(isinstance(item, Many) for item in items):  # integers, some of them traced: NumPy gives a view
        part = _apply_arrays(part, [item for item in items if not isinstance(item, One)])
    else:
        part = _apply_shape(part, [item for item in items if isinstance(item, Part | New)])
    if not value_aval(part).shape and not any(entry is Ellipsis for entry in _entries(key)):
        return part  # a number
    return view_of(x, part, ItemView(key))


def _entries(key: Any) -> Sequence[Any]:
    return key if isinstance(key, tuple) else [key]


def _parse(shape: Sequence[Dim], key: Any) -> list[Item]:
    """The items of a key, those that it leaves out included."""
    entries = list(_entries(key))
    used = sum(_axes_of(entry) for entry in entries)
    if used > len(shape):
        raise TracedIndexError(f"too many indexes: the array has {len(shape)} dimensions, but {used} were indexed")
    if sum(1 for entry in entries if entry is Ellipsis) > 1:
        raise TracedIndexError("an index can have only one ellipsis ('...')")
    rest = [slice(None)] * (len(shape) - used)
    if not any(entry is Ellipsis for entry in entries):
        entries = [*entries, Ellipsis]
    items: list[Item] = []
    axis = 0
    for entry in entries:
        if entry is Ellipsis and not rest:
            items.append(Gap())
        for part in rest if entry is Ellipsis else [entry]:
            items += _items(part, shape, axis)
            axis += _axes_of(part)
    return items


def _axes_of(entry: Any) -> int:
    """How many axes of the array an entry of a key indexes."""
    if entry is None or entry is Ellipsis:
        return 0
    return _rank(entry) if _is_mask(entry) else 1


def _rank(entry: Any) -> int:
    return value_aval(entry).ndim if isinstance(entry, Traced) else int(np.ndim(entry))


def _is_mask(entry: Any) -> bool:
    if isinstance(entry, Traced):
        return bool(entry.aval.dtype.kind == "b")
    if isinstance(entry, slice) or entry is None or entry is Ellipsis:
        return False
    return _holds_no_traced(entry) and np.asarray(entry).dtype.kind == "b"


def _holds_no_traced(entry: Any) -> bool:
    if isinstance(entry, list | tuple):
        return all(_holds_no_traced(part) for part in entry)
    return not isinstance(entry, Traced)


def _items(entry: Any, shape: Sequence[Dim], axis: int) -> list[Item]:
    if entry is None:
        return [New()]
    if isinstance(entry, slice):
        return [_part(entry, shape[axis])]
    if _is_mask(entry):
        return _mask_items(entry, shape, axis)
    if isinstance(entry, Traced | list | tuple) and not _holds_no_traced(entry):
        index = as_index(np.stack(entry) if isinstance(entry, list | tuple) else entry, "an array")
        return [Many(index, value_aval(index).shape)]
    return [_static_item(entry, shape, axis)]


def _static_item(entry: Any, shape: Sequence[Dim], axis: int) -> Item:
    """An integer, an array of integers, or a list of them, that holds nothing traced."""
    array = np.asarray(entry)
    if array.dtype.kind not in "iu" and not (isinstance(entry, list | tuple) and not array.size):
        raise TracedIndexError(
            f"an array of shape {shapes.text(shape)} is indexed by {_described(entry)}; only integers, "
            "slices (':'), ellipsis ('...'), None and integer or boolean arrays are valid indexes"
        )
    if not array.ndim:
        return One(_one(int(array), shape[axis], axis))
    if isinstance(entry, np.ndarray):  # the user's own array: what it holds when the code runs is what counts
        return Many(as_index(entry, "an array"), array.shape)
    static = checked_static(array.astype(np.int64), shape[axis], axis)
    return Many(traced(static), static.shape, safe=isinstance(shape[axis], int))


def _described(entry: Any) -> str:
    return f"an array of {entry.dtype}" if isinstance(entry, np.ndarray) else f"{entry!r}"


def _one(index: int, extent: Dim, axis: int) -> Dim:
    if not isinstance(extent, int):
        place = index if index >= 0 else shapes.total((extent, index))
        inside = shapes.at_least(place, 0) and shapes.at_least(extent, shapes.total((place, 1)))
        return place if inside else shapes.static(extent, f"the index {index} along axis {axis}")
    return int(checked_static(np.asarray([index]), extent, axis)[0])


def _part(entry: slice, extent: Dim) -> Part:
    if any(isinstance(bound, Traced) for bound in (entry.start, entry.stop, entry.step)):
        raise TracedIndexError(
            "a slice with traced bounds: the size of the result would not be known",
            advice="Where the size n is fixed, write np.take(x, start + np.arange(n), axis=0).",
        )
    if entry.start is None and entry.stop is None and entry.step in (None, 1, -1):
        backwards = entry.step == -1
        return Part(shapes.total((extent, -1)) if backwards and extent != 0 else 0, -1 if backwards else 1, extent)
    if not isinstance(extent, int):
        return _symbolic_part(entry, extent)
    try:
        chosen = range(extent)[entry]
    except (TypeError, ValueError) as error:
        raise TracedIndexError(f"the slice {entry.start}:{entry.stop}:{entry.step} is not valid: {error}") from None
    return Part(chosen.start if len(chosen) else 0, chosen.step if len(chosen) else 1, len(chosen))


def _symbolic_part(entry: slice, extent: Dim) -> Part:
    """``x[1:]``, ``x[:-1]``, ``x[:n]`` and the like, where the bounds are in order whatever the size."""
    if entry.step in (None, 1):
        start, stop = (
            otherwise if bound is None else _from_front(as_dim(bound), extent)
            for bound, otherwise in ((entry.start, 0), (entry.stop, extent))
        )
        if shapes.at_least(start, 0) and shapes.at_least(stop, start) and shapes.at_least(extent, stop):
            return Part(start, 1, shapes.total((stop, shapes.negate(start))))
    shapes.static(extent, f"the slice {entry.start}:{entry.stop}:{entry.step}")
    raise AssertionError("a symbolic size is not static")


def _from_front(bound: Dim, extent: Dim) -> Dim:
    """A bound of a slice counted from the front: one that is negative counts from the end."""
    return shapes.total((extent, bound)) if shapes.at_least(-1, bound) else bound


def _mask_items(mask: Any, shape: Sequence[Dim], axis: int) -> list[Item]:
    """A boolean mask: the indexes of what is true, one array for each of its axes."""
    if isinstance(mask, Traced):
        raise TracedIndexError(
            "a traced boolean mask: the size of x[mask] would depend on its values",
            advice="Write np.where(mask, x, 0), which keeps the shape, with zeros in place of the rest.",
        )
    array = np.asarray(mask)
    if not array.ndim:
        return [Many(None, (int(array),))]
    for offset, (extent, dim) in enumerate(zip(array.shape, shape[axis:], strict=False)):
        if not shapes.same((extent,), (dim,)):
            raise TracedIndexError(
                f"boolean index did not match the array along axis {axis + offset}: "
                f"the size there is {dim}, but the mask has {extent}"
            )
    return [Many(traced(index), index.shape, safe=True) for index in np.nonzero(array)]


# ---- applying them -----------------------------------------------------------------------------------------


def _apply_slices(x: Value, items: Sequence[Item]) -> Value:
    """Slices, and integers as slices of size one, which `_apply_shape` takes away."""
    shape = value_aval(x).shape
    starts, steps, counts = [], [], []
    present = [item for item in items if not isinstance(item, New | Gap) and not _broadcasts_only(item)]
    for item, extent in zip(present, shape, strict=True):
        part = item if isinstance(item, Part) else Part(item.index, 1, 1) if isinstance(item, One) else None
        starts.append(part.start if part else 0)
        steps.append(part.step if part else 1)
        counts.append(part.count if part else extent)
    x = sliced(x, starts, steps, counts)
    ones = [axis for axis, item in enumerate(present) if isinstance(item, One)]
    return reshaped(x, shapes.without(value_aval(x).shape, ones))


def _broadcasts_only(item: Item) -> bool:
    return isinstance(item, Many) and item.indexes is None


def _apply_shape(x: Value, items: Sequence[Item]) -> Value:
    """New axes among those that are left."""
    dims = iter(value_aval(x).shape)
    return reshaped(x, [1 if isinstance(item, New) else next(dims) for item in items])


def _apply_arrays(x: Value, items: Sequence[Item]) -> Value:
    """Index arrays, broadcast against each other; integers among them count as arrays of no dimension."""
    arrays = [item for item in items if isinstance(item, Many)]
    try:
        common = shapes.broadcast(*(item.shape for item in arrays))
    except ValueError:
        listed = " ".join(shapes.text(item.shape) for item in arrays)
        raise TracedIndexError(f"the index arrays of shapes {listed} cannot be broadcast together") from None
    axes: list[int] = []
    indexes: list[Value] = []
    axis = 0
    for item in items:
        if isinstance(item, Many) and item.indexes is not None:
            axes.append(axis)
            indexes.append(traced(broadcast_to(item.indexes, common)))
        axis += isinstance(item, Part) or (isinstance(item, Many) and item.indexes is not None)
    if axes:
        x = gathered(x, indexes, tuple(axes), 0, all(item.safe for item in arrays if item.indexes is not None))
    else:  # x[True], x[False] and the like
        x = traced(broadcast_to(x, (*common, *value_aval(x).shape)))
    # The axes where NumPy puts them: the common ones in the place of the arrays if these stand side by side,
    # else in front.
    chosen = [number for number, item in enumerate(items) if isinstance(item, Many | One)]
    together = chosen[-1] - chosen[0] + 1 == len(chosen)
    cut = chosen[0] if together else 0
    before, behind = ([item for item in part if isinstance(item, Part | New)] for part in (items[:cut], items[cut:]))
    rank, lead = len(common), sum(isinstance(item, Part) for item in before)
    total = value_aval(x).ndim
    x = permuted(x, [*range(rank, rank + lead), *range(rank), *range(rank + lead, total)])
    dims = iter(value_aval(x).shape)
    final: list[Dim] = [1 if isinstance(item, New) else next(dims) for item in before]
    final += [next(dims) for _ in common]
    final += [1 if isinstance(item, New) else next(dims) for item in behind]
    return reshaped(x, final)
