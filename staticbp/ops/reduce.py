"""Reductions: sums, products, extremes, truth, and what NumPy makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import BOOL, INT64, Aval, check_dtype
from staticbp.core.lowering import Choose, Lowering, Reader, Reduce
from staticbp.core.primitive import Value, value_aval
from staticbp.core.schedule import Expr, Index
from staticbp.core.shape import Dim
from staticbp.errors import ShapeError, UnsupportedFunctionError
from staticbp.ops.arithmetic import maximum, minimum, where
from staticbp.ops.families import ZERO, General, general, linear
from staticbp.ops.linear import broadcast, broadcast_to, fill, operand, reshape, strong, to_dtype
from staticbp.ops.options import fresh, given, in_dtype, traced
from staticbp.ops.registry import implements, in_order, refuse
from staticbp.ops.shape import concatenate, take_slice

Axes = tuple[int, ...]
Axis = int | Sequence[int] | None

# ---- the primitives ---------------------------------------------------------------------------------------


def _aval(x: Aval, axes: Axes) -> Aval:
    return Aval(shapes.without(x.shape, axes), x.dtype)


def _shifted(axes: Axes) -> Axes:
    """The same axes behind a new leading one."""
    return tuple(axis + 1 for axis in axes)


def spread(part: Value, like: Value, axes: Axes) -> Value:
    """What was reduced, repeated along the axes it was reduced over."""
    shape = value_aval(like).shape
    return broadcast(part, shape=shape, dims=tuple(d for d in range(len(shape)) if d not in axes))


def _loops(combine: Mapping[str, str], initial: Callable[[np.dtype[Any]], Any]) -> Choose:
    """The lowering: loops that combine all elements, in a way that depends on the kind of the dtype."""

    def domain(in_avals: Sequence[Aval], params: dict[str, Any]) -> list[tuple[Dim, bool]]:
        return [(dim, axis in params["axes"]) for axis, dim in enumerate(in_avals[0].shape)]

    def element(read: Reader, index: Sequence[Index], params: dict[str, Any]) -> Expr:
        return read(0, tuple(index))

    def pick(in_avals: Sequence[Aval], params: dict[str, Any]) -> Lowering:
        kind = "f" if in_avals[0].dtype.kind == "f" else "i"
        return Reduce(combine[kind], lambda dtype: dtype.type(initial(dtype)), domain, element)

    return Choose(pick)


reduce_sum = linear(
    "reduce_sum",
    aval=_aval,
    numpy=lambda x, axes: np.sum(x, axis=axes, dtype=x.dtype),
    transpose=lambda ct, x, axes: spread(ct, x, axes),
    batch=lambda ins, size, axes: (ins, {"axes": _shifted(axes)}),
    lower=_loops({"f": "vm.radd({0}, {1})", "i": "{0} + {1}"}, lambda dtype: 0),
)


def products_of_others(x: Value) -> Value:
    """For each element of the last axis the product of all others, without dividing: right beside zeros.

    Halves are multiplied pairwise until one product is left, so the work is linear in the size.
    """
    count = shapes.static(value_aval(x).shape[-1], "the derivative of a product")
    if count < 2:
        return fill(1, value_aval(x))
    half = count // 2
    axis = value_aval(x).ndim - 1
    left, right = take_slice(x, axis, 0, 1, half), take_slice(x, axis, half, 1, half)
    if count == 2:
        return concatenate(right, left, axis=axis)
    pairs = left * right
    if count % 2 == 0:
        beyond = products_of_others(pairs)
        return concatenate(beyond * right, beyond * left, axis=axis)
    others = products_of_others(concatenate(pairs, take_slice(x, axis, count - 1, 1, 1), axis=axis))
    beyond, last = take_slice(others, axis, 0, 1, half), take_slice(others, axis, half, 1, 1)
    return concatenate(beyond * right, beyond * left, last, axis=axis)


def other_factors(x: Value, axes: Axes) -> Value:
    """For each element the product of those that it is multiplied with over `axes`."""
    shape = value_aval(x).shape
    kept = tuple(axis for axis in range(len(shape)) if axis not in axes)
    order = (*kept, *axes)
    moved = np.transpose(x, order)
    flat = (*(shape[axis] for axis in kept), shapes.size(shape[axis] for axis in axes))
    others = reshape(products_of_others(reshape(moved, shape=flat)), shape=value_aval(moved).shape)
    return np.transpose(others, tuple(np.argsort(order).tolist()))


reduce_prod: General = general(
    "reduce_prod",
    aval=_aval,
    numpy=lambda x, axes: np.prod(x, axis=axes, dtype=x.dtype),
    vjp=lambda ct, out, x, axes: spread(ct, x, axes) * other_factors(x, axes),
    jvp=lambda tangents, out, x, axes: reduce_sum(tangents[0] * other_factors(x, axes), axes=axes),
    batch=lambda size, ins, batched, axes: reduce_prod(ins[0], axes=_shifted(axes)),
    lower=_loops({"f": "vm.rmul({0}, {1})", "i": "{0} * {1}"}, lambda dtype: 1),
)


def _chosen(x: Value, out: Value, axes: Axes) -> tuple[Value, Value]:
    """Where an extreme is attained, and how many elements share it."""
    ties = x == spread(out, x, axes)
    return ties, reduce_sum(to_dtype(ties, value_aval(x).dtype), axes=axes)


def _extreme_vjp(ct: Value, out: Value, x: Value, axes: Axes) -> Value:
    """``ct`` in equal shares to the elements that attain the extreme."""
    ties, count = _chosen(x, out, axes)
    return where(ties, spread(ct / count, x, axes), 0)


def _extreme_jvp(tangents: Sequence[Value], out: Value, x: Value, axes: Axes) -> Value:
    ties, count = _chosen(x, out, axes)
    return reduce_sum(where(ties, tangents[0], 0), axes=axes) / count


def _extreme_aval(x: Aval, axes: Axes) -> Aval:
    return _aval(in_order(x), axes)


def _lowest(dtype: np.dtype[Any]) -> Any:
    if dtype == BOOL:
        return False
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _highest(dtype: np.dtype[Any]) -> Any:
    if dtype == BOOL:
        return True
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


reduce_max: General = general(
    "reduce_max",
    aval=_extreme_aval,
    numpy=lambda x, axes: np.max(x, axis=axes),
    vjp=_extreme_vjp,
    jvp=_extreme_jvp,
    batch=lambda size, ins, batched, axes: reduce_max(ins[0], axes=_shifted(axes)),
    lower=_loops({"f": "vm.rmax({0}, {1})", "i": "max({0}, {1})"}, _lowest),
)

reduce_min: General = general(
    "reduce_min",
    aval=_extreme_aval,
    numpy=lambda x, axes: np.min(x, axis=axes),
    vjp=_extreme_vjp,
    jvp=_extreme_jvp,
    batch=lambda size, ins, batched, axes: reduce_min(ins[0], axes=_shifted(axes)),
    lower=_loops({"f": "vm.rmin({0}, {1})", "i": "min({0}, {1})"}, _highest),
)

reduce_any: General = general(
    "reduce_any",
    aval=_aval,
    numpy=lambda x, axes: np.any(x, axis=axes),
    vjp=ZERO,
    jvp=ZERO,
    batch=lambda size, ins, batched, axes: reduce_any(ins[0], axes=_shifted(axes)),
    lower=_loops({"i": "{0} | {1}"}, lambda dtype: False),
)

reduce_all: General = general(
    "reduce_all",
    aval=_aval,
    numpy=lambda x, axes: np.all(x, axis=axes),
    vjp=ZERO,
    jvp=ZERO,
    batch=lambda size, ins, batched, axes: reduce_all(ins[0], axes=_shifted(axes)),
    lower=_loops({"i": "{0} & {1}"}, lambda dtype: True),
)

# ---- NumPy's functions ------------------------------------------------------------------------------------


def with_kept_axes(out: Value, like: Value, axes: Sequence[int], keepdims: Any) -> Value:
    """`out` as it is, or with a one for each axis that was reduced."""
    if not given(keepdims) or not keepdims:
        return out
    return reshape(out, shape=tuple(1 if d in axes else n for d, n in enumerate(value_aval(like).shape)))


def reduced(op: Callable[..., Value], a: Value, axis: Axis, keepdims: Any = False) -> Value:
    """`op` over NumPy's `axis`; over no axis at all it changes nothing."""
    a = traced(a)
    axes = shapes.normalize_axes(axis, value_aval(a).ndim)
    return with_kept_axes(op(a, axes=axes) if axes else fresh(strong(a)), a, axes, keepdims)


def accumulator(a: Value, dtype: Any) -> np.dtype[Any]:
    """The dtype in which NumPy adds and multiplies: small integers in the machine's own."""
    if dtype is not None:
        return check_dtype(np.dtype(dtype), "the result of a reduction")
    own = value_aval(a).dtype
    if own.kind in "fc" or own.itemsize == 8:
        return own
    return np.dtype(np.uint64) if own.kind == "u" else INT64


def _total(op: Callable[..., Value], a: Value, axis: Axis, dtype: Any, keepdims: Any, neutral: int, mask: Any) -> Value:
    a = in_dtype(a, accumulator(operand(a), dtype))
    return reduced(op, np.where(mask, a, neutral) if given(mask) else a, axis, keepdims)


@implements(np.sum)
def sum(
    a: Value,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = np._NoValue,
    initial: Value = np._NoValue,
    where: Value = np._NoValue,
) -> Value:
    """The sum over axes."""
    refuse("np.sum", out=out)
    total = _total(reduce_sum, a, axis, dtype, keepdims, 0, where)
    return total + in_dtype(initial, value_aval(total).dtype) if given(initial) else total


@implements(np.prod)
def prod(
    a: Value,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = np._NoValue,
    initial: Value = np._NoValue,
    where: Value = np._NoValue,
) -> Value:
    """The product over axes."""
    refuse("np.prod", out=out)
    total = _total(reduce_prod, a, axis, dtype, keepdims, 1, where)
    return total * in_dtype(initial, value_aval(total).dtype) if given(initial) else total


def _extreme(
    name: str,
    op: Callable[..., Value],
    on_bools: Callable[..., Value],
    more: Callable[[Value, Value], Value],
    a: Value,
    axis: Axis,
    keepdims: Any,
    initial: Any,
) -> Value:
    """The extreme element, and that of it and `initial` by `more`."""
    a = traced(a)
    aval = value_aval(a)
    axes = shapes.normalize_axes(axis, aval.ndim)
    start = in_dtype(initial, aval.dtype) if given(initial) else None
    if not all(shapes.is_surely(aval.shape[d], 1, f"np.{name}") for d in axes):
        if start is None:
            raise ShapeError(f"np.{name} of no elements: an array of shape {shapes.text(aval.shape)} over axes {axes}")
        return with_kept_axes(broadcast_to(start, shapes.without(aval.shape, axes)), a, axes, keepdims)
    extreme = reduced(on_bools if aval.dtype == BOOL else op, a, axes, keepdims)
    return extreme if start is None else more(extreme, start)


def _among(name: str, worst: Callable[[np.dtype[Any]], Any], a: Value, initial: Any, mask: Any) -> Value:
    """`a` with the worst value there is where the mask does not hold."""
    if not given(mask):
        return a
    if not given(initial):
        raise UnsupportedFunctionError(
            f"{name} with where= needs initial=, which is the result where nothing is chosen",
        )
    return where(mask, a, worst(value_aval(a).dtype))


@implements(np.max, np.amax)
def max(
    a: Value,
    axis: Axis = None,
    out: Any = None,
    keepdims: Any = np._NoValue,
    initial: Value = np._NoValue,
    where: Value = np._NoValue,
) -> Value:
    """The largest element over axes."""
    refuse("np.max", out=out)
    a = _among("np.max", _lowest, a, initial, where)
    return _extreme("max", reduce_max, reduce_any, maximum, a, axis, keepdims, initial)


@implements(np.min, np.amin)
def min(
    a: Value,
    axis: Axis = None,
    out: Any = None,
    keepdims: Any = np._NoValue,
    initial: Value = np._NoValue,
    where: Value = np._NoValue,
) -> Value:
    """The smallest element over axes."""
    refuse("np.min", out=out)
    a = _among("np.min", _highest, a, initial, where)
    return _extreme("min", reduce_min, reduce_all, minimum, a, axis, keepdims, initial)


@implements(np.ptp)
def ptp(a: Value, axis: Axis = None, out: Any = None, keepdims: Any = np._NoValue) -> Value:
    """The largest element less the smallest."""
    refuse("np.ptp", out=out)
    return max(a, axis, keepdims=keepdims) - min(a, axis, keepdims=keepdims)


@implements(np.any)
def any_(
    a: Value, axis: Axis = None, out: Any = None, keepdims: Any = np._NoValue, *, where: Value = np._NoValue
) -> Value:
    """Whether any element is true."""
    refuse("np.any", out=out)
    truth = in_dtype(a, BOOL)
    return reduced(reduce_any, truth & where if given(where) else truth, axis, keepdims)


@implements(np.all)
def all_(
    a: Value, axis: Axis = None, out: Any = None, keepdims: Any = np._NoValue, *, where: Value = np._NoValue
) -> Value:
    """Whether all elements are true."""
    refuse("np.all", out=out)
    truth = in_dtype(a, BOOL)
    return reduced(reduce_all, truth | np.logical_not(where) if given(where) else truth, axis, keepdims)


@implements(np.count_nonzero)
def count_nonzero(a: Value, axis: Axis = None, *, keepdims: bool = False) -> Value:
    """How many elements are not zero."""
    return sum(in_dtype(a, BOOL), axis, INT64, keepdims=keepdims)
