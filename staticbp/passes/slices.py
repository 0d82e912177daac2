"""Simplification of slices, of their duals the embeddings, and of joins; of indexing by what turns out to be known."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from staticbp.core import shape as shapes
from staticbp.core.graph import Atom, Eqn, Lit
from staticbp.core.shape import Dim, Shape
from staticbp.ops.index import gather, scatter_add
from staticbp.ops.linear import broadcast, reshape
from staticbp.ops.reduce import reduce_sum
from staticbp.ops.shape import concatenate, embed, slice
from staticbp.passes.rewrite import Rewriter, Rules, filled, same

SLICES = Rules()


# ---- slices, embeddings, joins --------------------------------------------------------------------------------


@SLICES.on(slice, embed)
def whole(at: Rewriter, eqn: Eqn) -> Atom | None:
    """All of an array in its own order."""
    (x,), starts, steps = eqn.ins, eqn.params["starts"], eqn.params["steps"]
    return x if x.aval == eqn.outs[0].aval and all(s == 0 for s in starts) and all(s == 1 for s in steps) else None


@SLICES.on(slice)
def slice_of_slice(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``x[a : : b][c : : d] = x[a + b c : : b d]``."""
    inner = at.made_by(eqn.ins[0], slice)
    if inner is None or not is_placed(eqn, inner):
        return None
    starts, steps = composed(inner, eqn)
    return at.emit(slice, inner.ins[0], starts=starts, steps=steps, shape=eqn.params["shape"])


@SLICES.on(embed)
def embed_of_embed(at: Rewriter, eqn: Eqn) -> Atom | None:
    """Zeros around zeros around x."""
    inner = at.made_by(eqn.ins[0], embed)
    if inner is None or not is_placed(eqn, inner):
        return None
    starts, steps = composed(eqn, inner)
    return at.emit(embed, inner.ins[0], starts=starts, steps=steps, shape=eqn.params["shape"])


@SLICES.on(slice)
def slice_of_repetition(at: Rewriter, eqn: Eqn) -> Atom | None:
    """A part of a repetition is a repetition of a part."""
    inner = at.made_by(eqn.ins[0], broadcast)
    if inner is None:
        return None
    dims, shape = inner.params["dims"], eqn.params["shape"]
    picked = {name: tuple(eqn.params[name][d] for d in dims) for name in ("starts", "steps", "shape")}
    return at.emit(broadcast, at.emit(slice, inner.ins[0], **picked), shape=shape, dims=dims)


@SLICES.on(slice)
def slice_of_join(at: Rewriter, eqn: Eqn) -> Atom | None:
    """What lies within one part of a join is a slice of that part."""
    inner = at.made_by(eqn.ins[0], concatenate)
    if inner is None or not is_placed(eqn):
        return None
    axis = inner.params["axis"]
    offsets = _offsets(at, inner)
    reach = reach_of(eqn, axis, eqn.params["shape"])
    if offsets is None or reach is None:
        return None
    number = bisect_right(offsets, reach[0]) - 1
    if reach[1] >= offsets[number + 1]:
        return None
    starts = list(eqn.params["starts"])
    starts[axis] -= offsets[number]
    return at.emit(slice, inner.ins[number], **{**eqn.params, "starts": tuple(starts)})


def _offsets(at: Rewriter, join: Eqn) -> Sequence[int] | None:
    """Where the parts of a join begin, and where the last ends; worked out once for all slices of the join."""
    if join in at.memo:
        return at.memo[join]
    offsets = [0]
    for part in join.ins:
        extent = part.aval.shape[join.params["axis"]]
        if not isinstance(extent, int):
            return None
        offsets.append(offsets[-1] + extent)
    at.memo[join] = offsets
    return offsets


@SLICES.on(slice)
def slice_of_embedding(at: Rewriter, eqn: Eqn) -> Atom | None:
    """What was embedded, taken out again; what lies beside it is zero."""
    inner = at.made_by(eqn.ins[0], embed)
    if inner is None or not is_placed(eqn, inner):
        return None
    (u,) = inner.ins
    if all(eqn.params[name] == inner.params[name] for name in ("starts", "steps")) and u.aval == eqn.outs[0].aval:
        return u
    starts: list[int] = []
    within = True
    for axis in range(u.aval.ndim):
        taken, given = reach_of(eqn, axis, eqn.params["shape"]), reach_of(inner, axis, u.aval.shape)
        if taken is None or given is None:
            return None
        if taken[1] < given[0] or given[1] < taken[0]:
            return filled(0, eqn.outs[0].aval)
        within &= given[0] <= taken[0] and taken[1] <= given[1] and inner.params["steps"][axis] == 1
        starts.append(eqn.params["starts"][axis] - given[0])
    return at.emit(slice, u, **{**eqn.params, "starts": tuple(starts)}) if within else None


@SLICES.on(concatenate)
def joined(at: Rewriter, eqn: Eqn) -> Atom | None:
    """One part alone; parts that are empty; neighbouring slices of one array."""
    axis = eqn.params["axis"]
    parts = [part for part in eqn.ins if part.aval.shape[axis] != 0]
    if len(parts) == 1:
        return parts[0]
    if parts and len(parts) < len(eqn.ins):
        return at.emit(concatenate, *parts, axis=axis)
    slices = [at.made_by(part, slice) for part in parts]
    first = slices[0] if slices else None
    if first is None or not is_placed(first):
        return None
    following = first.params["starts"][axis]
    for piece in slices:
        if piece is None or not same(piece.ins[0], first.ins[0]) or not is_placed(piece):
            return None
        starts = piece.params["starts"]
        besides = shapes.without(starts, (axis,)) == shapes.without(first.params["starts"], (axis,))
        if starts[axis] != following or not besides or piece.params["steps"] != first.params["steps"]:
            return None
        following += piece.params["shape"][axis] * piece.params["steps"][axis]
    return at.emit(slice, first.ins[0], **{**first.params, "shape": eqn.outs[0].aval.shape})


def is_placed(*eqns: Eqn) -> bool:
    """Whether slices and embeddings are of known sizes at known places."""
    return all(shapes.is_static((*e.params["starts"], *e.params["shape"], *e.ins[0].aval.shape)) for e in eqns)


def composed(first: Eqn, second: Eqn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Starts and steps of walking in steps of `second` within what `first` walks."""
    walks = zip(*(e.params[name] for e in (first, second) for name in ("starts", "steps")), strict=True)
    pairs = [(a + b * c, b * d) for a, b, c, d in walks]
    return tuple(start for start, _ in pairs), tuple(step for _, step in pairs)


def reach_of(eqn: Eqn, axis: int, counts: Sequence[Dim]) -> tuple[int, int] | None:
    """The first and the last place that a slice or an embedding touches along an axis."""
    start, step, count = eqn.params["starts"][axis], eqn.params["steps"][axis], counts[axis]
    if not isinstance(count, int) or count == 0:
        return None
    end = start + step * (count - 1)
    return min(start, end), max(start, end)


# ---- indexes that turn out to be known ------------------------------------------------------------------------


@SLICES.on(gather)
def gather_at_constant(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``x[i]`` for a number i is a slice."""
    x, *indices = eqn.ins
    axes, batch = eqn.params["axes"], eqn.params["batch"]
    place = known_place(indices, x.aval.shape, axes)
    if place is None:
        return None
    starts = tuple(place.get(axis, 0) for axis in range(x.aval.ndim))
    shape = tuple(1 if axis in place else dim for axis, dim in enumerate(x.aval.shape))
    part = at.emit(slice, x, starts=starts, steps=(1,) * len(starts), shape=shape)
    part = at.emit(reshape, part, shape=shapes.without(x.aval.shape, axes))
    repeats = indices[0].aval.ndim - batch
    dims = (*range(batch), *range(batch + repeats, eqn.outs[0].aval.ndim))
    return at.emit(broadcast, part, shape=eqn.outs[0].aval.shape, dims=dims)


@SLICES.on(scatter_add)
def scatter_at_constant(at: Rewriter, eqn: Eqn) -> Atom | None:
    """Adding at a number i is an embedding of the sum."""
    u, *indices = eqn.ins
    axes, batch, shape = eqn.params["axes"], eqn.params["batch"], eqn.params["shape"]
    place = known_place(indices, shape, axes)
    if place is None:
        return None
    repeats = tuple(range(batch, indices[0].aval.ndim))
    part = at.emit(reduce_sum, u, axes=repeats) if repeats else u
    part = at.emit(reshape, part, shape=tuple(1 if axis in place else dim for axis, dim in enumerate(shape)))
    starts = tuple(place.get(axis, 0) for axis in range(len(shape)))
    return at.emit(embed, part, starts=starts, steps=(1,) * len(starts), shape=shape)


def known_place(indices: Sequence[Atom], shape: Shape, axes: Sequence[int]) -> dict[int, int] | None:
    """The index along each axis when all are numbers in range."""
    place: dict[int, int] = {}
    for index, axis in zip(indices, axes, strict=True):
        extent = shape[axis]
        if not isinstance(index, Lit) or not isinstance(extent, int):
            return None
        number = int(index.value)
        if not -extent <= number < extent:
            return None
        place[axis] = number % extent
    return place
