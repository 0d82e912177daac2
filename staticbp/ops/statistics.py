"""Averages: `mean`, `var`, `std`, `average`."""

from __future__ import annotations

from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import FLOAT64
from staticbp.core.primitive import Value, value_aval
from staticbp.errors import ShapeError
from staticbp.ops.linear import broadcast_to, reshape
from staticbp.ops.math import sqrt_of_sum
from staticbp.ops.options import given, in_dtype, traced
from staticbp.ops.reduce import Axis, spread, sum
from staticbp.ops.registry import implements, refuse


def _as_float(a: Value, dtype: Any) -> Value:
    """`a` in the dtype of its average: its own, float64 for integers."""
    if dtype is not None:
        return in_dtype(a, dtype)
    a = traced(a)
    return a if value_aval(a).is_float else in_dtype(a, FLOAT64)


def _count(a: Value, axis: Axis) -> int:
    """How many elements are averaged."""
    shape = value_aval(a).shape
    return shapes.static(shapes.size(shape[d] for d in shapes.normalize_axes(axis, len(shape))), "an average")


@implements(np.mean)
def mean(
    a: Value,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = np._NoValue,
    *,
    where: Value = np._NoValue,
) -> Value:
    """The arithmetic mean over axes."""
    refuse("np.mean", out=out, where=where)
    a = _as_float(a, dtype)
    return sum(a, axis, keepdims=keepdims) / _count(a, axis)


@implements(np.var)
def var(
    a: Value,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: Any = np._NoValue,
    *,
    where: Value = np._NoValue,
    mean: Value = np._NoValue,
    correction: Any = np._NoValue,
) -> Value:
    """The variance over axes."""
    refuse("np.var", out=out, where=where)
    a = _as_float(a, dtype)
    count = _count(a, axis)
    axes = shapes.normalize_axes(axis, value_aval(a).ndim)
    center = mean if given(mean) else spread(sum(a, axes) / count, a, axes)
    freedom = count - (correction if given(correction) else ddof)
    return sum(np.square(a - center), axis, keepdims=keepdims) / max(freedom, 0)


@implements(np.std)
def std(
    a: Value,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: Any = np._NoValue,
    *,
    where: Value = np._NoValue,
    mean: Value = np._NoValue,
    correction: Any = np._NoValue,
) -> Value:
    """The standard deviation over axes; where it is zero, so is its derivative."""
    refuse("np.std", out=out, where=where)
    return sqrt_of_sum(var(a, axis, dtype, None, ddof, keepdims, mean=mean, correction=correction))


@implements(np.average)
def average(
    a: Value, axis: Axis = None, weights: Value = None, returned: bool = False, *, keepdims: Any = np._NoValue
) -> Value:
    """The weighted mean over axes; with `returned` also the sum of the weights."""
    if weights is None:
        result = mean(a, axis, keepdims=keepdims)
        scale = np.full_like(result, _count(a, axis))
    else:
        a, weights = traced(a), _aligned_weights(traced(weights), traced(a), axis)
        scale = sum(weights, axis, keepdims=keepdims)
        result = sum(_as_float(a * weights, None), axis, keepdims=keepdims) / scale
        scale = broadcast_to(in_dtype(scale, value_aval(result).dtype), value_aval(result).shape)
    return (result, scale) if returned else result


def _aligned_weights(weights: Value, a: Value, axis: Axis) -> Value:
    """Weights that broadcast along the axes over which `a` is averaged."""
    shape, given_shape = value_aval(a).shape, value_aval(weights).shape
    if shapes.same(shape, given_shape):
        return weights
    if axis is None:
        raise ShapeError("np.average needs an axis when the weights have another shape than the array")
    axes = [shapes.normalize_axis(d, len(shape)) for d in ((axis,) if isinstance(axis, int) else axis)]
    if not shapes.same(given_shape, tuple(shape[d] for d in axes)):
        raise ShapeError(
            f"np.average: weights of shape {shapes.text(given_shape)} for axes of shape "
            f"{shapes.text(shape[d] for d in axes)}"
        )
    ordered = np.transpose(weights, np.argsort(axes).tolist())
    kept = tuple(n if d in axes else 1 for d, n in enumerate(shape))
    return broadcast_to(reshape(ordered, shape=kept), shape)
