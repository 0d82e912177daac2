"""Operations that move elements about: `transpose`, `slice`, `embed`, `concatenate`.

With `reshape` and `broadcast` (in `linear.py`) they are all that NumPy's shape functions are made of.  None
computes anything: each is a map of indexes, which costs nothing once it is fused with what reads its result.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import INT64, Aval
from staticbp.core.lowering import IndexMap, Pieces, Reader
from staticbp.core.primitive import Primitive, Value, value_aval
from staticbp.core.schedule import Affine, Apply, Expr, Index
from staticbp.core.shape import Dim, Shape
from staticbp.errors import DtypeError, ShapeError
from staticbp.ops.linear import Linear, broadcast, fill, linear, literal, reshape
from staticbp.ops.lowering import all_of, along, compare, guarded, integer, zero

# ---- transpose ---------------------------------------------------------------------------------------------


def inverse(perm: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes `perm`.

    Examples
    --------
    >>> inverse((2, 0, 1))
    (1, 2, 0)
    """
    return tuple(sorted(range(len(perm)), key=lambda axis: perm[axis]))


def _transpose_pull(
    read: Reader, index: Sequence[Index], in_avals: Sequence[Aval], out: Aval, params: dict[str, Any]
) -> Expr:
    return read(0, tuple(index[axis] for axis in inverse(params["perm"])))


transpose: Linear = linear(
    "transpose",
    aval=lambda x, perm: Aval(shapes.permute(x.shape, perm), x.dtype),
    numpy=lambda x, perm: np.transpose(x, perm),
    transpose=lambda ct, x, perm: transpose(ct, perm=inverse(perm)),
    batch=lambda ins, size, perm: (ins, {"perm": (0, *(p + 1 for p in perm))}),
    lower=IndexMap(_transpose_pull),
)

# ---- slice and its dual, embed -----------------------------------------------------------------------------


def strided(starts: Sequence[int], steps: Sequence[int], counts: Sequence[int]) -> tuple[builtins.slice, ...]:
    """Python's slices that pick `counts` elements from `starts` on in `steps`."""
    stops = [a + s * n for a, s, n in zip(starts, steps, counts, strict=True)]
    return tuple(
        builtins.slice(a, stop if stop >= 0 else None, s) if n else builtins.slice(0, 0)
        for a, s, n, stop in zip(starts, steps, counts, stops, strict=True)
    )


def check_strided(whole: Shape, part: Shape, starts: Shape, steps: Sequence[int], what: str) -> None:
    """The elements picked lie within the whole, as far as that can be seen."""
    if not len(whole) == len(part) == len(starts) == len(steps):
        raise ShapeError(f"{what} of an array of dimension {len(whole)} has a start and a step for each axis")
    for extent, count, start, step in zip(whole, part, starts, steps, strict=True):
        if not shapes.is_static((extent, count, start)) or count == 0:
            continue
        ends = (start, start + step * (shapes.static(count) - 1))
        if not all(0 <= shapes.static(end) < shapes.static(extent) for end in ends):
            raise ShapeError(f"{what} from {start} in steps of {step} leaves an axis of size {extent}")


def _slice_aval(x: Aval, starts: Shape, steps: tuple[int, ...], shape: Shape) -> Aval:
    check_strided(x.shape, shape, starts, steps, "a slice")
    return Aval(shape, x.dtype)


def _slice_pull(
    read: Reader, index: Sequence[Index], in_avals: Sequence[Aval], out: Aval, params: dict[str, Any]
) -> Expr:
    where = zip(params["starts"], params["steps"], index, strict=True)
    return read(0, tuple(along(start, step, i) for start, step, i in where))


# Element i of the result is element start + step * i of the operand, axis by axis; steps may be negative.
slice: Linear = linear(
    "slice",
    aval=_slice_aval,
    numpy=lambda x, starts, steps, shape: x[strided(starts, steps, shape)],
    transpose=lambda ct, x, starts, steps, shape: embed(ct, starts=starts, steps=steps, shape=value_aval(x).shape),
    batch=lambda ins, size, starts, steps, shape: (
        ins,
        {"starts": (0, *starts), "steps": (1, *steps), "shape": (size, *shape)},
    ),
    lower=IndexMap(_slice_pull),
)


def _embed_aval(u: Aval, starts: Shape, steps: tuple[int, ...], shape: Shape) -> Aval:
    check_strided(shape, u.shape, starts, steps, "an embedding")
    return Aval(shape, u.dtype)


def _embed_numpy(u: Any, starts: tuple[int, ...], steps: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    out = np.zeros(shape, np.asarray(u).dtype)
    out[strided(starts, steps, np.shape(u))] = u
    return out


def _embed_pull(
    read: Reader, index: Sequence[Index], in_avals: Sequence[Aval], out: Aval, params: dict[str, Any]
) -> Expr:
    conditions: list[Expr] = []
    inner: list[Index] = []
    axes = zip(index, params["starts"], params["steps"], in_avals[0].shape, out.shape, strict=True)
    for i, start, step, count, extent in axes:
        stride = abs(step)
        span = shapes.size((count, stride))
        # The elements written lie from `first` on and before `last`; only what is not so of every index is asked.
        first = start if step > 0 else shapes.total((start, 1, shapes.negate(span)))
        last = shapes.total((start, span)) if step > 0 else shapes.total((start, 1))
        if not shapes.is_static((first,)) or shapes.static(first) > 0:
            conditions.append(compare(">=", i, Affine(first)))
        if not shapes.same((last,), (extent,)) and not _is_past(last, extent):
            conditions.append(compare("<", i, Affine(last)))
        away = along(shapes.negate(start) if step > 0 else start, 1 if step > 0 else -1, i)
        if stride > 1:
            conditions.append(compare("==", Apply("{0} % {1}", (away, integer(stride)), INT64), Affine(0)))
            away = Apply("{0} // {1}", (away, integer(stride)), INT64)
        inner.append(away)
    return guarded(all_of(conditions), read(0, tuple(inner)), zero(out.dtype))


def _is_past(last: Dim, extent: Dim) -> bool:
    """Whether a bound lies beyond every index of an axis, as far as that can be seen."""
    return shapes.is_static((last, extent)) and shapes.static(last) >= shapes.static(extent)


# Zeros of the given shape, with the operand written from `starts` on in `steps`.
embed: Linear = linear(
    "embed",
    aval=_embed_aval,
    numpy=_embed_numpy,
    transpose=lambda ct, u, starts, steps, shape: slice(ct, starts=starts, steps=steps, shape=value_aval(u).shape),
    batch=lambda ins, size, starts, steps, shape: (
        ins,
        {"starts": (0, *starts), "steps": (1, *steps), "shape": (size, *shape)},
    ),
    lower=IndexMap(_embed_pull),
)

# ---- concatenate -------------------------------------------------------------------------------------------


def _concatenate_aval(*parts: Aval, axis: int) -> Aval:
    first = parts[0]
    rest = shapes.without(first.shape, (axis,))
    for part in parts:
        if part.dtype != first.dtype:
            raise DtypeError(f"concatenate of {', '.join(map(str, parts))}: the dtypes differ")
        if part.ndim != first.ndim or not shapes.same(shapes.without(part.shape, (axis,)), rest):
            raise ShapeError(
                f"arrays of shapes {' and '.join(shapes.text(p.shape) for p in parts)} "
                f"cannot be joined along axis {axis}"
            )
    joined = shapes.total(part.shape[axis] for part in parts)
    return Aval((*first.shape[:axis], joined, *first.shape[axis + 1 :]), first.dtype)


def _concatenate_transpose(ct: Value, *parts: Value, axis: int) -> tuple[Value, ...]:
    cotangents = []
    start: Dim = 0
    for part in parts:
        shape = value_aval(part).shape
        cotangents.append(take_slice(ct, axis, start, 1, shape[axis]))
        start = shapes.total((start, shape[axis]))
    return tuple(cotangents)


concatenate: Linear = linear(
    "concatenate",
    aval=_concatenate_aval,
    numpy=lambda *parts, axis: np.concatenate(parts, axis=axis),
    transpose=_concatenate_transpose,
    batch=lambda ins, size, axis: (ins, {"axis": axis + 1}),
    lower=Pieces(),
)

# ---- what frontends are written with -----------------------------------------------------------------------

REARRANGE: tuple[Primitive, ...] = (transpose, slice, reshape, broadcast)
"""Operations of one operand whose results hold nothing but its elements: a literal stays a literal."""


def rearranged(op: Primitive, x: Value, **params: Any) -> Value:
    """One of `REARRANGE` applied to `x`; of a literal, the literal in its new shape."""
    lit = literal(x)
    return op(x, **params) if lit is None else fill(lit.value.item(), op.avals([lit.aval], params)[0])


def permuted(x: Value, perm: Sequence[int]) -> Value:
    """`x` with its axes in another order; nothing when the order is the same."""
    perm = tuple(perm)
    return x if perm == tuple(range(len(perm))) else rearranged(transpose, x, perm=perm)


def reshaped(x: Value, shape: Sequence[Dim]) -> Value:
    """`x` in another shape; nothing when the shape is the same."""
    resolved = shapes.resolve_reshape(value_aval(x).shape, shape)
    return x if shapes.same(resolved, value_aval(x).shape) else rearranged(reshape, x, shape=resolved)


def sliced(x: Value, starts: Sequence[Dim], steps: Sequence[int], shape: Sequence[Dim]) -> Value:
    """A strided part of `x`; nothing when that is the whole."""
    whole = value_aval(x).shape
    if shapes.same(shape, whole) and shapes.same(starts, (0,) * len(whole)) and all(s == 1 for s in steps):
        return x
    return rearranged(slice, x, starts=tuple(starts), steps=tuple(steps), shape=tuple(shape))


def take_slice(x: Value, axis: int, start: Dim, step: int, count: Dim) -> Value:
    """`count` elements of `x` along one axis, from `start` on."""
    whole = value_aval(x).shape
    starts = [start if a == axis else 0 for a in range(len(whole))]
    steps = [step if a == axis else 1 for a in range(len(whole))]
    return sliced(x, starts, steps, (*whole[:axis], count, *whole[axis + 1 :]))


def move_axis(x: Value, source: int, destination: int) -> Value:
    """`x` with one axis moved to another place."""
    rest = [axis for axis in range(value_aval(x).ndim) if axis != source]
    return permuted(x, (*rest[:destination], source, *rest[destination:]))


def swapped(x: Value) -> Value:
    """`x` with its last two axes exchanged."""
    rank = value_aval(x).ndim
    return permuted(x, (*range(rank - 2), rank - 1, rank - 2))
