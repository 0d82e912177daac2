"""Order: running sums and products, positions of extremes, sorting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import BOOL, INT64, Aval
from staticbp.core.lowering import Kernel
from staticbp.core.primitive import Value, value_aval
from staticbp.core.schedule import (
    Affine,
    Apply,
    Call,
    Const,
    If,
    Index,
    Let,
    Load,
    Local,
    Loop,
    Ref,
    Stmt,
    Store,
    Update,
    loop_index,
)
from staticbp.core.shape import Dim
from staticbp.errors import ShapeError
from staticbp.ops.families import ZERO, General, general, linear
from staticbp.ops.linear import Linear, fill, operand, reshape
from staticbp.ops.options import in_dtype, traced
from staticbp.ops.reduce import accumulator, with_kept_axes
from staticbp.ops.registry import implements, in_order, refuse
from staticbp.ops.shape import concatenate, move_axis, take_slice

# ---- loops along one axis ---------------------------------------------------------------------------------


def _along(shape: Sequence[Dim], axis: int, inner: Callable[[tuple[Affine, ...]], list[Stmt]]) -> list[Stmt]:
    """Loops over all axes but one, and within them the statements that run along that one."""
    names = ["row" if d == 0 else f"row{d}" for d in range(len(shape))]
    names[axis] = "step"
    body = inner(tuple(loop_index(name) for name in names))
    for d in reversed(range(len(shape))):
        if d != axis:
            body = [Loop(names[d], shape[d], body)]
    return body


def _running(combine: str, initial: int) -> Kernel:
    """A running total in a local scalar."""

    def emit(ins: Sequence[Ref], outs: Sequence[Ref], params: dict[str, Any]) -> list[Stmt]:
        (x,), (out,) = ins, outs
        axis = params["axis"]
        total = Local("so_far", x.dtype)

        def inner(index: tuple[Affine, ...]) -> list[Stmt]:
            step: list[Stmt] = [
                Update(total.name, combine, Load(x.buffer, x.at(index))),
                Store(out.buffer, out.at(index), total),
            ]
            start = Let(total.name, Const(x.dtype.type(initial)))
            return [start, Loop("step", x.shape[axis], step, reverse=params.get("reverse", False))]

        return _along(x.shape, axis, inner)

    return Kernel(emit)


# ---- running sums and products ----------------------------------------------------------------------------


def _cumsum_numpy(x: Any, axis: int, reverse: bool) -> Any:
    if not reverse:
        return np.cumsum(x, axis=axis, dtype=x.dtype)
    return np.flip(np.cumsum(np.flip(x, axis), axis=axis, dtype=x.dtype), axis)


# Forwards and backwards are each other's transposes.
cumsum: Linear = linear(
    "cumsum",
    aval=lambda x, axis, reverse: x,
    numpy=_cumsum_numpy,
    transpose=lambda ct, x, axis, reverse: cumsum(ct, axis=axis, reverse=not reverse),
    batch=lambda ins, size, axis, reverse: (ins, {"axis": axis + 1, "reverse": reverse}),
    lower=_running("{0} + {1}", 0),
)


def _last(x: Value) -> int:
    return int(value_aval(x).ndim) - 1


def _joined(first: Value, rest: Value) -> Value:
    return concatenate(first, rest, axis=_last(first))


def _part(x: Value, start: Dim, step: int, count: Dim) -> Value:
    """`count` elements along the last axis."""
    return take_slice(x, _last(x), start, step, count)


def _interleaved(even: Value, odd: Value) -> Value:
    """``even[0], odd[0], even[1], odd[1], ...`` along the last axis; `even` may be longer by one."""
    *rest, count = value_aval(odd).shape
    longer = value_aval(even).shape[-1] - count
    columns = [reshape(x, shape=(*rest, count, 1)) for x in (_part(even, 0, 1, count), odd)]
    pairs = reshape(_joined(*columns), shape=(*rest, 2 * count))
    return _joined(pairs, _part(even, count, 1, 1)) if longer else pairs


def _padded(x: Value, count: int) -> Value:
    """`x` with zeros behind it, `count` elements in all."""
    *rest, present = value_aval(x).shape
    if present == count:
        return x
    return _joined(x, fill(0, Aval((*rest, count - present), value_aval(x).dtype)))


@dataclass(frozen=True)
class _Halves:
    """The elements at even and at odd places of the last axis.

    A running product is, at odd places, that of the pairs, and at even places that of the pairs before, times
    the element.
    """

    even: Value
    odd: Value
    n_even: int
    n_odd: int

    @staticmethod
    def of(x: Value, count: int) -> _Halves:
        n_odd = count // 2
        return _Halves(_part(x, 0, 2, count - n_odd), _part(x, 1, 2, n_odd), count - n_odd, n_odd)

    @property
    def partners(self) -> Value:
        """The elements at even places that have one at an odd place behind them."""
        return _part(self.even, 0, 1, self.n_odd)

    @property
    def later(self) -> Value:
        """The elements at even places but the first."""
        return _part(self.even, 1, 1, self.n_even - 1)

    @property
    def pairs(self) -> Value:
        """The products of neighbours."""
        return self.partners * self.odd

    def products_before(self, products: Value) -> Value:
        """The running products of the pairs that stand before each of `later`."""
        return _part(products, 0, 1, self.n_even - 1)


def _last_axis_vjp(ct: Value, x: Value) -> Value:
    count = shapes.static(value_aval(x).shape[-1], "the derivative of np.cumprod")
    if count < 2:
        return ct
    halves, bars = _Halves.of(x, count), _Halves.of(ct, count)
    before = halves.products_before(cumprod(halves.pairs, axis=_last(x)))
    products_bar = bars.odd + _padded(bars.later * halves.later, halves.n_odd)
    pairs_bar = _last_axis_vjp(products_bar, halves.pairs)
    direct = _joined(_part(bars.even, 0, 1, 1), bars.later * before)
    even_bar = direct + _padded(pairs_bar * halves.odd, halves.n_even)
    return _interleaved(even_bar, pairs_bar * halves.partners)


def _last_axis_jvp(tangent: Value, x: Value) -> Value:
    count = shapes.static(value_aval(x).shape[-1], "the derivative of np.cumprod")
    if count < 2:
        return tangent
    halves, dots = _Halves.of(x, count), _Halves.of(tangent, count)
    before = halves.products_before(cumprod(halves.pairs, axis=_last(x)))
    pairs_dot = dots.partners * halves.odd + halves.partners * dots.odd
    products_dot = _last_axis_jvp(pairs_dot, halves.pairs)
    later = halves.products_before(products_dot) * halves.later + before * dots.later
    return _interleaved(_joined(_part(dots.even, 0, 1, 1), later), products_dot)


def _cumprod_vjp(ct: Value, out: Value, x: Value, axis: int) -> Value:
    """By halving, with products of other elements only: exact beside zeros, and to every order."""
    last = _last(x)
    return move_axis(_last_axis_vjp(move_axis(ct, axis, last), move_axis(x, axis, last)), last, axis)


def _cumprod_jvp(tangents: Sequence[Value], out: Value, x: Value, axis: int) -> Value:
    last = _last(x)
    return move_axis(_last_axis_jvp(move_axis(tangents[0], axis, last), move_axis(x, axis, last)), last, axis)


cumprod: General = general(
    "cumprod",
    aval=lambda x, axis: x,
    numpy=lambda x, axis: np.cumprod(x, axis=axis, dtype=x.dtype),
    vjp=_cumprod_vjp,
    jvp=_cumprod_jvp,
    batch=lambda size, ins, batched, axis: cumprod(ins[0], axis=axis + 1),
    lower=_running("{0} * {1}", 1),
)


def _run_along(op: Callable[..., Value], a: Value, axis: int | None, dtype: Any, **params: Any) -> Value:
    a = in_dtype(a, accumulator(operand(a), dtype))
    if axis is None or value_aval(a).ndim == 0:
        a, axis = reshape(a, shape=(-1,)), 0
    return op(a, axis=shapes.normalize_axis(axis, value_aval(a).ndim), **params)


@implements(np.cumsum)
def cumsum_(a: Value, axis: int | None = None, dtype: Any = None, out: Any = None) -> Value:
    """The sums of the elements up to each."""
    refuse("np.cumsum", out=out)
    return _run_along(cumsum, a, axis, dtype, reverse=False)


@implements(np.cumprod)
def cumprod_(a: Value, axis: int | None = None, dtype: Any = None, out: Any = None) -> Value:
    """The products of the elements up to each."""
    refuse("np.cumprod", out=out)
    return _run_along(cumprod, a, axis, dtype)


# ---- positions of extremes --------------------------------------------------------------------------------


def _search(better: str) -> Kernel:
    """The first position of the extreme; a NaN is more extreme than any number."""

    def emit(ins: Sequence[Ref], outs: Sequence[Ref], params: dict[str, Any]) -> list[Stmt]:
        (x,), (out,) = ins, outs
        axis = params["axis"]
        best, place = Local("best", x.dtype), Local("place", INT64)
        step = loop_index("step")

        def element(index: Sequence[Index], at: Affine) -> Load:
            return Load(x.buffer, x.at((*index[:axis], at, *index[axis + 1 :])))

        def inner(index: tuple[Affine, ...]) -> list[Stmt]:
            candidate = element(index, step)
            found: list[Stmt] = [Let(best.name, candidate), Let(place.name, step)]
            return [
                Let(best.name, element(index, Affine(0))),
                Let(place.name, Const(np.int64(0))),
                Loop("step", x.shape[axis], [If(Apply(better, (candidate, best), BOOL), found, [])]),
                Store(out.buffer, out.at((*index[:axis], *index[axis + 1 :])), place),
            ]

        return _along(x.shape, axis, inner)

    return Kernel(emit)


def _position_aval(x: Aval, axis: int) -> Aval:
    if not shapes.is_surely(x.shape[axis], 1, "the position of an extreme"):
        raise ShapeError(f"the position of an extreme of no elements: axis {axis} of {x}")
    return Aval(shapes.without(in_order(x).shape, (axis,)), INT64)


argmax: General = general(
    "argmax",
    aval=_position_aval,
    numpy=lambda x, axis: np.argmax(x, axis=axis),
    vjp=ZERO,
    jvp=ZERO,
    batch=lambda size, ins, batched, axis: argmax(ins[0], axis=axis + 1),
    lower=_search("not ({0} <= {1}) and {1} == {1}"),
)

argmin: General = general(
    "argmin",
    aval=_position_aval,
    numpy=lambda x, axis: np.argmin(x, axis=axis),
    vjp=ZERO,
    jvp=ZERO,
    batch=lambda size, ins, batched, axis: argmin(ins[0], axis=axis + 1),
    lower=_search("not ({0} >= {1}) and {1} == {1}"),
)


def _position(op: Callable[..., Value], a: Value, axis: int | None, keepdims: Any) -> Value:
    a = traced(a)
    shape = value_aval(a).shape
    if axis is None or not shape:
        places = op(reshape(a, shape=(-1,)), axis=0)
    else:
        axis = shapes.normalize_axis(axis, len(shape))
        places = op(a, axis=axis)
    return with_kept_axes(places, a, range(len(shape)) if axis is None else (axis,), keepdims)


@implements(np.argmax)
def argmax_(a: Value, axis: int | None = None, out: Any = None, *, keepdims: Any = np._NoValue) -> Value:
    """The first position of the largest element."""
    refuse("np.argmax", out=out)
    return _position(argmax, a, axis, keepdims)


@implements(np.argmin)
def argmin_(a: Value, axis: int | None = None, out: Any = None, *, keepdims: Any = np._NoValue) -> Value:
    """The first position of the smallest element."""
    refuse("np.argmin", out=out)
    return _position(argmin, a, axis, keepdims)


# ---- sorting ----------------------------------------------------------------------------------------------


def _by_rows(kernel: str) -> Kernel:
    """A call of a kernel that treats each row of a matrix, in loops over the axes before."""

    def emit(ins: Sequence[Ref], outs: Sequence[Ref], params: dict[str, Any]) -> list[Stmt]:
        (x,), (out,) = ins, outs
        leading = x.shape[:-2]
        names = ["batch" if d == 0 else f"batch{d}" for d in range(len(leading))]
        place = [loop_index(name) for name in names]
        x, out = x.row(*place), out.row(*place)
        body: list[Stmt] = [Call(kernel, (x, out), reads=(x,), writes=(out,))]
        for name, extent in zip(reversed(names), reversed(leading), strict=True):
            body = [Loop(name, extent, body)]
        return body

    return Kernel(emit)


def _rows_aval(dtype: np.dtype[Any] | None) -> Callable[[Aval], Aval]:
    def aval(x: Aval) -> Aval:
        if x.ndim < 2:
            raise ShapeError(f"sorting goes row by row, but {x} has no rows")
        return in_order(x) if dtype is None else in_order(x).with_dtype(dtype)

    return aval


def reordered(x: Value, order: Value) -> Value:
    """The elements of each row at the places of another."""
    return np.take_along_axis(x, order, axis=-1)


# Both sort along the last axis, stably; NaN comes last.
argsort: General = general(
    "argsort",
    aval=_rows_aval(INT64),
    numpy=lambda x: np.argsort(x, axis=-1, kind="stable"),
    vjp=ZERO,
    jvp=ZERO,
    batch=lambda size, ins, batched: argsort(ins[0]),
    lower=_by_rows("kernels.argsort"),
)

sort: General = general(
    "sort",
    aval=_rows_aval(None),
    numpy=lambda x: np.sort(x, axis=-1, kind="stable"),
    vjp=lambda ct, out, x: reordered(ct, argsort(argsort(x))),
    jvp=lambda tangents, out, x: reordered(tangents[0], argsort(x)),
    batch=lambda size, ins, batched: sort(ins[0]),
    lower=_by_rows("kernels.sort"),
)


def _sorted_along(op: Callable[..., Value], name: str, a: Value, axis: int | None) -> Value:
    a = traced(a)
    rank = value_aval(a).ndim
    if axis is None:
        a, axis, rank = reshape(a, shape=(-1,)), 0, 1
    if rank == 0:
        raise ShapeError(f"np.{name} of a scalar")
    axis = shapes.normalize_axis(axis, rank)
    if rank == 1:
        shape = value_aval(a).shape
        return reshape(op(reshape(a, shape=(1, *shape))), shape=shape)
    return move_axis(op(move_axis(a, axis, rank - 1)), rank - 1, axis)


@implements(np.sort)
def sort_(
    a: Value, axis: int | None = -1, kind: str | None = None, order: Any = None, *, stable: bool | None = None
) -> Value:
    """The elements in ascending order."""
    refuse("np.sort", order=order)
    return _sorted_along(sort, "sort", a, axis)


@implements(np.argsort)
def argsort_(
    a: Value, axis: int | None = -1, kind: str | None = None, order: Any = None, *, stable: bool | None = None
) -> Value:
    """The places of the elements in ascending order; equal ones keep theirs."""
    refuse("np.argsort", order=order)
    return _sorted_along(argsort, "argsort", a, axis)
