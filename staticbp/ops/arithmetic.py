"""Arithmetic, and the choices between values that stand beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from staticbp.core.aval import BOOL, promotion_token
from staticbp.core.primitive import Value, value_aval
from staticbp.errors import DtypeError, NumpyCallError, UnsupportedFunctionError
from staticbp.ops.compare import isnan, logical_and, logical_or, on_bools
from staticbp.ops.families import NONZERO, POSITIVE, REAL, ZERO, Domain, Elementwise, elementwise
from staticbp.ops.linear import add_all, conj, fill, imag, literal, promoted, real, real_dtype, to_dtype
from staticbp.ops.options import fresh, given
from staticbp.ops.registry import implements, refuse, same_dtypes

# ---- sums, products, quotients ----------------------------------------------------------------------------

add = elementwise(
    "add",
    numpy=np.add,
    partials=lambda out, x, y: (1, 1),
    expr="{x} + {y}",
    shortcut=on_bools(logical_or),
    for_complex="{x} + {y}",
)

sub = elementwise(
    "sub", numpy=np.subtract, partials=lambda out, x, y: (1, -1), expr="{x} - {y}", for_complex="{x} - {y}"
)

mul = elementwise(
    "mul",
    numpy=np.multiply,
    partials=lambda out, x, y: (y, x),
    expr="{x} * {y}",
    shortcut=on_bools(logical_and),
    for_complex="{x} * {y}",
)

div = elementwise(
    "div",
    numpy=np.true_divide,
    domain=(REAL, NONZERO),
    vjp=lambda ct, out, x, y: (ct / y, -(ct / y) * out),
    jvp=lambda tangents, out, x, y: _quotient_jvp(tangents[0], tangents[1], out, y),
    expr="{x} / {y}",
    cost=4,
    for_complex="np.true_divide({x}, {y})",
)


def _quotient_jvp(x_dot: Value | None, y_dot: Value | None, out: Value, y: Value) -> Value:
    if y_dot is None:
        return x_dot / y
    return (-(out * y_dot) if x_dot is None else x_dot - out * y_dot) / y


neg = elementwise("neg", numpy=np.negative, partials=lambda out, x: (-1,), expr="-{x}", for_complex="-{x}")

square = elementwise(
    "square", numpy=np.square, partials=lambda out, x: (2 * x,), expr="{x} ** 2", for_complex="np.square({x})"
)


@implements(np.positive)
def positive(x: Value) -> Value:
    """``+x``."""
    if value_aval(x).dtype.kind == "b":
        raise DtypeError("np.positive is not defined for bool")
    return fresh(x)


@implements(np.conjugate)
def conjugate(x: Value) -> Value:
    """The complex conjugate; a real number is its own."""
    if value_aval(x).dtype == BOOL:
        return to_dtype(x, np.dtype(np.int8))  # as NumPy has it
    return conj(x) if value_aval(x).is_complex else fresh(x)


@implements(np.reciprocal)
def reciprocal(x: Value) -> Value:
    """``1 / x``, of integers rounded towards zero."""
    return 1 / x if value_aval(x).is_float else where(abs(x) == 1, x, 0)


def divide_or_zero(x: Value, y: Value) -> Value:
    """``x / y``, and zero where `y` is zero: slopes at points where there is none."""
    zero = y == 0
    return where(zero, 0, x / where(zero, 1, y))


# ---- remainders -------------------------------------------------------------------------------------------

floor_divide = elementwise(
    "floor_divide",
    numpy=np.floor_divide,
    domain=(REAL, NONZERO),
    partials=ZERO,
    expr="vm.floor_divide({x}, {y})",
    cost=6,
)

remainder = elementwise(
    "remainder",
    numpy=np.remainder,
    domain=(REAL, NONZERO),
    partials=lambda out, x, y: (1, -(x // y)),
    expr="vm.remainder({x}, {y})",
    cost=6,
)

fmod = elementwise(
    "fmod",
    numpy=np.fmod,
    domain=(REAL, NONZERO),
    partials=lambda out, x, y: (1, -np.trunc(x / y)),
    expr="vm.fmod({x}, {y})",
    cost=6,
)


@implements(np.divmod)
def divmod(x: Value, y: Value) -> tuple[Value, Value]:
    """``x // y`` and ``x % y``."""
    return floor_divide(x, y), remainder(x, y)


# ---- powers -----------------------------------------------------------------------------------------------


def _constant(value: Value) -> complex | None:
    """The number that a Python scalar or a literal is."""
    if isinstance(value, bool | int | float | complex):
        return value
    found = value if isinstance(value, np.generic) else getattr(literal(value), "value", None)
    number: complex | None = None if found is None else found.item()
    return number


def _small_power(x: Value, y: Value) -> Value | None:
    """Powers by constants that are a square, a quotient or a root; of integers by any constant."""
    n = _constant(y)
    base, exponent = value_aval(x), value_aval(y)
    if n is None or isinstance(n, complex) or exponent.shape not in ((), base.shape):
        return None
    *_, dtype = power.dtypes(promotion_token(base), promotion_token(exponent))
    x = to_dtype(x, dtype, base.weak and exponent.weak)
    if dtype.kind in "fc":
        if n in (-1, 0.5):
            return div.weakly(1, x) if n == -1 else np.sqrt(x)
        return _product_power(x, int(n)) if n in (0, 1, 2) else None
    if n < 0:
        raise NumpyCallError(
            "integers to negative integer powers are not allowed",
            advice=f"Convert to float first: x.astype(float) ** {n}.",
        )
    return _product_power(x, int(n))


def _product_power(x: Value, n: int) -> Value:
    """``x ** n`` by squaring."""
    if n < 2:
        return x if n == 1 else fill(1, value_aval(x))
    half = square.weakly(_product_power(x, n // 2))
    return mul.weakly(half, x) if n % 2 else half


def _power_partials(out: Value, x: Value, y: Value) -> tuple[Value, Value]:
    """``y * x ** (y - 1)``, which is 0 for ``y == 0``, and ``out * np.log(x)``, which is 0 for ``x == 0 <= y``."""
    n = _constant(y)
    if n is None or isinstance(n, complex):
        flat = y == 0
        slope = where(flat, 0, y * x ** where(flat, 1, y - 1))
    else:
        slope = n * x ** (n - 1) if n else 0
    base = _constant(x)
    if base is not None and not isinstance(base, complex) and base > 0:
        return slope, out * math.log(base)
    still = (x == 0) & (y.real >= 0) if value_aval(y).is_complex else (x == 0) & (y >= 0)
    return slope, where(still, 0, out * np.log(where(still, 1, x)))


power = elementwise(
    "power",
    numpy=np.power,
    domain=(POSITIVE, REAL),
    partials=_power_partials,
    expr="vm.pow({x}, {y})",
    shortcut=_small_power,
    cost=30,
    for_complex="np.power({x}, {y})",
)


@implements(np.float_power)
def float_power(x: Value, y: Value) -> Value:
    """``x ** y`` in double precision."""
    return power(*promoted(np.float_power, x, y))


# ---- signs ------------------------------------------------------------------------------------------------


def _modulus_vjp(ct: Value, out: Value, z: Value) -> tuple[Value]:
    """``ct conj(z) / |z|``, and 0 where z is."""
    zero = out == 0  # by parts, since a complex division is of many steps
    size = where(zero, 1, out)
    across = where(zero, 0, ct * (real(z) / size))
    if not value_aval(z).is_complex:
        return (across,)
    return (to_dtype(across, value_aval(z).dtype) - where(zero, 0, ct * (imag(z) / size)) * 1j,)


def _modulus_jvp(tangents: tuple[Value], out: Value, z: Value) -> Value:
    return divide_or_zero(real(conj(z) * tangents[0]), out)


modulus = elementwise(
    "modulus",
    numpy=lambda z: np.abs(z),
    domain=NONZERO,
    vjp=_modulus_vjp,
    jvp=_modulus_jvp,
    expr="vm.abs({x})",
    for_complex="abs({x})",
    dtypes=lambda z: (np.dtype(z), real_dtype(np.dtype(z))),
    cost=8,
)


def _without_sign(x: Value) -> Value | None:
    aval = value_aval(x)
    return modulus(x) if aval.is_complex else x if aval.dtype.kind in "bu" else None


def _direction(z: Value) -> Value | None:
    """The sign of a complex number is what is left of it without its size."""
    aval = value_aval(z)
    return divide_or_zero(z, to_dtype(modulus(z), aval.dtype)) if aval.is_complex else None


abs = elementwise(
    "abs",
    numpy=np.absolute,
    domain=NONZERO,
    partials=lambda out, x: (sign(x),),
    expr="vm.abs({x})",
    shortcut=_without_sign,
)

sign: Elementwise = elementwise(
    "sign", numpy=np.sign, domain=NONZERO, partials=ZERO, expr="vm.sign({x})", shortcut=_direction
)

copysign: Elementwise = elementwise(
    "copysign",
    numpy=np.copysign,
    domain=(NONZERO, NONZERO),
    partials=lambda out, x, y: (sign(x) * copysign(1, y), None),
    expr="vm.copysign({x}, {y})",
)


@implements(np.fabs)
def fabs(x: Value) -> Value:
    """The absolute value as a float."""
    return abs(*promoted(np.fabs, x))


@implements(np.heaviside)
def heaviside(x: Value, at_zero: Value) -> Value:
    """0 for negative `x`, 1 for positive, `at_zero` for zero."""
    x, at_zero = promoted(np.heaviside, x, at_zero)
    return where(x == 0, at_zero, where(x > 0, 1, where(x < 0, 0, x)))


# ---- choices ----------------------------------------------------------------------------------------------

where: Elementwise = elementwise(
    "where",
    numpy=np.where,
    domain=(Domain.BOOLEAN, REAL, REAL),
    # Not a product with 0 and 1: nothing flows back to the element that was not chosen, not even 0 * inf.
    vjp=lambda ct, out, c, x, y: (None, where(c, ct, 0), where(c, 0, ct)),
    jvp=lambda tangents, out, c, x, y: where(c, *(0 if t is None else t for t in tangents[1:])),
    expr="{y} if {x} else {z}",
    dtypes=lambda c, x, y: (np.dtype(np.bool_), *same_dtypes(x, y)),
    for_complex="{y} if {x} else {z}",
)


@implements(np.where)
def choose(condition: Value, x: Value | None = None, y: Value | None = None, /) -> Value:
    """`x` where the condition holds, `y` elsewhere."""
    if x is None or y is None:
        raise UnsupportedFunctionError(
            "np.where(condition) gives as many indexes as the condition has true elements, which only the "
            "compiled code can count",
            advice="Write np.where(condition, x, 0), which keeps the shape.",
        )
    return where(condition, x, y)


def _shared(flow: Value, wins: Value, ties: Value) -> Value:
    """What flows through the winner of a comparison; half of it when there are two."""
    return where(wins, flow, where(ties, 0.5 * flow, 0))


def _contest(wins: Callable[[Value, Value], Value]) -> dict[str, Any]:
    """The derivatives of a choice between two values, of which the first is chosen where `wins`."""

    def vjp(ct: Value, out: Value, x: Value, y: Value) -> tuple[Value, Value]:
        """``ct`` to the operand that is chosen, half of it to each when they tie."""
        ties = x == y
        return _shared(ct, wins(x, y), ties), _shared(ct, wins(y, x), ties)

    def jvp(tangents: tuple[Value, Value], out: Value, x: Value, y: Value) -> Value:
        ties = x == y
        runs = zip(tangents, ((x, y), (y, x)), strict=True)
        return add_all([_shared(t, wins(*pair), ties) for t, pair in runs if t is not None])

    return {"vjp": vjp, "jvp": jvp}


def _on_integers(op: Elementwise) -> Callable[..., Value | None]:
    """The shortcut that hands operands to `op` when none is a float."""

    def shortcut(*values: Value) -> Value | None:
        return None if any(value_aval(v).is_float for v in values) else op.weakly(*values)

    return shortcut


maximum = elementwise(
    "maximum",
    numpy=np.maximum,
    **_contest(lambda x, y: x > y),
    expr="vm.maximum({x}, {y})",
    shortcut=on_bools(logical_or),
    cost=2,
)

minimum = elementwise(
    "minimum",
    numpy=np.minimum,
    **_contest(lambda x, y: x < y),
    expr="vm.minimum({x}, {y})",
    shortcut=on_bools(logical_and),
    cost=2,
)

fmax = elementwise(
    "fmax",
    numpy=np.fmax,
    **_contest(lambda x, y: (x > y) | isnan(y)),
    expr="vm.fmax({x}, {y})",
    shortcut=_on_integers(maximum),
    cost=3,
)

fmin = elementwise(
    "fmin",
    numpy=np.fmin,
    **_contest(lambda x, y: (x < y) | isnan(y)),
    expr="vm.fmin({x}, {y})",
    shortcut=_on_integers(minimum),
    cost=3,
)


@implements(np.clip)
def clip(
    a: Value,
    a_min: Value = np._NoValue,
    a_max: Value = np._NoValue,
    out: Any = None,
    *,
    min: Value = np._NoValue,
    max: Value = np._NoValue,
    **options: Any,
) -> Value:
    """`a` kept between two bounds, either of which may be None."""
    refuse("np.clip", out=out, **options)
    low = min if a_min is np._NoValue else a_min
    high = max if a_max is np._NoValue else a_max
    raised = maximum(a, low) if given(low) else a
    capped = minimum(raised, high) if given(high) else raised
    return fresh(a) if capped is a else capped


# ---- lengths and angles -----------------------------------------------------------------------------------

hypot = elementwise(
    "hypot",
    numpy=np.hypot,
    partials=lambda out, x, y: (divide_or_zero(x, out), divide_or_zero(y, out)),
    expr="vm.hypot({x}, {y})",
    cost=8,
)

arctan2 = elementwise(
    "arctan2",
    numpy=np.arctan2,
    domain=(NONZERO, NONZERO),
    partials=lambda out, x, y: (y / np.hypot(x, y) / np.hypot(x, y), -x / np.hypot(x, y) / np.hypot(x, y)),
    expr="vm.arctan2({x}, {y})",
    cost=25,
)
