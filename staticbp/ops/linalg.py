"""NumPy's products, in terms of the five of `products.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.primitive import Value, value_aval
from staticbp.core.shape import Shape
from staticbp.errors import ShapeError
from staticbp.ops import products
from staticbp.ops.linear import broadcast_to
from staticbp.ops.options import alike, alike_arrays, as_ints, traced
from staticbp.ops.registry import NUMPY, implements, refuse
from staticbp.ops.shape import move_axis, permuted, reshaped, swapped

# ---- contraction: what all products come down to -----------------------------------------------------------


def contract(x: Value, y: Value, kept: Sequence[tuple[int, int]], summed: Sequence[tuple[int, int]]) -> Value:
    """The product of `x` and `y` along pairs of axes.

    The axes of the result are those of the `kept` pairs, then the free ones of `x`, then those of `y`.
    """
    dims_x, dims_y = value_aval(x).shape, value_aval(y).shape
    both_x, both_y = [a for a, _ in kept], [b for _, b in kept]
    sum_x, sum_y = [a for a, _ in summed], [b for _, b in summed]
    free_x = [a for a in range(len(dims_x)) if a not in {*both_x, *sum_x}]
    free_y = [b for b in range(len(dims_y)) if b not in {*both_y, *sum_y}]
    if not summed:
        product = products.outer(_rows(x, both_x, free_x), _rows(y, both_y, free_y))
    elif not free_x and not free_y:
        product = products.vecdot(_rows(x, both_x, sum_x), _rows(y, both_y, sum_y))
    elif not free_y:
        product = _vector_times(_rows(y, both_y, sum_y), x, both_x, sum_x, free_x)
    elif not free_x:
        product = _vector_times(_rows(x, both_x, sum_x), y, both_y, sum_y, free_y)
    else:
        product = products.matmul(_matrix(x, both_x, free_x, sum_x), _matrix(y, both_y, sum_y, free_y))
    result = [*(dims_x[a] for a in both_x), *(dims_x[a] for a in free_x), *(dims_y[b] for b in free_y)]
    return reshaped(product, result)


def _sizes(x: Value, axes: Sequence[int]) -> Shape:
    shape = value_aval(x).shape
    return tuple(shape[axis] for axis in axes)


def _rows(x: Value, kept: Sequence[int], axes: Sequence[int]) -> Value:
    """`x` with the `kept` axes first and the others, in the given order, made one."""
    return reshaped(permuted(x, (*kept, *axes)), (*_sizes(x, kept), shapes.size(_sizes(x, axes))))


def _matrix(x: Value, kept: Sequence[int], rows: Sequence[int], columns: Sequence[int]) -> Value:
    """`x` as matrices; where its axes lie the other way round, a transpose, which products take for free."""
    leading, height, width = _sizes(x, kept), shapes.size(_sizes(x, rows)), shapes.size(_sizes(x, columns))
    if [*kept, *columns, *rows] == list(range(value_aval(x).ndim)):
        return swapped(reshaped(x, (*leading, width, height)))
    return reshaped(permuted(x, (*kept, *rows, *columns)), (*leading, height, width))


def _vector_times(x: Value, y: Value, kept: Sequence[int], summed: Sequence[int], free: Sequence[int]) -> Value:
    if [*kept, *free, *summed] == list(range(value_aval(y).ndim)):
        return products.matvec(_matrix(y, kept, free, summed), x)
    return products.vecmat(x, _matrix(y, kept, summed, free))


# ---- matmul and the other generalised ufuncs ---------------------------------------------------------------


def _check_ranks(name: str, x: Value, y: Value, ranks: tuple[int, int]) -> None:
    for number, (value, least) in enumerate(zip((x, y), ranks, strict=True)):
        if value_aval(value).ndim < least:
            raise ShapeError(
                f"{name}: operand {number} has shape {shapes.text(value_aval(value).shape)}, "
                f"but at least {least} dimension{'s' if least > 1 else ''} are needed"
            )


def _check_summed(name: str, x: Value, y: Value, axis_x: int, axis_y: int) -> None:
    shape_x, shape_y = value_aval(x).shape, value_aval(y).shape
    if not shapes.same((shape_x[axis_x],), (shape_y[axis_y],)):
        raise ShapeError(
            f"{name} of shapes {shapes.text(shape_x)} and {shapes.text(shape_y)}: "
            f"{shape_x[axis_x]} and {shape_y[axis_y]} do not match"
        )


def _spread(x: Value, y: Value, ranks: tuple[int, int]) -> tuple[Value, Value]:
    """Operands whose leading axes, before the last `ranks`, are broadcast against each other."""
    shape_x, shape_y = value_aval(x).shape, value_aval(y).shape
    cut_x, cut_y = len(shape_x) - ranks[0], len(shape_y) - ranks[1]
    leading = shapes.broadcast(shape_x[:cut_x], shape_y[:cut_y])
    return (
        traced(broadcast_to(x, (*leading, *shape_x[cut_x:]))),
        traced(broadcast_to(y, (*leading, *shape_y[cut_y:]))),
    )


@implements(np.matmul, np.linalg.matmul)
def matmul(x1: Any, x2: Any, **options: Any) -> Value:
    """As `np.matmul`, and the operator ``@``."""
    refuse("np.matmul", **options)
    x, y = alike(x1, x2)
    _check_ranks("matmul", x, y, (1, 1))
    rank_x, rank_y = value_aval(x).ndim, value_aval(y).ndim
    _check_summed("matmul", x, y, -1, -2 if rank_y > 1 else -1)
    if rank_y == 1:
        return contract(x, y, (), [(rank_x - 1, 0)])
    if rank_x == 1 and rank_y == 2:
        return products.vecmat(x, y)
    if rank_x == 1:
        return products.vecmat(*_spread(x, y, (1, 2)))
    if rank_y == 2:  # the rows of all matrices of x in one product
        return contract(x, y, (), [(rank_x - 1, 0)])
    if rank_x == 2:
        return move_axis(contract(x, y, (), [(1, rank_y - 2)]), 0, rank_y - 2)
    return products.matmul(*_spread(x, y, (2, 2)))


@implements(np.vecdot)
def vecdot(x1: Any, x2: Any, axis: int = -1, **options: Any) -> Value:
    """As `np.vecdot`."""
    refuse("np.vecdot", **options)
    x, y = alike(x1, x2)
    _check_ranks("vecdot", x, y, (1, 1))
    x, y = (move_axis(v, shapes.normalize_axis(axis, value_aval(v).ndim), value_aval(v).ndim - 1) for v in (x, y))
    x = np.conjugate(x)
    _check_summed("vecdot", x, y, -1, -1)
    return products.vecdot(*_spread(x, y, (1, 1)))


@implements(np.linalg.vecdot)
def linalg_vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Value:
    """As `np.linalg.vecdot`."""
    return vecdot(x1, x2, axis=axis)


@implements(np.matvec)
def matvec(x1: Any, x2: Any, **options: Any) -> Value:
    """As `np.matvec`."""
    refuse("np.matvec", **options)
    a, x = alike(x1, x2)
    _check_ranks("matvec", a, x, (2, 1))
    _check_summed("matvec", a, x, -1, -1)
    if value_aval(a).ndim == 2:
        return contract(x, a, (), [(value_aval(x).ndim - 1, 1)])
    return products.matvec(*_spread(a, x, (2, 1)))


@implements(np.vecmat)
def vecmat(x1: Any, x2: Any, **options: Any) -> Value:
    """As `np.vecmat`."""
    refuse("np.vecmat", **options)
    x, a = alike(x1, x2)
    x = np.conjugate(x)
    _check_ranks("vecmat", x, a, (1, 2))
    _check_summed("vecmat", x, a, -1, -2)
    if value_aval(a).ndim == 2:
        return contract(x, a, (), [(value_aval(x).ndim - 1, 0)])
    return products.vecmat(*_spread(x, a, (1, 2)))


# ---- dot and its kin ---------------------------------------------------------------------------------------


@implements(np.dot)
def dot(a: Any, b: Any, out: Any = None) -> Value:
    """As `np.dot`."""
    refuse("np.dot", out=out)
    x, y = alike_arrays(a, b)
    rank_x, rank_y = value_aval(x).ndim, value_aval(y).ndim
    if not rank_x or not rank_y:
        return NUMPY[np.multiply](x, y)
    _check_summed("dot", x, y, -1, -2 if rank_y > 1 else -1)
    return contract(x, y, (), [(rank_x - 1, max(rank_y - 2, 0))])


@implements(np.inner)
def inner(a: Any, b: Any, /) -> Value:
    """As `np.inner`."""
    x, y = alike_arrays(a, b)
    rank_x, rank_y = value_aval(x).ndim, value_aval(y).ndim
    if not rank_x or not rank_y:
        return NUMPY[np.multiply](x, y)
    _check_summed("inner", x, y, -1, -1)
    return contract(x, y, (), [(rank_x - 1, rank_y - 1)])


@implements(np.vdot)
def vdot(a: Any, b: Any, /) -> Value:
    """As `np.vdot`."""
    x, y = (reshaped(v, (-1,)) for v in alike_arrays(a, b))
    _check_summed("vdot", x, y, -1, -1)
    return products.vecdot(np.conjugate(x), y)


@implements(np.outer)
def outer(a: Any, b: Any, out: Any = None) -> Value:
    """As `np.outer`."""
    refuse("np.outer", out=out)
    x, y = (reshaped(v, (-1,)) for v in alike_arrays(a, b))
    return products.outer(x, y)


@implements(np.linalg.outer)
def linalg_outer(x1: Any, x2: Any, /) -> Value:
    """As `np.linalg.outer`."""
    x, y = alike_arrays(x1, x2)
    if value_aval(x).ndim != 1 or value_aval(y).ndim != 1:
        raise ShapeError("np.linalg.outer takes one-dimensional operands")
    return products.outer(x, y)


@implements(np.kron)
def kron(a: Any, b: Any) -> Value:
    """As `np.kron`."""
    x, y = alike_arrays(a, b)
    rank = max(value_aval(x).ndim, value_aval(y).ndim)
    shape_x, shape_y = (((1,) * (rank - value_aval(v).ndim)) + value_aval(v).shape for v in (x, y))
    product = contract(reshaped(x, shape_x), reshaped(y, shape_y), (), ())
    interleaved = permuted(product, [axis + side for axis in range(rank) for side in (0, rank)])
    return reshaped(interleaved, [shapes.size(pair) for pair in zip(shape_x, shape_y, strict=True)])


@implements(np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Value:
    """As `np.tensordot`."""
    x, y = alike_arrays(a, b)
    rank_x, rank_y = value_aval(x).ndim, value_aval(y).ndim
    if hasattr(axes, "__index__") and not getattr(axes, "ndim", 0):
        count = int(axes)
        left, right = tuple(range(rank_x - count, rank_x)), tuple(range(count))
        if count > min(rank_x, rank_y):
            raise ShapeError(f"tensordot over {count} axes of arrays of dimensions {rank_x} and {rank_y}")
    else:
        left, right = (as_ints(side) for side in axes)
    if len(left) != len(right):
        raise ShapeError(f"tensordot takes as many axes of one operand as of the other, not {axes}")
    summed = [
        (shapes.normalize_axis(i, rank_x), shapes.normalize_axis(j, rank_y)) for i, j in zip(left, right, strict=True)
    ]
    for axis_x, axis_y in summed:
        _check_summed("tensordot", x, y, axis_x, axis_y)
    return contract(x, y, (), summed)


@implements(np.linalg.tensordot)
def linalg_tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Value:
    """As `np.linalg.tensordot`."""
    return tensordot(x1, x2, axes=axes)


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[Any], *, out: Any = None) -> Value:
    """As `np.linalg.multi_dot`, from left to right or from right to left, whichever is cheaper."""
    refuse("np.linalg.multi_dot", out=out)
    if len(arrays) < 2:
        raise ShapeError("np.linalg.multi_dot takes at least two arrays")
    values = alike_arrays(*arrays)
    if value_aval(values[-1]).ndim == 1:
        total = values[-1]
        for value in reversed(values[:-1]):
            total = dot(value, total)
        return total
    total = values[0]
    for value in values[1:]:
        total = dot(total, value)
    return total


# ---- trace -------------------------------------------------------------------------------------------------


@implements(np.trace)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Value:
    """As `np.trace`."""
    refuse("np.trace", out=out)
    return np.sum(np.diagonal(traced(a), offset, axis1, axis2), axis=-1, dtype=dtype)


@implements(np.linalg.trace)
def linalg_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Value:
    """As `np.linalg.trace`."""
    return trace(x, offset, -2, -1, dtype)
