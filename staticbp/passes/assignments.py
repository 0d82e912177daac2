"""Simplification of assignments: what is read again is found where it was assigned, and views are written through."""

from __future__ import annotations

from collections.abc import Sequence

from staticbp.core import shape as shapes
from staticbp.core.graph import Atom, Eqn, Lit
from staticbp.ops.arithmetic import add
from staticbp.ops.assign import add_at, assign, scatter_set
from staticbp.ops.index import scatter_add
from staticbp.ops.linear import reshape
from staticbp.ops.shape import inverse, slice, transpose
from staticbp.passes.moves import unit_axes_apart
from staticbp.passes.rewrite import Rewriter, Rules, either, filled, same
from staticbp.passes.slices import composed, is_placed, known_place, reach_of

FAR = 40  # how many assignments to one array are looked through

ASSIGNMENTS = Rules()


@ASSIGNMENTS.on(assign)
def assigned_whole(at: Rewriter, eqn: Eqn) -> Atom | None:
    """All elements, in their order; none; a number that is there already; what was read at the same place."""
    x, v = eqn.ins
    starts, steps = eqn.params["starts"], eqn.params["steps"]
    if 0 in v.aval.shape:
        return x
    if shapes.same(x.aval.shape, v.aval.shape) and all(step == 1 for step in steps):
        return v
    if isinstance(x, Lit) and isinstance(v, Lit) and x.value.tobytes() == v.value.tobytes():
        return x
    taken = at.made_by(v, slice)
    if taken is not None and same(taken.ins[0], x) and taken.params["starts"] == starts:
        return x if taken.params["steps"] == steps else None
    return None


@ASSIGNMENTS.on(assign)
def assigned_again(at: Rewriter, eqn: Eqn) -> Atom | None:
    """Of two assignments to the same place only the second counts."""
    inner = at.made_by(eqn.ins[0], assign)
    if inner is None or inner.params != eqn.params or inner.ins[1].aval.shape != eqn.ins[1].aval.shape:
        return None
    return at.emit(assign, inner.ins[0], eqn.ins[1], **eqn.params)


@ASSIGNMENTS.on(assign)
def assigned_within(at: Rewriter, eqn: Eqn) -> Atom | None:
    """To a part of a part of an array: ``p = x[P]; p[Q] = v; x[P] = p``."""
    x, v = eqn.ins
    inner = at.made_by(v, assign)
    part = at.made_by(inner.ins[0], slice) if inner is not None else None
    if inner is None or part is None or not same(part.ins[0], x) or not is_placed(part):
        return None
    if any(part.params[name] != eqn.params[name] for name in ("starts", "steps")):
        return None
    if part.params["shape"] != v.aval.shape or not shapes.is_static(inner.params["starts"]):
        return None
    starts, steps = composed(part, inner)
    return at.emit(assign, x, inner.ins[1], starts=starts, steps=steps)


@ASSIGNMENTS.on(assign)
def assigned_to_move(at: Rewriter, eqn: Eqn) -> Atom | None:
    """To a transpose, or to an array with axes of size one added or dropped: to the array itself."""
    x, v = eqn.ins
    move = at.made_by(x, transpose, reshape)
    if move is None:
        return None
    source = move.ins[0]
    starts, steps = eqn.params["starts"], eqn.params["steps"]
    if move.op is transpose:
        back = inverse(move.params["perm"])
        place = {"starts": _permuted(starts, back), "steps": _permuted(steps, back)}
        written = at.emit(assign, source, at.emit(transpose, v, perm=back), **place)
        return at.emit(transpose, written, perm=move.params["perm"])
    axes = unit_axes_apart(source.aval.shape, x.aval.shape)
    if axes is None:
        return None
    count = range(source.aval.ndim)
    part = tuple(v.aval.shape[axes[axis]] if axis in axes else 1 for axis in count)
    if not shapes.same((shapes.size(part),), (v.aval.size,)):
        return None
    starts = tuple(starts[axes[axis]] if axis in axes else 0 for axis in count)
    steps = tuple(steps[axes[axis]] if axis in axes else 1 for axis in count)
    written = at.emit(assign, source, at.emit(reshape, v, shape=part), starts=starts, steps=steps)
    return at.emit(reshape, written, shape=x.aval.shape)


def _permuted(values: Sequence[int], perm: Sequence[int]) -> tuple[int, ...]:
    return tuple(values[axis] for axis in perm)


@ASSIGNMENTS.on(slice)
def slice_of_assigned(at: Rewriter, eqn: Eqn) -> Atom | None:
    """What was assigned, read again; what lies beside it is what was there before."""
    if not is_placed(eqn) or 0 in eqn.params["shape"]:
        return None
    x = eqn.ins[0]
    for _ in range(FAR):
        inner = at.made_by(x, assign)
        if inner is None or not shapes.is_static((*inner.params["starts"], *inner.ins[1].aval.shape)):
            break
        v = inner.ins[1]
        if not _apart(eqn, inner):
            if all(eqn.params[name] == inner.params[name] for name in ("starts", "steps")):
                return v if shapes.same(v.aval.shape, eqn.params["shape"]) else _read_within(at, eqn, inner)
            return _read_within(at, eqn, inner) or _moved_on(at, eqn, x)
        x = inner.ins[0]
    return _moved_on(at, eqn, x)


def _moved_on(at: Rewriter, eqn: Eqn, x: Atom) -> Atom | None:
    """The same slice of what an array was before assignments beside it."""
    if x is eqn.ins[0]:
        return None
    return filled(x.value, eqn.outs[0].aval) if isinstance(x, Lit) else at.emit(slice, x, **eqn.params)


def _apart(part: Eqn, written: Eqn) -> bool:
    """Whether a slice surely touches nothing of what was assigned."""
    v = written.ins[1]
    for axis in range(v.aval.ndim):
        taken, given = reach_of(part, axis, part.params["shape"]), reach_of(written, axis, v.aval.shape)
        if taken is None or given is None:
            return True  # nothing was assigned
        if taken[1] < given[0] or given[1] < taken[0]:
            return True
    return False


def _read_within(at: Rewriter, eqn: Eqn, inner: Eqn) -> Atom | None:
    """A slice of the assigned value, where the slice lies within it."""
    v = inner.ins[1]
    starts: list[int] = []
    for axis in range(v.aval.ndim):
        taken, given = reach_of(eqn, axis, eqn.params["shape"]), reach_of(inner, axis, v.aval.shape)
        if taken is None or given is None or inner.params["steps"][axis] != 1:
            return None
        if not (given[0] <= taken[0] and taken[1] <= given[1]):
            return None
        starts.append(eqn.params["starts"][axis] - given[0])
    if isinstance(v, Lit):
        return filled(v.value, eqn.outs[0].aval)
    return at.emit(slice, v, **{**eqn.params, "starts": tuple(starts)})


@ASSIGNMENTS.on(scatter_set)
def set_at_constant(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``x[i] = v`` for a number i is an assignment to a slice."""
    x, u, *indices = eqn.ins
    axes, batch = eqn.params["axes"], eqn.params["batch"]
    place = known_place(indices, x.aval.shape, axes)
    if place is None or indices[0].aval.ndim != batch:
        return None
    part = tuple(1 if axis in place else dim for axis, dim in enumerate(x.aval.shape))
    starts = tuple(place.get(axis, 0) for axis in range(x.aval.ndim))
    value = at.emit(reshape, u, shape=part)
    return at.emit(assign, x, value, starts=starts, steps=(1,) * len(starts))


@ASSIGNMENTS.on(add)
def added_scattered(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``x + scatter_add(u)`` in a derivative: u is added where it belongs, not zeros everywhere else."""
    if not at.adjoint:
        return None
    for x, term in either(eqn):
        inner = at.made_by(term, scatter_add)
        if inner is not None and not isinstance(x, Lit) and at.made_by(x, scatter_add) is None:
            params = {name: value for name, value in inner.params.items() if name != "shape"}
            return at.emit(add_at, x, *inner.ins, **params)
    return None
