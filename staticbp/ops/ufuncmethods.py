"""The methods of ufuncs: ``np.add.reduce``, ``np.maximum.accumulate``, ``np.subtract.outer`` and their like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.primitive import Traced, Value, value_aval
from staticbp.errors import ShapeError, UnsupportedFunctionError
from staticbp.ops.joining import joined
from staticbp.ops.options import given, in_dtype, traced
from staticbp.ops.registry import NUMPY, refuse, ufunc_dtypes
from staticbp.ops.shape import move_axis, take_slice
from staticbp.ops.special import logsumexp

_REDUCTIONS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
    np.logical_and: np.all,
    np.logical_or: np.any,
}

_RUNNING: dict[np.ufunc, Callable[..., Any]] = {np.add: np.cumsum, np.multiply: np.cumprod}

# Of these the order in which elements are put together does not matter, so that halves can be.
_ASSOCIATIVE = (
    np.maximum,
    np.minimum,
    np.fmax,
    np.fmin,
    np.hypot,
    np.logaddexp,
    np.logaddexp2,
    np.bitwise_and,
    np.bitwise_or,
    np.bitwise_xor,
    np.logical_and,
    np.logical_or,
    np.logical_xor,
)


def ufunc_method(ufunc: np.ufunc, method: str) -> Callable[..., Any]:
    """What traced values do for a method of a ufunc."""
    ours = _METHODS.get(method)
    if ours is None or ufunc.nin != 2 or ufunc.nout != 1:
        raise UnsupportedFunctionError(f"np.{ufunc.__name__}.{method} is not supported on traced values")
    return lambda *args, **options: ours(ufunc, *args, **options)


def _outer(ufunc: np.ufunc, x: Any, y: Any, **options: Any) -> Value:
    x, y = traced(x), traced(y)
    spread = (*value_aval(x).shape, *(1,) * value_aval(y).ndim)
    return ufunc(np.reshape(x, spread), y, **options)


# ---- reductions --------------------------------------------------------------------------------------------


def _reduce(
    ufunc: np.ufunc,
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = np._NoValue,
    where: Any = np._NoValue,
) -> Value:
    name = f"np.{ufunc.__name__}.reduce"
    refuse(name, out=out)
    where = np._NoValue if where is True else where
    function = _REDUCTIONS.get(ufunc)
    if function is not None and not (given(initial) and function in (np.all, np.any)):
        options = {"dtype": dtype, "initial": initial, "where": where}
        chosen = {key: value for key, value in options.items() if given(value)}
        if "dtype" in chosen and function not in (np.sum, np.prod):
            array = in_dtype(array, chosen.pop("dtype"))
        return NUMPY[function](array, axis=axis, keepdims=keepdims, **chosen)
    refuse(name, where=where)
    x = _operand(ufunc, array, dtype)
    if given(initial):
        initial = in_dtype(initial, value_aval(x).dtype)
    if ufunc is np.logaddexp and not given(initial):
        return logsumexp(x, axis=axis, keepdims=bool(keepdims))
    rank = value_aval(x).ndim
    axes = shapes.normalize_axes(axis, rank)
    if len(axes) != 1:
        raise UnsupportedFunctionError(
            f"{name} over {len(axes)} axes is not supported on traced values", advice="Reduce one axis after another."
        )
    total = _folded(ufunc, move_axis(x, axes[0], 0), initial)
    return np.expand_dims(total, axes[0]) if keepdims else total


def _operand(ufunc: np.ufunc, array: Any, dtype: Any) -> Value:
    """The array in the dtype that the ufunc makes of two of its elements, which that of its totals is."""
    own = value_aval(traced(array)).dtype
    return in_dtype(array, ufunc_dtypes(ufunc)(own, own)[-1] if dtype is None else dtype)


def _folded(ufunc: np.ufunc, x: Value, initial: Any) -> Value:
    """The elements along the first axis put together, from the first on."""
    count = shapes.static(value_aval(x).shape[0], f"np.{ufunc.__name__}.reduce")
    if not count:
        start = initial if given(initial) else ufunc.identity
        if start is None:
            raise ShapeError(f"np.{ufunc.__name__}.reduce of no elements: there is no identity to begin with")
        return np.full_like(np.sum(x, axis=0), start, dtype=value_aval(x).dtype)
    if ufunc in _ASSOCIATIVE:
        total = _halved(ufunc, x, count)
    else:
        total = ufunc(initial, x[0]) if given(initial) else x[0]
        for k in range(1, count):
            total = ufunc(total, x[k])
        return total
    return ufunc(initial, total) if given(initial) else total


def _halved(ufunc: np.ufunc, x: Value, count: int) -> Value:
    while count > 1:
        half = count // 2
        pairs = ufunc(take_slice(x, 0, 0, 1, half), take_slice(x, 0, half, 1, half))
        x = joined([pairs, take_slice(x, 0, 2 * half, 1, 1)], 0) if count % 2 else pairs
        count -= half
    return x[0]


# ---- running totals, and totals of parts -------------------------------------------------------------------


def _accumulate(ufunc: np.ufunc, array: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Value:
    refuse(f"np.{ufunc.__name__}.accumulate", out=out)
    function = _RUNNING.get(ufunc)
    if function is not None:
        return NUMPY[function](array, axis=axis, dtype=dtype)
    x = _operand(ufunc, array, dtype)
    place = shapes.normalize_axis(int(axis), value_aval(x).ndim)
    moved = move_axis(x, place, 0)
    count = shapes.static(value_aval(moved).shape[0], f"np.{ufunc.__name__}.accumulate")
    running = _doubled(ufunc, moved, count) if ufunc in _ASSOCIATIVE else _one_by_one(ufunc, moved, count)
    return move_axis(running, 0, place)


def _doubled(ufunc: np.ufunc, x: Value, count: int) -> Value:
    """Each step joins totals of twice as many elements."""
    reach = 1
    while reach < count:
        later = ufunc(take_slice(x, 0, 0, 1, count - reach), take_slice(x, 0, reach, 1, count - reach))
        x = joined([take_slice(x, 0, 0, 1, reach), later], 0)
        reach *= 2
    return x


def _one_by_one(ufunc: np.ufunc, x: Value, count: int) -> Value:
    totals = [x[0]] if count else []
    for k in range(1, count):
        totals.append(ufunc(totals[-1], x[k]))
    return np.stack(totals) if totals else x


def _reduceat(ufunc: np.ufunc, array: Any, indices: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Value:
    name = f"np.{ufunc.__name__}.reduceat"
    refuse(name, out=out)
    if isinstance(indices, Traced):
        raise UnsupportedFunctionError(f"{name} at traced places is not supported", advice="Give them as numbers.")
    x = traced(array)
    place = shapes.normalize_axis(int(axis), value_aval(x).ndim)
    moved = move_axis(x, place, 0)
    count = shapes.static(value_aval(moved).shape[0], name)
    starts = [int(start) for start in np.asarray(indices)]
    if any(not 0 <= start < count for start in starts):
        raise ShapeError(f"{name}: a place in {starts} is out of bounds for an axis of size {count}")
    parts = [moved[a : max(b, a + 1)] for a, b in zip(starts, [*starts[1:], count], strict=True)]
    return move_axis(np.stack([_reduce(ufunc, part, 0, dtype) for part in parts]), 0, place)


_METHODS: dict[str, Callable[..., Value]] = {
    "reduce": _reduce,
    "accumulate": _accumulate,
    "reduceat": _reduceat,
    "outer": _outer,
}
