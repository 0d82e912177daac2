"""Comparisons, logic and bits: everything whose derivative is zero because its result does not move."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import BOOL
from staticbp.core.primitive import Value, value_aval
from staticbp.errors import ShapeError
from staticbp.ops.families import ZERO, Domain, Elementwise, elementwise
from staticbp.ops.linear import fill, operand
from staticbp.ops.registry import implements, refuse

# ---- comparisons ------------------------------------------------------------------------------------------


def _settled(ufunc: np.ufunc) -> Callable[[Value, Value], Value | None]:
    """Comparisons of an integer array with a Python integer that its dtype does not hold have one answer."""

    def shortcut(x: Value, y: Value) -> Value | None:
        for number, other, flipped in ((y, x, False), (x, y, True)):
            aval = value_aval(other)
            if type(number) is not int or aval.dtype.kind not in "iu" or aval.weak:
                continue
            bounds = np.iinfo(aval.dtype)
            if not bounds.min <= number <= bounds.max:
                side = 1 if number > 0 else -1
                answer = ufunc(side, 0) if flipped else ufunc(0, side)
                return fill(bool(answer), aval.with_dtype(BOOL))
        return None

    return shortcut


def _comparison(name: str, ufunc: np.ufunc, symbol: str) -> Elementwise:
    expr = f"{{x}} {symbol} {{y}}"
    for_complex = expr if symbol in ("==", "!=") else None
    return elementwise(name, numpy=ufunc, partials=ZERO, expr=expr, shortcut=_settled(ufunc), for_complex=for_complex)


less = _comparison("less", np.less, "<")
less_equal = _comparison("less_equal", np.less_equal, "<=")
greater = _comparison("greater", np.greater, ">")
greater_equal = _comparison("greater_equal", np.greater_equal, ">=")
equal = _comparison("equal", np.equal, "==")
not_equal = _comparison("not_equal", np.not_equal, "!=")

# ---- logic ------------------------------------------------------------------------------------------------


def _truth(*tokens: Any) -> tuple[np.dtype[Any], ...]:
    """Operands and result as bool: the conversion of numbers to their truth is an equation of its own."""
    return (BOOL,) * (len(tokens) + 1)


logical_and = elementwise(
    "logical_and",
    numpy=np.logical_and,
    domain=Domain.BOOLEAN,
    partials=ZERO,
    expr="{x} & {y}",
    dtypes=_truth,
)

logical_or = elementwise(
    "logical_or",
    numpy=np.logical_or,
    domain=Domain.BOOLEAN,
    partials=ZERO,
    expr="{x} | {y}",
    dtypes=_truth,
)

logical_xor = elementwise(
    "logical_xor",
    numpy=np.logical_xor,
    domain=Domain.BOOLEAN,
    partials=ZERO,
    expr="{x} != {y}",
    dtypes=_truth,
)

logical_not = elementwise(
    "logical_not", numpy=np.logical_not, domain=Domain.BOOLEAN, partials=ZERO, expr="not {x}", dtypes=_truth
)


def on_bools(op: Elementwise) -> Callable[..., Value | None]:
    """The shortcut that hands operands to `op` when all of them are bools."""

    def shortcut(*values: Value) -> Value | None:
        return op.weakly(*values) if all(value_aval(v).dtype == BOOL for v in values) else None

    return shortcut


# ---- bits -------------------------------------------------------------------------------------------------

bitwise_and = elementwise(
    "bitwise_and",
    numpy=np.bitwise_and,
    domain=Domain.INTEGER,
    partials=ZERO,
    expr="{x} & {y}",
    shortcut=on_bools(logical_and),
)

bitwise_or = elementwise(
    "bitwise_or",
    numpy=np.bitwise_or,
    domain=Domain.INTEGER,
    partials=ZERO,
    expr="{x} | {y}",
    shortcut=on_bools(logical_or),
)

bitwise_xor = elementwise(
    "bitwise_xor",
    numpy=np.bitwise_xor,
    domain=Domain.INTEGER,
    partials=ZERO,
    expr="{x} ^ {y}",
    shortcut=on_bools(logical_xor),
)

invert = elementwise(
    "invert",
    numpy=np.invert,
    domain=Domain.INTEGER,
    partials=ZERO,
    expr="~{x}",
    shortcut=on_bools(logical_not),
)

# A shift by the width or more, or by a negative number, shifts everything out; the processor would take the
# number modulo the width instead.
left_shift = elementwise(
    "left_shift",
    numpy=np.left_shift,
    domain=Domain.INTEGER,
    partials=ZERO,
    expr="{x} << {y} if 0 <= {y} < 64 else {x} << 32 << 32",
)

right_shift = elementwise(
    "right_shift",
    numpy=np.right_shift,
    domain=Domain.INTEGER,
    partials=ZERO,
    expr="{x} >> {y} if 0 <= {y} < 64 else {x} >> 32 >> 32",
)

# ---- what a float is --------------------------------------------------------------------------------------


def _always(answer: bool) -> Callable[[Value], Value | None]:
    """Integers are all finite."""

    def shortcut(x: Value) -> Value | None:
        aval = value_aval(x)
        return None if aval.is_float else fill(answer, aval.with_dtype(BOOL))

    return shortcut


isnan = elementwise(
    "isnan", numpy=np.isnan, partials=ZERO, expr="vm.isnan({x})", shortcut=_always(False), for_complex="np.isnan({x})"
)
isinf = elementwise(
    "isinf", numpy=np.isinf, partials=ZERO, expr="vm.isinf({x})", shortcut=_always(False), for_complex="np.isinf({x})"
)
isfinite = elementwise(
    "isfinite",
    numpy=np.isfinite,
    partials=ZERO,
    expr="vm.isfinite({x})",
    shortcut=_always(True),
    for_complex="np.isfinite({x})",
)
signbit = elementwise("signbit", numpy=np.signbit, partials=ZERO, expr="vm.signbit({x})")


@implements(np.isposinf)
def isposinf(x: Value, out: Any = None) -> Value:
    """Where `x` is positive infinity."""
    refuse("np.isposinf", out=out)
    return isinf(x) & (x > 0)


@implements(np.isneginf)
def isneginf(x: Value, out: Any = None) -> Value:
    """Where `x` is negative infinity."""
    refuse("np.isneginf", out=out)
    return isinf(x) & (x < 0)


# ---- closeness --------------------------------------------------------------------------------------------


@implements(np.isclose)
def isclose(a: Value, b: Value, rtol: Value = 1e-5, atol: Value = 1e-8, equal_nan: bool = False) -> Value:
    """Where ``|a - b| <= atol + rtol * |b|``, or both are the same infinity."""
    a, b = operand(a), operand(b)
    b = b * 1.0 if value_aval(b).dtype.kind in "biu" else b
    close = (abs(a - b) <= atol + rtol * abs(b)) & np.isfinite(b) | (a == b)
    return close | np.isnan(a) & np.isnan(b) if equal_nan else close


@implements(np.allclose)
def allclose(a: Value, b: Value, rtol: Value = 1e-5, atol: Value = 1e-8, equal_nan: bool = False) -> Value:
    """Whether `isclose` holds everywhere."""
    return np.all(isclose(a, b, rtol, atol, equal_nan))


@implements(np.array_equal)
def array_equal(a1: Value, a2: Value, equal_nan: bool = False) -> Value:
    """Whether shapes and all elements are the same."""
    a1, a2 = operand(a1), operand(a2)
    if not shapes.same(value_aval(a1).shape, value_aval(a2).shape):
        return False
    same = a1 == a2
    return np.all(same | np.isnan(a1) & np.isnan(a2) if equal_nan else same)


@implements(np.array_equiv)
def array_equiv(a1: Value, a2: Value) -> Value:
    """Whether all elements are the same once one array has been broadcast to the other."""
    a1, a2 = operand(a1), operand(a2)
    one, other = value_aval(a1).shape, value_aval(a2).shape
    try:
        whole = shapes.broadcast(one, other)
    except ShapeError:
        return False
    return np.all(a1 == a2) if any(shapes.same(whole, shape) for shape in (one, other)) else False
