"""The elementary functions: exponentials, logarithms, roots, circular and hyperbolic functions, rounding."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from staticbp.core.aval import INT64
from staticbp.core.primitive import Value, value_aval
from staticbp.errors import DtypeError, UnsupportedFunctionError
from staticbp.ops.arithmetic import divide_or_zero, where
from staticbp.ops.compare import isinf, isnan, isneginf, isposinf
from staticbp.ops.families import ABOVE_ONE, NONZERO, POSITIVE, UNIT, ZERO, Elementwise, elementwise
from staticbp.ops.linear import operand, promoted, to_dtype
from staticbp.ops.options import fresh, in_dtype, traced
from staticbp.ops.registry import implements, refuse, ufunc_dtypes

LN2 = math.log(2)
LN10 = math.log(10)

# ---- exponentials and logarithms --------------------------------------------------------------------------

exp = elementwise(
    "exp", numpy=np.exp, partials=lambda out, x: (out,), expr="vm.exp({x})", cost=10, for_complex="np.exp({x})"
)

exp2 = elementwise(
    "exp2",
    numpy=np.exp2,
    partials=lambda out, x: (out * LN2,),
    expr="vm.exp2({x})",
    cost=10,
    for_complex="np.exp2({x})",
)

expm1 = elementwise(
    "expm1",
    numpy=np.expm1,
    partials=lambda out, x: (np.exp(x),),
    expr="vm.expm1({x})",
    cost=14,
    for_complex="np.expm1({x})",
)

log = elementwise(
    "log",
    numpy=np.log,
    domain=POSITIVE,
    partials=lambda out, x: (1 / x,),
    expr="vm.log({x})",
    cost=10,
    for_complex="np.log({x})",
)

log2 = elementwise(
    "log2",
    numpy=np.log2,
    domain=POSITIVE,
    partials=lambda out, x: (1 / (x * LN2),),
    expr="vm.log2({x})",
    cost=10,
    for_complex="np.log2({x})",
)

log10 = elementwise(
    "log10",
    numpy=np.log10,
    domain=POSITIVE,
    partials=lambda out, x: (1 / (x * LN10),),
    expr="vm.log10({x})",
    cost=12,
    for_complex="np.log10({x})",
)

log1p = elementwise(
    "log1p",
    numpy=np.log1p,
    domain=UNIT,
    partials=lambda out, x: (1 / (1 + x),),
    expr="vm.log1p({x})",
    cost=14,
    for_complex="np.log1p({x})",
)

# ---- roots ------------------------------------------------------------------------------------------------

sqrt = elementwise(
    "sqrt",
    numpy=np.sqrt,
    domain=POSITIVE,
    partials=lambda out, x: (0.5 / out,),
    expr="vm.sqrt({x})",
    cost=6,
    for_complex="np.sqrt({x})",
)

# The root in norms and standard deviations, which have a tip where they are zero: its slope is taken as zero.
sqrt_of_sum = elementwise(
    "sqrt_of_sum",
    numpy=lambda x: np.sqrt(x),
    domain=POSITIVE,
    partials=lambda out, x: (divide_or_zero(0.5, out),),
    expr="vm.sqrt({x})",
    dtypes=ufunc_dtypes(np.sqrt),
    cost=6,
)

cbrt = elementwise(
    "cbrt",
    numpy=np.cbrt,
    domain=NONZERO,
    partials=lambda out, x: (1 / (3 * (out * out)),),
    expr="vm.cbrt({x})",
    cost=20,
)

# ---- circular functions -----------------------------------------------------------------------------------

sin = elementwise(
    "sin", numpy=np.sin, partials=lambda out, x: (np.cos(x),), expr="vm.sin({x})", cost=12, for_complex="np.sin({x})"
)

cos = elementwise(
    "cos", numpy=np.cos, partials=lambda out, x: (-np.sin(x),), expr="vm.cos({x})", cost=12, for_complex="np.cos({x})"
)

tan = elementwise(
    "tan",
    numpy=np.tan,
    domain=UNIT,
    partials=lambda out, x: (1 + out * out,),
    expr="vm.tan({x})",
    cost=20,
    for_complex="np.tan({x})",
)

arcsin = elementwise(
    "arcsin",
    numpy=np.arcsin,
    domain=UNIT,
    partials=lambda out, x: (1 / np.sqrt((1 - x) * (1 + x)),),
    expr="vm.arcsin({x})",
    cost=20,
    for_complex="np.arcsin({x})",
)

arccos = elementwise(
    "arccos",
    numpy=np.arccos,
    domain=UNIT,
    partials=lambda out, x: (-1 / np.sqrt((1 - x) * (1 + x)),),
    expr="vm.arccos({x})",
    cost=20,
    for_complex="np.arccos({x})",
)

arctan = elementwise(
    "arctan",
    numpy=np.arctan,
    partials=lambda out, x: (1 / (1 + x * x),),
    expr="vm.arctan({x})",
    cost=20,
    for_complex="np.arctan({x})",
)

# ---- hyperbolic functions ---------------------------------------------------------------------------------

sinh = elementwise(
    "sinh",
    numpy=np.sinh,
    partials=lambda out, x: (np.cosh(x),),
    expr="vm.sinh({x})",
    cost=18,
    for_complex="np.sinh({x})",
)

cosh = elementwise(
    "cosh",
    numpy=np.cosh,
    partials=lambda out, x: (np.sinh(x),),
    expr="vm.cosh({x})",
    cost=18,
    for_complex="np.cosh({x})",
)

tanh = elementwise(
    "tanh",
    numpy=np.tanh,
    partials=lambda out, x: (1 - out * out,),
    expr="vm.tanh({x})",
    cost=14,
    for_complex="np.tanh({x})",
)


def _arcsinh_slope(x: Value) -> Value:
    return 1 / (np.sqrt(1 + x * x) if value_aval(x).is_complex else np.hypot(x, 1))


arcsinh = elementwise(
    "arcsinh",
    numpy=np.arcsinh,
    partials=lambda out, x: (_arcsinh_slope(x),),
    expr="vm.arcsinh({x})",
    cost=20,
    for_complex="np.arcsinh({x})",
)

arccosh = elementwise(
    "arccosh",
    numpy=np.arccosh,
    domain=ABOVE_ONE,
    partials=lambda out, x: (1 / (np.sqrt(x - 1) * np.sqrt(x + 1)),),
    expr="vm.arccosh({x})",
    cost=20,
    for_complex="np.arccosh({x})",
)

arctanh = elementwise(
    "arctanh",
    numpy=np.arctanh,
    domain=UNIT,
    partials=lambda out, x: (1 / ((1 - x) * (1 + x)),),
    expr="vm.arctanh({x})",
    cost=20,
    for_complex="np.arctanh({x})",
)

# ---- angles -----------------------------------------------------------------------------------------------


@implements(np.deg2rad, np.radians)
def deg2rad(x: Value) -> Value:
    """Degrees to radians."""
    return promoted(np.deg2rad, x)[0] * (math.pi / 180)


@implements(np.rad2deg, np.degrees)
def rad2deg(x: Value) -> Value:
    """Radians to degrees."""
    return promoted(np.rad2deg, x)[0] * (180 / math.pi)


_SERIES = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(6))


@implements(np.sinc)
def sinc(x: Value) -> Value:
    """``sin(pi x) / (pi x)``; near zero by its series, so that no derivative meets 0 / 0 or cancellation."""
    angle = operand(x) * math.pi
    near = abs(angle) < 0.15
    small, large = where(near, angle, 0), where(near, 1, angle)
    squared = small * small
    series: Value = _SERIES[-1]
    for coefficient in reversed(_SERIES[:-1]):
        series = series * squared + coefficient
    return where(near, series, np.sin(large) / large)


# ---- rounding ---------------------------------------------------------------------------------------------


def _whole_already(x: Value) -> Value | None:
    """Integers stay as they are."""
    return None if value_aval(x).is_float else x


def _rounding(name: str, ufunc: np.ufunc) -> Elementwise:
    return elementwise(name, numpy=ufunc, partials=ZERO, expr=f"vm.{name}({{x}})", shortcut=_whole_already, cost=2)


floor = _rounding("floor", np.floor)
ceil = _rounding("ceil", np.ceil)
trunc = _rounding("trunc", np.trunc)
rint = elementwise("rint", numpy=np.rint, partials=ZERO, expr="vm.rint({x})", cost=2)


@implements(np.fix)
def fix(x: Value, out: Any = None) -> Value:
    """`x` rounded towards zero."""
    refuse("np.fix", out=out)
    return trunc(x)


@implements(np.round, np.around)
def round(a: Value, decimals: int = 0, out: Any = None) -> Value:
    """`a` rounded to a number of decimals, halves to even."""
    refuse("np.round", out=out)
    aval = value_aval(a)
    if aval.dtype.kind == "b":
        raise DtypeError("np.round of bool is a float16 in NumPy, which staticbp does not compile")
    if aval.dtype.kind in "iu":
        if decimals >= 0:
            return fresh(a)
        unit = 10 ** (-decimals)
        return to_dtype(rint(a / float(unit)) * float(unit), aval.dtype)
    if decimals == 0:
        return rint(a)
    unit = float(10 ** abs(decimals))
    return rint(a * unit) / unit if decimals > 0 else rint(a / unit) * unit


@implements(np.modf)
def modf(x: Value) -> tuple[Value, Value]:
    """The fractional and the integral part, both with the sign of `x`."""
    (x,) = promoted(np.fabs, x)
    whole = trunc(x)
    return np.copysign(where(isinf(x), 0, x - whole), x), whole


@implements(np.ldexp)
def ldexp(x: Value, y: Value) -> Value:
    """``x * 2**y``, in three steps, of which none leaves the range unless the result does."""
    (x,) = promoted(np.fabs, x)
    exponent = traced(np.clip(in_dtype(y, INT64), -3000, 3000))
    third = exponent // 3
    steps = (third, third, exponent - 2 * third)
    for step in steps:
        x = x * np.exp2(np.astype(step, value_aval(x).dtype))
    return x


@implements(np.frexp)
def frexp(x: Value) -> tuple[Value, Value]:
    """A number between 1/2 and 1 in size, and the power of two that it has to be multiplied with."""
    (x,) = promoted(np.fabs, x)
    ordinary = np.isfinite(x) & (x != 0)
    size = where(ordinary, abs(x), 1)
    small = size < 1e-30  # where the reciprocal power would overflow
    scaled = where(small, size * 2.0**100, size)
    exponent = np.floor(np.log2(scaled)) + 1
    mantissa = scaled * np.exp2(-exponent)
    # The logarithm may be rounded across a power of two.
    exponent = where(mantissa >= 1, exponent + 1, where(mantissa < 0.5, exponent - 1, exponent))
    mantissa = where(mantissa >= 1, mantissa / 2, where(mantissa < 0.5, mantissa * 2, mantissa))
    power = where(ordinary, exponent - where(small, 100, 0), 0)
    return where(ordinary, np.copysign(mantissa, x), x), np.astype(power, np.int32)


@implements(np.nan_to_num)
def nan_to_num(
    x: Value, copy: bool = True, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Value:
    """`x` with NaN and infinities replaced by numbers."""
    if not copy:
        raise UnsupportedFunctionError(
            "np.nan_to_num with copy=False is not supported on traced values", advice="Write x[...] = np.nan_to_num(x)."
        )
    aval = value_aval(x)
    if not aval.is_float:
        return fresh(x)
    limits = np.finfo(aval.dtype)
    high = float(limits.max) if posinf is None else posinf
    low = float(limits.min) if neginf is None else neginf
    return where(isposinf(x), high, where(isneginf(x), low, where(isnan(x), nan, x)))
