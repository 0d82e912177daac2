"""Special functions: sigmoids, error functions, entropies, and stable compositions of exponentials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import FLOAT64, promotion_token
from staticbp.core.primitive import Value, value_aval
from staticbp.ops.arithmetic import where
from staticbp.ops.control import stop_gradient
from staticbp.ops.families import POSITIVE, UNIT, Domain, Elementwise, Unknown, elementwise
from staticbp.ops.linear import operand
from staticbp.ops.options import in_dtype, traced
from staticbp.ops.reduce import spread, with_kept_axes
from staticbp.ops.registry import SCIPY, float_dtypes, implements, ufunc_dtypes
from staticbp.ops.scipyfunctions import implements_scipy, or_scipy, scipy_ufunc, special

Axis = int | Sequence[int] | None


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
    beside="expit",
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
    dtype = ufunc_dtypes(np.logaddexp2)(*(promotion_token(value_aval(operand(value))) for value in (x, y)))[-1]
    return np.logaddexp(in_dtype(x, dtype) * ln2, in_dtype(y, dtype) * ln2) / ln2


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

# Abramowitz and Stegun 7.1.1: each inverse by the reciprocal of the slope of what it inverts.
erfinv = special("erfinv", lambda out, x: (SQRT_PI / 2 * np.exp(out * out),), domain=UNIT)
erfcinv = special("erfcinv", lambda out, x: (-SQRT_PI / 2 * np.exp(out * out),), domain=Domain.FRACTION)
erfcx = special("erfcx", lambda out, x: (2 * x * out - 2 / SQRT_PI,))
dawsn = special("dawsn", lambda out, x: (1 - 2 * x * out,))


@implements_scipy
@or_scipy
def ndtr(x: Value) -> Value:
    """The distribution function of the normal distribution."""
    return 0.5 * erfc(as_float(x) * -math.sqrt(0.5))


ndtri = special("ndtri", lambda out, p: (math.sqrt(2 * math.pi) * np.exp(out * out / 2),), domain=Domain.FRACTION)

# The slope is that of the normal density over its integral, neither of which underflows here.
log_ndtr = special("log_ndtr", lambda out, x: (math.sqrt(2 / math.pi) / erfcx(x * -math.sqrt(0.5)),))

erfi = special("erfi", lambda out, x: (2 / SQRT_PI * np.exp(x * x),))

# ---- exponential integrals --------------------------------------------------------------------------------

# Abramowitz and Stegun 5.1.1, 5.1.2 and 5.1.26; 27.7.1 for the dilogarithm.
expi = special("expi", lambda out, x: (np.exp(x) / x,), domain=POSITIVE)
exp1 = special("exp1", lambda out, x: (-np.exp(-x) / x,), domain=POSITIVE)
expn: Elementwise = special(
    "expn",
    lambda out, n, x: (
        Unknown("the order of an exponential integral is an integer"),
        # E_n' = -E_{n-1}, and E_0 = exp(-x) / x: Abramowitz and Stegun, 5.1.26 and 5.1.24.
        where(n > 0, -expn(np.maximum(n - 1, 0), x), -np.exp(-x) * (1 + x) / (x * x)),
    ),
    domain=(Domain.ORDER, POSITIVE),
)
spence = special(
    "spence",
    lambda out, x: (where(x == 1, -1, np.log(x) / where(x == 1, 1, 1 - x)),),
    domain=POSITIVE,
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


@implements_scipy
@or_scipy
def xlog1py(x: Value, y: Value) -> Value:
    """``x * log1p(y)``, zero where `x` is zero and `y` a number."""
    x, y = as_float(x), as_float(y)
    nothing = (x == 0) & np.logical_not(np.isnan(y))
    return where(nothing, 0 * x, x * np.log1p(where(nothing, 0, y)))


def _divergence(x: Value, y: Value, added: bool) -> Value:
    """``x * log(x / y)``, with ``y - x`` if that is wanted, for positive numbers; outside it is infinite."""
    x, y = as_float(x), as_float(y)
    inside = (x > 0) & (y > 0)
    above, below = where(inside, x, 1), where(inside, y, 1)
    ratio = above / below
    near = (ratio > 0.5) & (ratio < 2)  # where two logarithms would cancel
    log = where(near, np.log1p(where(near, (above - below) / below, 0)), np.log(above) - np.log(below))
    value = above * log
    value = where(inside, value - above + below if added else value, np.inf)
    value = where((x == 0) & (y >= 0), y if added else 0, value)
    return where(np.isnan(x) | np.isnan(y), np.nan, value)


@implements_scipy
@or_scipy
def rel_entr(x: Value, y: Value) -> Value:
    """``x * log(x / y)``, zero for zero `x` and infinite outside."""
    return _divergence(x, y, added=False)


@implements_scipy
@or_scipy
def kl_div(x: Value, y: Value) -> Value:
    """``x * log(x / y) - x + y``: what outcomes contribute to a divergence of Kullback and Leibler."""
    return _divergence(x, y, added=True)


@implements_scipy
@or_scipy
def inv_boxcox(y: Value, lmbda: Value) -> Value:
    """What `boxcox` gives `y` for."""
    y, power = as_float(y), as_float(lmbda)
    limit = power == 0
    return where(limit, np.exp(y), np.exp(np.log1p(power * y) / where(limit, 1, power)))


@implements_scipy
@or_scipy
def inv_boxcox1p(y: Value, lmbda: Value) -> Value:
    """What `boxcox1p` gives `y` for."""
    y, power = as_float(y), as_float(lmbda)
    limit = power == 0
    return where(limit, np.expm1(y), np.expm1(np.log1p(power * y) / where(limit, 1, power)))


@implements_scipy
@or_scipy
def boxcox(x: Value, lmbda: Value) -> Value:
    """``(x**lmbda - 1) / lmbda``, and its limit ``log(x)``."""
    return _boxcox(np.log(as_float(x)), as_float(lmbda))


@implements_scipy
@or_scipy
def boxcox1p(x: Value, lmbda: Value) -> Value:
    """``((1 + x)**lmbda - 1) / lmbda``, and its limit ``log1p(x)``."""
    return _boxcox(np.log1p(as_float(x)), as_float(lmbda))


def _boxcox(log: Value, power: Value) -> Value:
    limit = abs(power) < 1e-19
    return where(limit, log, np.expm1(power * log) / where(limit, 1, power))


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


@or_scipy
def softplus(x: Value) -> Value:
    """``log(1 + exp(x))``."""
    return np.logaddexp(0, as_float(x))


@implements_scipy
@or_scipy
def huber(delta: Value, r: Value) -> Value:
    """A parabola about zero, and straight lines from a distance of `delta` on; infinite for a negative one."""
    bound, size = as_float(delta), np.abs(as_float(r))
    near = size <= bound
    return where(bound < 0, np.inf, where(near, 0.5 * size * size, bound * (size - 0.5 * bound)))


@implements_scipy
@or_scipy
def pseudo_huber(delta: Value, r: Value) -> Value:
    """``delta**2 * (sqrt(1 + (r / delta)**2) - 1)``: as `huber`, but smooth."""
    bound, distance = as_float(delta), as_float(r)
    ratio = where(bound == 0, 0, distance / where(bound == 0, 1, bound))
    far = np.isinf(ratio * ratio)
    near = where(far, 0, ratio)
    # The root less one, without cancellation.
    value = bound * bound * (near * near / (np.sqrt(1 + near * near) + 1))
    value = where(far, bound * np.abs(distance), value)
    value = where((distance == 0) & np.logical_not(np.isfinite(bound)), 0, value)
    return where(bound < 0, np.inf, value)


@implements_scipy
@or_scipy
def exp10(x: Value) -> Value:
    """Ten to the power of `x`."""
    return np.power(10.0, as_float(x))


@implements_scipy
@or_scipy
def cosm1(x: Value) -> Value:
    """``cos(x) - 1``, exact near zero."""
    return -2 * np.square(np.sin(as_float(x) / 2))


# SciPy has ufuncs of its own under some of NumPy's names.
SCIPY.update(cbrt=np.cbrt, exp2=np.exp2, expm1=np.expm1, log1p=np.log1p)
