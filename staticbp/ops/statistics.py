"""Averages and what is said of them: `mean`, `var`, `std`, `average`, `cov`, `corrcoef`."""

from __future__ import annotations

from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import BOOL, FLOAT64
from staticbp.core.primitive import Value, value_aval
from staticbp.errors import DtypeError, ShapeError
from staticbp.ops.linear import broadcast_to, reshape
from staticbp.ops.math import sqrt_of_sum
from staticbp.ops.options import given, in_dtype, traced
from staticbp.ops.reduce import Axis, spread, sum
from staticbp.ops.registry import implements, refuse
from staticbp.ops.sizes import number


def _as_float(a: Value, dtype: Any) -> Value:
    """`a` in the dtype of its average: its own, float64 for integers."""
    if dtype is not None:
        return in_dtype(a, dtype)
    a = traced(a)
    return a if value_aval(a).is_float else in_dtype(a, FLOAT64)


def _count(a: Value, axis: Axis, mask: Any = None, keepdims: Any = None) -> Value:
    """How many elements are averaged: a number, traced where sizes are symbols; with a mask an array of numbers."""
    shape = value_aval(a).shape
    if given(mask):
        return sum(broadcast_to(in_dtype(mask, BOOL), shape), axis, keepdims=keepdims)
    return number(shapes.size(shape[d] for d in shapes.normalize_axes(axis, len(shape))))


def _per(total: Value, count: Value) -> Value:
    """`total` over a count, in the dtype of the total."""
    return total / (count if isinstance(count, int | float) else in_dtype(count, value_aval(total).dtype))


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
    refuse("np.mean", out=out)
    a = _as_float(a, dtype)
    return _per(sum(a, axis, keepdims=keepdims, where=where), _count(a, axis, where, keepdims))


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
    refuse("np.var", out=out)
    a = _as_float(a, dtype)
    axes = shapes.normalize_axes(axis, value_aval(a).ndim)
    center = mean if given(mean) else spread(_per(sum(a, axes, where=where), _count(a, axes, where)), a, axes)
    away = a - center
    if given(where):  # before the square, so that nothing flows back through what is left out
        away = np.where(where, away, 0)
    freedom = _count(a, axis, where, keepdims) - (correction if given(correction) else ddof)
    least = max(freedom, 0) if isinstance(freedom, int | float) else np.maximum(freedom, 0)
    squares = np.square(away.real) + np.square(away.imag) if value_aval(away).is_complex else np.square(away)
    return _per(sum(squares, axis, keepdims=keepdims), least)


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
    refuse("np.std", out=out)
    return sqrt_of_sum(var(a, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction))


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


# ---- covariances -------------------------------------------------------------------------------------------


def _observations(m: Any, rowvar: bool) -> Value:
    """The array with a row for each variable."""
    x = _as_float(m, None)
    rank = value_aval(x).ndim
    if rank > 2:
        raise ShapeError(f"np.cov takes arrays of at most two dimensions, not of {rank}")
    if rank < 2:
        return reshape(x, shape=(1, -1))
    return x if rowvar else np.transpose(x)


def _weights(fweights: Any, aweights: Any, count: int) -> Value | None:
    """What each observation weighs: how often it occurs, times its importance."""
    weights = [traced(w) for w in (fweights, aweights) if w is not None]
    for w in weights:
        if value_aval(w).shape != (count,):
            raise ShapeError(f"np.cov: weights of shape {shapes.text(value_aval(w).shape)} for {count} observations")
    if fweights is not None and value_aval(weights[0]).is_float:
        raise DtypeError("np.cov takes integers as fweights", advice="Give other weights as aweights.")
    return weights[0] * weights[1] if len(weights) == 2 else weights[0] if weights else None


@implements(np.cov)
def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Value:
    """The covariances of variables, a row of `m` and `y` each."""
    x = _observations(m, rowvar)
    if y is not None:
        x = np.concatenate([x, _observations(y, rowvar)])
    x = in_dtype(x, np.promote_types(value_aval(x).dtype, np.float64) if dtype is None else dtype)
    free = (0 if bias else 1) if ddof is None else int(ddof)
    count = shapes.static(value_aval(x).shape[1], "np.cov")
    weights = _weights(fweights, aweights, count)
    if weights is None:
        away = x - mean(x, 1, keepdims=True)
        covariance = away @ np.transpose(away) / max(count - free, 0)
    else:
        total = sum(weights)
        away = x - sum(x * weights, 1, keepdims=True) / total
        if free and aweights is not None:
            total = total - free * sum(weights * aweights) / sum(weights)
        elif free:
            total = total - free
        covariance = away @ np.transpose(away * weights) / np.maximum(total, 0)
    return np.squeeze(covariance)


@implements(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Value:
    """The coefficients of correlation of variables: covariances of what has been scaled to a variance of one."""
    covariance = cov(x, y, rowvar, dtype=dtype)
    if not value_aval(covariance).ndim:
        return covariance / covariance
    deviations = np.sqrt(np.diagonal(covariance))
    return np.clip(covariance / deviations[:, None] / deviations[None, :], -1, 1)
