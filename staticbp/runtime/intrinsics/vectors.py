"""Code for vectors, written through llvmlite: what `tiles` and `rows` are made of.

The values here are of the vector width that the caller asks for; LLVM is left nothing to vectorise or to unroll,
which keeps compiling short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from staticbp.runtime.kernelcode import PREFIX
from staticbp.runtime.memory import ALIGNMENT
from staticbp.runtime.objectcode import host

# llvmlite's values carry no type information.
Value = Any

Fill = Callable[[Any], Any]
"""Writes a kernel into an LLVM module that is empty."""

SIZE = ir.IntType(64)
LANE = ir.IntType(32)


def vector_bits(features: str) -> int:
    """The width of the vector registers of a CPU with these features, as LLVM writes them.

    Examples
    --------
    >>> vector_bits("+avx,+avx2,+fma"), vector_bits("+neon")
    (256, 128)
    """
    has = set(features.split(","))
    if "+avx512f" in has:
        return 512
    return 256 if "+avx" in has else 128


def host_features() -> str:
    """The features of the CPU that code is made for."""
    return host()[2]


def host_lanes(element: ir.Type) -> int:
    """Elements of a type to a vector, on the CPU that code is made for."""
    return vector_bits(host_features()) // (8 * width(element))


APART: ContextVar[dict[str, Fill] | None] = ContextVar("APART", default=None)
"""While a module is written for the store: the kernels that it calls and does not hold, by their symbols.

Each is what writes it into a module of its own.  None where all that a module calls has to be in it."""


def call(builder: Value, name: str, write: Callable[..., None], arguments: Sequence[Value]) -> None:
    """Call the function that `write` writes the body of: the same for all modules that have one of this name."""
    full_name, kinds = f"staticbp_{_instance(name, arguments)}", [argument.type for argument in arguments]
    if full_name not in builder.module.globals:
        _define(builder.module, full_name, write, kinds).linkage = "linkonce_odr"
    builder.call(builder.module.globals[full_name], arguments)


def call_shared(builder: Value, name: str, write: Callable[..., None], arguments: Sequence[Value]) -> None:
    """Call a large function of that kind, which is compiled once for a machine: see `kernelcode`."""
    wanted = APART.get()
    if wanted is None:
        call(builder, name, write, arguments)
        return
    symbol, kinds = PREFIX + _instance(name, arguments), [argument.type for argument in arguments]
    wanted[symbol] = partial(_define, name=symbol, write=write, kinds=kinds)
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), kinds), symbol)
    function.attributes.add("nounwind")
    builder.call(function, arguments)


def _instance(name: str, arguments: Sequence[Value]) -> str:
    """The name of a function for elements of some type."""
    element = next(argument.type.pointee for argument in arguments if isinstance(argument.type, ir.PointerType))
    return f"{name}_{element}_{host_lanes(element)}"


def new_function(module: Value, name: str, kinds: Sequence[ir.Type], result: ir.Type | None = None) -> Value:
    """A function to be called and not written out, still empty: of numbers, and of arrays that lie apart."""
    function = ir.Function(module, ir.FunctionType(result or ir.VoidType(), kinds), name)
    for attribute in ("noinline", "nounwind"):
        function.attributes.add(attribute)
    for argument in function.args:
        if isinstance(argument.type, ir.PointerType):
            argument.add_attribute("noalias")
    return function


def _define(module: Value, name: str, write: Callable[..., None], kinds: Sequence[ir.Type]) -> Value:
    function = new_function(module, name, kinds)
    body = ir.IRBuilder(function.append_basic_block("entry"))
    write(body, *function.args)
    body.ret_void()
    return function


@contextmanager
def loop(builder: Value, start: Value, stop: Value, step: Value | int = 1) -> Iterator[Value]:
    """A loop that LLVM leaves as it is: what is worth it has vectors already, and compiling stays short."""
    entry = builder.block
    test, body = builder.append_basic_block("test"), builder.append_basic_block("body")
    done = builder.append_basic_block("done")
    builder.branch(test)
    builder.position_at_end(test)
    index = builder.phi(SIZE)
    index.add_incoming(start, entry)
    builder.cbranch(builder.icmp_signed("<", index, stop), body, done)
    builder.position_at_end(body)
    yield index
    index.add_incoming(builder.add(index, SIZE(step) if isinstance(step, int) else step), builder.block)
    leave_alone(builder.branch(test))
    builder.position_at_end(done)


def leave_alone(jump: Value) -> None:
    """Mark the jump back of a loop so that LLVM neither unrolls nor vectorises it, and has it begin a cache line.

    Where it began by chance, the same product took up to a tenth longer in one module than in another.
    """
    apart = [("llvm.loop.unroll.disable",), ("llvm.loop.vectorize.width", LANE(1))]
    _mark(jump, [*apart, ("llvm.loop.align", LANE(ALIGNMENT))])


def interleave(jump: Value, count: int) -> None:
    """Mark the jump back of a loop so that LLVM, if it vectorises it, takes the steps of so many vectors at once."""
    if count > 1:
        _mark(jump, [("llvm.loop.interleave.count", LANE(count))])


def by_vectors(jump: Value, count: int) -> None:
    """Mark the jump back of a loop: so many vectors at once, and not the steps one after another before that."""
    _mark(jump, [("llvm.loop.unroll.disable",), ("llvm.loop.interleave.count", LANE(count))])


def _mark(jump: Value, wishes: Sequence[tuple[Any, ...]]) -> None:
    module = jump.parent.module
    properties = [module.add_metadata([ir.MetaDataString(module, name), *values]) for name, *values in wishes]
    loop = module.add_metadata(properties)
    loop.operands = (loop, *properties)  # the first is the loop itself, by definition
    jump.set_metadata("llvm.loop", loop)


def smaller(builder: Value, a: Value, b: Value) -> Value:
    """The smaller of two sizes."""
    return builder.select(builder.icmp_signed("<", a, b), a, b)


def quotient(builder: Value, size: Value, unit: int) -> Value:
    """How many units it takes to hold a size."""
    return builder.udiv(builder.add(size, SIZE(unit - 1)), SIZE(unit))


def at(builder: Value, data: Value, *steps: tuple[Value, Value]) -> Value:
    """The address of the element so many strides away."""
    for count, stride in steps:
        data = builder.gep(data, [builder.mul(count, stride)], inbounds=True)
    return data


def read(builder: Value, place: Value, lanes: int) -> Value:
    """The vector that begins at an element, wherever that lies."""
    element = place.type.pointee
    pointer = builder.bitcast(place, ir.VectorType(element, lanes).as_pointer())
    return builder.load(pointer, align=width(element))


def write(builder: Value, vector: Value, place: Value) -> None:
    """Store a vector from an element on, wherever that lies."""
    builder.store(vector, builder.bitcast(place, vector.type.as_pointer()), align=width(place.type.pointee))


def width(element: ir.Type) -> int:
    """Bytes of an element."""
    return 8 if isinstance(element, ir.DoubleType) else 4


def prefetch(builder: Value, place: Value) -> None:
    """Bring the line of the cache that an element is in near, to be written."""
    pointer = builder.bitcast(place, ir.IntType(8).as_pointer())
    kinds = [pointer.type, LANE, LANE, LANE]
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), kinds), "llvm.prefetch.p0")
    builder.call(function, [pointer, LANE(1), LANE(3), LANE(1)])


def spread(builder: Value, scalar: Value, lanes: int) -> Value:
    """A vector of the same value in all lanes."""
    empty = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
    zeros = ir.Constant(ir.VectorType(LANE, lanes), [0] * lanes)
    return builder.shuffle_vector(builder.insert_element(empty, scalar, LANE(0)), empty, zeros)


def muladd(builder: Value, a: Value, b: Value, c: Value) -> Value:
    """``a b + c``: one operation where the CPU has it."""
    kind = a.type
    element, lanes = (kind.element, f"v{kind.count}") if isinstance(kind, ir.VectorType) else (kind, "")
    name = f"llvm.fmuladd.{lanes}f{8 * width(element)}"
    function = builder.module.globals.get(name)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(kind, [kind] * 3), name)
    return builder.call(function, [a, b, c])


def is_zero(builder: Value, scalar: Value) -> Value:
    """Whether a number is zero, of either sign."""
    return builder.fcmp_ordered("==", scalar, ir.Constant(scalar.type, 0))


def scratch(builder: Value, element: ir.Type, count: int) -> Value:
    """Memory on the stack, aligned to a line of the cache."""
    memory = cgutils.alloca_once(builder, element, size=SIZE(count))
    memory.align = 64
    return memory


def variable(builder: Value, value: Value) -> Value:
    """A variable that starts with a value; LLVM keeps it in a register."""
    memory = cgutils.alloca_once(builder, value.type)
    builder.store(value, memory)
    return memory


def total(builder: Value, vector: Value) -> Value:
    """The sum of the lanes, by halves."""
    count = vector.type.count
    while count > 1:
        count //= 2
        empty = ir.Constant(vector.type, ir.Undefined)
        lower = ir.Constant(ir.VectorType(LANE, count), list(range(count)))
        upper = ir.Constant(ir.VectorType(LANE, count), list(range(count, 2 * count)))
        halves = [builder.shuffle_vector(vector, empty, mask) for mask in (lower, upper)]
        vector = builder.fadd(*halves)
    return builder.extract_element(vector, LANE(0))
