"""Diagonals and triangles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.lowering import IndexMap, Reader
from staticbp.core.primitive import Value, value_aval
from staticbp.core.schedule import Expr, Index
from staticbp.errors import ShapeError
from staticbp.ops.linear import Linear, broadcast_to, linear
from staticbp.ops.lowering import along, compare, guarded, zero
from staticbp.ops.options import traced
from staticbp.ops.registry import implements
from staticbp.ops.shape import embed, permuted, reshaped, sliced
from staticbp.ops.views import gives_views, returns_fixed_view


def diagonal_of(x: Value, offset: int, axis1: int, axis2: int) -> Value:
    """The diagonal of two axes, as the last axis: every so many elements of the two laid end to end."""
    rank = value_aval(x).ndim
    if rank < 2:
        raise ShapeError("a diagonal needs an array of at least two dimensions")
    first, second = shapes.normalize_axis(axis1, rank), shapes.normalize_axis(axis2, rank)
    if first == second:
        raise ShapeError("axis1 and axis2 of a diagonal are the same axis")
    rest = [axis for axis in range(rank) if axis not in (first, second)]
    x = permuted(x, (*rest, first, second))
    *leading, rows, columns = value_aval(x).shape
    rows, columns = shapes.static_shape((rows, columns), "a diagonal")
    count = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    start = max(offset, 0) + max(-offset, 0) * columns
    flat = reshaped(x, (*leading, rows * columns))
    return sliced(
        flat,
        (*(0 for _ in leading), start if count else 0),
        (*(1 for _ in leading), columns + 1),
        (*leading, count),
    )


@implements(np.diagonal)
@returns_fixed_view
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """As `np.diagonal`."""
    return diagonal_of(traced(a), int(offset), int(axis1), int(axis2))


@implements(np.linalg.diagonal)
@returns_fixed_view
def linalg_diagonal(x: Any, /, *, offset: int = 0) -> Value:
    """As `np.linalg.diagonal`."""
    return diagonal_of(traced(x), int(offset), -2, -1)


@implements(np.diag)
@gives_views
def diag(v: Any, k: int = 0) -> Value:
    """As `np.diag`: the diagonal of a matrix, or the matrix of a diagonal."""
    x = traced(v)
    rank = value_aval(x).ndim
    if rank == 2:
        return diagonal(x, k)
    if rank != 1:
        raise ShapeError(f"np.diag takes a vector or a matrix, not an array of dimension {rank}")
    count = shapes.static(value_aval(x).shape[0], "np.diag")
    side = count + abs(int(k))
    start = int(k) if k >= 0 else -int(k) * side
    flat = embed(x, starts=(start if count else 0,), steps=(side + 1,), shape=(side * side,))
    return reshaped(flat, (side, side))


@implements(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Value:
    """As `np.diagflat`."""
    return diag(reshaped(traced(v), (-1,)), k)


def _triangle_numpy(x: Any, k: int, lower: bool) -> Any:
    return np.tril(x, k) if lower else np.triu(x, k)


def _triangle_pull(
    read: Reader, index: Sequence[Index], in_avals: Sequence[Aval], out: Aval, params: dict[str, Any]
) -> Expr:
    *_, row, column = index
    inside = compare("<=" if params["lower"] else ">=", column, along(params["k"], 1, row))
    return guarded(inside, read(0, index), zero(out.dtype))


# The elements on the diagonal `k` and below it, or above it; zeros elsewhere.
triangle: Linear = linear(
    "triangle",
    aval=lambda x, k, lower: x,
    numpy=_triangle_numpy,
    transpose=lambda ct, x, k, lower: triangle(ct, k=k, lower=lower),
    batch=lambda ins, size, k, lower: (ins, {"k": k, "lower": lower}),
    lower=IndexMap(_triangle_pull),
)


def _triangle(name: str, m: Any, k: int, lower: bool) -> Value:
    x = traced(m)
    aval = value_aval(x)
    if aval.ndim < 1:
        raise ShapeError(f"{name} needs an array of at least one dimension")
    if aval.ndim == 1:  # NumPy repeats the vector in each row
        x = traced(broadcast_to(x, (*aval.shape, *aval.shape)))
    return triangle(x, k=int(k), lower=lower)


@implements(np.tril)
def tril(m: Any, k: int = 0) -> Value:
    """As `np.tril`."""
    return _triangle("np.tril", m, k, lower=True)


@implements(np.triu)
def triu(m: Any, k: int = 0) -> Value:
    """As `np.triu`."""
    return _triangle("np.triu", m, k, lower=False)
