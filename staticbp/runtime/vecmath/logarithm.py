"""log and what is made of it.

``x = 2**k m`` with ``sqrt(1/2) <= m < sqrt(2)``, ``f = m - 1``, ``s = f / (2 + f)``; then ``log m = 2 atanh
s``, arranged as in fdlibm: ``log m = f - (f**2/2 - s (f**2/2 + R))`` with ``R = 2 atanh(s) / s - 2``, so
that rounding errors stay below f's last place.

``_ATANH`` holds ``(2 atanh(s) / s - 2) / z`` with ``z = s**2``: minimax fits of our own (Remez exchange in
mpmath at 160 bits, then rounded) on ``0 <= z <= 0.02946``, error weighted by z: 2**-58.1 in float64, 2**-29
in float32.
"""

from __future__ import annotations

import math

import numpy as np

from staticbp.runtime.vecmath.exponential import LN2_HIGH, LN2_LOW, exp_lane
from staticbp.runtime.vecmath.lane import Lane, absolute, muladd, polynomial, square_root, where, with_sign_of
from staticbp.runtime.vecmath.register import kernel

_ATANH = {
    64: (
        0.6666666666666735,
        0.39999999999411323,
        0.28571428743220734,
        0.22222198479664432,
        0.18183569571095018,
        0.15313907140173227,
        0.14797472023824004,
    ),
    32: (0.6666677594184875, 0.399774968624115, 0.29873043298721313),
}


def split_float(x: Lane) -> tuple[Lane, Lane]:
    """``k`` (as a float) and ``m`` of a positive finite `x`, subnormal or not; of others, finite nonsense."""
    fmt = x.format
    subnormal = x < fmt.tiny
    lift = fmt.fraction + 2
    k, m = split_normal(where(subnormal, x * 2.0**lift, x))
    return where(subnormal, k - float(lift), k), m


def split_normal(x: Lane) -> tuple[Lane, Lane]:
    """The same for a positive normal number."""
    fmt = x.format
    root_half = fmt.bits_of(math.sqrt(0.5))
    shifted = x.bits() + (fmt.bits_of(1.0) - root_half)
    m = ((shifted & ((1 << fmt.fraction) - 1)) + root_half).as_float()
    # The biased exponent becomes the last digits of 2**fraction: a conversion that every processor
    # vectorises.
    base = 2.0**fmt.fraction
    k = ((shifted >> fmt.fraction) | fmt.bits_of(base)).as_float() - (base + fmt.bias)
    return k, m


def log_terms(f: Lane) -> tuple[Lane, Lane]:
    """``f**2 / 2`` and ``s (f**2 / 2 + R)``: ``log(1 + f)`` is f less the first plus the second."""
    s = f / (f + 2.0)
    z = s * s
    half_square = 0.5 * f * f
    return half_square, s * muladd(z, polynomial(z, _ATANH[f.format.width]), half_square)


def at_the_ends(x: Lane, result: Lane) -> Lane:
    """What any logarithm is outside the positive finite numbers."""
    outside = where(x.equals(0.0), -math.inf, where(x > 0.0, x, math.nan))
    return where((x > 0.0) & (x < math.inf), result, outside)


def log_lane(x: Lane) -> Lane:
    """The natural logarithm."""
    width = x.format.width
    k, m = split_float(x)
    f = m - 1.0
    half_square, correction = log_terms(f)
    small = half_square - muladd(k, LN2_LOW[width], correction)
    return at_the_ends(x, muladd(k, LN2_HIGH[width], f - small))


def log1p_lane(x: Lane) -> Lane:
    """``log(1 + x)``, accurate also near 0."""
    fmt = x.format
    u = x + 1.0
    k, m = split_normal(u)
    near = k.equals(0.0)
    f = where(near, x, m - 1.0)
    # What the sum lost; near 1 nothing, since f is x itself.
    lost = where(x > 1.0, 1.0 - (u - x), x - (u - 1.0))
    half_square, correction = log_terms(f)
    tail = muladd(k, LN2_LOW[fmt.width], where(near, 0.0, lost / u))
    result = muladd(k, LN2_HIGH[fmt.width], f - (half_square - (correction + tail)))
    return where(absolute(x) < 0.5 * fmt.epsilon, x, at_the_ends(u, result))


@kernel(np.log)
def log(x: Lane) -> Lane:
    """The natural logarithm: 1 ulp."""
    return log_lane(x)


@kernel(np.log1p)
def log1p(x: Lane) -> Lane:
    """The natural logarithm of 1 + x: 1 ulp."""
    return log1p_lane(x)


def _log_in_two_parts(m: Lane) -> tuple[Lane, Lane]:
    """``log m`` as the sum of a number with few digits and a small one."""
    fmt = m.format
    f = m - 1.0
    half_square, correction = log_terms(f)
    keep = (1 << fmt.width) - (1 << (32 if fmt.width == 64 else 12))
    high = ((f - half_square).bits() & keep).as_float()
    return high, (f - high) - half_square + correction


# 1 / ln 2, 1 / ln 10 and log10(2), each in two parts; the first has few enough digits for its products to
# be exact.
_BY_LN2 = {64: ("0x1.71547p+0", "0x1.94ae0bf85ddf4p-22"), 32: ("0x1.714p+0", "0x1.47652cp-12")}
_BY_LN10 = {64: ("0x1.bcb7bp-2", "0x1.526e50e32a6abp-26"), 32: ("0x1.bcap-2", "0x1.7b1526p-14")}
_LOG10_2 = {64: ("0x1.34413509f7p-2", "0x1.3fde623e2566bp-43"), 32: ("0x1.344p-2", "0x1.3509f8p-18")}


@kernel(np.log2)
def log2(x: Lane) -> Lane:
    """The logarithm to base 2: 1 ulp, exact for powers of two."""
    by_high, by_low = map(float.fromhex, _BY_LN2[x.format.width])
    k, m = split_float(x)
    high, low = _log_in_two_parts(m)
    product = high * by_high
    tail = muladd(low + high, by_low, low * by_high)
    total = k + product
    return at_the_ends(x, total + (((k - total) + product) + tail))


@kernel(np.log10)
def log10(x: Lane) -> Lane:
    """The logarithm to base 10: 1 ulp."""
    by_high, by_low = map(float.fromhex, _BY_LN10[x.format.width])
    two_high, two_low = map(float.fromhex, _LOG10_2[x.format.width])
    k, m = split_float(x)
    high, low = _log_in_two_parts(m)
    product = high * by_high
    tail = muladd(k, two_low, muladd(low + high, by_low, low * by_high))
    whole = k * two_high
    total = whole + product
    return at_the_ends(x, total + (((whole - total) + product) + tail))


@kernel(np.arcsinh)
def arcsinh(x: Lane) -> Lane:
    """The inverse hyperbolic sine: 2 ulp."""
    size = absolute(x)
    large = size > 2.0 ** (x.format.fraction + 2)
    square = size * size
    moderate = size + square / (1.0 + square_root(1.0 + square))
    result = log1p_lane(where(large, size, moderate)) + where(large, x.constant(math.log(2.0)), 0.0)
    return with_sign_of(result, x)


@kernel(np.arccosh)
def arccosh(x: Lane) -> Lane:
    """The inverse hyperbolic cosine: 2 ulp."""
    large = x > 2.0 ** (x.format.fraction + 2)
    t = x - 1.0
    moderate = t + square_root(muladd(t, t, 2.0 * t))
    result = log1p_lane(where(large, x, moderate)) + where(large, x.constant(math.log(2.0)), 0.0)
    return where(x >= 1.0, result, math.nan)


@kernel(np.arctanh)
def arctanh(x: Lane) -> Lane:
    """The inverse hyperbolic tangent: 2 ulp."""
    size = absolute(x)
    double = size + size
    near = size < 0.5
    # log1p(2 a / (1 - a)) / 2; for a below 1/2 as 2 a + 2 a a / (1 - a), whose first term is exact.
    quotient = where(near, double * size, double) / (1.0 - size)
    return with_sign_of(0.5 * log1p_lane(where(near, double + quotient, quotient)), x)


@kernel(np.logaddexp, arity=2)
def logaddexp(x: Lane, y: Lane) -> Lane:
    """The logarithm of the sum of two exponentials: 1 ulp of the larger of result and argument."""
    gap = where(x.equals(y), 0.0, x - y)
    top = where(gap > 0.0, x, y)
    return top + log1p_lane(exp_lane(-absolute(gap), close=True))
