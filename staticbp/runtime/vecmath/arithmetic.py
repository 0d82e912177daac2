"""Rounding, signs, comparisons, and division as NumPy does it; floats and, where NumPy takes them, integers."""

from __future__ import annotations

import math

import numpy as np

from staticbp.runtime.vecmath.lane import (
    IrValue,
    Lane,
    Mask,
    absolute,
    intrinsic,
    square_root,
    where,
    with_sign_of,
)
from staticbp.runtime.vecmath.register import Integers, kernel, number_kernel


@kernel(np.sqrt)
def sqrt(x: Lane) -> Lane:
    """The square root: exactly rounded."""
    return square_root(x)


def _unchanged(n: Integers, x: IrValue) -> IrValue:
    return x


@number_kernel(np.floor, integers=_unchanged)
def floor(x: Lane) -> Lane:
    """The largest integer that is not larger."""
    return intrinsic("floor", x)


@number_kernel(np.ceil, integers=_unchanged)
def ceil(x: Lane) -> Lane:
    """The smallest integer that is not smaller."""
    return intrinsic("ceil", x)


@number_kernel(np.trunc, integers=_unchanged)
def trunc(x: Lane) -> Lane:
    """The integer part."""
    return intrinsic("trunc", x)


@kernel(np.rint)
def rint(x: Lane) -> Lane:
    """The nearest integer, the even one of two."""
    return intrinsic("rint", x)


def _abs_of_integer(n: Integers, x: IrValue) -> IrValue:
    return n.select(n.less(x, n.zero), n.builder.neg(x), x) if n.signed else x


@number_kernel(np.abs, integers=_abs_of_integer)
def abs(x: Lane) -> Lane:
    """The absolute value."""
    return absolute(x)


def _sign_of_integer(n: Integers, x: IrValue) -> IrValue:
    positive = n.select(n.less(n.zero, x), n.one, n.zero)
    return n.select(n.less(x, n.zero), n.builder.neg(n.one), positive) if n.signed else positive


@number_kernel(np.sign, integers=_sign_of_integer)
def sign(x: Lane) -> Lane:
    """-1, 0 or 1, or NaN."""
    return where(x > 0.0, 1.0, where(x < 0.0, -1.0, where(x.equals(0.0), 0.0, x)))


def smaller_integer(n: Integers, x: IrValue, y: IrValue) -> IrValue:
    """The smaller of two integers."""
    return n.select(n.less(y, x), y, x)


def larger_integer(n: Integers, x: IrValue, y: IrValue) -> IrValue:
    """The larger of two integers."""
    return n.select(n.less(x, y), y, x)


# Of these four the comparison comes first: LLVM 20 makes of "NaN, or greater than zero" asked of an absolute value,
# in this order, the same asked of the value itself.
@number_kernel(np.minimum, arity=2, integers=smaller_integer)
def minimum(x: Lane, y: Lane) -> Lane:
    """The smaller of two; NaN if either is."""
    return where(x >= y, y, where(y.is_nan(), y, x))


@number_kernel(np.maximum, arity=2, integers=larger_integer)
def maximum(x: Lane, y: Lane) -> Lane:
    """The larger of two; NaN if either is."""
    return where(x <= y, y, where(y.is_nan(), y, x))


@number_kernel(np.fmin, arity=2, integers=smaller_integer)
def fmin(x: Lane, y: Lane) -> Lane:
    """The smaller of two, or the one that is not NaN."""
    return where(x >= y, y, where(x.is_nan(), y, x))


@number_kernel(np.fmax, arity=2, integers=larger_integer)
def fmax(x: Lane, y: Lane) -> Lane:
    """The larger of two, or the one that is not NaN."""
    return where(x <= y, y, where(x.is_nan(), y, x))


def _divide_integers(n: Integers, x: IrValue, y: IrValue) -> tuple[IrValue, IrValue, IrValue]:
    """C's quotient and remainder, by 1 where it would trap, and whether the divisor is zero."""
    by_zero = n.equal(y, n.zero)
    trap = by_zero
    if n.signed:
        # The quotient of the lowest integer by -1 is not a number of the type; it wraps around.
        minus_one = n.builder.neg(n.one)
        trap = n.builder.or_(by_zero, n.builder.and_(n.equal(y, minus_one), n.equal(x, n.lowest)))
    divisor = n.select(trap, n.one, y)
    divide, rest = (n.builder.sdiv, n.builder.srem) if n.signed else (n.builder.udiv, n.builder.urem)
    return divide(x, divisor), rest(x, divisor), by_zero


def _rounds_up(n: Integers, rest: IrValue, y: IrValue) -> IrValue:
    """Whether C's quotient lies above the floor: there is a remainder, of the other sign than the divisor."""
    other_sign = n.less(n.builder.xor(rest, y), n.zero)
    return n.builder.and_(n.builder.not_(n.equal(rest, n.zero)), other_sign)


def _floor_divide_integers(n: Integers, x: IrValue, y: IrValue) -> IrValue:
    quotient, rest, by_zero = _divide_integers(n, x, y)
    if n.signed:
        quotient = n.select(_rounds_up(n, rest, y), n.builder.sub(quotient, n.one), quotient)
    return n.select(by_zero, n.zero, quotient)


def _remainder_of_integers(n: Integers, x: IrValue, y: IrValue) -> IrValue:
    _, rest, by_zero = _divide_integers(n, x, y)
    if n.signed:
        rest = n.select(_rounds_up(n, rest, y), n.builder.add(rest, y), rest)
    return n.select(by_zero, n.zero, rest)


def _fmod_of_integers(n: Integers, x: IrValue, y: IrValue) -> IrValue:
    _, rest, by_zero = _divide_integers(n, x, y)
    return n.select(by_zero, n.zero, rest)


def _floored(x: Lane, y: Lane) -> tuple[Lane, Mask]:
    """C's remainder, and whether NumPy's lies one divisor further."""
    rest = x % y
    return rest, ((rest < 0.0) | (rest > 0.0)) & ((y < 0.0) ^ (rest < 0.0))


@number_kernel(np.floor_divide, arity=2, integers=_floor_divide_integers)
def floor_divide(x: Lane, y: Lane) -> Lane:
    """The floor of the quotient; integers by zero give 0."""
    rest, further = _floored(x, y)
    quotient = (x - rest) / y
    quotient = where(further, quotient - 1.0, quotient)
    whole = intrinsic("floor", quotient)
    whole = where(quotient - whole > 0.5, whole + 1.0, whole)
    whole = where(quotient.equals(0.0), with_sign_of(x.constant(0.0), x / y), whole)
    return where(y.equals(0.0), x / y, whole)


@number_kernel(np.remainder, arity=2, integers=_remainder_of_integers)
def remainder(x: Lane, y: Lane) -> Lane:
    """The remainder of `floor_divide`, with the sign of the divisor; integers by zero give 0."""
    rest, further = _floored(x, y)
    result = where(further, rest + y, rest)
    return where(rest.equals(0.0), with_sign_of(x.constant(0.0), y), result)


@number_kernel(np.fmod, arity=2, integers=_fmod_of_integers)
def fmod(x: Lane, y: Lane) -> Lane:
    """The remainder of the truncated quotient, with the sign of the dividend; integers by zero give 0."""
    return x % y


@kernel(np.copysign, arity=2)
def copysign(x: Lane, y: Lane) -> Lane:
    """The size of x with the sign of y."""
    return with_sign_of(x, y)


@kernel(np.isnan)
def isnan(x: Lane) -> Mask:
    """Whether x is NaN."""
    return x.is_nan()


@kernel(np.isinf)
def isinf(x: Lane) -> Mask:
    """Whether x is infinite."""
    return absolute(x).equals(math.inf)


@kernel(np.isfinite)
def isfinite(x: Lane) -> Mask:
    """Whether x is neither infinite nor NaN."""
    return absolute(x) < math.inf


@kernel(np.signbit)
def signbit(x: Lane) -> Mask:
    """Whether the sign bit is set, as it is in -0.0."""
    return ~(x.bits() & x.format.sign_mask).is_zero()
