"""Reductions that leave out NaN: `np.nansum` and its kin.

An element that is left out adds nothing to the result, and to the gradient neither.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from staticbp.core.primitive import Value, value_aval
from staticbp.ops import sorting, statistics
from staticbp.ops.arithmetic import where as choose
from staticbp.ops.math import sqrt_of_sum
from staticbp.ops.options import given, traced
from staticbp.ops.reduce import Axis, reduce_all, reduced
from staticbp.ops.reduce import max as max_
from staticbp.ops.reduce import min as min_
from staticbp.ops.reduce import prod as prod_
from staticbp.ops.reduce import sum as sum_
from staticbp.ops.registry import implements, refuse


def _without_nan(a: Any, instead: float) -> tuple[Value, Value | None]:
    """The array with another number in place of each NaN, and where they were; None when there can be none."""
    x = traced(a)
    if not value_aval(x).is_float:
        return x, None
    missing = np.isnan(x)
    return choose(missing, instead, x), missing


def _present(a: Any, mask: Any) -> Value:
    """Where the elements are that count."""
    here = np.logical_not(np.isnan(traced(a)))
    return here & mask if given(mask) else here


# ---- sums and products -------------------------------------------------------------------------------------


@implements(np.nansum)
def nansum(
    a: Value,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = np._NoValue,
    initial: Value = np._NoValue,
    where: Value = np._NoValue,
) -> Value:
    """The sum over axes, NaN counting as zero."""
    return sum_(_without_nan(a, 0)[0], axis, dtype, out, keepdims, initial, where)


@implements(np.nanprod)
def nanprod(
    a: Value,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = np._NoValue,
    initial: Value = np._NoValue,
    where: Value = np._NoValue,
) -> Value:
    """The product over axes, NaN counting as one."""
    return prod_(_without_nan(a, 1)[0], axis, dtype, out, keepdims, initial, where)


@implements(np.nancumsum)
def nancumsum(a: Value, axis: int | None = None, dtype: Any = None, out: Any = None) -> Value:
    """The sums of the elements up to each, NaN counting as zero."""
    return sorting.cumsum_(_without_nan(a, 0)[0], axis, dtype, out)


@implements(np.nancumprod)
def nancumprod(a: Value, axis: int | None = None, dtype: Any = None, out: Any = None) -> Value:
    """The products of the elements up to each, NaN counting as one."""
    return sorting.cumprod_(_without_nan(a, 1)[0], axis, dtype, out)


# ---- extremes ----------------------------------------------------------------------------------------------


def _extreme(op: Callable[..., Value], worst: float, a: Any, axis: Axis, keepdims: Any, **options: Any) -> Value:
    x, missing = _without_nan(a, worst)
    extreme = op(x, axis, keepdims=keepdims, **options)
    if missing is None or given(options.get("initial")):  # which is a number that there is then
        return extreme
    return choose(reduced(reduce_all, missing, axis, keepdims), np.nan, extreme)


@implements(np.nanmax)
def nanmax(
    a: Value,
    axis: Axis = None,
    out: Any = None,
    keepdims: Any = np._NoValue,
    initial: Value = np._NoValue,
    where: Value = np._NoValue,
) -> Value:
    """The largest element over axes that is a number; NaN where there is none."""
    refuse("np.nanmax", out=out)
    return _extreme(max_, -np.inf, a, axis, keepdims, initial=initial, where=where)


@implements(np.nanmin)
def nanmin(
    a: Value,
    axis: Axis = None,
    out: Any = None,
    keepdims: Any = np._NoValue,
    initial: Value = np._NoValue,
    where: Value = np._NoValue,
) -> Value:
    """The smallest element over axes that is a number; NaN where there is none."""
    refuse("np.nanmin", out=out)
    return _extreme(min_, np.inf, a, axis, keepdims, initial=initial, where=where)


def _position(op: Callable[..., Value], worst: float, a: Any, axis: int | None, keepdims: Any) -> Value:
    x, missing = _without_nan(a, worst)
    place = op(x, axis, keepdims=keepdims)
    return place if missing is None else choose(reduced(reduce_all, missing, axis, keepdims), -1, place)


@implements(np.nanargmax)
def nanargmax(a: Value, axis: int | None = None, out: Any = None, *, keepdims: Any = np._NoValue) -> Value:
    """The first position of the largest element that is a number; -1 where NumPy finds none and raises."""
    refuse("np.nanargmax", out=out)
    return _position(sorting.argmax_, -np.inf, a, axis, keepdims)


@implements(np.nanargmin)
def nanargmin(a: Value, axis: int | None = None, out: Any = None, *, keepdims: Any = np._NoValue) -> Value:
    """The first position of the smallest element that is a number; -1 where NumPy finds none and raises."""
    refuse("np.nanargmin", out=out)
    return _position(sorting.argmin_, np.inf, a, axis, keepdims)


# ---- averages ----------------------------------------------------------------------------------------------


@implements(np.nanmean)
def nanmean(
    a: Value,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = np._NoValue,
    *,
    where: Value = np._NoValue,
) -> Value:
    """The mean over axes of the elements that are numbers; NaN where there is none."""
    return statistics.mean(a, axis, dtype, out, keepdims, where=_present(a, where))


@implements(np.nanvar)
def nanvar(
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
    """The variance over axes of the elements that are numbers; NaN where they are too few."""
    freedom = correction if given(correction) else ddof
    here = _present(a, where)
    value = statistics.var(a, axis, dtype, out, freedom, keepdims, where=here, mean=mean)
    return choose(sum_(here, axis, keepdims=keepdims) <= freedom, np.nan, value)


@implements(np.nanstd)
def nanstd(
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
    """The standard deviation over axes of the elements that are numbers; NaN where they are too few."""
    variance = nanvar(a, axis, dtype, out, ddof, keepdims, where=where, mean=mean, correction=correction)
    return sqrt_of_sum(variance)
