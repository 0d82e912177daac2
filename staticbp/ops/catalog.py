"""All operations together: importing this module declares them, and it is where the tracer looks them up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from staticbp.core.primitive import Value, value_aval
from staticbp.errors import UnsupportedFunctionError
from staticbp.ops import (
    arithmetic,
    branches,
    compare,
    control,
    diagonal,
    einsum,
    index,
    iteration,
    joining,
    linalg,
    math,
    movement,
    products,
    ranges,
    reduce,
    shape,
    sorting,
    special,
    statistics,
)
from staticbp.ops.families import Elementwise
from staticbp.ops.getitem import getitem
from staticbp.ops.options import traced
from staticbp.ops.registry import NUMPY, PRIMITIVES, SCIPY

MODULES = (
    arithmetic,
    math,
    special,
    compare,
    reduce,
    statistics,
    sorting,
    products,
    linalg,
    einsum,
    shape,
    movement,
    joining,
    diagonal,
    ranges,
    index,
    control,
    branches,
    iteration,
)

_ALTERNATIVES = {
    "argwhere": "Its result has no fixed shape: go on with the mask itself, by np.where(mask, x, 0).",
    "array_str": "Look at values after the compiled call.",
    "compress": "Its result has no fixed shape: write np.where(mask, x, 0).",
    "copyto": "Write np.where(mask, new, old).",
    "extract": "Its result has no fixed shape: write np.where(mask, x, 0).",
    "fill": "Write np.full_like(x, value).",
    "fill_diagonal": "Write np.where(np.eye(n, dtype=bool), value, x).",
    "flatnonzero": "Its result has no fixed shape: go on with the mask itself, by np.where(mask, x, 0).",
    "itemset": "Write np.where(mask, value, x).",
    "nonzero": "Its result has no fixed shape: go on with the mask itself, by np.where(mask, x, 0).",
    "partition": "Sort: np.sort(x).",
    "place": "Write np.where(mask, value, x).",
    "put": "Write np.where(mask, value, x).",
    "put_along_axis": "Write np.where(mask, value, x).",
    "putmask": "Write np.where(mask, value, x).",
    "resize": "Write np.reshape or np.pad.",
    "unique": "Its result has no fixed shape; np.sort(x) keeps the shape.",
    "view": "Write x.astype(dtype), which converts values, where that is meant.",
}


def alternative(name: str) -> str | None:
    """What to write instead of a NumPy function or method that is not traced, where there is something."""
    return _ALTERNATIVES.get(name)


def elementwise_of(ufunc: np.ufunc) -> Elementwise:
    """The operation behind one of Python's operators."""
    operation = NUMPY[ufunc]
    assert isinstance(operation, Elementwise), ufunc
    return operation


_METHODS: dict[tuple[np.ufunc, str], Callable[..., Any]] = {
    (np.add, "reduce"): np.sum,
    (np.multiply, "reduce"): np.prod,
    (np.maximum, "reduce"): np.max,
    (np.minimum, "reduce"): np.min,
    (np.logical_and, "reduce"): np.all,
    (np.logical_or, "reduce"): np.any,
    (np.add, "accumulate"): np.cumsum,
    (np.multiply, "accumulate"): np.cumprod,
}


def ufunc_method(ufunc: np.ufunc, method: str) -> Callable[..., Any]:
    """What traced values do for ``np.add.reduce`` and the like."""
    if method == "outer":
        return lambda x, y: _outer(ufunc, x, y)
    function = _METHODS.get((ufunc, method))
    if function is None:
        raise UnsupportedFunctionError(f"np.{ufunc.__name__}.{method} is not supported on traced values")
    ours = NUMPY[function]
    # NumPy's methods go along the first axis where its functions take all.
    return lambda array, axis=0, *args, **options: ours(array, axis, *args, **options)


def _outer(ufunc: np.ufunc, x: Value, y: Value) -> Value:
    x, y = traced(x), traced(y)
    spread = (*value_aval(x).shape, *(1,) * value_aval(y).ndim)
    return ufunc(np.reshape(x, spread), y)


__all__ = ["MODULES", "NUMPY", "PRIMITIVES", "SCIPY", "alternative", "elementwise_of", "getitem", "ufunc_method"]
