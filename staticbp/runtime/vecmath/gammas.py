"""lgamma, digamma and the zeta function of two arguments: one number at a time.

``_DIGAMMA`` holds ``digamma(x) / (x - x0)`` on [1, 2] as a polynomial in ``x - 3/2``, x0 being the positive
zero: a minimax fit of our own (Remez exchange in mpmath at 200 bits, then rounded), relative error 2**-56.
The rest is the recurrence, the reflection and, from 10 on, the asymptotic series (Abramowitz and Stegun
6.3.5, 6.3.7, 6.3.18).  The zeta function is summed up to a place from which on the formula of Euler and Maclaurin
is exact to a double (DLMF 25.11.5 and 2.10.1).
"""

from __future__ import annotations

import importlib
import math

import numpy as np

from staticbp.runtime.vecmath.register import scalar_kernel

_ZERO_HIGH = float.fromhex("0x1.762d86p+0")
_ZERO_LOW = float.fromhex("0x1.ab5f1fb70d4e4p-27")
_DIGAMMA = (
    0.951055876031833,
    -0.4236274212814606,
    0.24054248424077396,
    -0.14840492305389053,
    0.0949887244549767,
    -0.06192213327467263,
    0.04076083381059927,
    -0.026975796691670467,
    0.01790725248683309,
    -0.011908219418308899,
    0.007926943938571738,
    -0.00527994619383968,
    0.003519012840736757,
    -0.002345421784876578,
    0.0015565954793825283,
    -0.001036834973562618,
    0.0007234501109795235,
    -0.0004847579947091892,
    0.00022700034627665765,
    -0.0001469215904152656,
    0.0002598714142670396,
    -0.0001766099365263632,
)
# The Bernoulli numbers B(2k) / 2k.
_SERIES = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160)


def _lgamma_uncompiled(x: float) -> float:
    # Python raises where the C library answers.
    if math.isinf(x) or (x <= 0.0 and x == np.floor(x)):
        return math.inf
    try:
        return math.lgamma(x)
    except OverflowError:
        return math.inf


@scalar_kernel(_lgamma_uncompiled)
def lgamma(x: float) -> float:
    """The logarithm of the absolute value of the gamma function, by the C library."""
    return math.lgamma(x)


@scalar_kernel(None)
def digamma(x: float) -> float:
    """The derivative of lgamma: 4 ulp for positive x; NaN at the poles but for zero, where it is infinite."""
    result = 0.0
    if x <= 0.0:
        if x == 0.0:
            return math.copysign(math.inf, -x)
        if x == np.floor(x):
            return math.nan
        result = -math.pi / math.tan(math.pi * (x - np.rint(x)))
        x = 1.0 - x
    if x < 1.0:
        result -= 1.0 / x
        x += 1.0
    elif x < 10.0:
        while x > 2.0:
            x -= 1.0
            result += 1.0 / x
    if x >= 10.0:
        z = 1.0 / x / x
        tail = 0.0
        for k in range(len(_SERIES) - 1, -1, -1):
            tail = tail * z + _SERIES[k]
        return result + (math.log(x) - 0.5 / x - z * tail)
    t = x - 1.5
    value = 0.0
    for k in range(len(_DIGAMMA) - 1, -1, -1):
        value = value * t + _DIGAMMA[k]
    return result + ((x - _ZERO_HIGH) - _ZERO_LOW) * value


# (2k)! over the Bernoulli number B(2k): what the terms of the Euler-Maclaurin formula are divided by.
_EULER_MACLAURIN = (
    12.0,
    -720.0,
    30240.0,
    -1209600.0,
    47900160.0,
    -1307674368000.0 / 691,
    74724249600.0,
    -10670622842880000.0 / 3617,
    5109094217170944000.0 / 43867,
    -802857662698291200000.0 / 174611,
    14101100039391805440000.0 / 77683,
    -1693824136731743669452800000.0 / 236364091,
)


def _zeta_of_scipy(s: float, q: float) -> float:
    return float(importlib.import_module("scipy.special").zeta(s, q))


@scalar_kernel(_zeta_of_scipy)
def zeta(s: float, q: float) -> float:
    """Hurwitz's zeta function, the sum of ``(q + k)**-s`` over all k from 0 on; NaN for s below 1."""
    if s <= 1.0:
        return math.inf if s == 1.0 else math.nan
    if math.isnan(s) or math.isnan(q):
        return math.nan
    if q <= 0.0:
        if q == np.floor(q):
            return math.inf
        if s != np.floor(s):  # powers of negative numbers
            return math.nan
    if q > 1e8:
        return (1.0 / (s - 1.0) + 1.0 / (2.0 * q)) * q ** (1.0 - s)
    total = q**-s
    place = q
    term = 0.0
    k = 0
    while k < 9 or place <= 9.0:
        k += 1
        place += 1.0
        term = place**-s
        total += term
        if abs(term) < 1e-17 * abs(total):
            return total
    total += term * place / (s - 1.0) - 0.5 * term
    factor = 1.0
    rise = 0.0
    for k in range(len(_EULER_MACLAURIN)):
        factor *= s + rise
        term /= place
        change = factor * term / _EULER_MACLAURIN[k]
        total += change
        if abs(change) < 1e-17 * abs(total):
            break
        rise += 1.0
        factor *= s + rise
        term /= place
        rise += 1.0
    return total
