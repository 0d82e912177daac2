"""Simplification of operations that move whole axes about: transposes, reshapes, repetitions.

Each rule composes two moves into one, or takes a move out of the way of an operation that can do without it.
"""

from __future__ import annotations

from collections.abc import Sequence

from staticbp.core import shape as shapes
from staticbp.core.graph import Atom, Eqn, Lit
from staticbp.core.shape import Shape
from staticbp.ops.arithmetic import mul, neg
from staticbp.ops.linear import broadcast, reshape
from staticbp.ops.products import matvec, outer, vecdot, vecmat
from staticbp.ops.reduce import reduce_all, reduce_any, reduce_max, reduce_min, reduce_prod, reduce_sum
from staticbp.ops.shape import inverse, transpose
from staticbp.passes.rewrite import Rewriter, Rules, filled

REDUCTIONS = (reduce_sum, reduce_prod, reduce_max, reduce_min, reduce_any, reduce_all)
MOVES = Rules()


# ---- transposes, reshapes, repetitions ------------------------------------------------------------------------


@MOVES.on(transpose)
def permuted(at: Rewriter, eqn: Eqn) -> Atom | None:
    """Axes left in place; a permutation of a permutation; one that moves only axes of size one is a reshape."""
    (x,), perm = eqn.ins, eqn.params["perm"]
    if perm == tuple(range(len(perm))):
        return x
    inner = at.made_by(x, transpose)
    if inner is not None:
        return at.emit(transpose, inner.ins[0], perm=tuple(inner.params["perm"][axis] for axis in perm))
    wide = [axis for axis in perm if x.aval.shape[axis] != 1]
    return at.emit(reshape, x, shape=eqn.outs[0].aval.shape) if wide == sorted(wide) else None


@MOVES.on(transpose)
def permuted_repetition(at: Rewriter, eqn: Eqn) -> Atom | None:
    """The transpose of a repetition repeats along other axes, if the operand's own axes keep their order."""
    inner = at.made_by(eqn.ins[0], broadcast)
    if inner is None:
        return None
    place = inverse(eqn.params["perm"])
    dims = tuple(place[d] for d in inner.params["dims"])
    if list(dims) != sorted(dims):
        return None
    return at.emit(broadcast, inner.ins[0], shape=eqn.outs[0].aval.shape, dims=dims)


@MOVES.on(transpose)
def permuted_outer(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``(x y^T)^T = y x^T``."""
    inner = at.made_by(eqn.ins[0], outer)
    if inner is None or not _swaps_last_two(eqn.params["perm"]):
        return None
    return at.emit(outer, *reversed(inner.ins))


@MOVES.on(reshape)
def reshaped(at: Rewriter, eqn: Eqn) -> Atom | None:
    """The same shape; a reshape of a reshape."""
    (x,), out = eqn.ins, eqn.outs[0].aval
    if x.aval == out:
        return x
    inner = at.under(reshape, x)
    return None if inner is None else at.emit(reshape, inner, shape=out.shape)


@MOVES.on(reshape)
def reshaped_repetition(at: Rewriter, eqn: Eqn) -> Atom | None:
    """A repetition with axes of size one added or taken away is one itself; so is any shape of a repeated scalar."""
    inner = at.made_by(eqn.ins[0], broadcast)
    if inner is None:
        return None
    shape, dims = eqn.outs[0].aval.shape, inner.params["dims"]
    if not dims:
        return at.emit(broadcast, inner.ins[0], shape=shape, dims=())
    place = unit_axes_apart(inner.outs[0].aval.shape, shape)
    if place is None or any(d not in place for d in dims):
        return None
    return at.emit(broadcast, inner.ins[0], shape=shape, dims=tuple(place[d] for d in dims))


@MOVES.on(broadcast)
def repeated(at: Rewriter, eqn: Eqn) -> Atom | None:
    """Repetition along no axis, or only along axes of size one; of a repetition; of a reshape that adds axes."""
    (x,), out, dims = eqn.ins, eqn.outs[0].aval, eqn.params["dims"]
    if x.aval == out:
        return x
    if x.aval.ndim and shapes.same(shapes.squeezed(x.aval.shape), shapes.squeezed(out.shape)):
        return at.emit(reshape, x, shape=out.shape)
    inner = at.made_by(x, broadcast, reshape)
    if inner is None:
        return None
    source = inner.ins[0]
    if inner.op is broadcast:
        return at.emit(broadcast, source, shape=out.shape, dims=tuple(dims[d] for d in inner.params["dims"]))
    place = unit_axes_apart(source.aval.shape, x.aval.shape)
    if place is None or len(place) != source.aval.ndim:
        return None
    return at.emit(broadcast, source, shape=out.shape, dims=tuple(dims[place[k]] for k in range(len(place))))


def elementwise_of_repeated(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``f(repeat(x), repeat(y), a) = repeat(f(x, y, a))`` for numbers a; so for added axes of size one."""
    first: Eqn | None = None
    sources: list[Atom] = []
    for atom in eqn.ins:
        if isinstance(atom, Lit):
            sources.append(atom)
            continue
        move = at.made_by(atom, broadcast, reshape)
        if move is None:
            return None
        first = first or move
        if move.op is not first.op or move.ins[0].aval.shape != first.ins[0].aval.shape or move.params != first.params:
            return None
        sources.append(move.ins[0])
    if first is None or (first.op is reshape and not _adds_axes(first)):
        return None
    shape = first.ins[0].aval.shape
    operands = [filled(a.value, a.aval.with_shape(shape).strong()) if isinstance(a, Lit) else a for a in sources]
    part = at.emit(eqn.op, *operands, **eqn.params)
    return at.emit(first.op, part, **first.params)


def _adds_axes(eqn: Eqn) -> bool:
    """Whether a reshape only adds axes of size one."""
    source = eqn.ins[0].aval.shape
    return shapes.same(source, shapes.squeezed(eqn.outs[0].aval.shape))


def unit_axes_apart(old: Shape, new: Shape) -> dict[int, int] | None:
    """Where each axis goes, for shapes that differ only in axes of size one (those are left out)."""
    if not shapes.same(shapes.squeezed(old), shapes.squeezed(new)):
        return None
    before = [axis for axis, dim in enumerate(old) if dim != 1]
    after = [axis for axis, dim in enumerate(new) if dim != 1]
    return dict(zip(before, after, strict=True))


def _swaps_last_two(perm: Sequence[int]) -> bool:
    last = len(perm) - 1
    return tuple(perm) == (*range(last - 1), last, last - 1)


# ---- reductions -----------------------------------------------------------------------------------------------


@MOVES.on(reduce_sum, reduce_prod)
def reduced_nothing(at: Rewriter, eqn: Eqn) -> Atom | None:
    """The sum of nothing is 0, and its product 1."""
    (x,), out = eqn.ins, eqn.outs[0].aval
    if not any(shapes.same((x.aval.shape[axis],), (0,)) for axis in eqn.params["axes"]):
        return None
    return filled(0 if eqn.op is reduce_sum else 1, out)


@MOVES.on(*REDUCTIONS)
def reduced_over_units(at: Rewriter, eqn: Eqn) -> Atom | None:
    """Over axes of size one, a reduction is a reshape."""
    (x,), axes = eqn.ins, eqn.params["axes"]
    wide = tuple(axis for axis in axes if x.aval.shape[axis] != 1)
    if len(wide) == len(axes) and axes:
        return None
    part = at.emit(eqn.op, x, axes=wide) if wide else x
    return at.emit(reshape, part, shape=eqn.outs[0].aval.shape)


@MOVES.on(*REDUCTIONS)
def reduced_reshape(at: Rewriter, eqn: Eqn) -> Atom | None:
    """Axes of size one need not be added or taken away before a reduction, only after it."""
    (x,), axes = eqn.ins, eqn.params["axes"]
    inner = at.under(reshape, x)
    place = None if inner is None else unit_axes_apart(x.aval.shape, inner.aval.shape)
    if inner is None or place is None or any(axis not in place for axis in axes):
        return None
    part = at.emit(eqn.op, inner, axes=tuple(place[axis] for axis in axes))
    return at.emit(reshape, part, shape=eqn.outs[0].aval.shape)


@MOVES.on(*REDUCTIONS)
def reduced_transpose(at: Rewriter, eqn: Eqn) -> Atom | None:
    """Axes that are reduced over need not be moved before."""
    inner = at.made_by(eqn.ins[0], transpose)
    if inner is None:
        return None
    perm = inner.params["perm"]
    axes = tuple(sorted(perm[axis] for axis in eqn.params["axes"]))
    left = [axis for axis in perm if axis not in axes]
    part = at.emit(eqn.op, inner.ins[0], axes=axes)
    rank = sorted(left)
    return at.emit(transpose, part, perm=tuple(rank.index(axis) for axis in left))


@MOVES.on(reduce_sum, reduce_max, reduce_min, reduce_any, reduce_all)
def reduced_repetition(at: Rewriter, eqn: Eqn) -> Atom | None:
    """The sum of n copies of x is n x, the largest of them is x; what is repeated beside is repeated after."""
    inner = at.made_by(eqn.ins[0], broadcast)
    if inner is None:
        return None
    axes, dims = eqn.params["axes"], inner.params["dims"]
    repetitions = [axis for axis in axes if axis not in dims]
    shape = inner.outs[0].aval.shape
    copies = shapes.size(shape[axis] for axis in repetitions)
    if not isinstance(copies, int) or not copies:
        return None
    part = inner.ins[0]
    own = tuple(k for k, d in enumerate(dims) if d in axes)
    if own:
        part = at.emit(eqn.op, part, axes=own)
    if eqn.op is reduce_sum and repetitions:
        part = at.emit(mul, filled(copies, part.aval), part)
    left = [axis for axis in range(len(shape)) if axis not in axes]
    place = tuple(left.index(d) for d in dims if d not in axes)
    return at.emit(broadcast, part, shape=eqn.outs[0].aval.shape, dims=place)


@MOVES.on(reduce_sum)
def sum_of_negated(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``sum(-x) = -sum(x)``."""
    inner = at.under(neg, eqn.ins[0])
    return None if inner is None else at.emit(neg, at.emit(reduce_sum, inner, **eqn.params))


# ---- products -------------------------------------------------------------------------------------------------


@MOVES.on(matvec, vecmat)
def product_with_transposed(at: Rewriter, eqn: Eqn) -> Atom | None:
    """A^T x = x A, and x A^T = A x."""
    a, x = eqn.ins if eqn.op is matvec else reversed(eqn.ins)
    inner = at.made_by(a, transpose)
    if inner is None or not _swaps_last_two(inner.params["perm"]):
        return None
    source = inner.ins[0]
    return at.emit(vecmat, x, source) if eqn.op is matvec else at.emit(matvec, source, x)


@MOVES.on(vecdot, matvec, vecmat)
def product_with_ones(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``x . 1 = sum(x)``, A 1 and 1 A likewise."""
    x, y = eqn.ins
    rank = eqn.outs[0].aval.ndim
    if x.aval.dtype.kind == "b":
        return None
    if isinstance(y, Lit) and y.is_value(1) and eqn.op is not vecmat:
        return at.emit(reduce_sum, x, axes=(x.aval.ndim - 1,))
    if isinstance(x, Lit) and x.is_value(1) and eqn.op is not matvec:
        return at.emit(reduce_sum, y, axes=(rank - 1 if eqn.op is vecmat else rank,))
    return None


@MOVES.on(outer)
def outer_with_constant(at: Rewriter, eqn: Eqn) -> Atom | None:
    """An outer product with a repeated number is a multiple, repeated."""
    x, y = eqn.ins
    out = eqn.outs[0].aval
    leading = tuple(range(out.ndim - 2))
    if out.dtype.kind == "b":
        return None
    if isinstance(y, Lit):
        scaled = at.emit(mul, x, filled(y.value, x.aval))
        return at.emit(broadcast, scaled, shape=out.shape, dims=(*leading, out.ndim - 2))
    if isinstance(x, Lit):
        scaled = at.emit(mul, filled(x.value, y.aval), y)
        return at.emit(broadcast, scaled, shape=out.shape, dims=(*leading, out.ndim - 1))
    return None
