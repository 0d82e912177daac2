"""arctan, arctan2, arcsin, arccos, cbrt and hypot.

An arctangent is that of a ratio in [0, 1], which the addition theorem brings within tan(pi/8); an arcsine
above 1/2 is reduced by ``asin x = pi/2 - 2 asin sqrt((1 - x) / 2)``. Minimax fits of our own (Remez
exchange in mpmath at 160 bits, then rounded):

- ``_ATAN``: ``(atan(t) / t - 1) / z``, ``z = t**2 <= tan(pi/8)**2``, error weighted by z: 2**-59 (11
  terms), 2**-30.5 (5 terms);
- ``_ASIN``: ``(asin(s) / s - 1) / z``, ``z = s**2 <= 1/4``, error weighted by z: 2**-59.2 (13 terms),
  2**-27.6 (5 terms);
- ``_CBRT``: the cube root on [1/sqrt 8, sqrt 8], relative error 2**-10.4, a start for Halley's iteration.

float32 is computed in float64, with the shorter tables.
"""

from __future__ import annotations

import math

import numpy as np

from staticbp.runtime.vecmath.lane import (
    Lane,
    Mask,
    absolute,
    muladd,
    polynomial,
    square_root,
    where,
    with_sign_of,
)
from staticbp.runtime.vecmath.logarithm import split_float
from staticbp.runtime.vecmath.register import kernel

_ATAN = {
    64: (
        -0.333333333333332,
        0.19999999999953674,
        -0.14285714280204861,
        0.11111110783848473,
        -0.09090897767902154,
        0.07692060374514997,
        -0.06663105584811199,
        0.05847898247743522,
        -0.050393343921514906,
        0.038065039521289444,
        -0.017907431086145557,
    ),
    32: (
        -0.33333315424903365,
        0.19998484056642504,
        -0.1424373955092908,
        0.10595144135687795,
        -0.06081164764673546,
    ),
}
_ASIN = {
    64: (
        0.16666666666666763,
        0.07499999999970096,
        0.044642857175287945,
        0.0303819426752014,
        0.022372215907778405,
        0.01735159547264974,
        0.01398101878868277,
        0.01139729157657881,
        0.010789326291448133,
        0.0036721763079012883,
        0.021790645223939108,
        -0.02111668696899054,
        0.03270212510899602,
    ),
    32: (
        0.16666754121419378,
        0.07495233066076247,
        0.045478293835405914,
        0.024141226165932252,
        0.04223015812393051,
    ),
}
_CBRT = (
    0.415133010080393,
    1.052331048419949,
    -0.7609053389019517,
    0.38672961447315723,
    -0.1043482408281979,
    0.011260760316778072,
)

# pi/4 in two parts; the first times 1, 2, 3 and 4 is exact.
_QUARTER_PI_HIGH = float.fromhex("0x1.921fb54442d1p-1")
_QUARTER_PI_LOW = float.fromhex("0x1.08d313198a2e0p-50")
_TAN_EIGHTH = math.tan(math.pi / 8)


def _negative(x: Lane) -> Mask:
    """Whether the sign bit is set."""
    return ~(x.bits() & x.format.sign_mask).is_zero()


def _rounded_to(width: int, x: Lane) -> Lane:
    return x.narrowed() if width == 32 else x


def _angle(up: Lane, along: Lane, leftwards: Mask | None, width: int) -> Lane:
    """The angle in [0, pi] of a point `up` and `along` away from the axes, to the left where `leftwards`."""
    steep = up > along
    low, high = where(steep, along, up), where(steep, up, along)
    # The origin lies on the horizontal axis, the corners at infinity on the diagonals.
    corner = low.equals(math.inf) & high.equals(math.inf)
    low = where(corner, 1.0, low)
    high = where(corner | high.equals(0.0), 1.0, high)
    beyond = low > high * _TAN_EIGHTH
    t = where(beyond, low - high, low) / where(beyond, low + high, high)
    z = t * t
    p = muladd(t * z, polynomial(z, _ATAN[width]), t)
    # The angle is m pi/4 + p.
    m = where(beyond, t.constant(1.0), 0.0)
    m, p = where(steep, 2.0 - m, m), where(steep, -p, p)
    if leftwards is not None:
        m, p = where(leftwards, 4.0 - m, m), where(leftwards, -p, p)
    return muladd(m, _QUARTER_PI_HIGH, muladd(m, _QUARTER_PI_LOW, p))


@kernel(np.arctan)
def arctan(x: Lane) -> Lane:
    """The inverse tangent: 2 ulp."""
    wide = x.widened()
    angle = _angle(absolute(wide), wide.constant(1.0), None, x.format.width)
    return _rounded_to(x.format.width, with_sign_of(angle, wide))


@kernel(np.arctan2, arity=2)
def arctan2(y: Lane, x: Lane) -> Lane:
    """The angle of the point (x, y), from -pi to pi: 2 ulp."""
    width = x.format.width
    y, x = y.widened(), x.widened()
    up, along = absolute(y), absolute(x)
    if width == 64:
        # Keeps the sum of two large ones finite.
        huge = (up > 2.0**1000) | (along > 2.0**1000)
        up, along = where(huge, up * 0.25, up), where(huge, along * 0.25, along)
    return _rounded_to(width, with_sign_of(_angle(up, along, _negative(x), width), y))


def _arcsine_parts(x: Lane, width: int) -> tuple[Mask, Lane, Lane]:
    """Whether ``|x| < 1/2``; then ``a = |x|``, else ``a = sqrt((1 - |x|) / 2)``; and what asin a exceeds a by."""
    size = absolute(x)
    inner = size < 0.5
    z = where(inner, size * size, muladd(size, -0.5, 0.5))
    a = where(inner, size, square_root(z))
    return inner, a, a * z * polynomial(z, _ASIN[width])


@kernel(np.arcsin)
def arcsin(x: Lane) -> Lane:
    """The inverse sine: 2 ulp."""
    width = x.format.width
    wide = x.widened()
    inner, a, rest = _arcsine_parts(wide, width)
    outer = 2.0 * _QUARTER_PI_HIGH + (2.0 * _QUARTER_PI_LOW - 2.0 * (a + rest))
    return _rounded_to(width, with_sign_of(where(inner, a + rest, outer), wide))


@kernel(np.arccos)
def arccos(x: Lane) -> Lane:
    """The inverse cosine: 2 ulp."""
    width = x.format.width
    wide = x.widened()
    inner, a, rest = _arcsine_parts(wide, width)
    asine = with_sign_of(a + rest, wide)
    middle = 2.0 * _QUARTER_PI_HIGH + (2.0 * _QUARTER_PI_LOW - asine)
    double = 2.0 * (a + rest)
    left = 4.0 * _QUARTER_PI_HIGH + (4.0 * _QUARTER_PI_LOW - double)
    return _rounded_to(width, where(inner, middle, where(wide > 0.0, double, left)))


@kernel(np.cbrt)
def cbrt(x: Lane) -> Lane:
    """The cube root: 1 ulp."""
    width = x.format.width
    wide = x.widened()
    size = absolute(wide)
    k, m = split_float(size)
    magic = wide.format.magic
    rounded = muladd(k, 1.0 / 3.0, magic)
    third = rounded - magic
    rest = k - 3.0 * third
    m = m * where(rest > 0.5, wide.constant(2.0), where(rest < -0.5, wide.constant(0.5), 1.0))
    root = polynomial(m, _CBRT)
    cube = root * root * root
    root = root * muladd(m, 2.0, cube) / muladd(cube, 2.0, m)
    if width == 64:
        # Newton's last step; the root is cut to 26 bits so that its square is exact.
        root = (root.bits() & ~((1 << 27) - 1)).as_float()
        quotient = m / (root * root)
        root = root + root * ((quotient - root) / (root + root + quotient))
    scaled = root * ((rounded.bits() + 1023) << 52).as_float()
    ordinary = (size > 0.0) & (size < math.inf)
    return _rounded_to(width, with_sign_of(where(ordinary, scaled, size), wide))


@kernel(np.hypot, arity=2)
def hypot(x: Lane, y: Lane) -> Lane:
    """The length of the hypotenuse, without overflow on the way: 1 ulp; infinite if either is, even beside NaN."""
    width = x.format.width
    x, y = absolute(x.widened()), absolute(y.widened())
    if width == 32:
        length = square_root(muladd(x, x, y * y))
    else:
        large = (x > 2.0**500) | (y > 2.0**500)
        small = (x < 2.0**-400) & (y < 2.0**-400)
        down = where(large, x.constant(2.0**-600), where(small, x.constant(2.0**600), 1.0))
        up = where(large, x.constant(2.0**600), where(small, x.constant(2.0**-600), 1.0))
        a, b = x * down, y * down
        length = square_root(muladd(a, a, b * b)) * up
    infinite = x.equals(math.inf) | y.equals(math.inf)
    return _rounded_to(width, where(infinite, math.inf, length))
