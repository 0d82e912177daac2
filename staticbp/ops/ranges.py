"""Evenly spaced numbers between traced bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import check_dtype
from staticbp.core.primitive import Value, value_aval
from staticbp.core.shape import Shape
from staticbp.errors import ShapeError
from staticbp.ops.joining import joined
from staticbp.ops.linear import broadcast_to, to_dtype
from staticbp.ops.options import alike, traced
from staticbp.ops.registry import implements, refuse
from staticbp.ops.shape import move_axis, reshaped, take_slice


@implements(np.linspace)
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    """As `np.linspace`."""
    refuse("np.linspace", device=device)
    count = int(num.__index__())
    if count < 0:
        raise ShapeError(f"np.linspace takes a number of samples that is not negative, not {count}")
    first, last = alike(start, stop, 1.0)[:2]
    intervals = count - 1 if endpoint else count
    delta = last - first
    shape = shapes.broadcast(value_aval(first).shape, value_aval(last).shape)
    step = delta / intervals if intervals > 0 else delta * np.nan
    numbers = np.arange(count, dtype=value_aval(first).dtype).reshape((-1, *(1 for _ in shape)))
    samples = numbers * (step if intervals > 0 else delta) + first
    if endpoint and count > 1:
        head = take_slice(samples, 0, 0, 1, count - 1)
        samples = joined([head, reshaped(traced(broadcast_to(last, shape)), (1, *shape))], 0)
    samples = _converted(samples, dtype)
    result = move_axis(samples, 0, shapes.normalize_axis(int(axis), len(shape) + 1))
    return (result, step) if retstep else result


def _converted(samples: Value, dtype: Any) -> Value:
    if dtype is None:
        return samples
    wanted = check_dtype(np.dtype(dtype), "the result")
    return traced(to_dtype(np.floor(samples) if wanted.kind in "iu" else samples, wanted))


@implements(np.logspace)
def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Value:
    """As `np.logspace`."""
    exponents = linspace(start, stop, num, endpoint, axis=axis)
    values = np.power(base, exponents)
    return values if dtype is None else traced(to_dtype(values, check_dtype(np.dtype(dtype), "the result")))


@implements(np.geomspace)
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Value:
    """As `np.geomspace`: the logarithms are evenly spaced, and the ends are exact."""
    first, last = alike(start, stop, 1.0)[:2]
    sign = np.sign(first)
    exponents = linspace(np.log10(first / sign), np.log10(last / sign), num, endpoint)
    samples = traced(np.power(10.0, exponents) * sign)
    count = shapes.static(value_aval(samples).shape[0], "np.geomspace")
    ends = [traced(broadcast_to(end, value_aval(samples).shape[1:])) for end in (first, last)]
    rows = [reshaped(end, (1, *value_aval(end).shape)) for end in ends]
    if count > 1 and endpoint:
        samples = joined([rows[0], take_slice(samples, 0, 1, 1, count - 2), rows[1]], 0)
    elif count:
        samples = joined([rows[0], take_slice(samples, 0, 1, 1, count - 1)], 0)
    rank = value_aval(samples).ndim
    result = move_axis(samples, 0, shapes.normalize_axis(int(axis), rank))
    return result if dtype is None else traced(to_dtype(result, check_dtype(np.dtype(dtype), "the result")))


@implements(np.vander)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Value:
    """As `np.vander`."""
    values = traced(x)
    shape: Shape = value_aval(values).shape
    if len(shape) != 1:
        raise ShapeError("np.vander takes a vector")
    count = shapes.static(shape[0], "np.vander") if N is None else int(N)
    dtype = np.promote_types(value_aval(values).dtype, np.int64)
    column = reshaped(traced(to_dtype(values, dtype)), (-1, 1))
    powers = [np.ones_like(column)]
    for _ in range(count - 1):
        powers.append(powers[-1] * column)
    ordered = powers if increasing else powers[::-1]
    return joined(ordered, 1) if count else take_slice(column, 1, 0, 1, 0)
