"""What `blas` is when compiled: loops, tiles in registers, or SciPy's BLAS, by size. Imported only to compile.

The sizes are those of `limits`. The loops also serve the dtypes that BLAS lacks. What is not BLAS is
emitted as functions of their own that are not inlined, which keeps compilation short.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import lower_builtin, type_callable

from staticbp.runtime.intrinsics import packing, rows, tiles, vectors
from staticbp.runtime.intrinsics.lapack import call_fortran
from staticbp.runtime.limits import GEMM_LOOPS, GEMM_TILES, GEMV_LOOPS, GEMV_ROWS, GER_LOOPS

# Numba's types and llvmlite's values carry no type information.
NumbaType = Any
IrValue = Any
Operand = tuple[NumbaType, IrValue]
Signature = Any

_SIZE = ir.IntType(64)
_INT = ir.IntType(32)
_FALSE, _TRUE = (ir.Constant(ir.IntType(1), bit) for bit in (0, 1))
_BYTE = ir.IntType(8)


class Matrix:
    """An array argument in lowering: its data and its shape.

    It is given as Numba has it, or as `translate`: then extents that are known are constants, and only the way that a
    product of this size takes is written.
    """

    def __init__(self, context: Any, builder: Any, operand: Operand) -> None:
        self.kind, value = operand
        if not isinstance(value, ir.Value):
            self.data, self.shape = value.data, value.shape
            return
        array = context.make_array(self.kind)(context, builder, value)
        self.data = array.data
        self.shape = tuple(cgutils.unpack_tuple(builder, array.shape))

    @property
    def has_blas(self) -> bool:
        return self.kind.dtype in (types.float32, types.float64)


def _call_loops(
    builder: Any, name: str, result: Any, arguments: Sequence[IrValue], write: Callable[..., IrValue | None]
) -> IrValue:
    """Call the function that `write` writes the body of, the same for all modules."""
    pointees = [a.type.pointee for a in arguments if isinstance(a.type, ir.PointerType)]
    full_name = f"staticbp_{name}_{str(pointees[0]).replace(' ', '')}"
    function = builder.module.globals.get(full_name)
    if function is None:
        function = vectors.new_function(builder.module, full_name, [argument.type for argument in arguments], result)
        function.linkage = "linkonce_odr"
        body = ir.IRBuilder(function.append_basic_block("entry"))
        value = write(body, *function.args)
        if value is None:
            body.ret_void()
        else:
            body.ret(value)
    return builder.call(function, arguments)


@contextmanager
def _loop(builder: Any, count: IrValue, *, is_short: bool = False) -> Iterator[IrValue]:
    """A loop over so many indexes. A short one LLVM leaves as it is, which takes a third of the time to compile."""
    if is_short:
        with vectors.loop(builder, _SIZE(0), count) as index:
            yield index
    else:
        with cgutils.for_range(builder, count, intp=_SIZE) as loop:
            yield loop.index


def _has_kernels(data: IrValue) -> bool:
    """Whether the loops are for tiny operands only, the others having kernels."""
    return isinstance(data.type.pointee, ir.FloatType | ir.DoubleType)


def _multiply(builder: Any, a: IrValue, b: IrValue) -> IrValue:
    return builder.mul(a, b) if isinstance(a.type, ir.IntType) else builder.fmul(a, b)


def _muladd(builder: Any, a: IrValue, b: IrValue, c: IrValue) -> IrValue:
    """``a b + c``: fused where that is fast, and in any order within a sum."""
    kind = a.type
    if isinstance(kind, ir.IntType):
        return builder.add(builder.mul(a, b), c)
    function = builder.module.declare_intrinsic("llvm.fmuladd", [kind], ir.FunctionType(kind, [kind] * 3))
    return builder.call(function, [a, b, c], fastmath=("reassoc",))


def _kept(builder: Any, beta: IrValue, old: IrValue) -> IrValue:
    """``beta * old``, and 0 when beta is, even where `old` is NaN."""
    zero = ir.Constant(beta.type, 0)
    whole = isinstance(beta.type, ir.IntType)
    is_zero = builder.icmp_signed("==", beta, zero) if whole else builder.fcmp_ordered("==", beta, zero)
    return builder.select(is_zero, zero, _multiply(builder, beta, old))


def _at(builder: Any, data: IrValue, *steps: tuple[IrValue, IrValue | int]) -> IrValue:
    """The address of the element so many strides away."""
    offset = ir.Constant(_SIZE, 0)
    for count, stride in steps:
        offset = builder.add(offset, builder.mul(count, stride if isinstance(stride, ir.Value) else _SIZE(stride)))
    return builder.gep(data, [offset], inbounds=True)


def _strided_dot(
    builder: Any,
    count: IrValue,
    a: IrValue,
    step_a: IrValue,
    b: IrValue,
    step_b: IrValue,
    *,
    is_short: bool = False,
) -> IrValue:
    kind = a.type.pointee
    total = cgutils.alloca_once_value(builder, ir.Constant(kind, 0))
    builder.store(ir.Constant(kind, 0), total)
    with _loop(builder, count, is_short=is_short) as loop:
        left = builder.load(_at(builder, a, (loop, step_a)))
        right = builder.load(_at(builder, b, (loop, step_b)))
        builder.store(_muladd(builder, left, right, builder.load(total)), total)
    return builder.load(total)


def _gemm_loops(
    builder: Any, m: Any, n: Any, k: Any, a: Any, b: Any, c: Any, trans_a: Any, trans_b: Any, alpha: Any, beta: Any
) -> None:
    one = _SIZE(1)
    down_a, along_a = builder.select(trans_a, one, k), builder.select(trans_a, m, one)
    down_b, along_b = builder.select(trans_b, one, n), builder.select(trans_b, k, one)
    is_short = _has_kernels(a)
    with _loop(builder, m, is_short=is_short) as row, _loop(builder, n, is_short=is_short) as column:
        left = _at(builder, a, (row, down_a))
        right = _at(builder, b, (column, along_b))
        product = _strided_dot(builder, k, left, along_a, right, down_b, is_short=is_short)
        target = _at(builder, c, (row, n), (column, 1))
        builder.store(_muladd(builder, alpha, product, _kept(builder, beta, builder.load(target))), target)


def _gemv_loops(builder: Any, m: Any, n: Any, a: Any, x: Any, y: Any, trans: Any, alpha: Any, beta: Any) -> None:
    one = _SIZE(1)
    count, length = builder.select(trans, n, m), builder.select(trans, m, n)
    down, along = builder.select(trans, one, n), builder.select(trans, n, one)
    is_short = _has_kernels(a)
    with _loop(builder, count, is_short=is_short) as row:
        left = _at(builder, a, (row, down))
        product = _strided_dot(builder, length, left, along, x, one, is_short=is_short)
        target = _at(builder, y, (row, 1))
        builder.store(_muladd(builder, alpha, product, _kept(builder, beta, builder.load(target))), target)


def _axpy_loops(builder: Any, count: Any, x: Any, y: Any, alpha: Any) -> None:
    with _loop(builder, count) as loop:
        source, target = _at(builder, x, (loop, 1)), _at(builder, y, (loop, 1))
        builder.store(_muladd(builder, alpha, builder.load(source), builder.load(target)), target)


def _ger_loops(builder: Any, m: Any, n: Any, x: Any, y: Any, a: Any, alpha: Any) -> None:
    with _loop(builder, m) as row:
        factor = _multiply(builder, alpha, builder.load(_at(builder, x, (row, 1))))
        _axpy_loops(builder, n, y, _at(builder, a, (row, n)), factor)


def _dot_loops(builder: Any, count: Any, x: Any, y: Any) -> IrValue:
    return _strided_dot(builder, count, x, _SIZE(1), y, _SIZE(1))


def _by_size(
    builder: Any, work: Sequence[IrValue], limit: int, loops: Callable[[], Any], call: Callable[[], Any] | None
) -> None:
    """Run the loops if the product of `work` is within the limit, or if there is nothing else."""
    if call is None:
        loops()
        return
    if all(isinstance(factor, ir.Constant) for factor in work):
        is_small = math.prod(factor.constant for factor in work) <= limit
        _branch(builder, ir.Constant(_FALSE.type, int(is_small)), loops, call)
    else:
        total = functools.reduce(builder.mul, work)
        _branch(builder, builder.icmp_signed("<=", total, _SIZE(limit)), loops, call)


def _branch(builder: Any, condition: IrValue, then: Callable[[], Any], orelse: Callable[[], Any]) -> None:
    """Do one thing or another; what is known to be the other is not written."""
    if isinstance(condition, ir.Constant):
        (then if condition.constant else orelse)()
        return
    with builder.if_else(condition) as branches:
        for write, branch in zip((then, orelse), branches, strict=True):
            with branch:
                write()


def _either(builder: Any, condition: IrValue, yes: IrValue, no: IrValue) -> IrValue:
    """One value or another."""
    if isinstance(condition, ir.Constant):
        return yes if condition.constant else no
    return builder.select(condition, yes, no)


def _letter(builder: Any, condition: IrValue, yes: str, no: str) -> IrValue:
    return _either(builder, condition, _BYTE(ord(yes)), _BYTE(ord(no)))


# A row-major matrix is the transpose of a column-major one, which is what BLAS works on: so operands and
# flags change places below.


def _lower_gemm(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    a, b, c = (Matrix(context, builder, operand) for operand in zip(signature.args[:3], args[:3], strict=True))
    trans_a, trans_b, alpha, beta = args[3:]
    m, n = c.shape
    k = _either(builder, trans_a, a.shape[0], a.shape[1])
    if len(b.shape) == 1:
        tiles.gemm(builder, [m, n, k, a.data, b.data, c.data, trans_a, _FALSE, _TRUE, alpha, beta])
        return context.get_dummy_value()

    def loops() -> None:
        arguments = [m, n, k, a.data, b.data, c.data, trans_a, trans_b, alpha, beta]
        _call_loops(builder, "gemm", ir.VoidType(), arguments, _gemm_loops)

    def call() -> None:
        op_a, op_b = _letter(builder, trans_a, "T", "N"), _letter(builder, trans_b, "T", "N")
        arguments = [op_b, op_a, n, m, k, alpha, b.data, b.shape[1], a.data, a.shape[1], beta, c.data, n]
        call_fortran(builder, "gemm", c.kind.dtype, arguments)

    def tiled() -> None:
        arguments = [m, n, k, a.data, b.data, c.data, trans_a, trans_b, _FALSE, alpha, beta]
        _by_size(builder, (m, n, k), GEMM_TILES, lambda: tiles.gemm(builder, arguments), call)

    _by_size(builder, (m, n, k), GEMM_LOOPS, loops, tiled if c.has_blas else None)
    return context.get_dummy_value()


def _lower_gemm_part(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    a, b, c = (Matrix(context, builder, operand) for operand in zip(signature.args[:3], args[:3], strict=True))
    first, end, trans_b = args[3:]
    k, n = a.shape[1], c.shape[1]
    left, result = (_at(builder, matrix.data, (first, matrix.shape[1])) for matrix in (a, c))
    packed = _TRUE if len(b.shape) == 1 else _FALSE
    one, zero = (ir.Constant(c.data.type.pointee, value) for value in (1, 0))
    rows = builder.sub(end, first)
    tiles.gemm(builder, [rows, n, k, left, b.data, result, _FALSE, trans_b, packed, one, zero])
    return context.get_dummy_value()


def _lower_pack(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    b, panels = (Matrix(context, builder, operand) for operand in zip(signature.args[:2], args[:2], strict=True))
    trans_b = args[2] if len(args) > 2 else _FALSE
    rows, columns = b.shape
    k, n = _either(builder, trans_b, columns, rows), _either(builder, trans_b, rows, columns)
    packing.pack_whole(builder, [k, n, b.data, trans_b, panels.data])
    return context.get_dummy_value()


def _lower_gemv(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    a, x, y = (Matrix(context, builder, operand) for operand in zip(signature.args[:3], args[:3], strict=True))
    trans, alpha, beta = args[3:]
    m, n = a.shape

    def loops() -> None:
        arguments = [m, n, a.data, x.data, y.data, trans, alpha, beta]
        _call_loops(builder, "gemv", ir.VoidType(), arguments, _gemv_loops)

    def call() -> None:
        op = _letter(builder, trans, "N", "T")
        arguments = [op, n, m, alpha, a.data, n, x.data, _SIZE(1), beta, y.data, _SIZE(1)]
        call_fortran(builder, "gemv", y.kind.dtype, arguments)

    def by_rows() -> None:
        arguments = [m, n, a.data, x.data, y.data, alpha, beta]
        ways = [functools.partial(rows.gemv, builder, arguments, transposed=transposed) for transposed in (True, False)]
        _branch(builder, trans, *ways)

    def large() -> None:
        _by_size(builder, (m, n), GEMV_ROWS, by_rows, call)

    _by_size(builder, (m, n), GEMV_LOOPS, loops, large if y.has_blas else None)
    return context.get_dummy_value()


def _lower_ger(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    alpha = args[0]
    x, y, a = (Matrix(context, builder, operand) for operand in zip(signature.args[1:], args[1:], strict=True))
    m, n = a.shape

    def loops() -> None:
        arguments = [m, n, x.data, y.data, a.data, alpha]
        _call_loops(builder, "ger", ir.VoidType(), arguments, _ger_loops)

    def call() -> None:
        arguments = [n, m, alpha, y.data, _SIZE(1), x.data, _SIZE(1), a.data, n]
        call_fortran(builder, "ger", a.kind.dtype, arguments)

    _by_size(builder, (m, n), GER_LOOPS, loops, call if a.has_blas else None)
    return context.get_dummy_value()


def _lower_dot(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    x, y = (Matrix(context, builder, operand) for operand in zip(signature.args, args, strict=True))
    return _call_loops(builder, "dot", x.data.type.pointee, [x.shape[0], x.data, y.data], _dot_loops)


def _lower_axpy(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    x, y = (Matrix(context, builder, operand) for operand in zip(signature.args[1:], args[1:], strict=True))
    _call_loops(builder, "axpy", ir.VoidType(), [x.shape[0], x.data, y.data, args[0]], _axpy_loops)
    return context.get_dummy_value()


def _dtype_of(*operands: tuple[NumbaType, int]) -> NumbaType | None:
    """The dtype of C-contiguous arrays, if these are that, of so many dimensions, and of one real dtype."""
    fitting = all(
        isinstance(array, types.Array) and array.layout == "C" and array.ndim == ndim for array, ndim in operands
    )
    dtypes = {array.dtype for array, _ in operands} if fitting else set()
    dtype = dtypes.pop() if len(dtypes) == 1 else None
    return dtype if isinstance(dtype, types.Float | types.Integer) else None


def _float_of(*operands: tuple[NumbaType, int]) -> NumbaType | None:
    """Their dtype, if there are kernels for it."""
    dtype = _dtype_of(*operands)
    return dtype if dtype in (types.float32, types.float64) else None


def _type_gemm(
    A: Any, B: Any, C: Any, trans_a: Any = None, trans_b: Any = None, alpha: Any = None, beta: Any = None
) -> Signature | None:
    dtype = _dtype_of((A, 2), (B, 2), (C, 2)) or _float_of((A, 2), (B, 1), (C, 2))
    given = _given((trans_a, trans_b, alpha, beta), (types.boolean, types.boolean, dtype, dtype))
    return None if dtype is None else types.void(A, B, C, *given)


def _type_gemm_part(A: Any, B: Any, C: Any, first: Any, end: Any, trans_b: Any) -> Signature | None:
    fits = _float_of((A, 2), (B, 2), (C, 2)) or _float_of((A, 2), (B, 1), (C, 2))
    return None if fits is None else types.void(A, B, C, types.intp, types.intp, types.boolean)


def _type_pack(B: Any, packed: Any, trans_b: Any = None) -> Signature | None:
    dtype = _float_of((B, 2), (packed, 1))
    return None if dtype is None else types.void(B, packed, *_given((trans_b,), (types.boolean,)))


def _type_gemv(A: Any, x: Any, y: Any, trans: Any = None, alpha: Any = None, beta: Any = None) -> Signature | None:
    dtype = _dtype_of((A, 2), (x, 1), (y, 1))
    given = _given((trans, alpha, beta), (types.boolean, dtype, dtype))
    return None if dtype is None else types.void(A, x, y, *given)


def _given(arguments: tuple[Any, ...], kinds: tuple[Any, ...]) -> list[Any]:
    """The types of the optional arguments that a call gives: Numba passes no type for one left out."""
    return [kind for argument, kind in zip(arguments, kinds, strict=True) if argument is not None]


def _type_ger(alpha: Any, x: Any, y: Any, A: Any) -> Signature | None:
    dtype = _dtype_of((x, 1), (y, 1), (A, 2))
    return None if dtype is None else types.void(dtype, x, y, A)


def _type_dot(x: Any, y: Any) -> Signature | None:
    dtype = _dtype_of((x, 1), (y, 1))
    return None if dtype is None else dtype(x, y)


def _type_axpy(alpha: Any, x: Any, y: Any) -> Signature | None:
    dtype = _dtype_of((x, 1), (y, 1))
    return None if dtype is None else types.void(dtype, x, y)


def register(gemm: Any, gemm_part: Any, gemv: Any, ger: Any, dot: Any, axpy: Any, pack: Any) -> None:
    """Tell Numba what these Python functions are when compiled."""
    array, flag, scalar = types.Array, types.Boolean, types.Number
    for function, typer, lower, kinds, optional in (
        (gemm, _type_gemm, _lower_gemm, (array, array, array, flag, flag, scalar, scalar), 4),
        (gemv, _type_gemv, _lower_gemv, (array, array, array, flag, scalar, scalar), 3),
        (ger, _type_ger, _lower_ger, (scalar, array, array, array), 0),
        (dot, _type_dot, _lower_dot, (array, array), 0),
        (axpy, _type_axpy, _lower_axpy, (scalar, array, array), 0),
    ):
        type_callable(function)(lambda context, typer=typer: typer)
        for left_out in range(optional + 1):
            lower_builtin(function, *kinds[: len(kinds) - left_out])(_with_defaults(lower, len(kinds)))
    type_callable(gemm_part)(lambda context: _type_gemm_part)
    lower_builtin(gemm_part, array, array, array, types.Integer, types.Integer, flag)(_lower_gemm_part)
    type_callable(pack)(lambda context: _type_pack)
    for given in ((array, array), (array, array, flag)):
        lower_builtin(pack, *given)(_lower_pack)


def _with_defaults(lower: Any, count: int) -> Any:
    """`lower` for calls that leave out their last arguments: flags are false, alpha is 1 and beta 0."""

    def lowered(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        scalar = context.get_value_type(signature.args[0].dtype) if len(args) < count else None
        defaults = [_FALSE] * (count - 5) + [ir.Constant(scalar, 1), ir.Constant(scalar, 0)] if scalar else []
        given = len(args) - 3
        return lower(context, builder, signature, [*args, *defaults[given:]])

    return lowered
