"""Numbers in generated code as LLVM code: constants, conversions, operators. Imported only to compile.

The types are Numba's, and so is the meaning of every operation: integers of less than 64 bits become wide ones,
floats stay what they are, comparisons with NaN are false. What the writer makes no use of, such as the sum of an
integer and a float, is `Unknown` here.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba import types

# Numba's types and llvmlite's values carry no type information.
Kind = Any
IrValue = Any


class Unknown(Exception):
    """What only Numba compiles."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number, with Numba's type of it."""

    kind: Kind
    value: IrValue


BOOL = types.boolean
_FLOATS = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}
_ARITHMETIC = {ast.Add: ("fadd", "add"), ast.Sub: ("fsub", "sub"), ast.Mult: ("fmul", "mul")}
_BITWISE = {ast.BitAnd: "and_", ast.BitOr: "or_", ast.BitXor: "xor"}
_COMPARISONS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


def is_float(kind: Kind) -> bool:
    """Whether a type is that of floats."""
    return kind in _FLOATS


def is_integer(kind: Kind) -> bool:
    """Whether a type is that of integers; booleans are not."""
    return isinstance(kind, types.Integer)


def ir_type(kind: Kind) -> Any:
    """LLVM's type for numbers of a type."""
    if kind == BOOL:
        return ir.IntType(1)
    if is_integer(kind):
        return ir.IntType(kind.bitwidth)
    if kind not in _FLOATS:
        raise Unknown(str(kind))
    return _FLOATS[kind]


def constant(value: Any) -> Scalar:
    """A number of the text."""
    kind = {bool: BOOL, int: types.int64, float: types.float64}.get(type(value))
    if kind is None or (kind == types.int64 and not -(2**63) <= value < 2**63):
        raise Unknown(repr(value))
    return Scalar(kind, ir.Constant(ir_type(kind), int(value) if kind == BOOL else value))


def converted(builder: Any, x: Scalar, kind: Kind) -> Scalar:
    """The number in another type, as NumPy's conversion gives it."""
    if x.kind == kind:
        return x
    return Scalar(kind, _converted(builder, x, kind))


def _converted(builder: Any, x: Scalar, kind: Kind) -> IrValue:
    target = ir_type(kind)
    if isinstance(x.value, ir.Constant) and is_float(kind) and is_float(x.kind):
        return ir.Constant(target, x.value.constant)  # llvmlite rounds it
    if kind == BOOL:
        zero = ir.Constant(x.value.type, 0)
        return (
            builder.fcmp_unordered("!=", x.value, zero)
            if is_float(x.kind)
            else builder.icmp_signed("!=", x.value, zero)
        )
    signed = is_integer(x.kind) and x.kind.signed
    if is_float(x.kind):
        if not is_float(kind):
            return builder.fptosi(x.value, target) if kind.signed else builder.fptoui(x.value, target)
        return builder.fpext(x.value, target) if kind == types.float64 else builder.fptrunc(x.value, target)
    if is_float(kind):
        return builder.sitofp(x.value, target) if signed else builder.uitofp(x.value, target)
    if target.width == x.value.type.width:
        return x.value
    if target.width < x.value.type.width:
        return builder.trunc(x.value, target)
    return builder.sext(x.value, target) if signed else builder.zext(x.value, target)


def common(*kinds: Kind) -> Kind:
    """The type in which operators combine numbers."""
    if len(set(kinds)) == 1 and kinds[0] in _FLOATS:
        return kinds[0]
    if types.float64 in kinds and not any(kind == types.float32 for kind in kinds):
        return types.float64
    return wide(*kinds)


def wide(*kinds: Kind) -> Kind:
    """The type in which operators combine integers and booleans."""
    integers = [kind for kind in kinds if kind != BOOL]
    if not all(map(is_integer, integers)) or len({kind.signed for kind in integers}) > 1:
        raise Unknown(" and ".join(map(str, kinds)))
    return types.uint64 if integers and not integers[0].signed else types.int64


def binary(builder: Any, op: ast.operator, left: Scalar, right: Scalar) -> Scalar:
    """A binary operator."""
    if type(op) in _BITWISE and left.kind == right.kind == BOOL:
        return Scalar(BOOL, getattr(builder, _BITWISE[type(op)])(left.value, right.value))
    kind = common(left.kind, right.kind)
    if isinstance(op, ast.Div) and not is_float(kind):
        kind = types.float64
    x, y = (converted(builder, number, kind).value for number in (left, right))
    if not is_float(kind):
        return Scalar(kind, _of_integers(builder, op, x, y, kind.signed))
    if isinstance(op, ast.Div):
        return Scalar(kind, builder.fdiv(x, y))
    if type(op) not in _ARITHMETIC:
        raise Unknown(ast.dump(op))
    return Scalar(kind, getattr(builder, _ARITHMETIC[type(op)][0])(x, y))


def _of_integers(builder: Any, op: ast.operator, x: IrValue, y: IrValue, signed: bool) -> IrValue:
    if type(op) in _ARITHMETIC:
        return getattr(builder, _ARITHMETIC[type(op)][1])(x, y)
    if type(op) in _BITWISE:
        return getattr(builder, _BITWISE[type(op)])(x, y)
    if isinstance(op, ast.LShift):
        return builder.shl(x, y)
    if isinstance(op, ast.RShift):
        return builder.ashr(x, y) if signed else builder.lshr(x, y)
    if not isinstance(op, ast.FloorDiv | ast.Mod) or not isinstance(y, ir.Constant) or y.constant <= 0:
        raise Unknown(ast.dump(op))  # by zero it needs a decision
    remainder = builder.srem(x, y) if signed else builder.urem(x, y)
    if signed:
        negative = builder.icmp_signed("<", remainder, ir.Constant(remainder.type, 0))
        remainder = builder.select(negative, builder.add(remainder, y), remainder)
    if isinstance(op, ast.Mod):
        return remainder
    whole = builder.sub(x, remainder)
    return builder.sdiv(whole, y) if signed else builder.udiv(whole, y)


def power(builder: Any, x: Scalar, exponent: int) -> Scalar:
    """``x ** 2``."""
    if exponent != 2:
        raise Unknown(f"** {exponent}")
    return binary(builder, ast.Mult(), x, x)


def unary(builder: Any, op: ast.unaryop, x: Scalar) -> Scalar:
    """A unary operator."""
    if isinstance(op, ast.Not) and x.kind == BOOL:
        return Scalar(BOOL, builder.not_(x.value))
    if isinstance(op, ast.USub) and is_float(x.kind):
        return Scalar(x.kind, builder.fneg(x.value))
    if not is_integer(x.kind) or not isinstance(op, ast.USub | ast.Invert):
        raise Unknown(ast.dump(op))
    number = converted(builder, x, wide(x.kind))
    return Scalar(number.kind, builder.neg(number.value) if isinstance(op, ast.USub) else builder.not_(number.value))


def compared(builder: Any, op: ast.cmpop, left: Scalar, right: Scalar) -> Scalar:
    """A comparison."""
    if type(op) not in _COMPARISONS:
        raise Unknown(ast.dump(op))
    sign, kind = _COMPARISONS[type(op)], common(left.kind, right.kind)
    x, y = (converted(builder, number, kind).value for number in (left, right))
    if is_float(kind):
        return Scalar(BOOL, (builder.fcmp_unordered if sign == "!=" else builder.fcmp_ordered)(sign, x, y))
    return Scalar(BOOL, (builder.icmp_signed if kind.signed else builder.icmp_unsigned)(sign, x, y))


def smaller(builder: Any, left: Scalar, right: Scalar, *, larger: bool = False) -> Scalar:
    """The smaller or the larger of two integers."""
    kind = wide(left.kind, right.kind)
    left, right = converted(builder, left, kind), converted(builder, right, kind)
    test = compared(builder, ast.Gt() if larger else ast.Lt(), left, right)
    return Scalar(kind, builder.select(test.value, left.value, right.value))
