"""NumPy's shape functions of one array: reshapes, permutations of axes, broadcasts, flips and copies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval, check_dtype, promotion_token
from staticbp.core.primitive import Traced, Value, value_aval
from staticbp.core.shape import Dim, Shape
from staticbp.errors import ShapeError
from staticbp.ops.linear import broadcast_to as repeat_to
from staticbp.ops.linear import fill, strong, to_dtype
from staticbp.ops.options import as_ints, as_shape, fresh, refuse_order, traced
from staticbp.ops.registry import implements, refuse
from staticbp.ops.shape import move_axis, permuted, reshaped, sliced, swapped
from staticbp.ops.views import (
    gives_views,
    own,
    returns_fixed_view,
    returns_raveled,
    returns_reshaped,
    returns_view,
    view_of,
)


def shape_of(x: Value) -> Shape:
    """The shape of any value."""
    return value_aval(x).shape


def axis_of(axis: Any, x: Value) -> int:
    """One axis of `x`, counted from the front."""
    return shapes.normalize_axis(int(axis.__index__()), len(shape_of(x)))


def axes_of(axes: Any, rank: int) -> tuple[int, ...]:
    """Axes counted from the front, in the order given; none may occur twice."""
    listed = tuple(shapes.normalize_axis(axis, rank) for axis in as_ints(axes))
    if len(set(listed)) != len(listed):
        raise ShapeError(f"axes {tuple(as_ints(axes))} name an axis twice")
    return listed


# ---- reshape -----------------------------------------------------------------------------------------------


@implements(np.reshape)
@returns_reshaped
def reshape(a: Any, /, shape: Any = None, order: str = "C", *, copy: bool | None = None) -> Value:
    """As `np.reshape`."""
    refuse_order("np.reshape", order)
    x = traced(a)
    return reshaped(x, as_shape(shape))


@implements(np.ravel)
@returns_raveled
def ravel(a: Any, order: str = "C") -> Value:
    """As `np.ravel`."""
    refuse_order("np.ravel", order)
    return reshaped(traced(a), (-1,))


@implements(np.expand_dims)
@returns_view
def expand_dims(a: Any, axis: Any) -> Value:
    """As `np.expand_dims`."""
    x = traced(a)
    count = len(as_ints(axis))
    new = axes_of(axis, len(shape_of(x)) + count)
    old = iter(shape_of(x))
    return reshaped(x, [1 if a in new else next(old) for a in range(len(shape_of(x)) + count)])


@implements(np.squeeze)
@returns_view
def squeeze(a: Any, axis: Any = None) -> Value:
    """As `np.squeeze`."""
    x = traced(a)
    shape = shape_of(x)
    if axis is None:
        if not all(isinstance(dim, int) or shapes.at_least(dim, 2) for dim in shape):
            shapes.static_shape(shape, "np.squeeze without an axis")
        return reshaped(x, shapes.squeezed(shape))
    axes = axes_of(axis, len(shape))
    if any(not shapes.same((shape[a],), (1,)) for a in axes):
        raise ShapeError(f"axes {axes} of an array of shape {shapes.text(shape)} cannot be squeezed: not of size 1")
    return reshaped(x, shapes.without(shape, axes))


def _atleast(rank: int, x: Value) -> Value:
    shape = shape_of(x)
    if len(shape) >= rank:
        return x
    if rank == 3 and shape:
        return reshaped(x, (1, *shape, 1) if len(shape) == 1 else (*shape, 1))
    return reshaped(x, (1,) * (rank - len(shape)) + shape)


def _atleast_each(rank: int, arrays: Sequence[Any]) -> Any:
    results = tuple(
        view_of(array, _atleast(rank, traced(array)), lambda base: _atleast(rank, base)) for array in arrays
    )
    return results[0] if len(results) == 1 else results


@implements(np.atleast_1d)
@gives_views
def atleast_1d(*arys: Any) -> Any:
    """As `np.atleast_1d`."""
    return _atleast_each(1, arys)


@implements(np.atleast_2d)
@gives_views
def atleast_2d(*arys: Any) -> Any:
    """As `np.atleast_2d`."""
    return _atleast_each(2, arys)


@implements(np.atleast_3d)
@gives_views
def atleast_3d(*arys: Any) -> Any:
    """As `np.atleast_3d`."""
    return _atleast_each(3, arys)


# ---- permutations of axes ----------------------------------------------------------------------------------


@implements(np.transpose)
@returns_view
def transpose(a: Any, axes: Any = None) -> Value:
    """As `np.transpose`."""
    x = traced(a)
    rank = len(shape_of(x))
    if axes is None:
        return permuted(x, range(rank)[::-1])
    perm = axes_of(axes, rank)
    if len(perm) != rank:
        raise ShapeError(f"axes {perm} do not match an array of dimension {rank}")
    return permuted(x, perm)


@implements(np.matrix_transpose, np.linalg.matrix_transpose)
@returns_view
def matrix_transpose(x: Any, /) -> Value:
    """As `np.matrix_transpose`."""
    value = traced(x)
    if len(shape_of(value)) < 2:
        raise ShapeError("np.matrix_transpose needs an array of at least two dimensions")
    return swapped(value)


@implements(np.swapaxes)
@returns_view
def swapaxes(a: Any, axis1: int, axis2: int) -> Value:
    """As `np.swapaxes`."""
    x = traced(a)
    perm = list(range(len(shape_of(x))))
    first, second = axis_of(axis1, x), axis_of(axis2, x)
    perm[first], perm[second] = second, first
    return permuted(x, perm)


@implements(np.moveaxis)
@returns_view
def moveaxis(a: Any, source: Any, destination: Any) -> Value:
    """As `np.moveaxis`."""
    x = traced(a)
    rank = len(shape_of(x))
    sources, places = axes_of(source, rank), axes_of(destination, rank)
    if len(sources) != len(places):
        raise ShapeError("np.moveaxis takes as many destinations as sources")
    order = [axis for axis in range(rank) if axis not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return permuted(x, order)


@implements(np.rollaxis)
@returns_view
def rollaxis(a: Any, axis: int, start: int = 0) -> Value:
    """As `np.rollaxis`."""
    x = traced(a)
    rank = len(shape_of(x))
    moved = axis_of(axis, x)
    place = shapes.normalize_axis(start, rank + 1)
    return move_axis(x, moved, place - 1 if moved < place else place)


# ---- broadcasts --------------------------------------------------------------------------------------------


@implements(np.broadcast_to)
@returns_fixed_view
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Value:
    """As `np.broadcast_to`."""
    return traced(repeat_to(traced(array), as_shape(shape)))


@implements(np.broadcast_arrays)
@gives_views
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Value, ...]:
    """As `np.broadcast_arrays`."""
    values = [traced(arg) for arg in args]
    shape = shapes.broadcast(*(shape_of(value) for value in values))
    return tuple(broadcast_to(value, shape) for value in values)


@implements(np.meshgrid)
@gives_views
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Value, ...]:
    """As `np.meshgrid`."""
    if indexing not in ("xy", "ij"):
        raise ShapeError("np.meshgrid takes indexing='xy' or 'ij'")
    values = [reshaped(traced(x), (-1,)) for x in xi]
    rank = len(values)
    axes = list(range(rank))
    if indexing == "xy" and rank > 1:
        axes[:2] = 1, 0
    sizes: dict[int, Dim] = {axis: shape_of(v)[0] for axis, v in zip(axes, values, strict=True)}
    grids = [
        reshaped(value, [sizes[axis] if axis == own else 1 for axis in range(rank)])
        for own, value in zip(axes, values, strict=True)
    ]
    if not sparse:
        grids = [traced(repeat_to(grid, tuple(sizes[axis] for axis in range(rank)))) for grid in grids]
    return own(tuple(grids), xi) if copy else tuple(_grids_of(xi, grids, sparse=sparse, indexing=indexing))


def _grids_of(xi: Sequence[Any], grids: Sequence[Value], **options: Any) -> Iterator[Value]:
    """The grids as views of the vectors; to write to one that repeats them would be to write to all it repeats."""
    for number, (x, grid) in enumerate(zip(xi, grids, strict=True)):

        def again(base: Value, number: int = number) -> Value:
            return meshgrid(*xi[:number], base, *xi[number + 1 :], **options)[number]

        view = view_of(x, grid, again)
        if isinstance(view, Traced) and view is not x and not options["sparse"]:
            assert view.memory is not None
            view.memory.frozen = "np.meshgrid repeats the same elements in it"
        yield view


# ---- flips -------------------------------------------------------------------------------------------------


def reversed_along(x: Value, axes: Sequence[int]) -> Value:
    """`x` backwards along some of its axes."""
    shape = shape_of(x)
    starts = [shapes.total((dim, -1)) if a in axes and dim != 0 else 0 for a, dim in enumerate(shape)]
    return sliced(x, starts, [-1 if axis in axes else 1 for axis in range(len(shape))], shape)


@implements(np.flip)
@returns_view
def flip(m: Any, axis: Any = None) -> Value:
    """As `np.flip`."""
    x = traced(m)
    rank = len(shape_of(x))
    return reversed_along(x, range(rank) if axis is None else axes_of(axis, rank))


def _needs_rank(name: str, x: Value, rank: int) -> None:
    if len(shape_of(x)) < rank:
        raise ShapeError(f"{name} needs an array of at least {rank} dimension{'s' if rank > 1 else ''}")


@implements(np.fliplr)
@returns_view
def fliplr(m: Any) -> Value:
    """As `np.fliplr`."""
    x = traced(m)
    _needs_rank("np.fliplr", x, 2)
    return reversed_along(x, (1,))


@implements(np.flipud)
@returns_view
def flipud(m: Any) -> Value:
    """As `np.flipud`."""
    x = traced(m)
    _needs_rank("np.flipud", x, 1)
    return reversed_along(x, (0,))


@implements(np.rot90)
@returns_view
def rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Value:
    """As `np.rot90`."""
    x = traced(m)
    _needs_rank("np.rot90", x, 2)
    first, second = axes_of(axes, len(shape_of(x)))
    turns = int(k) % 4
    perm = list(range(len(shape_of(x))))
    perm[first], perm[second] = second, first
    if turns == 0:
        return x
    if turns == 2:
        return reversed_along(x, (first, second))
    if turns == 1:
        return permuted(reversed_along(x, (second,)), perm)
    return reversed_along(permuted(x, perm), (second,))


# ---- copies, conversions and constants of the same shape ---------------------------------------------------


@implements(np.copy)
def copy(a: Any, order: str = "K", subok: bool = False) -> Value:
    """As `np.copy`."""
    refuse_order("np.copy", order)
    return fresh(traced(a))


@implements(np.astype)
@gives_views
def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Value:
    """As `np.astype`."""
    refuse("np.astype", device=device)
    value = traced(x)
    converted = strong(traced(to_dtype(value, check_dtype(np.dtype(dtype), "the result of astype"))))
    return fresh(converted) if copy and converted is value else converted


def _constant_like(name: str, a: Any, number: Any, dtype: Any, order: str, shape: Any, device: Any) -> Value:
    refuse_order(name, order)
    refuse(name, device=device)
    aval = value_aval(traced(a))
    kind = aval.dtype if dtype is None else check_dtype(np.dtype(dtype), f"the result of {name}")
    return fill(number, Aval(aval.shape if shape is None else as_shape(shape), kind))


@implements(np.zeros_like)
def zeros_like(
    a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Value:
    """As `np.zeros_like`."""
    return _constant_like("np.zeros_like", a, 0, dtype, order, shape, device)


@implements(np.empty_like)
def empty_like(
    prototype: Any,
    /,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Value:
    """As `np.empty_like`, with zeros for what NumPy leaves to chance."""
    return _constant_like("np.empty_like", prototype, 0, dtype, order, shape, device)


@implements(np.ones_like)
def ones_like(
    a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Value:
    """As `np.ones_like`."""
    return _constant_like("np.ones_like", a, 1, dtype, order, shape, device)


@implements(np.full_like)
def full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Value:
    """As `np.full_like`; the value may be traced, and broadcasts."""
    like = _constant_like("np.full_like", a, 0, dtype, order, shape, device)
    return filled(fill_value, value_aval(like))


def filled(value: Any, aval: Aval) -> Value:
    """`value`, converted and broadcast to a type."""
    return traced(repeat_to(traced(to_dtype(traced(value), aval.dtype)), aval.shape))


# ---- questions ---------------------------------------------------------------------------------------------


@implements(np.shape)
def shape(a: Any) -> Shape:
    """As `np.shape`."""
    return shape_of(traced(a))


@implements(np.ndim)
def ndim(a: Any) -> int:
    """As `np.ndim`."""
    return len(shape_of(traced(a)))


@implements(np.size)
def size(a: Any, axis: Any = None) -> Dim:
    """As `np.size`."""
    x = traced(a)
    if axis is None:
        return shapes.size(shape_of(x))
    return shapes.size(shape_of(x)[i] for i in axes_of(axis, len(shape_of(x))))


@implements(np.result_type)
def result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    """As `np.result_type`."""
    tokens = [promotion_token(value_aval(a)) if isinstance(a, Traced) else a for a in arrays_and_dtypes]
    return np.result_type(*(token(0) if token is int or token is float else token for token in tokens))
