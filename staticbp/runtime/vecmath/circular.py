"""sin, cos and tan.

``x = n pi/2 + r`` with ``|r| <= pi/4``, by Cody and Waite's method: pi/2 is cut into pieces of 33 bits, so
that their products with an n of up to 20 bits are exact; what is rounded away is collected in a second part
of r. Larger arguments go to the C library, which knows pi to a thousand bits.

The coefficients are minimax fits of our own (Remez exchange in mpmath at 160 bits, then rounded) on ``0 <=
z <= (pi/4)**2``, z being ``r**2``:

- ``_SIN``: ``(sin(r) / r - 1) / z``, error weighted by z: 2**-57.2 in float64, 2**-28 in float32;
- ``_COS``: ``(cos(r) - 1 + z / 2) / z**2``, error weighted by ``z**2``: 2**-59 and 2**-32.

float32 is computed in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from staticbp.runtime.vecmath.lane import Bits, Lane, Mask, absolute, intrinsic, muladd, polynomial, where
from staticbp.runtime.vecmath.library import call_guarded
from staticbp.runtime.vecmath.register import kernel

_SIN = {
    64: (
        -0.16666666666666632,
        0.008333333333322413,
        -0.00019841269829807957,
        2.755731369196905e-06,
        -2.50507581229348e-08,
        1.5896796070242896e-10,
    ),
    32: (-0.16666655242443085, 0.008332177996635437, -0.00019517233886290342),
}
_COS = {
    64: (
        0.0416666666666666,
        -0.0013888888888874125,
        2.4801587289482987e-05,
        -2.755731435254256e-07,
        2.087572329932313e-09,
        -1.1359649048819323e-11,
    ),
    32: (0.04166664555668831, -0.0013887366512790322, 2.4438380933133885e-05),
}

_HALF_PI = tuple(
    map(float.fromhex, ("0x1.921fb544p+0", "0x1.0b4611a6p-34", "0x1.3198a2ep-69", "0x1.b839a252049c1p-104"))
)
_HALF_PI_REST = float.fromhex("0x1.0b4611a626331p-34")
_LARGEST = 1.6e6  # n stays below 2**20


class Turn(NamedTuple):
    """An angle cut down: its quadrant, and the sine and cosine of what remains."""

    quadrant: Bits
    sine: Lane
    cosine: Lane


def _whole_quadrants(x: Lane) -> tuple[Lane, Bits]:
    magic = x.format.magic
    rounded = muladd(x, 2.0 / np.pi, magic)
    return rounded - magic, rounded.bits()


def _turn64(x: Lane) -> Turn:
    n, quadrant = _whole_quadrants(x)
    r1 = muladd(n, -_HALF_PI[0], x)
    r2 = muladd(n, -_HALF_PI[1], r1)
    lost2 = muladd(n, -_HALF_PI[1], r1 - r2)
    r = muladd(n, -_HALF_PI[2], r2)
    lost3 = muladd(n, -_HALF_PI[2], r2 - r)
    rest = muladd(n, -_HALF_PI[3], lost2 + lost3)
    z = r * r
    half = 0.5 * z
    # sin(r + rest) = sin r + rest cos r
    sine = r + muladd(z * r, polynomial(z, _SIN[64]), muladd(-half, rest, rest))
    head = 1.0 - half
    tail = (1.0 - head) - half
    cosine = head + (tail + muladd(z * z, polynomial(z, _COS[64]), -(r * rest)))
    return Turn(quadrant, sine, cosine)


def _turn32(x: Lane) -> Turn:
    n, quadrant = _whole_quadrants(x)
    r = muladd(n, -_HALF_PI_REST, muladd(n, -_HALF_PI[0], x))
    z = r * r
    sine = muladd(z * r, polynomial(z, _SIN[32]), r)
    cosine = muladd(z * z, polynomial(z, _COS[32]), 1.0 - 0.5 * z)
    return Turn(quadrant, sine, cosine)


def _odd(quadrant: Bits) -> Mask:
    return ~(quadrant & 1).is_zero()


def _sine_of(turn: Turn) -> Lane:
    value = where(_odd(turn.quadrant), turn.cosine, turn.sine)
    return (value.bits() ^ ((turn.quadrant & 2) << 62)).as_float()


def _cosine_of(turn: Turn) -> Lane:
    return _sine_of(turn._replace(quadrant=turn.quadrant + 1))


def _tangent_of(turn: Turn) -> Lane:
    odd = _odd(turn.quadrant)
    return where(odd, -turn.cosine, turn.sine) / where(odd, turn.sine, turn.cosine)


def _large(x: Lane) -> Mask:
    return absolute(x) > _LARGEST


def _circular(name: str, x: Lane, read: Callable[[Turn], Lane], slow: Callable[[Lane], Lane], *, odd: bool) -> Lane:
    def fast64(lane: Lane) -> Lane:
        result = read(_turn64(lane))
        # Where sin x rounds to x: also the sign of zero and the last bits of subnormals.
        return where(absolute(lane) < 2.0**-28, lane, result) if odd else result

    def fast32(lane: Lane) -> Lane:
        result = read(_turn32(lane.widened())).narrowed()
        return where(absolute(lane) < 2.0**-13, lane, result) if odd else result

    if x.format.width == 64:
        return call_guarded(name, x, fast64, _large, slow)
    return call_guarded(name, x, fast32, _large, lambda lane: slow(lane.widened()).narrowed())


@kernel(np.sin)
def sin(x: Lane) -> Lane:
    """The sine: 1 ulp."""
    return _circular("sin", x, _sine_of, lambda lane: intrinsic("sin", lane), odd=True)


@kernel(np.cos)
def cos(x: Lane) -> Lane:
    """The cosine: 1 ulp."""
    return _circular("cos", x, _cosine_of, lambda lane: intrinsic("cos", lane), odd=False)


@kernel(np.tan)
def tan(x: Lane) -> Lane:
    """The tangent: 2 ulp."""
    return _circular("tan", x, _tangent_of, lambda lane: intrinsic("sin", lane) / intrinsic("cos", lane), odd=True)
