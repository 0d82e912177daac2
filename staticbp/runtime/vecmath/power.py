"""The power function.

In float64 ``log |x|`` is carried to some 65 bits as the sum of two numbers, since its error is multiplied
by up to 745; the products need true fused multiply-adds. float32 goes through float64, where one number is
enough.

``_LOG`` holds ``((2 atanh(s) / s - 2) / z - 2/3) / z`` with ``z = s**2``: a minimax fit of our own as in
`logarithm`, whose error in ``log m`` is 2**-65.3 relative.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from staticbp.runtime.vecmath.exponential import exp_lane
from staticbp.runtime.vecmath.lane import Lane, absolute, fused, intrinsic, polynomial, where
from staticbp.runtime.vecmath.logarithm import log_lane, split_float
from staticbp.runtime.vecmath.register import kernel

_LOG = (
    0.3999999999999998,
    0.2857142857144521,
    0.2222222221751127,
    0.18181818873420527,
    0.15384556658212362,
    0.1333632563683261,
    0.11674651104670657,
    0.11990411870285185,
)
_TWO_THIRDS = 2.0 / 3.0
_TWO_THIRDS_REST = float.fromhex("0x1.5555555555555p-55")
_LN2 = (float.fromhex("0x1.62e42fefa3p-1"), float.fromhex("0x1.3de6af278ece6p-42"))


def _log_in_two_parts(x: Lane) -> tuple[Lane, Lane]:
    """The logarithm of a positive finite number, as a sum."""
    k, m = split_float(x)
    f = m - 1.0
    # s = f / (m + 1)
    divisor = m + 1.0
    divisor_low = m - (divisor - 1.0)
    inverse = 1.0 / divisor
    s = f * inverse
    s_low = (fused(-s, divisor, f) - s * divisor_low) * inverse
    z = s * s
    z_low = fused(s, s, -z) + 2.0 * s * s_low
    # p = 2/3 + 2/5 z + ...
    p_rest = z * polynomial(z, _LOG)
    p = p_rest + _TWO_THIRDS
    p_low = (_TWO_THIRDS - p) + p_rest + (z_low * _LOG[0] + _TWO_THIRDS_REST)
    cube = s * z
    cube_low = fused(s, z, -cube) + (s * z_low + s_low * z)
    term = cube * p
    term_low = fused(cube, p, -term) + (cube * p_low + cube_low * p)
    double = 2.0 * s
    log_m = double + term
    log_m_low = (double - log_m) + term + (2.0 * s_low + term_low)
    whole = k * _LN2[0]
    high = whole + log_m
    return high, (whole - high) + log_m + fused(k, _LN2[1], log_m_low)


def _power_of_size(size: Lane, y: Lane) -> Lane:
    """``size**y`` in float64, of a number that is not negative."""
    high, low = _log_in_two_parts(size)
    at_an_end = where(size.equals(0.0), -math.inf, size)
    ordinary = (size > 0.0) & (size < math.inf)
    high, low = where(ordinary, high, at_an_end), where(ordinary, low, 0.0)
    exponent = y * high
    rest = fused(y, high, -exponent) + y * low
    return exp_lane(exponent, rest=where(absolute(exponent) < 1e3, rest, 0.0))


def _pow_twin(x: Any, y: Any) -> Any:
    dtype = np.result_type(np.asarray(x).dtype, np.asarray(y).dtype, np.float32)
    return np.power(dtype.type(x), dtype.type(y))


@kernel(_pow_twin, arity=2)
def pow(x: Lane, y: Lane) -> Lane:
    """The power: 1 ulp."""
    single = x.format.width == 32
    x, y = x.widened(), y.widened()
    size = absolute(x)
    result = exp_lane(y * log_lane(size)) if single else _power_of_size(size, y)
    whole = intrinsic("trunc", y).equals(y)
    half = 0.5 * y
    odd = whole & ~intrinsic("trunc", half).equals(half)
    flipped = (result.bits() ^ (x.bits() & x.format.sign_mask)).as_float()
    result = where(odd, flipped, result)
    result = where((x < 0.0) & (x > -math.inf) & ~whole, math.nan, result)
    result = where(size.equals(1.0) & absolute(y).equals(math.inf), 1.0, result)
    result = where(x.equals(1.0) | y.equals(0.0), 1.0, result)
    return result.narrowed() if single else result
