"""What `linalg` is when compiled: calls of NumPy's inner loops, and of SciPy's LAPACK. Imported only to compile."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import lower_builtin, type_callable
from numba.np.numpy_support import as_dtype

from staticbp.runtime import inner_loops
from staticbp.runtime.inner_loops import CLEAR_FLAGS, GET_FLAGS
from staticbp.runtime.intrinsics import sharing
from staticbp.runtime.symbols import BLAS_PREFIX, address

# Numba's types and llvmlite's values carry no type information.
NumbaType = Any
IrValue = Any

_SIZE = ir.IntType(64)
_INT = ir.IntType(32)
_BYTE = ir.IntType(8)
_POINTER = _BYTE.as_pointer()
_TRUE, _FALSE = ir.Constant(ir.IntType(1), 1), ir.Constant(ir.IntType(1), 0)
_NULL = ir.Constant(_POINTER, None)

INVALID = 8  # NumPy's flag for an invalid operation, by which its loops say that they failed


class Stack:
    """An array argument as a stack of matrices, vectors or numbers: all but its last `rank` axes are leading."""

    def __init__(self, context: Any, builder: Any, operand: tuple[NumbaType, IrValue], rank: int) -> None:
        kind, value = operand
        array = context.make_array(kind)(context, builder, value)
        shape = cgutils.unpack_tuple(builder, array.shape, kind.ndim)
        self.dtype = kind.dtype
        self.data = array.data
        self.leading = shape[: kind.ndim - rank]
        self.shape = shape[kind.ndim - rank :]
        self.itemsize = as_dtype(kind.dtype).itemsize
        self.is_shared = False  # one for all

    def count(self, builder: Any) -> IrValue:
        """The number of matrices."""
        return product(builder, self.leading)

    def size(self, builder: Any) -> IrValue:
        """The number of elements of one matrix."""
        return product(builder, self.shape)


def product(builder: Any, factors: Sequence[IrValue]) -> IrValue:
    """The product of extents."""
    total: IrValue = _SIZE(1)
    for factor in factors:
        total = builder.mul(total, factor)
    return total


@contextmanager
def counting(builder: Any, *counts: IrValue) -> Iterator[list[IrValue]]:
    """Loops within loops; yields their indexes."""
    if not counts:
        yield []
        return
    with (
        cgutils.for_range(builder, counts[0], intp=_SIZE) as loop,
        counting(builder, *counts[1:]) as inner,
    ):
        yield [loop.index, *inner]


# ---- calls -------------------------------------------------------------------------------------------------


def _external(builder: Any, symbol: str, result: Any, parameters: Sequence[Any]) -> IrValue:
    """A function that is linked by name; declared to LLVM's own linker too, for code that Numba compiles."""
    function = builder.module.globals.get(symbol)
    if function is None:
        found = address(symbol)
        if found is not None:
            llvm.add_symbol(symbol, found)
        function = ir.Function(builder.module, ir.FunctionType(result, parameters), symbol)
    return function


def call_loop(builder: Any, loop: inner_loops.InnerLoop, count: IrValue, stacks: Sequence[Stack]) -> None:
    """Call an inner loop of NumPy's for all matrices of the stacks at once."""
    extents: dict[str, IrValue] = {}
    steps: list[IrValue] = []
    core_steps: list[IrValue] = []
    for stack, axes in zip(stacks, loop.axes, strict=True):
        stride: IrValue = _SIZE(stack.itemsize)
        inner: list[IrValue] = []
        for letter, extent in reversed(list(zip(axes, stack.shape, strict=True))):
            extents.setdefault(letter, extent)
            inner.insert(0, stride)
            stride = builder.mul(stride, extent)
        steps.append(_SIZE(0) if stack.is_shared else stride)
        core_steps += inner
    pointers = [builder.bitcast(stack.data, _POINTER) for stack in stacks]
    call_strided(builder, loop, pointers, [count, *(extents[letter] for letter in loop.letters)], [*steps, *core_steps])


def call_strided(
    builder: Any,
    loop: inner_loops.InnerLoop,
    pointers: Sequence[IrValue],
    extents: Sequence[IrValue],
    steps: Sequence[IrValue],
) -> None:
    """Call an inner loop of NumPy's with the three lists that it takes."""
    sharing.rest(builder)
    arguments = [
        _listed(builder, _POINTER, pointers),
        _listed(builder, _SIZE, extents),
        _listed(builder, _SIZE, steps),
        _NULL if loop.data is None else _external(builder, loop.data_symbol, ir.VoidType(), ()).bitcast(_POINTER),
    ]
    function = _external(builder, loop.symbol, ir.VoidType(), [argument.type for argument in arguments])
    builder.call(function, arguments)


def _listed(builder: Any, kind: Any, values: Sequence[IrValue]) -> IrValue:
    """A pointer to values that stand one behind the other on the stack."""
    place = cgutils.alloca_once(builder, kind, size=len(values))
    for n, value in enumerate(values):
        builder.store(value, builder.gep(place, [_SIZE(n)]))
    return place


def call_watched(builder: Any, loop: inner_loops.InnerLoop, count: IrValue, stacks: Sequence[Stack]) -> IrValue:
    """As `call_loop`; whether the loop does not say, by the flags of the processor, that it failed."""
    builder.call(_external(builder, CLEAR_FLAGS, ir.VoidType(), ()), ())
    call_loop(builder, loop, count, stacks)
    flags = builder.call(_external(builder, GET_FLAGS, _INT, ()), ())
    return builder.icmp_unsigned("==", builder.and_(flags, _INT(INVALID)), _INT(0))


def call_fortran(builder: Any, routine: str, dtype: NumbaType, arguments: Sequence[IrValue]) -> None:
    """Call a routine of BLAS or LAPACK, which takes pointers only, also to scalars; sizes become C ints.

    It has threads of its own: the team rests.
    """
    sharing.rest(builder)
    pointers = []
    for argument in arguments:
        pointer = argument
        if not isinstance(argument.type, ir.PointerType):
            stored = builder.trunc(argument, _INT) if argument.type == _SIZE else argument
            pointer = cgutils.alloca_once_value(builder, stored)
        pointers.append(builder.bitcast(pointer, _POINTER))
    symbol = f"{BLAS_PREFIX}{_PREFIXES[dtype]}{routine}"
    builder.call(_external(builder, symbol, ir.VoidType(), [_POINTER] * len(pointers)), pointers)


_PREFIXES = {types.float32: "s", types.float64: "d", types.complex64: "c", types.complex128: "z"}


def _letter(builder: Any, flag: IrValue, if_false: str, if_true: str) -> IrValue:
    return builder.select(flag, _BYTE(ord(if_true)), _BYTE(ord(if_false)))


def _scratch(builder: Any, kind: Any, count: IrValue, itemsize: int) -> IrValue:
    """Memory for so many elements; to be freed."""
    size = builder.mul(builder.add(count, _SIZE(1)), _SIZE(itemsize))
    return builder.bitcast(builder.call(_external(builder, "malloc", _POINTER, [_SIZE]), [size]), kind)


def _free(builder: Any, memory: IrValue) -> None:
    builder.call(_external(builder, "free", ir.VoidType(), [_POINTER]), [builder.bitcast(memory, _POINTER)])


def _element(builder: Any, data: IrValue, *index: tuple[IrValue, IrValue]) -> IrValue:
    """The place of an element, from pairs of an extent and an index, row by row."""
    offset: IrValue = _SIZE(0)
    for extent, position in index:
        offset = builder.add(builder.mul(offset, extent), position)
    return builder.gep(data, [offset])


def _copy(builder: Any, source: Stack, to: IrValue) -> None:
    with counting(builder, builder.mul(source.count(builder), source.size(builder))) as (n,):
        builder.store(builder.load(builder.gep(source.data, [n])), builder.gep(to, [n]))


def _number(context: Any, dtype: NumbaType, value: int) -> IrValue:
    """A constant of a dtype."""
    kind = context.get_value_type(dtype)
    if not isinstance(dtype, types.Complex):
        return ir.Constant(kind, value)
    part = kind.elements[0]
    return ir.Constant(kind, [ir.Constant(part, value), ir.Constant(part, 0)])


def _is_zero(builder: Any, dtype: NumbaType, number: IrValue) -> IrValue:
    parts = [number]
    if isinstance(dtype, types.Complex):
        parts = [builder.extract_value(number, 0), builder.extract_value(number, 1)]
    zero: IrValue = _TRUE
    for part in parts:
        zero = builder.and_(zero, builder.fcmp_ordered("==", part, ir.Constant(part.type, 0)))
    return zero


def _regular(builder: Any, matrices: Stack) -> IrValue:
    """Whether no diagonal has a zero in it."""
    ok = cgutils.alloca_once_value(builder, _TRUE)
    n = matrices.shape[-1]
    with counting(builder, matrices.count(builder), n) as (which, i):
        number = builder.load(_element(builder, matrices.data, (n, which), (n, i), (n, i)))
        with builder.if_then(_is_zero(builder, matrices.dtype, number), likely=False):
            builder.store(_FALSE, ok)
    return builder.load(ok)


# ---- the kernels -------------------------------------------------------------------------------------------


def _lower_loop(name: str, ranks: Sequence[int], context: Any, builder: Any, signature: Any, args: Any) -> IrValue:
    """A kernel that is one of NumPy's loops."""
    operands = zip(signature.args, args, strict=True)
    stacks = [Stack(context, builder, operand, rank) for operand, rank in zip(operands, ranks, strict=True)]
    loop = inner_loops.inner_loop(name, as_dtype(stacks[0].dtype).char)
    return call_watched(builder, loop, stacks[0].count(builder), stacks)


def _lower_cholesky(context: Any, builder: Any, signature: Any, args: Any) -> IrValue:
    a, out = (Stack(context, builder, (kind, arg), 2) for kind, arg in zip(signature.args, args, strict=True))
    n, info = a.shape[0], cgutils.alloca_once(builder, _INT)
    ok = cgutils.alloca_once_value(builder, _TRUE)
    zero = _number(context, a.dtype, 0)
    _copy(builder, a, out.data)
    with builder.if_then(builder.icmp_signed(">", n, _SIZE(0))), counting(builder, a.count(builder)) as (which,):
        # What are rows here are columns there: the lower triangle is the upper one of the transpose.
        matrix = _element(builder, out.data, (n, which), (n, _SIZE(0)), (n, _SIZE(0)))
        call_fortran(builder, "potrf", a.dtype, [_BYTE(ord("U")), n, matrix, n, info])
        with builder.if_then(builder.icmp_signed("!=", builder.load(info), _INT(0)), likely=False):
            builder.store(_FALSE, ok)
        with counting(builder, n) as (i,), counting(builder, i) as (j,):
            builder.store(zero, _element(builder, matrix, (n, j), (n, i)))
    return builder.load(ok)


def _lower_lu_factor(context: Any, builder: Any, signature: Any, args: Any) -> IrValue:
    a, lu, pivots = (
        Stack(context, builder, (kind, arg), rank)
        for kind, arg, rank in zip(signature.args, args, (2, 2, 1), strict=True)
    )
    n, info = a.shape[0], cgutils.alloca_once(builder, _INT)
    with counting(builder, a.count(builder)) as (which,):
        with counting(builder, n, n) as (i, j):  # LAPACK goes down the columns
            element = builder.load(_element(builder, a.data, (n, which), (n, i), (n, j)))
            builder.store(element, _element(builder, lu.data, (n, which), (n, j), (n, i)))
        matrix = _element(builder, lu.data, (n, which), (n, _SIZE(0)), (n, _SIZE(0)))
        swaps = _element(builder, pivots.data, (n, which), (n, _SIZE(0)))
        with builder.if_then(builder.icmp_signed(">", n, _SIZE(0))):
            call_fortran(builder, "getrf", a.dtype, [n, n, matrix, n, swaps, info])
    return context.get_dummy_value()


def _lower_lu_solve(context: Any, builder: Any, signature: Any, args: Any) -> IrValue:
    lu, pivots, b, x = (
        Stack(context, builder, (kind, arg), rank)
        for kind, arg, rank in zip(signature.args[:4], args[:4], (2, 1, 2, 2), strict=True)
    )
    transposed = args[4] if len(args) > 4 else _FALSE
    (k, n), info = x.shape, cgutils.alloca_once(builder, _INT)
    ok = _regular(builder, lu)
    _copy(builder, b, x.data)
    some = builder.icmp_signed(">", builder.mul(n, k), _SIZE(0))
    with builder.if_then(builder.and_(ok, some)), counting(builder, x.count(builder)) as (which,):
        matrix = _element(builder, lu.data, (n, which), (n, _SIZE(0)), (n, _SIZE(0)))
        swaps = _element(builder, pivots.data, (n, which), (n, _SIZE(0)))
        rows = _element(builder, x.data, (k, which), (k, _SIZE(0)), (n, _SIZE(0)))
        trans = _letter(builder, transposed, "N", "T")
        call_fortran(builder, "getrs", x.dtype, [trans, n, k, matrix, n, swaps, rows, n, info])
    return ok


def _lower_solve_triangular(context: Any, builder: Any, signature: Any, args: Any) -> IrValue:
    t, b, x = (Stack(context, builder, (kind, arg), 2) for kind, arg in zip(signature.args[:3], args[:3], strict=True))
    lower, transposed, unit = (*args[3:], _FALSE, _FALSE, _FALSE)[:3]
    k, n = x.shape
    ok = builder.or_(unit, _regular(builder, t))
    _copy(builder, b, x.data)
    one = _number(context, t.dtype, 1)
    some = builder.icmp_signed(">", builder.mul(n, k), _SIZE(0))
    with builder.if_then(builder.and_(ok, some)), counting(builder, x.count(builder)) as (which,):
        matrix = _element(builder, t.data, (n, which), (n, _SIZE(0)), (n, _SIZE(0)))
        rows = _element(builder, x.data, (k, which), (k, _SIZE(0)), (n, _SIZE(0)))
        # Column by column, as BLAS reads it, the matrix is its transpose.
        flags = [
            _BYTE(ord("L")),
            _letter(builder, lower, "L", "U"),
            _letter(builder, transposed, "T", "N"),
            _letter(builder, unit, "N", "U"),
        ]
        call_fortran(builder, "trsm", t.dtype, [*flags, n, k, one, matrix, n, rows, n])
    return ok


def _lower_qr(complete: bool, context: Any, builder: Any, signature: Any, args: Any) -> IrValue:
    a, q, r = (Stack(context, builder, (kind, arg), 2) for kind, arg in zip(signature.args, args, strict=True))
    (m, n), count, types_ = a.shape, a.count(builder), as_dtype(a.dtype).char
    k = builder.select(builder.icmp_signed("<", m, n), m, n)
    raw = Stack(context, builder, (signature.args[0], args[0]), 2)
    scales = Stack(context, builder, (signature.args[0], args[0]), 2)
    raw.data = _scratch(builder, a.data.type, builder.mul(count, a.size(builder)), a.itemsize)
    scales.data, scales.shape = _scratch(builder, a.data.type, builder.mul(count, k), a.itemsize), [k]
    _copy(builder, a, raw.data)
    call_loop(builder, inner_loops.inner_loop("linalg.qr_r_raw", types_), count, (raw, scales))
    # What that leaves in `raw` lies column by column.
    name = "linalg.qr_complete" if complete else "linalg.qr_reduced"
    call_loop(builder, inner_loops.inner_loop(name, types_ * 2), count, (raw, scales, q))
    rows = r.shape[0]
    with counting(builder, count, rows, n) as (which, i, j):
        element = cgutils.alloca_once(builder, a.data.type.pointee)
        builder.store(ir.Constant(a.data.type.pointee, None), element)
        above = builder.and_(builder.icmp_signed("<=", i, j), builder.icmp_signed("<", i, m))
        with builder.if_then(above):
            builder.store(builder.load(_element(builder, raw.data, (m, which), (m, i), (n, j))), element)
        builder.store(builder.load(element), _element(builder, r.data, (rows, which), (rows, i), (n, j)))
    _free(builder, raw.data)
    _free(builder, scales.data)
    return context.get_dummy_value()


def _lower_squares(context: Any, builder: Any, signature: Any, args: Any) -> IrValue:
    a, times, out = (
        Stack(context, builder, (kind, arg), rank)
        for kind, arg, rank in zip(signature.args, args, (2, 0, 2), strict=True)
    )
    n, letter = a.shape[0], _BYTE(ord("N"))
    one, zero = _number(context, a.dtype, 1), _number(context, a.dtype, 0)
    _copy(builder, a, out.data)
    squared = _scratch(builder, a.data.type, builder.mul(n, n), a.itemsize)
    with builder.if_then(builder.icmp_signed(">", n, _SIZE(0))), counting(builder, a.count(builder)) as (which,):
        matrix = _element(builder, out.data, (n, which), (n, _SIZE(0)), (n, _SIZE(0)))
        with counting(builder, builder.load(builder.gep(times.data, [which]))):
            operands = [letter, letter, n, n, n, one, matrix, n, matrix, n, zero, squared, n]
            call_fortran(builder, "gemm", a.dtype, operands)
            with counting(builder, builder.mul(n, n)) as (i,):
                builder.store(builder.load(builder.gep(squared, [i])), builder.gep(matrix, [i]))
    _free(builder, squared)
    return context.get_dummy_value()


def _lower_schur(context: Any, builder: Any, signature: Any, args: Any) -> IrValue:
    a, t, z = (Stack(context, builder, (kind, arg), 2) for kind, arg in zip(signature.args, args, strict=True))
    n, element = a.shape[0], a.data.type
    is_complex = isinstance(a.dtype, types.Complex)
    sorted_, info = cgutils.alloca_once(builder, _INT), cgutils.alloca_once_value(builder, _INT(0))
    ok = cgutils.alloca_once_value(builder, _TRUE)
    values, length = _scratch(builder, element, builder.mul(n, _SIZE(2)), a.itemsize), builder.mul(n, _SIZE(8))
    work, flags = _scratch(builder, element, length, a.itemsize), _scratch(builder, _POINTER, n, 4)
    own = [values] if is_complex else [values, builder.gep(values, [n])]
    real_work = [builder.gep(values, [n])] if is_complex else []
    with builder.if_then(builder.icmp_signed(">", n, _SIZE(0))), counting(builder, a.count(builder)) as (which,):
        with counting(builder, n, n) as (i, j):  # LAPACK goes down the columns
            number = builder.load(_element(builder, a.data, (n, which), (n, i), (n, j)))
            builder.store(number, _element(builder, t.data, (n, which), (n, j), (n, i)))
        triangle, vectors = (_element(builder, x.data, (n, which), (n, _SIZE(0)), (n, _SIZE(0))) for x in (t, z))
        wishes = [_BYTE(ord("V")), _BYTE(ord("N")), _NULL]
        places = [n, triangle, n, sorted_, *own, vectors, n, work, length, *real_work, flags, info]
        call_fortran(builder, "gees", a.dtype, [*wishes, *places])
        with builder.if_then(builder.icmp_signed("!=", builder.load(info), _INT(0)), likely=False):
            builder.store(_FALSE, ok)
    for memory in (values, work, flags):
        _free(builder, memory)
    return builder.load(ok)


def _lower_sylvester(context: Any, builder: Any, signature: Any, args: Any) -> IrValue:
    t, s, f, y = (Stack(context, builder, (kind, arg), 2) for kind, arg in zip(signature.args, args, strict=True))
    n, m = f.shape
    part = {types.complex64: types.float32, types.complex128: types.float64}.get(t.dtype, t.dtype)
    real = context.get_value_type(part)
    scale, info = cgutils.alloca_once(builder, real), cgutils.alloca_once(builder, _INT)
    ok = cgutils.alloca_once_value(builder, _TRUE)
    _copy(builder, f, y.data)
    some = builder.icmp_signed(">", builder.mul(n, m), _SIZE(0))
    with builder.if_then(some), counting(builder, f.count(builder)) as (which,):
        left = _element(builder, t.data, (m, which), (m, _SIZE(0)), (m, _SIZE(0)))
        right = _element(builder, s.data, (n, which), (n, _SIZE(0)), (n, _SIZE(0)))
        unknown = _element(builder, y.data, (n, which), (n, _SIZE(0)), (m, _SIZE(0)))
        letters = [_BYTE(ord("N")), _BYTE(ord("N")), _SIZE(1)]
        call_fortran(builder, "trsyl", t.dtype, [*letters, m, n, left, m, right, n, unknown, m, scale, info])
        unscaled = builder.fcmp_ordered("==", builder.load(scale), ir.Constant(real, 1))
        solved = builder.and_(builder.icmp_signed("==", builder.load(info), _INT(0)), unscaled)
        with builder.if_then(builder.not_(solved), likely=False):
            builder.store(_FALSE, ok)
    return builder.load(ok)


# ---- what Numba is told ------------------------------------------------------------------------------------

Lower = Callable[..., IrValue]


def _declare(function: Any, ranks: Sequence[int], flags: int, fails: bool, letters: str, lower: Lower) -> None:
    """Tell Numba of a kernel that takes arrays of at least so many axes, and up to so many flags."""

    def typer(*kinds: Any) -> Any:
        arrays = kinds[: len(ranks)]
        fitting = len(arrays) == len(ranks) and all(
            isinstance(kind, types.Array) and kind.layout == "C" and kind.ndim >= rank
            for kind, rank in zip(arrays, ranks, strict=True)
        )
        if not fitting or as_dtype(arrays[0].dtype).char not in letters:
            return None
        return (types.boolean if fails else types.void)(*arrays, *(types.boolean for _ in kinds[len(ranks) :]))

    typer.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]  # by which Numba binds arguments
    type_callable(function)(lambda context: typer)
    for given in range(flags + 1):
        lower_builtin(function, *(types.Array,) * len(ranks), *(types.Boolean,) * given)(lower)


def register(kernels: Mapping[str, Any]) -> None:
    """Tell Numba what the functions of `linalg` are when compiled."""
    every = "fdFD"
    for kernel, name, ranks, letters in (
        ("svd", "svd_s", (2, 2, 1, 2), every),
        ("svd_complete", "svd_f", (2, 2, 1, 2), every),
        ("svdvals", "svd", (2, 1), every),
        ("eigh", "eigh_lo", (2, 1, 2), every),
        ("eigvalsh", "eigvalsh_lo", (2, 1), every),
        ("eig", "eig", (2, 1, 2), "fdD"),
        ("eigvals", "eigvals", (2, 1), "fdD"),
    ):
        lower = partial(_lower_loop, f"linalg.{name}", ranks)
        _declare(kernels[kernel], ranks, 0, True, letters, lower)
    _declare(kernels["cholesky"], (2, 2), 0, True, every, _lower_cholesky)
    _declare(kernels["lu_factor"], (2, 2, 1), 0, False, every, _lower_lu_factor)
    _declare(kernels["lu_solve"], (2, 1, 2, 2), 1, True, every, _lower_lu_solve)
    _declare(kernels["solve_triangular"], (2, 2, 2), 3, True, every, _lower_solve_triangular)
    _declare(kernels["schur"], (2, 2, 2), 0, True, every, _lower_schur)
    _declare(kernels["sylvester"], (2, 2, 2, 2), 0, True, every, _lower_sylvester)
    _declare(kernels["repeated_squares"], (2, 0, 2), 0, False, every, _lower_squares)
    _declare(kernels["qr"], (2, 2, 2), 0, False, "dD", partial(_lower_qr, False))
    _declare(kernels["qr_complete"], (2, 2, 2), 0, False, "dD", partial(_lower_qr, True))
