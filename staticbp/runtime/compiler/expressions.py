"""Expressions of generated code as LLVM code: numbers, elements of arrays, calls of kernels. Imported only to compile.

Arrays are simpler here than Numba's: C-contiguous, never indexed from behind, and a view of one is a pointer and a
shape. A kernel is given them as Numba has them.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, NoReturn

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.np.arrayobj import make_array, populate_array
from numba.np.numpy_support import from_dtype

from staticbp.core.shape import Dim, DimExpr
from staticbp.runtime import vecmath as vm
from staticbp.runtime.compiler.aliasing import LOAD, STORE, Apart, last
from staticbp.runtime.compiler.extents import extent_of
from staticbp.runtime.compiler.numbers import (
    BOOL,
    IrValue,
    Kind,
    Scalar,
    Unknown,
    binary,
    compared,
    complex_number,
    conjugate,
    constant,
    converted,
    is_complex,
    is_integer,
    part_of,
    power,
    quotient,
    smaller,
    square,
    unary,
)
from staticbp.runtime.compiler.outlined import Outlined
from staticbp.runtime.compiler.target import kernel, target

SIZE = ir.IntType(64)
_OF_COMPLEX: Mapping[str, Callable[..., Scalar]] = {"conjugate": conjugate, "square": square, "true_divide": quotient}


@dataclass(frozen=True, slots=True)
class Array:
    """A C-contiguous array: where its elements begin, the extents, and from what else it is known to lie apart."""

    kind: Kind
    data: IrValue
    shape: tuple[IrValue, ...]
    apart: Apart | None = None


Known = Scalar | Array
Extents = tuple[Dim, ...]


def _kind(value: Known) -> Kind:
    """The type of an argument of a kernel; of an integer that is known, the type of this integer, as Numba has it."""
    if isinstance(value, Scalar) and isinstance(value.value, ir.Constant) and value.kind == types.int64:
        return types.literal(value.value.constant)
    return value.kind


@cache
def itemsize(element: Kind) -> int:
    """The size of an element in bytes."""
    size: int = target().get_abi_sizeof(target().get_data_type(element))
    return size


def parts_of(value: Known) -> Iterator[IrValue]:
    """What has to be handed over for a value to be known elsewhere: constants are."""
    parts = (value.data, *value.shape) if isinstance(value, Array) else (value.value,)
    return (part for part in parts if not isinstance(part, ir.Constant))


def assembled(value: Known, handed: Iterator[IrValue]) -> Known:
    """The value, elsewhere."""

    def there(part: IrValue) -> IrValue:
        return part if isinstance(part, ir.Constant) else next(handed)

    if isinstance(value, Array):
        return Array(value.kind, there(value.data), tuple(map(there, value.shape)), value.apart)
    return Scalar(value.kind, there(value.value))


def argument(builder: Any, sizes: dict[str, IrValue], kind: Kind, value: IrValue, shape: Extents | None) -> Known:
    """An argument as it is called within; `sizes` gains what symbols in its shape stand for."""
    if not isinstance(kind, types.Array):
        return Scalar(kind, value)
    array = make_array(kind)(target(), builder, value)
    found = cgutils.unpack_tuple(builder, array.shape, kind.ndim)
    if shape is None:
        return Array(kind, array.data, tuple(found))
    for dim, size in zip(shape, found, strict=True):
        if isinstance(dim, DimExpr) and dim.name is not None:
            sizes.setdefault(dim.name, size)
    return Array(kind, array.data, tuple(extent_of(builder, dim, sizes) for dim in shape))


def refuse(node: ast.AST) -> NoReturn:
    """Leave the module to Numba."""
    raise Unknown(ast.unparse(node))


class Expressions:
    """Writes the expressions of one function; `translate.py` adds its names and statements."""

    def __init__(self, builder: Any, imports: Mapping[str, ModuleType]) -> None:
        self.builder = builder
        self.context = target()
        self.imports = imports
        self.scopes: list[dict[str, Known]] = [{}]
        self.outlined: Outlined | None = None  # the functions of kernels, where these are called and not written out

    def look_up(self, name: str) -> Known:
        """The value that a name has at this place."""
        raise NotImplementedError(name)

    def call_function(self, name: str, args: Sequence[Known]) -> Scalar:
        """The result of a function of the module."""
        raise Unknown(name)

    def call_text(self, name: str, args: Sequence[Known]) -> Scalar:
        """The result of a kernel that is written as text."""
        raise Unknown(name)

    # -- control ------------------------------------------------------------------------------------------
    @contextmanager
    def scope(self, **bound: Known) -> Iterator[None]:
        """What is assigned once within is known within only."""
        self.scopes.append(dict(bound))
        try:
            yield
        finally:
            self.scopes.pop()

    def blocks(self, *names: str) -> list[Any]:
        """Basic blocks, still empty."""
        return [self.builder.append_basic_block(name) for name in names]

    def jump(self, block: Any) -> bool:
        """Go on elsewhere, unless what came before does so already; whether it does not."""
        falls_through = not self.builder.block.is_terminated
        if falls_through:
            self.builder.branch(block)
        return falls_through

    def branch(self, test: IrValue, then: Callable[[], None], orelse: Callable[[], None]) -> None:
        """Do one thing or another."""
        *arms, after = self.blocks("then", "else", "done")
        self.builder.cbranch(test, *arms)
        arrivals = 0
        for arm, write in zip(arms, (then, orelse), strict=True):
            self.builder.position_at_end(arm)
            with self.scope():
                write()
            arrivals += self.jump(after)
        self.builder.position_at_end(after)
        if not arrivals:
            self.builder.unreachable()

    # -- expressions --------------------------------------------------------------------------------------
    def expression(self, node: ast.expr) -> Known:
        """The value of an expression."""
        builder = self.builder
        match node:
            case ast.Name(id=name):
                return self.look_up(name)
            case ast.Constant(value=value):
                return constant(value)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return constant(-value)
            case ast.UnaryOp(op=op, operand=operand):
                return unary(builder, op, self.scalar(operand))
            case ast.BinOp(op=ast.Pow(), left=left, right=ast.Constant(value=int() as exponent)):
                return power(builder, self.scalar(left), exponent)
            case ast.BinOp(op=op, left=left, right=right):
                return binary(builder, op, self.scalar(left), self.scalar(right))
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self.compare(left, ops, others)
            case ast.BoolOp(op=op, values=[first, *rest]):
                return Scalar(BOOL, self.both(isinstance(op, ast.And), first, rest))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.choose(self.truth(test), body, orelse)
            case ast.Subscript(value=ast.Attribute(value=owner, attr="shape"), slice=ast.Constant(value=int(axis))):
                return Scalar(types.int64, self.array(owner).shape[axis])
            case ast.Subscript():
                return self.part(node)
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner in self.imports:
                return constant(getattr(self.imports[owner], name))
            case ast.Attribute(value=number, attr="real" | "imag" as name):
                return part_of(builder, self.scalar(number), name)
            case ast.Call():
                return self.call(node)
            case _:
                refuse(node)

    def scalar(self, node: ast.expr) -> Scalar:
        """The number that an expression is."""
        value = self.expression(node)
        if not isinstance(value, Scalar):
            refuse(node)
        return value

    def size(self, node: ast.expr) -> IrValue:
        """An integer as extents and indexes have it."""
        value = self.scalar(node)
        if not is_integer(value.kind):
            refuse(node)
        return converted(self.builder, value, types.int64).value

    def truth(self, node: ast.expr) -> IrValue:
        """Whether an expression holds."""
        return converted(self.builder, self.scalar(node), BOOL).value

    def compare(self, left: ast.expr, ops: Sequence[ast.cmpop], others: Sequence[ast.expr]) -> Scalar:
        """One comparison, or several in a row, of which all are made: they do no harm."""
        values = [self.scalar(node) for node in (left, *others)]
        total, *rest = (
            compared(self.builder, op, one, other) for op, one, other in zip(ops, values, values[1:], strict=False)
        )
        for result in rest:
            total = Scalar(BOOL, self.builder.and_(total.value, result.value))
        return total

    def both(self, conjunction: bool, first: ast.expr, rest: Sequence[ast.expr]) -> IrValue:
        """``first and ...`` or ``first or ...``; what does not count is not computed."""
        known = self.truth(first)
        if not rest:
            return known
        decided = ir.Constant(ir.IntType(1), int(not conjunction))
        arms = [lambda: self.both(conjunction, rest[0], rest[1:]), lambda: decided]
        return self.pick(known, *(arms if conjunction else reversed(arms)))

    def choose(self, test: IrValue, body: ast.expr, orelse: ast.expr) -> Scalar:
        """``body if test else orelse``; only one of them is computed."""
        kinds: list[Kind] = []

        def arm(node: ast.expr) -> Callable[[], IrValue]:
            def write() -> IrValue:
                value = self.scalar(node)
                kinds.append(value.kind)
                return value.value

            return write

        value = self.pick(test, arm(body), arm(orelse))
        if kinds[0] != kinds[1]:
            raise Unknown(f"{kinds[0]} or {kinds[1]}")
        return Scalar(kinds[0], value)

    def pick(self, test: IrValue, then: Callable[[], IrValue], orelse: Callable[[], IrValue]) -> IrValue:
        """One of two values."""
        arms: list[tuple[IrValue, Any]] = []

        def within(write: Callable[[], IrValue]) -> Callable[[], None]:
            return lambda: arms.append((write(), self.builder.block))

        self.branch(test, within(then), within(orelse))
        result = self.builder.phi(arms[0][0].type)
        for value, block in arms:
            if value.type != result.type:
                raise Unknown("values of two types")
            result.add_incoming(value, block)
        return result

    # -- arrays -------------------------------------------------------------------------------------------
    def element(self, node: ast.Subscript) -> tuple[Array, IrValue]:
        """The array, and the place of the element that an index is for."""
        array, index = self.indexed(node)
        if len(index) != len(array.shape):
            refuse(node)
        return array, self.at(array, index)

    def part(self, node: ast.Subscript) -> Known:
        """An element of an array, or a smaller array within it."""
        match node.slice:
            case ast.Slice(lower=ast.expr() as lower, upper=ast.expr() as upper, step=None):
                array, start, stop = self.array(node.value), self.size(lower), self.size(upper)
                if len(array.shape) != 1:
                    refuse(node)
                return Array(array.kind, self.at(array, [start]), (self.sized(operator.sub, stop, start),))
        array, index = self.indexed(node)
        place = self.at(array, index)
        if len(index) == len(array.shape):
            return self.load(array, place)
        kind = array.kind.copy(ndim=len(array.shape) - len(index))
        return Array(kind, place, array.shape[len(index) :], array.apart)

    def array(self, node: ast.expr) -> Array:
        """The array that an expression is."""
        value = self.expression(node)
        if not isinstance(value, Array):
            refuse(node)
        return value

    def indexed(self, node: ast.Subscript) -> tuple[Array, list[IrValue]]:
        """The array and the index of ``array[index]``."""
        array = self.array(node.value)
        index = [self.size(part) for part in (node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice])]
        if len(index) > len(array.shape):
            refuse(node)
        return array, index

    def at(self, array: Array, index: Sequence[IrValue]) -> IrValue:
        """The place in memory of an element, or of the first element behind a shorter index."""
        builder, offset = self.builder, None
        for axis, extent in enumerate(array.shape):
            if offset is not None:
                offset = builder.mul(offset, extent, flags=["nsw"])
            if axis < len(index):
                offset = index[axis] if offset is None else builder.add(offset, index[axis], flags=["nsw"])
        return array.data if offset is None else builder.gep(array.data, [offset], inbounds=True)

    def load(self, array: Array, place: IrValue) -> Scalar:
        """Read an element."""
        value = self.context.unpack_value(self.builder, array.kind.dtype, place)
        if array.apart is not None:
            array.apart.mark(last(self.builder.block, LOAD))
        return Scalar(array.kind.dtype, value)

    def store(self, value: Known, array: Array, place: IrValue) -> None:
        """Write an element."""
        if not isinstance(value, Scalar):
            raise Unknown("an array in an array")
        kind = array.kind.dtype
        self.context.pack_value(self.builder, kind, converted(self.builder, value, kind).value, place)
        if array.apart is not None:
            array.apart.mark(last(self.builder.block, STORE))

    def view(self, array: Array, element: Kind) -> Array:
        """``array.view(dtype)`` of a vector."""
        data = self.builder.bitcast(array.data, self.context.get_data_type(element).as_pointer())
        nbytes = self.sized(operator.mul, array.shape[0], SIZE(itemsize(array.kind.dtype)))
        count = self.sized(operator.floordiv, nbytes, SIZE(itemsize(element)))
        return Array(array.kind.copy(dtype=element), data, (count,))

    def sized(self, op: Callable[[int, int], int], left: IrValue, right: IrValue) -> IrValue:
        """A size made of two others: a constant, if they are."""
        if isinstance(left, ir.Constant) and isinstance(right, ir.Constant):
            return SIZE(op(left.constant, right.constant))
        write = {operator.sub: self.builder.sub, operator.mul: self.builder.mul, operator.floordiv: self.builder.sdiv}
        return write[op](left, right)

    def whole(self, array: Array) -> IrValue:
        """An array as Numba has it, for a kernel."""
        size = itemsize(array.kind.dtype)
        strides: list[IrValue] = []
        stride = SIZE(size)
        for extent in reversed(array.shape):
            strides.insert(0, stride)
            stride = self.builder.mul(stride, extent)
        made = make_array(array.kind)(self.context, self.builder)
        populate_array(made, array.data, list(array.shape), strides, size, meminfo=None)
        return made._getvalue()

    # -- calls --------------------------------------------------------------------------------------------
    def call(self, node: ast.Call) -> Known:
        """A kernel, a conversion, a method of an array or a function of this module."""
        if node.keywords:
            refuse(node)
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name)) if owner in self.imports:
                return self.call_imported(self.imports[owner], name, node)
            case ast.Call(func=ast.Attribute(value=owner, attr="view"), args=[ast.Attribute(attr=name)]):
                array = self.array(owner)
                if len(array.shape) != 1:
                    refuse(node)
                return self.view(array, from_dtype(np.dtype(getattr(np, name))))
            case ast.Call(func=ast.Attribute(value=owner, attr="reshape"), args=[ast.Tuple(elts=items)]):
                array, shape = self.array(owner), tuple(map(self.size, items))
                return Array(array.kind.copy(ndim=len(shape)), array.data, shape, array.apart)
            case ast.Call(func=ast.Name(id="min" | "max" as name), args=[left, right]):
                return smaller(self.builder, self.scalar(left), self.scalar(right), larger=name == "max")
            case ast.Call(func=ast.Name(id="complex"), args=[real, imag]):
                return complex_number(self.builder, self.scalar(real), self.scalar(imag))
            case ast.Call(func=ast.Name(id="abs"), args=[operand]):
                number = self.scalar(operand)
                return self.call_kernel(vm.hypot, [part_of(self.builder, number, part) for part in ("real", "imag")])
            case ast.Call(func=ast.Name(id=name)):
                return self.call_function(name, [self.expression(arg) for arg in node.args])
            case _:
                refuse(node)

    def call_imported(self, owner: ModuleType, name: str, node: ast.Call) -> Scalar:
        """A conversion, or a kernel."""
        function = getattr(owner, name)
        if isinstance(function, type) and issubclass(function, np.generic) and len(node.args) == 1:
            return converted(self.builder, self.scalar(node.args[0]), from_dtype(np.dtype(function)))
        args = [self.expression(arg) for arg in node.args]
        write = _OF_COMPLEX.get(name) if owner is np else None
        numbers = [arg for arg in args if isinstance(arg, Scalar)]
        if write is not None and any(is_complex(number.kind) for number in numbers):
            return write(self.builder, *numbers)
        text = getattr(owner, "WRITTEN", {}).get(name)
        if text is not None:
            return self.call_text(text, args)
        return self.call_kernel(function, args, as_known=getattr(owner, "TAKES_EXTENTS", False))

    def call_kernel(self, function: Any, args: Sequence[Known], *, as_known: bool = False) -> Scalar:
        """What a kernel makes of arguments; it may take arrays as they are known here."""
        signature, write = kernel(function, tuple(map(_kind, args)))
        values = [
            self.given(arg, types.unliteral(kind), as_known=as_known)
            for arg, kind in zip(args, signature.args, strict=True)
        ]
        if self.outlined is not None:
            return Scalar(signature.return_type, self.outlined.call(self.builder, function, signature, write, values))
        return Scalar(signature.return_type, write(self.builder, values))

    def given(self, arg: Known, kind: Kind, *, as_known: bool) -> IrValue | Array:
        """An argument as a kernel takes it."""
        if isinstance(arg, Array):
            return arg if as_known else self.whole(arg)
        return converted(self.builder, arg, kind).value
