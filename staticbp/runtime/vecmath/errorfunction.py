"""erf and erfc.

``erf x = x + x P(x**2)`` up to 1/2; beyond, ``erfc x = exp(-x**2) Q(t) / (1 + 2 x)`` with ``t = (x - c) /
(x + c)``. Minimax fits of our own (Remez exchange in mpmath at 200 bits, then rounded):

- ``_ERF``: ``erf(s) / s - 1``, ``z = s**2 <= 1/4``, relative to erf(s)/s: 2**-57.7 (9 terms), 2**-29.3 (5
  terms);
- ``_ERFCX``: ``(1 + 2 x) exp(x**2) erfc(x)``, relative: 2**-58.7 on [1/2, 28] with c = 4 (22 terms),
  2**-30.7 on [1/2, 11] with c = 3 (11 terms).

float32 is computed in float64, with the shorter tables.
"""

from __future__ import annotations

import math

from staticbp.runtime.vecmath.exponential import exp_lane
from staticbp.runtime.vecmath.lane import Lane, absolute, muladd, polynomial, smaller, where, with_sign_of
from staticbp.runtime.vecmath.register import float_twin, kernel

_ERF = {
    64: (
        float.fromhex("0x1.06eba8214db69p-3"),
        -0.37612638903183476,
        0.1128379167092548,
        -0.02686617063292601,
        0.005223977373578085,
        -0.000854829779759659,
        0.00012053337031380111,
        -1.4845892033214751e-05,
        1.4726251529786916e-06,
    ),
    32: (
        0.1283791656248932,
        -0.37612609292650917,
        0.11282836931940643,
        -0.026758072505457114,
        0.0047197375430371,
    ),
}
_ERFCX = {
    64: (
        1.2329951186255526,
        -0.1396211168405625,
        0.015379652102618912,
        0.0680970542546897,
        -0.10103906603624624,
        0.09373283499847553,
        -0.06633036581379621,
        0.037167515535002714,
        -0.01619773403588777,
        0.005031970005324865,
        -0.0007577734656359396,
        -0.00019925688018180684,
        0.0001506225679972467,
        -2.4398396651010413e-05,
        -1.1224924432311607e-05,
        5.707335568289885e-06,
        2.99862069729874e-07,
        -8.207729380606149e-07,
        6.675955874262267e-08,
        1.0431191084452216e-07,
        -1.2126427982244705e-08,
        -1.0027014693705082e-08,
    ),
    32: (
        1.2530080588918753,
        -0.13562110021585722,
        -0.047562387610709925,
        0.12964485364173212,
        -0.11927146724643285,
        0.06831279888662165,
        -0.023788448898112848,
        0.002496952513622861,
        0.001948015473158107,
        -0.0006782531913299447,
        -0.00017218278570283428,
    ),
}
_CENTRE = {64: 4.0, 32: 3.0}
# Beyond these erfc is 0.
_FARTHEST = {64: 27.8, 32: 10.9}


def _erf_near(x: Lane, width: int) -> Lane:
    return muladd(x, polynomial(x * x, _ERF[width]), x)


def _erfc_far(size: Lane, width: int) -> Lane:
    """The complementary error function of a size from 1/2 on."""
    x = smaller(size, _FARTHEST[width])
    centre = _CENTRE[width]
    # The square in two parts: the first of x's leading half, which is exact.
    leading = (x.bits() & ~((1 << 27) - 1)).as_float()
    rest = (leading - x) * (leading + x)
    quotient = polynomial((x - centre) / (x + centre), _ERFCX[width]) / muladd(x, 2.0, 1.0)
    return exp_lane(-(leading * leading), rest=rest, times=quotient)


@kernel(float_twin(math.erf))
def erf(x: Lane) -> Lane:
    """The error function: 1 ulp."""
    width = x.format.width
    x = x.widened()
    size = absolute(x)
    result = where(size < 0.5, _erf_near(x, width), with_sign_of(1.0 - _erfc_far(size, width), x))
    return result.narrowed() if width == 32 else result


@kernel(float_twin(math.erfc))
def erfc(x: Lane) -> Lane:
    """The complementary error function: 3 ulp."""
    width = x.format.width
    x = x.widened()
    size = absolute(x)
    far = _erfc_far(size, width)
    result = where(size < 0.5, 1.0 - _erf_near(x, width), where(x < 0.0, 2.0 - far, far))
    return result.narrowed() if width == 32 else result
