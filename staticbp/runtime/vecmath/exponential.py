"""exp and what is made of it.

All share one reduction, Cody and Waite's: ``x = n ln 2 + r`` with integer n and ``|r| <= ln 2 / 2``; then
``e**x = 2**n e**r``.

The coefficients are minimax fits of our own (Remez exchange in mpmath at 160 bits, then rounded to the
format):

- ``_EXP``: ``(e**r - 1) / r`` on ``|r| <= ln 2 / 2``, error weighted by ``|r|``: 2**-58 in float64; in float32
  ``_EXPM1`` with the 1 before it;
- ``_EXPM1``: ``(e**r - 1 - r) / r**2`` on ``|r| <= ln 2 / 2``, error weighted by ``|r|``: 2**-60 in
  float64, 2**-26 in float32;
- ``_EXP2M1``: ``(2**r - 1) / r`` on ``|r| <= 1/2``, error weighted by ``|r|``: 2**-62 and 2**-27;
- ``_COTH``: ``(s coth(s) - 1) / z`` with ``z = s**2`` on ``|s| <= ln 2 / 4``, error weighted by z: 2**-60 and 2**-28.7.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from staticbp.runtime.vecmath.lane import (
    Bits,
    Lane,
    absolute,
    larger,
    muladd,
    or_sign_of,
    polynomial,
    rough_reciprocal,
    smaller,
    where,
    with_sign_of,
)
from staticbp.runtime.vecmath.register import kernel

_EXPM1 = {
    64: (
        0.5,
        0.16666666666666677,
        0.0416666666666667,
        0.008333333333321615,
        0.0013888888888866783,
        0.00019841269886158766,
        2.4801587360648578e-05,
        2.7557244181462047e-06,
        2.755724268861046e-07,
        2.5109045085700346e-08,
        2.0924463902474072e-09,
    ),
    32: (0.5, 0.1666654348373413, 0.04166628047823906, 0.008366583846509457, 0.0013946460094302893),
}
_EXP = {
    64: (
        1.0,
        0.5000000000000013,
        0.16666666666666716,
        0.0416666666665143,
        0.008333333333302469,
        0.001388888894725832,
        0.00019841269923809735,
        2.4801489725821204e-05,
        2.7557212187585928e-06,
        2.763134874435565e-07,
        2.5118867106148725e-08,
    ),
    32: (1.0, *_EXPM1[32]),
}
_EXP2M1 = {
    64: (
        0.6931471805599453,
        0.24022650695910072,
        0.055504108664821694,
        0.009618129107628494,
        0.0013333558146391442,
        0.00015403530393341867,
        1.5252733855414168e-05,
        1.3215486832555073e-06,
        1.0178051513362668e-07,
        7.054888404334295e-09,
        4.4566320622299325e-10,
        2.5741630105330314e-11,
    ),
    32: (
        0.6931471824645996,
        0.24022650718688965,
        0.05550410971045494,
        0.00961803738027811,
        0.0013333432143554091,
        0.00015466961485799402,
        1.5314790289266966e-05,
    ),
}

_COTH = {
    64: (
        0.33333333333333204,
        -0.022222222221610705,
        0.0021164020226632726,
        -0.00021163393942532117,
        2.1187124998404547e-05,
    ),
    32: (0.33333250880241394, -0.022133702412247658),
}

# ln 2 in two parts; the first has enough trailing zeros for n times it to be exact without a fused
# multiply-add.
LN2_HIGH = {64: float.fromhex("0x1.62e42fefa3p-1"), 32: float.fromhex("0x1.62e4p-1")}
LN2_LOW = {64: float.fromhex("0x1.3de6af278ece6p-42"), 32: float.fromhex("0x1.7f7d1cp-20")}
# Beyond these exp is 0 or infinite, whatever follows; they keep n within what two factors can scale by.
_LOWEST = {64: -750.0, 32: -105.0}
_HIGHEST = {64: 720.0, 32: 95.0}
# Beyond these sinh is infinite, and n is at most two more than the largest exponent.
_EXPM1_HIGHEST = {64: 710.5, 32: 89.45}


def reduce_exp(x: Lane, unit: float = 1.0) -> tuple[Lane, Bits]:
    """``r`` and ``n`` of a finite `x` of moderate size, ``x = n unit ln 2 + r``; of NaN, NaN and anything.

    The unit is a power of two.
    """
    fmt = x.format
    rounded = muladd(x, 1.0 / (unit * math.log(2.0)), fmt.magic)
    n = rounded - fmt.magic
    r = muladd(n, -unit * LN2_HIGH[fmt.width], x)
    return muladd(n, -unit * LN2_LOW[fmt.width], r), rounded.bits() - fmt.magic_bits


def _expm1_reduced(r: Lane) -> Lane:
    return muladd(r * r, polynomial(r, _EXPM1[r.format.width]), r)


def power_of_two(n: Bits) -> Lane:
    """``2.0**n`` for an n within the exponents of normal numbers."""
    return ((n + n.format.bias) << n.format.fraction).as_float()


def scale(x: Lane, n: Bits) -> Lane:
    """``x * 2.0**n``, rounded once, also where the result is subnormal or infinite."""
    fmt = x.format
    # Two factors, since one could not reach the ends; biased, n is positive and halves by a logical shift.
    biased = n + 2 * fmt.bias
    half = biased >> 1
    return x * (half << fmt.fraction).as_float() * ((biased - half) << fmt.fraction).as_float()


def exp_lane(
    x: Lane, halvings: int = 0, rest: Lane | None = None, times: Lane | None = None, *, close: bool = False
) -> Lane:
    """``e**(x + rest) * times / 2**halvings``, which may be finite where ``e**x`` is not; `rest` is tiny.

    What is asked for with a `rest`, or `close`, is off by 0.85 ulp at most, else by 1.5, in fewer operations.
    """
    width = x.format.width
    r, n = reduce_exp(larger(smaller(x, _HIGHEST[width]), _LOWEST[width]))
    if rest is None and times is None and not close:
        return scale(muladd(r, polynomial(r, _EXP[width]), 1.0), n - halvings)
    if rest is not None:
        r = r + rest
    if times is not None:
        return scale(muladd(times, _expm1_reduced(r), times), n - halvings)
    # 1 + r is rounded once; what it lost joins the smaller terms.
    head = 1.0 + r
    tail = muladd(r * r, polynomial(r, _EXPM1[width]), (1.0 - head) + r)
    return scale(head + tail, n - halvings)


def expm1_lane(x: Lane, halvings: int = 0) -> Lane:
    """``(e**x - 1) / 2**halvings``, accurate near 0 but for subnormals that are halved."""
    fmt = x.format
    # Below -50 the result is -1.
    r, n = reduce_exp(larger(smaller(x, _EXPM1_HIGHEST[fmt.width]), -50.0))
    p = _expm1_reduced(r)
    factor = power_of_two(n)
    moderate = muladd(factor, p, factor - 1.0)
    if halvings:
        moderate *= 0.5**halvings
    # The power itself may exceed the format where the result does not.
    quarter = power_of_two(n - 2)
    huge = muladd(quarter, p, quarter) * 0.5 ** (halvings - 2)
    return with_sign_of(where(x > 40.0, huge, moderate), x)


@kernel(np.exp)
def exp(x: Lane) -> Lane:
    """The exponential function: 1.5 ulp."""
    return exp_lane(x)


@kernel(np.exp2)
def exp2(x: Lane) -> Lane:
    """The power of 2: 1 ulp."""
    fmt = x.format
    clipped = larger(smaller(x, float(fmt.bias + 2)), float(-fmt.bias - fmt.fraction - 2))
    rounded = clipped + fmt.magic
    r = clipped - (rounded - fmt.magic)
    return scale(muladd(r, polynomial(r, _EXP2M1[fmt.width]), 1.0), rounded.bits() - fmt.magic_bits)


@kernel(np.expm1)
def expm1(x: Lane) -> Lane:
    """The exponential function less 1: 2 ulp."""
    return expm1_lane(x)


def _expit_twin(x: Any) -> Any:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small)[()] / (1 + small)


@kernel(_expit_twin)
def expit(x: Lane) -> Lane:
    """The logistic function ``1 / (1 + exp(-x))``, which never overflows: 3 ulp."""
    small, larger_one = _expit_parts(x)
    return where(x >= 0.0, 1.0, small) * larger_one


def _expit_slope_twin(x: Any) -> Any:
    small = np.exp(-np.abs(x))
    return small / (1 + small) ** 2


@kernel(_expit_slope_twin)
def expit_slope(x: Lane) -> Lane:
    """The derivative of `expit`, ``e**-|x| / (1 + e**-|x|)**2``, accurate where ``y * (1 - y)`` is not: 4.5 ulp."""
    small, larger_one = _expit_parts(x)
    return small * larger_one * larger_one


def _expit_parts(x: Lane) -> tuple[Lane, Lane]:
    """``e**-|x|``, and the larger one of ``expit(x)`` and ``expit(-x)``: LLVM makes these once for value and slope."""
    small = exp_lane(-absolute(x))
    return small, 1.0 / (1.0 + small)


@kernel(np.tanh)
def tanh(x: Lane) -> Lane:
    """The hyperbolic tangent: 2.5 ulp.

    With ``|x| = n ln 2 / 2 + s``, ``p = 2**n`` and ``h = s coth s = 1 + k`` it is one quotient, that of
    ``(p - 1) h + (p + 1) s`` and ``(p + 1) h + (p - 1) s``.
    """
    width = x.format.width
    s, n = reduce_exp(smaller(absolute(x), {64: 20.0, 32: 10.0}[width]), 0.5)
    z = s * s
    k = z * polynomial(z, _COTH[width])
    power = power_of_two(n)
    less, more = power - 1.0, power + 1.0
    rest = muladd(more, s, less * k)
    above, below = less + rest, more + muladd(less, s, more * k)
    # What the upper sum lost is put back.
    lost = (less - above) + rest
    size = muladd(lost, rough_reciprocal(below), above / below)
    return or_sign_of(smaller(size, 1.0), x)


@kernel(np.sinh)
def sinh(x: Lane) -> Lane:
    """The hyperbolic sine: 2 ulp."""
    size = absolute(x)
    half = expm1_lane(size, halvings=1)
    # (e + e / (e + 1)) / 2, with e = expm1(|x|); for large e the quotient is 1, also where e is infinite.
    finite = smaller(half, 1e9)
    result = half + finite / (2.0 * finite + 1.0)
    return with_sign_of(where(size < x.format.epsilon, size, result), x)


@kernel(np.cosh)
def cosh(x: Lane) -> Lane:
    """The hyperbolic cosine: 2 ulp."""
    half = exp_lane(absolute(x), halvings=1, close=True)
    return half + 0.25 / half
