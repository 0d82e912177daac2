"""NumPy's norms of vectors and matrices."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.primitive import Value, value_aval
from staticbp.errors import ShapeError, UnsupportedFunctionError
from staticbp.ops import products
from staticbp.ops.decompositions import as_float, svdvals
from staticbp.ops.options import as_ints
from staticbp.ops.registry import implements
from staticbp.ops.shape import move_axis, reshaped


def _root(squares: Value) -> Value:
    """The square root of a sum of squares, whose derivative is 0 where the sum is."""
    nothing = squares == 0
    return np.where(nothing, 0, np.sqrt(np.where(nothing, 1, squares)))


def _squares(x: Value) -> Value:
    """The squares of absolute values."""
    if value_aval(x).dtype.kind != "c":
        return x * x
    return x.real * x.real + x.imag * x.imag


@implements(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Value:  # noqa: A002
    """As `np.linalg.norm`."""
    value = as_float(x)
    rank = value_aval(value).ndim
    if axis is None and (ord is None or (ord in ("f", "fro") and rank == 2) or (ord == 2 and rank == 1)):
        flat = reshaped(value, (-1,))
        complicated = value_aval(flat).dtype.kind == "c"
        total = _root(np.sum(_squares(flat)) if complicated else products.vecdot(flat, flat))
        return reshaped(total, (1,) * rank) if keepdims else total
    axes = tuple(range(rank)) if axis is None else tuple(shapes.normalize_axis(a, rank) for a in as_ints(axis))
    if len(axes) == 1:
        return _vector_norm(value, 2 if ord is None else ord, axes, keepdims)
    if len(axes) == 2 and axes[0] != axes[1]:
        return _matrix_norm(value, "fro" if ord is None else ord, axes, keepdims)
    raise ShapeError("np.linalg.norm takes one axis, for vectors, or two, for matrices")


def _vector_norm(x: Any, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Value:  # noqa: A002
    if ord == 2:
        return _root(np.sum(_squares(x), axis=axes, keepdims=keepdims))
    if ord == 1:
        return np.sum(np.abs(x), axis=axes, keepdims=keepdims)
    if ord == inf:
        return np.max(np.abs(x), axis=axes, keepdims=keepdims)
    if ord == -inf:
        return np.min(np.abs(x), axis=axes, keepdims=keepdims)
    if ord == 0:
        return np.sum((x != 0).astype(x.real.dtype), axis=axes, keepdims=keepdims)
    if not isinstance(ord, int | float):
        raise UnsupportedFunctionError(f"np.linalg.norm of vectors with ord={ord!r} is not supported on traced values")
    total = np.sum(np.abs(x) ** ord, axis=axes, keepdims=keepdims)
    if ord < 0:
        return total ** (1 / ord)
    nothing = total == 0
    return np.where(nothing, 0, np.where(nothing, 1, total) ** (1 / ord))


def _matrix_norm(x: Any, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Value:  # noqa: A002
    if ord in ("f", "fro"):
        return _root(np.sum(_squares(x), axis=axes, keepdims=keepdims))
    if ord in (2, -2, "nuc"):
        return _singular_norm(x, ord, axes, keepdims)
    if ord not in (1, inf, -1, -inf):
        raise UnsupportedFunctionError(
            f"np.linalg.norm of matrices with ord={ord!r}", advice="There are 'fro', 'nuc', 1, -1, 2, -2, inf and -inf."
        )
    rows, columns = axes
    summed, ranged = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = np.sum(np.abs(x), axis=summed, keepdims=True)
    extreme = np.max(sums, axis=ranged, keepdims=True) if ord > 0 else np.min(sums, axis=ranged, keepdims=True)
    return extreme if keepdims else np.squeeze(extreme, axis=axes)


def _singular_norm(x: Any, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Value:  # noqa: A002
    """The largest singular value, the smallest, or the sum of them."""
    rank = value_aval(x).ndim
    rows, columns = axes
    last = move_axis(x, rows, rank - 1)
    s = svdvals(move_axis(last, columns - (columns > rows), rank - 1))
    total = np.sum(s, axis=-1) if ord == "nuc" else np.max(s, axis=-1) if ord == 2 else np.min(s, axis=-1)
    kept = [1 if axis in axes else dim for axis, dim in enumerate(value_aval(x).shape)]
    return reshaped(total, kept) if keepdims else total


@implements(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Value:  # noqa: A002
    """As `np.linalg.vector_norm`."""
    value = as_float(x)
    axes = shapes.normalize_axes(None if axis is None else as_ints(axis), value_aval(value).ndim)
    return _vector_norm(value, ord, axes, keepdims)


@implements(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Value:  # noqa: A002
    """As `np.linalg.matrix_norm`."""
    value = as_float(x)
    rank = value_aval(value).ndim
    return _matrix_norm(value, ord, (rank - 2, rank - 1), keepdims)
