"""Special functions: sigmoids, error functions, entropies, and stable compositions of exponentials."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from functools import cache, wraps
from typing import Any, TypeVar

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import FLOAT64
from staticbp.core.graph import Lit
from staticbp.core.primitive import Traced, Value, value_aval
from staticbp.ops.arithmetic import where
from staticbp.ops.control import stop_gradient
from staticbp.ops.families import POSITIVE, elementwise
from staticbp.ops.options import in_dtype, traced
from staticbp.ops.reduce import spread, with_kept_axes
from staticbp.ops.registry import SCIPY, float_dtypes, implements

Axis = int | Sequence[int] | None
F = TypeVar("F", bound=Callable[..., Any])


@cache
def _load(name: str) -> Callable[..., Any]:
    return getattr(importlib.import_module("scipy.special"), name)  # type: ignore[no-any-return]


def scipy_ufunc(name: str) -> Callable[..., Any]:
    """SciPy's ufunc of that name, imported when it is first called.

    ``scipy.special`` takes longer to import than a compiled gradient takes to load, and only the interpreter
    and plain values ever ask for it.
    """

    def evaluate(*args: Any) -> Any:
        return _load(name)(*args)

    evaluate.__name__ = name
    return evaluate


def or_scipy(function: F) -> F:
    """What traced values get from `function`, plain ones get from SciPy's function of the same name."""

    @wraps(function)
    def either(*args: Any, **kwargs: Any) -> Any:
        ours = any(isinstance(x, Traced | Lit) for x in (*args, *kwargs.values()))
        return (function if ours else _load(function.__name__))(*args, **kwargs)

    return either  # type: ignore[return-value]


def implements_scipy(function: F) -> F:
    """Register a function as what traced values do for SciPy's ufunc of the same name."""
    SCIPY[getattr(function, "name", None) or function.__name__] = function
    return function


# ---- sigmoids ---------------------------------------------------------------------------------------------


def _expit_slope(x: Any) -> Any:
    small = np.exp(-np.abs(np.asarray(x, float_dtypes(np.asarray(x).dtype)[0])))
    return small / (1 + small) ** 2


# The derivative of expit by itself: out * (1 - out) loses digits as out comes near 1, and then all of them.
expit_slope = elementwise(
    "expit_slope",
    numpy=_expit_slope,
    partials=lambda out, x: (out * -np.tanh(x / 2),),
    expr="vm.expit_slope({x})",
    dtypes=float_dtypes,
    cost=16,
)

expit = implements_scipy(
    elementwise(
        "expit",
        numpy=scipy_ufunc("expit"),
        partials=lambda out, x: (expit_slope(x),),
        expr="vm.expit({x})",
        dtypes=float_dtypes,
        cost=14,
    )
)


@implements_scipy
@or_scipy
def logit(x: Value) -> Value:
    """The inverse of `expit`."""
    x = as_float(x)
    return np.log(x / (1 - x))


@implements_scipy
@or_scipy
def log_expit(x: Value) -> Value:
    """``log(expit(x))``."""
    return -np.logaddexp(0, -as_float(x))


def difference(x: Value, y: Value) -> Value:
    """``x - y``, zero for the same infinity: ties share equally."""
    return where(x == y, 0, x - y)


logaddexp = elementwise(
    "logaddexp",
    numpy=np.logaddexp,
    partials=lambda out, x, y: (expit(difference(x, y)), expit(difference(y, x))),
    expr="vm.logaddexp({x}, {y})",
    cost=25,
)


@implements(np.logaddexp2)
def logaddexp2(x: Value, y: Value) -> Value:
    """``log2(2**x + 2**y)``."""
    ln2 = math.log(2)
    return np.logaddexp(as_float(x) * ln2, as_float(y) * ln2) / ln2


# ---- error functions --------------------------------------------------------------------------------------

SQRT_PI = math.sqrt(math.pi)

erf = implements_scipy(
    elementwise(
        "erf",
        numpy=scipy_ufunc("erf"),
        partials=lambda out, x: (2 / SQRT_PI * np.exp(-(x * x)),),
        expr="vm.erf({x})",
        dtypes=float_dtypes,
        cost=20,
    )
)

erfc = implements_scipy(
    elementwise(
        "erfc",
        numpy=scipy_ufunc("erfc"),
        partials=lambda out, x: (-2 / SQRT_PI * np.exp(-(x * x)),),
        expr="vm.erfc({x})",
        dtypes=float_dtypes,
        cost=20,
    )
)

# ---- entropies --------------------------------------------------------------------------------------------


xlogy = implements_scipy(
    elementwise(
        "xlogy",
        numpy=scipy_ufunc("xlogy"),
        domain=(POSITIVE, POSITIVE),
        partials=lambda out, x, y: (np.log(y), where(x == 0, 0, x / y)),
        # A zero times the logarithm of anything is zero; a NaN stays one.
        expr="vm.abs({x}) if ({x} == 0) & ({y} == {y}) else {x} * vm.log({y})",
        dtypes=float_dtypes,
        cost=14,
    )
)


@implements_scipy
@or_scipy
def entr(x: Value) -> Value:
    """``-x * log(x)``, zero at zero and minus infinity below."""
    x = as_float(x)
    return where(x < 0, -math.inf, -xlogy(x, x))


# ---- compositions -----------------------------------------------------------------------------------------
# The maximum that is subtracted changes no value and so no derivative of any order: it counts as a constant.


def as_float(x: Value) -> Value:
    """`x`, integers as float64."""
    x = traced(x)
    return x if value_aval(x).is_float else in_dtype(x, FLOAT64)


def _top(x: Value, axes: tuple[int, ...]) -> Value:
    return stop_gradient(np.max(x, axis=axes))


@or_scipy
def logsumexp(a: Value, axis: Axis = None, b: Value = None, keepdims: bool = False) -> Value:
    """The logarithm of the sum of exponentials, times `b` if given."""
    a = as_float(a)
    if b is not None:
        a, b = np.broadcast_arrays(a, b)
        a = where(np.equal(b, 0), -math.inf, a)
    axes = shapes.normalize_axes(axis, np.ndim(a))
    top = _top(a, axes)
    shift = where(np.isfinite(top), top, 0)
    exponentials = np.exp(a - spread(shift, a, axes))
    total = np.log(np.sum(exponentials if b is None else b * exponentials, axis=axes)) + shift
    return with_kept_axes(total, a, axes, keepdims)


@or_scipy
def softmax(x: Value, axis: Axis = None) -> Value:
    """Exponentials divided by their sum."""
    x = as_float(x)
    axes = shapes.normalize_axes(axis, np.ndim(x))
    exponentials = np.exp(x - spread(_top(x, axes), x, axes))
    return exponentials / spread(np.sum(exponentials, axis=axes), x, axes)


@or_scipy
def log_softmax(x: Value, axis: Axis = None) -> Value:
    """The logarithm of `softmax`, which is finite where that underflows."""
    x = as_float(x)
    axes = shapes.normalize_axes(axis, np.ndim(x))
    top = _top(x, axes)
    centered = x - spread(where(np.isfinite(top), top, 0), x, axes)
    return centered - spread(np.log(np.sum(np.exp(centered), axis=axes)), x, axes)
