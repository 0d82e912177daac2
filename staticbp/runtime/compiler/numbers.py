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
_PARTS = {types.complex64: types.float32, types.complex128: types.float64}
_ARITHMETIC = {ast.Add: ("fadd", "add"), ast.Sub: ("fsub", "sub"), ast.Mult: ("fmul", "mul")}
_BITWISE = {ast.BitAnd: "and_", ast.BitOr: "or_", ast.BitXor: "xor"}
_COMPARISONS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


def is_float(kind: Kind) -> bool:
    """Whether a type is that of floats."""
    return kind in _FLOATS


def is_integer(kind: Kind) -> bool:
    """Whether a type is that of integers; booleans are not."""
    return isinstance(kind, types.Integer)


def is_complex(kind: Kind) -> bool:
    """Whether a type is that of complex numbers."""
    return kind in _PARTS


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
    if x.kind is kind or x.kind == kind:
        return x
    if is_complex(kind):
        return as_complex(builder, x, kind)
    return Scalar(kind, _converted(builder, x, kind))


def _converted(builder: Any, x: Scalar, kind: Kind) -> IrValue:
    source, target = ir_type(x.kind), ir_type(kind)  # complex numbers have none here
    if isinstance(x.value, ir.Constant) and is_float(kind) and is_float(x.kind):
        return ir.Constant(target, x.value.constant)  # llvmlite rounds it
    if kind == BOOL:
        zero = ir.Constant(source, 0)
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
    if target.width == source.width:
        return x.value
    if target.width < source.width:
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
    if left.kind is right.kind and type(op) in _ARITHMETIC and is_float(left.kind):  # what long code consists of
        return Scalar(left.kind, getattr(builder, _ARITHMETIC[type(op)][0])(left.value, right.value))
    if type(op) in _BITWISE and left.kind == right.kind == BOOL:
        return Scalar(BOOL, getattr(builder, _BITWISE[type(op)])(left.value, right.value))
    if is_complex(left.kind) or is_complex(right.kind):
        return _of_complex(builder, op, left, right)
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
    if isinstance(op, ast.USub) and is_complex(x.kind):
        return _made(builder, x.kind, *(builder.fneg(part) for part in _parts(builder, x)))
    if not is_integer(x.kind) or not isinstance(op, ast.USub | ast.Invert):
        raise Unknown(ast.dump(op))
    number = converted(builder, x, wide(x.kind))
    return Scalar(number.kind, builder.neg(number.value) if isinstance(op, ast.USub) else builder.not_(number.value))


def compared(builder: Any, op: ast.cmpop, left: Scalar, right: Scalar) -> Scalar:
    """A comparison."""
    if type(op) not in _COMPARISONS:
        raise Unknown(ast.dump(op))
    if is_complex(left.kind) or is_complex(right.kind):
        return _compared_parts(builder, op, left, right)
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


# ---- complex numbers: pairs of floats -----------------------------------------------------------------------


def _parts(builder: Any, x: Scalar) -> tuple[IrValue, IrValue]:
    return builder.extract_value(x.value, 0), builder.extract_value(x.value, 1)


def _made(builder: Any, kind: Kind, real: IrValue, imag: IrValue) -> Scalar:
    part = ir_type(_PARTS[kind])
    value: IrValue = ir.Constant(ir.LiteralStructType([part, part]), ir.Undefined)
    for n, number in enumerate((real, imag)):
        value = builder.insert_value(value, number, n)
    return Scalar(kind, value)


def complex_number(builder: Any, real: Scalar, imag: Scalar) -> Scalar:
    """``complex(real, imag)``."""
    parts = (converted(builder, part, types.float64).value for part in (real, imag))
    return _made(builder, types.complex128, *parts)


def as_complex(builder: Any, x: Scalar, kind: Kind) -> Scalar:
    """A number as a complex one."""
    part = _PARTS[kind]
    if not is_complex(x.kind):
        return _made(builder, kind, converted(builder, x, part).value, ir.Constant(ir_type(part), 0))
    numbers = (Scalar(_PARTS[x.kind], value) for value in _parts(builder, x))
    return _made(builder, kind, *(converted(builder, number, part).value for number in numbers))


def part_of(builder: Any, x: Scalar, name: str) -> Scalar:
    """``x.real`` or ``x.imag`` of a complex number."""
    if not is_complex(x.kind):
        raise Unknown(f"the {name} part of {x.kind}")
    return Scalar(_PARTS[x.kind], _parts(builder, x)[name == "imag"])


def _alike(builder: Any, *numbers: Scalar) -> tuple[Kind, list[tuple[IrValue, IrValue]]]:
    """Numbers of which one at least is complex: their common type, and their parts."""
    narrow = all(x.kind in (types.complex64, types.float32) for x in numbers)
    kind = types.complex64 if narrow else types.complex128
    return kind, [_parts(builder, converted(builder, x, kind)) for x in numbers]


def _of_complex(builder: Any, op: ast.operator, left: Scalar, right: Scalar) -> Scalar:
    kind, ((a, b), (c, d)) = _alike(builder, left, right)
    add, sub, mul = builder.fadd, builder.fsub, builder.fmul
    match op:
        case ast.Add():
            return _made(builder, kind, add(a, c), add(b, d))
        case ast.Sub():
            return _made(builder, kind, sub(a, c), sub(b, d))
        case ast.Mult():
            return _made(builder, kind, sub(mul(a, c), mul(b, d)), add(mul(a, d), mul(b, c)))
    raise Unknown(ast.dump(op))


def _compared_parts(builder: Any, op: ast.cmpop, left: Scalar, right: Scalar) -> Scalar:
    _, (xs, ys) = _alike(builder, left, right)
    match op:
        case ast.Eq():
            answers = [builder.fcmp_ordered("==", x, y) for x, y in zip(xs, ys, strict=True)]
            return Scalar(BOOL, builder.and_(*answers))
        case ast.NotEq():
            answers = [builder.fcmp_unordered("!=", x, y) for x, y in zip(xs, ys, strict=True)]
            return Scalar(BOOL, builder.or_(*answers))
    raise Unknown(ast.dump(op))


def conjugate(builder: Any, x: Scalar) -> Scalar:
    """``np.conjugate(x)``."""
    kind, ((a, b),) = _alike(builder, x)
    return _made(builder, kind, a, builder.fneg(b))


def square(builder: Any, x: Scalar) -> Scalar:
    """``np.square(x)``."""
    return _of_complex(builder, ast.Mult(), x, x)


def quotient(builder: Any, left: Scalar, right: Scalar) -> Scalar:
    """``np.true_divide(left, right)`` as NumPy divides: by the larger part of the divisor (Smith 1962)."""
    kind, ((a, b), (c, d)) = _alike(builder, left, right)
    add, sub, mul, div = builder.fadd, builder.fsub, builder.fmul, builder.fdiv
    fabs = builder.module.declare_intrinsic("llvm.fabs", [c.type])
    by_real = builder.fcmp_ordered(">=", builder.call(fabs, [c]), builder.call(fabs, [d]))
    large, small = builder.select(by_real, c, d), builder.select(by_real, d, c)
    zero, one = ir.Constant(c.type, 0), ir.Constant(c.type, 1)
    is_zero = builder.and_(by_real, builder.fcmp_ordered("==", large, zero))
    ratio = div(small, large)
    scale = div(one, add(large, mul(small, ratio)))
    first, second = builder.select(by_real, a, b), builder.select(by_real, b, a)
    real = mul(add(first, mul(second, ratio)), scale)
    other = sub(second, mul(first, ratio))  # of the imaginary part, or its negative
    imag = mul(builder.select(by_real, other, sub(mul(b, ratio), a)), scale)
    # By zero each part is what it is divided by zero.
    absolute = builder.call(fabs, [large])
    parts = (builder.select(is_zero, div(x, absolute), y) for x, y in ((a, real), (b, imag)))
    return _made(builder, kind, *parts)


def kind_name(kind: Kind) -> str:
    """A type as a part of a symbol."""
    return f"{kind.dtype}_{kind.ndim}d" if isinstance(kind, types.Array) else str(kind)
