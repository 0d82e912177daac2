"""Floating-point lanes: Python operators that write LLVM instructions.

The functions of `vecmath` are written once, as arithmetic on `Lane` and `Bits` objects; each operator
appends one LLVM instruction to the function being compiled. That gives what Numba's own arithmetic does
not: the polynomial is inlined where it is called (so a loop over it vectorises), multiply-adds may fuse,
the same text serves float32, float64 and whole SIMD vectors, and nothing has to be type-inferred, which is
what makes a Numba function expensive to compile.

A `Lane` may hold a scalar or a vector; no operation here branches.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

# llvmlite carries no type information: IR types and values are opaque here.
IrType = Any
IrValue = Any


@dataclass(frozen=True)
class Format:
    """The layout of an IEEE 754 binary format."""

    width: int
    fraction: int
    bias: int
    ir_type: IrType

    @property
    def magic(self) -> float:
        """Added to a small float, it rounds it to an integer that can be read off the lowest bits."""
        return float(3 << (self.fraction - 1))

    @property
    def magic_bits(self) -> int:
        return self.bits_of(self.magic)

    @property
    def sign_mask(self) -> int:
        return 1 << (self.width - 1)

    @property
    def tiny(self) -> float:
        """The smallest positive normal number."""
        return 2.0 ** (1 - self.bias)

    @property
    def epsilon(self) -> float:
        """The distance from 1 to the next larger number."""
        return 2.0**-self.fraction

    def bits_of(self, value: float) -> int:
        float_code, int_code = ("<d", "<Q") if self.width == 64 else ("<f", "<I")
        (bits,) = struct.unpack(int_code, struct.pack(float_code, value))
        return int(bits)


BINARY32 = Format(32, 23, 127, ir.FloatType())
BINARY64 = Format(64, 52, 1023, ir.DoubleType())

# Compiled with `fastmath`, Numba puts its flags on every instruction that has none, and LLVM would then cancel what the
# functions round off on purpose. These flags mean nothing where they stand: reciprocals concern divisions only,
# contraction products and sums.
_EXACT = ("arcp",)
_EXACT_DIVISION = ("contract",)

_SUFFIX = {str(BINARY32.ir_type): "f32", str(BINARY64.ir_type): "f64"}


def _element(ir_type: IrType) -> IrType:
    return ir_type.element if isinstance(ir_type, ir.VectorType) else ir_type


def _resized(ir_type: IrType, element: IrType) -> IrType:
    """`element`, or a vector of it as long as `ir_type`."""
    return ir.VectorType(element, ir_type.count) if isinstance(ir_type, ir.VectorType) else element


def _constant(ir_type: IrType, value: float) -> IrValue:
    if isinstance(ir_type, ir.VectorType):
        return ir.Constant(ir_type, [ir.Constant(ir_type.element, value)] * ir_type.count)
    return ir.Constant(ir_type, value)


class Mask:
    """A truth value per lane."""

    __slots__ = ("builder", "value")

    def __init__(self, builder: Any, value: IrValue) -> None:
        self.builder = builder
        self.value = value

    def __and__(self, other: Mask) -> Mask:
        return Mask(self.builder, self.builder.and_(self.value, other.value))

    def __or__(self, other: Mask) -> Mask:
        return Mask(self.builder, self.builder.or_(self.value, other.value))

    def __xor__(self, other: Mask) -> Mask:
        return Mask(self.builder, self.builder.xor(self.value, other.value))

    def __invert__(self) -> Mask:
        return Mask(self.builder, self.builder.not_(self.value))


class Bits:
    """The bit pattern of a `Lane`, as an unsigned integer that wraps around."""

    __slots__ = ("builder", "format", "value")

    def __init__(self, builder: Any, value: IrValue, fmt: Format) -> None:
        self.builder = builder
        self.value = value
        self.format = fmt

    def _operand(self, other: Bits | int) -> IrValue:
        if isinstance(other, Bits):
            return other.value
        return _constant(self.value.type, other & ((1 << self.format.width) - 1))

    def _make(self, value: IrValue) -> Bits:
        return Bits(self.builder, value, self.format)

    def __add__(self, other: Bits | int) -> Bits:
        return self._make(self.builder.add(self.value, self._operand(other)))

    def __sub__(self, other: Bits | int) -> Bits:
        return self._make(self.builder.sub(self.value, self._operand(other)))

    def __rsub__(self, other: int) -> Bits:
        return self._make(self.builder.sub(self._operand(other), self.value))

    def __and__(self, other: Bits | int) -> Bits:
        return self._make(self.builder.and_(self.value, self._operand(other)))

    def __or__(self, other: Bits | int) -> Bits:
        return self._make(self.builder.or_(self.value, self._operand(other)))

    def __xor__(self, other: Bits | int) -> Bits:
        return self._make(self.builder.xor(self.value, self._operand(other)))

    def __lshift__(self, count: int) -> Bits:
        return self._make(self.builder.shl(self.value, self._operand(count)))

    def __rshift__(self, count: int) -> Bits:
        return self._make(self.builder.lshr(self.value, self._operand(count)))

    def is_zero(self) -> Mask:
        return Mask(self.builder, self.builder.icmp_unsigned("==", self.value, self._operand(0)))

    def as_float(self) -> Lane:
        kind = _resized(self.value.type, self.format.ir_type)
        return Lane(self.builder, self.builder.bitcast(self.value, kind))


class Lane:
    """A float32 or float64 value, or a vector of them, under construction."""

    __slots__ = ("builder", "value")

    def __init__(self, builder: Any, value: IrValue) -> None:
        self.builder = builder
        self.value = value

    @property
    def format(self) -> Format:
        return BINARY64 if isinstance(_element(self.value.type), ir.DoubleType) else BINARY32

    def constant(self, value: float) -> Lane:
        """The constant in this lane's format."""
        return Lane(self.builder, _constant(self.value.type, value))

    def _operand(self, other: Lane | float) -> IrValue:
        return other.value if isinstance(other, Lane) else _constant(self.value.type, other)

    def _make(self, value: IrValue) -> Lane:
        return Lane(self.builder, value)

    def __add__(self, other: Lane | float) -> Lane:
        return self._make(self.builder.fadd(self.value, self._operand(other), flags=_EXACT))

    def __radd__(self, other: float) -> Lane:
        return self.constant(other) + self

    def __sub__(self, other: Lane | float) -> Lane:
        return self._make(self.builder.fsub(self.value, self._operand(other), flags=_EXACT))

    def __rsub__(self, other: float) -> Lane:
        return self.constant(other) - self

    def __mul__(self, other: Lane | float) -> Lane:
        return self._make(self.builder.fmul(self.value, self._operand(other), flags=_EXACT))

    def __rmul__(self, other: float) -> Lane:
        return self.constant(other) * self

    def __truediv__(self, other: Lane | float) -> Lane:
        return self._make(self.builder.fdiv(self.value, self._operand(other), flags=_EXACT_DIVISION))

    def __rtruediv__(self, other: float) -> Lane:
        return self.constant(other) / self

    def __mod__(self, other: Lane) -> Lane:
        """C's `fmod`: exact, with the sign of the dividend."""
        return self._make(self.builder.frem(self.value, other.value, flags=_EXACT))

    def __neg__(self) -> Lane:
        return self._make(self.builder.fneg(self.value))

    def _compare(self, relation: str, other: Lane | float) -> Mask:
        return Mask(self.builder, self.builder.fcmp_ordered(relation, self.value, self._operand(other), flags=_EXACT))

    def __lt__(self, other: Lane | float) -> Mask:
        return self._compare("<", other)

    def __le__(self, other: Lane | float) -> Mask:
        return self._compare("<=", other)

    def __gt__(self, other: Lane | float) -> Mask:
        return self._compare(">", other)

    def __ge__(self, other: Lane | float) -> Mask:
        return self._compare(">=", other)

    def equals(self, other: Lane | float) -> Mask:
        return self._compare("==", other)

    def is_nan(self) -> Mask:
        return Mask(self.builder, self.builder.fcmp_unordered("uno", self.value, self.value, flags=_EXACT))

    def bits(self) -> Bits:
        kind = _resized(self.value.type, ir.IntType(self.format.width))
        return Bits(self.builder, self.builder.bitcast(self.value, kind), self.format)

    def widened(self) -> Lane:
        """The same number in float64."""
        kind = _resized(self.value.type, BINARY64.ir_type)
        return self if self.value.type == kind else self._make(self.builder.fpext(self.value, kind))

    def narrowed(self) -> Lane:
        """The number rounded to float32."""
        kind = _resized(self.value.type, BINARY32.ir_type)
        return self if self.value.type == kind else self._make(self.builder.fptrunc(self.value, kind))


def intrinsic(name: str, *operands: Lane) -> Lane:
    """Call the LLVM intrinsic `llvm.<name>` of the operands' common type."""
    builder, kind = operands[0].builder, operands[0].value.type
    suffix = _SUFFIX[str(_element(kind))]
    if isinstance(kind, ir.VectorType):
        suffix = f"v{kind.count}{suffix}"
    full_name = f"llvm.{name}.{suffix}"
    function = builder.module.globals.get(full_name)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(kind, [kind] * len(operands)), full_name)
    return Lane(builder, builder.call(function, [operand.value for operand in operands]))


def _lane(like: Lane, value: Lane | float) -> Lane:
    return value if isinstance(value, Lane) else like.constant(value)


def where(condition: Mask, yes: Lane | float, no: Lane | float) -> Lane:
    """`yes` or `no`, lane by lane, without a branch; at least one of them is a `Lane`."""
    like = yes if isinstance(yes, Lane) else no
    if not isinstance(like, Lane):
        raise TypeError("where: one of the two values has to be a Lane")
    chosen = condition.builder.select(condition.value, _lane(like, yes).value, _lane(like, no).value)
    return Lane(condition.builder, chosen)


def muladd(a: Lane, b: Lane | float, c: Lane | float) -> Lane:
    """`a * b + c`, in one rounding where the processor has a fused multiply-add."""
    return intrinsic("fmuladd", a, _lane(a, b), _lane(a, c))


def fused(a: Lane, b: Lane | float, c: Lane | float) -> Lane:
    """`a * b + c` in one rounding, whatever it costs."""
    return intrinsic("fma", a, _lane(a, b), _lane(a, c))


def _horner(x: Lane, coefficients: Sequence[float]) -> Lane:
    result = x.constant(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        result = muladd(result, x, coefficient)
    return result


def polynomial(x: Lane, coefficients: Sequence[float]) -> Lane:
    """``c[0] + c[1] x + c[2] x**2 + ...``; a long one as two of half the length, which halves the latency."""
    if len(coefficients) < 6:
        return _horner(x, coefficients)
    square = x * x
    return muladd(_horner(square, coefficients[1::2]), x, _horner(square, coefficients[0::2]))


def absolute(x: Lane) -> Lane:
    """The absolute value."""
    return intrinsic("fabs", x)


def square_root(x: Lane) -> Lane:
    """The square root."""
    return intrinsic("sqrt", x)


def rough_reciprocal(x: Lane) -> Lane:
    """``1 / x`` of a positive normal `x`, an eighth too large at most: as bits, floats are nearly their logarithms."""
    return (2 * x.format.bits_of(1.0) - x.bits()).as_float()


def with_sign_of(magnitude: Lane, sign: Lane) -> Lane:
    """The magnitude with the other's sign."""
    return intrinsic("copysign", magnitude, sign)


def or_sign_of(size: Lane, sign: Lane) -> Lane:
    """The same of a magnitude that has no sign of its own: an operation less."""
    return (size.bits() | (sign.bits() & sign.format.sign_mask)).as_float()


def smaller(x: Lane, bound: Lane | float) -> Lane:
    """The smaller of the two; NaN where `x` is NaN."""
    return where(x > bound, bound, x)


def larger(x: Lane, bound: Lane | float) -> Lane:
    """The larger of the two; NaN where `x` is NaN."""
    return where(x < bound, bound, x)
