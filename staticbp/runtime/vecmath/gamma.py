"""lgamma and digamma: one number at a time.

``_DIGAMMA`` holds ``digamma(x) / (x - x0)`` on [1, 2] as a polynomial in ``x - 3/2``, x0 being the positive
zero: a minimax fit of our own (Remez exchange in mpmath at 200 bits, then rounded), relative error 2**-56.
The rest is the recurrence, the reflection and, from 10 on, the asymptotic series (Abramowitz and Stegun
6.3.5, 6.3.7, 6.3.18).
"""

from __future__ import annotations

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
    if math.isinf(x) or (x <= 0.0 and x == math.floor(x)):
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
        if x == math.floor(x):
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
