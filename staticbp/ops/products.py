"""The products: `vecdot`, `matvec`, `vecmat`, `matmul`, `outer`.

All five have any number of leading axes, the same for both operands, along which they are repeated::

    vecdot  (..., k)    (..., k)    -> (...)
    matvec  (..., m, k) (..., k)    -> (..., m)
    vecmat  (..., m)    (..., m, n) -> (..., n)
    matmul  (..., m, k) (..., k, n) -> (..., m, n)
    outer   (..., m)    (..., n)    -> (..., m, n)

Each is bilinear, and its transposes are others of the five.  Broadcasting, promotion and products over other
axes are the business of `linalg.py` and `einsum.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.lowering import Choose, IndexMap, Kernel, Lowering, Reader, Reduce
from staticbp.core.primitive import Value, value_aval
from staticbp.core.schedule import Affine, Apply, Call, Expr, Index, Loop, Ref, Stmt, expr_dtype, loop_index
from staticbp.core.shape import Dim, Shape
from staticbp.errors import DtypeError, ShapeError
from staticbp.ops.families import Bilinear, bilinear
from staticbp.ops.linear import batch_operand, broadcast
from staticbp.ops.shape import move_axis, reshaped, swapped

Pair = Sequence[Value]

# ---- types -------------------------------------------------------------------------------------------------


def _typed(name: str, left: str, right: str, result: str) -> Callable[[Aval, Aval], Aval]:
    """The type of a product by the letters of its last axes; what comes before them is the same in both."""

    def aval(x: Aval, y: Aval) -> Aval:
        def misfit(why: str) -> str:
            return f"{name} of {x} and {y}: {why}"

        if x.ndim < len(left) or y.ndim < len(right):
            raise ShapeError(misfit("too few dimensions"))
        if x.dtype != y.dtype:
            raise DtypeError(misfit("the dtypes differ"))
        leading = x.shape[: x.ndim - len(left)]
        if not shapes.same(leading, y.shape[: y.ndim - len(right)]):
            raise ShapeError(misfit("the leading dimensions differ"))
        sizes: dict[str, Dim] = {}
        for letter, dim in [
            *zip(left, x.shape[len(leading) :], strict=True),
            *zip(right, y.shape[len(leading) :], strict=True),
        ]:
            if not shapes.same((sizes.setdefault(letter, dim),), (dim,)):
                raise ShapeError(misfit(f"{sizes[letter]} and {dim} do not match"))
        return Aval((*leading, *(sizes[letter] for letter in result)), x.dtype)

    return aval


# ---- lowerings ---------------------------------------------------------------------------------------------

# A product of so few multiplications is a loop on the spot, which fuses; above that a call is worth its while.
TINY = 64


def _inline(left: str, right: str, result: str, dtype: np.dtype[Any]) -> Reduce:
    """The product as loops: those of the result, and within them that of the sum."""
    (summed,) = set(left) & set(right) - set(result)
    letters = result + summed

    def domain(in_avals: Sequence[Aval], params: dict[str, Any]) -> list[tuple[Dim, bool]]:
        x, y = in_avals
        leading = x.shape[: x.ndim - len(left)]
        sizes = dict(zip(left, x.shape[len(leading) :], strict=True))
        sizes.update(zip(right, y.shape[len(leading) :], strict=True))
        return [
            *((dim, False) for dim in leading),
            *((sizes[letter], letter == summed) for letter in letters),
        ]

    def element(read: Reader, index: Sequence[Index], params: dict[str, Any]) -> Expr:
        leading = tuple(index[: len(index) - len(letters)])
        place = dict(zip(letters, index[len(leading) :], strict=True))
        x = read(0, (*leading, *(place[letter] for letter in left)))
        y = read(1, (*leading, *(place[letter] for letter in right)))
        return Apply("{0} * {1}", (x, y), expr_dtype(x))

    # A sum of booleans says whether any is true, as in NumPy.
    combine = {"f": "vm.radd({0}, {1})", "b": "{0} | {1}"}.get(dtype.kind, "{0} + {1}")
    return Reduce(combine, lambda result_dtype: result_dtype.type(0), domain, element)


def along_batch(leading: Shape, call: Callable[[Sequence[Affine]], Stmt]) -> list[Stmt]:
    """A call of a kernel in loops over leading axes: `call` is given their indexes."""
    names = [f"batch{axis}" if axis else "batch" for axis in range(len(leading))]
    stmt = call([loop_index(name) for name in names])
    for name, extent in zip(reversed(names), reversed(leading), strict=True):
        stmt = Loop(name, extent, [stmt])
    return [stmt]


def product_call(kernel: str, ranks: tuple[int, int], right_flag: bool) -> Kernel:
    """A call of a BLAS kernel, in loops over the leading axes."""

    def emit(ins: Sequence[Ref], outs: Sequence[Ref], params: dict[str, Any]) -> list[Stmt]:
        def call(row: Sequence[Affine]) -> Stmt:
            x, y, out = (ref.row(*row) for ref in (*ins, *outs))
            flags = (x.transposed, y.transposed) if right_flag else (x.transposed,)
            plain = (replace(x, transposed=False), replace(y, transposed=False))
            return Call(kernel, (*plain, out, *without_defaults(flags)), reads=plain, writes=(out,))

        return along_batch(ins[0].shape[: len(ins[0].shape) - ranks[0]], call)

    return Kernel(emit, transposable=True)


def without_defaults(flags: Sequence[bool]) -> tuple[bool, ...]:
    """Flags up to the last that is set: the kernels take the others as false, alpha as 1 and beta as 0."""
    count = max((i for i, flag in enumerate(flags, 1) if flag), default=0)
    return tuple(flags[:count])


def _matvec_call() -> Kernel:
    return product_call("blas.gemv", (2, 1), right_flag=False)


def _vecmat_call() -> Kernel:
    """``x @ A`` is ``A.T @ x``."""
    plain = _matvec_call()

    def emit(ins: Sequence[Ref], outs: Sequence[Ref], params: dict[str, Any]) -> list[Stmt]:
        x, a = ins
        return plain.emit((replace(a, transposed=not a.transposed), x), outs, params)

    return Kernel(emit, transposable=True)


def _product(left: str, right: str, result: str, kernel: Kernel) -> Choose:
    """Loops on the spot for integers and for what is tiny, a call of BLAS for the rest."""

    def pick(in_avals: Sequence[Aval], params: dict[str, Any]) -> Lowering:
        x, y = in_avals
        dims = dict(zip(left, x.shape[x.ndim - len(left) :], strict=True))
        dims.update(zip(right, y.shape[y.ndim - len(right) :], strict=True))
        work = shapes.size(dims.values())
        tiny = shapes.is_static((work,)) and shapes.static(work) <= TINY
        return _inline(left, right, result, x.dtype) if tiny or x.dtype.kind != "f" else kernel

    return Choose(pick)


def _outer_pull(
    read: Reader, index: Sequence[Index], in_avals: Sequence[Aval], out: Aval, params: dict[str, Any]
) -> Expr:
    *leading, i, j = index
    return Apply("{0} * {1}", (read(0, (*leading, i)), read(1, (*leading, j))), out.dtype)


# ---- batching ----------------------------------------------------------------------------------------------


def _rank(value: Value, batched: bool, last: int) -> int:
    """The number of leading axes of an operand whose last axes take part, its batch axis not counted."""
    return int(value_aval(value).ndim) - last - batched


def _merged(x: Value, axis: int) -> Value:
    """`x` with `axis` and the one after it made one."""
    shape = value_aval(x).shape
    return reshaped(x, (*shape[:axis], shapes.size(shape[axis : axis + 2]), *shape[axis + 2 :]))


def _parted(x: Value, axis: int, dims: Shape) -> Value:
    """`x` with `axis` made several."""
    shape = value_aval(x).shape
    return reshaped(x, (*shape[:axis], *dims, *shape[axis + 1 :]))


def _batch_vecdot(size: Dim, ins: Pair, batched: Sequence[bool]) -> Value:
    x, y = ins
    if all(batched):
        return vecdot(x, y)
    each, once = (x, y) if batched[0] else (y, x)
    rank = _rank(once, False, 1)
    return move_axis(matvec(move_axis(each, 0, rank), once), rank, 0)


def _batch_matvec(size: Dim, ins: Pair, batched: Sequence[bool]) -> Value:
    a, x = ins
    if all(batched):
        return matvec(a, x)
    rank = _rank(a, batched[0], 2)
    if batched[1]:  # many vectors are the rows of a matrix
        return move_axis(matmul(move_axis(x, 0, rank), swapped(a)), rank, 0)
    rows = value_aval(a).shape[-2]
    product = matvec(_merged(move_axis(a, 0, rank), rank), x)
    return move_axis(_parted(product, rank, (size, rows)), rank, 0)


def _batch_vecmat(size: Dim, ins: Pair, batched: Sequence[bool]) -> Value:
    x, a = ins
    if batched[0] and not batched[1]:
        rank = _rank(a, False, 2)
        return move_axis(matmul(move_axis(x, 0, rank), a), rank, 0)
    return vecmat(batch_operand(x, size, batched[0]), a)


def _batch_matmul(size: Dim, ins: Pair, batched: Sequence[bool]) -> Value:
    a, b = ins
    if all(batched):
        return matmul(a, b)
    rank = _rank(a, batched[0], 2)
    if batched[0]:  # rows of many matrices are the rows of one
        rows = value_aval(a).shape[-2]
        product = matmul(_merged(move_axis(a, 0, rank), rank), b)
        return move_axis(_parted(product, rank, (size, rows)), rank, 0)
    columns = value_aval(b).shape[-1]
    product = matmul(a, _merged(move_axis(b, 0, rank + 1), rank + 1))
    return move_axis(_parted(product, rank + 1, (size, columns)), rank + 1, 0)


def _batch_outer(size: Dim, ins: Pair, batched: Sequence[bool]) -> Value:
    return outer(*(batch_operand(x, size, b) for x, b in zip(ins, batched, strict=True)))


# ---- the five ----------------------------------------------------------------------------------------------


def _along_last(ct: Value, like: Value) -> Value:
    """A cotangent repeated along the axis that was summed over."""
    shape = value_aval(like).shape
    return broadcast(ct, shape=shape, dims=tuple(range(len(shape) - 1)))


def _vecdot_numpy(x: Any, y: Any) -> Any:
    return np.matmul(x[..., None, :], y[..., :, None])[..., 0, 0]


vecdot: Bilinear = bilinear(
    "vecdot",
    aval=_typed("vecdot", "k", "k", ""),
    numpy=_vecdot_numpy,
    transposes=(lambda ct, y: _along_last(ct, y) * y, lambda ct, x: _along_last(ct, x) * x),
    batch=_batch_vecdot,
    lower=Choose(lambda in_avals, params: _inline("k", "k", "", in_avals[0].dtype)),
)

matvec: Bilinear = bilinear(
    "matvec",
    aval=_typed("matvec", "mk", "k", "m"),
    numpy=lambda a, x: np.matmul(a, x[..., None])[..., 0],
    transposes=(lambda ct, x: outer(ct, x), lambda ct, a: vecmat(ct, a)),
    batch=_batch_matvec,
    lower=_product("mk", "k", "m", _matvec_call()),
)

vecmat: Bilinear = bilinear(
    "vecmat",
    aval=_typed("vecmat", "m", "mn", "n"),
    numpy=lambda x, a: np.matmul(x[..., None, :], a)[..., 0, :],
    transposes=(lambda ct, a: matvec(a, ct), lambda ct, x: outer(x, ct)),
    batch=_batch_vecmat,
    lower=_product("m", "mn", "n", _vecmat_call()),
)

matmul: Bilinear = bilinear(
    "matmul",
    aval=_typed("matmul", "mk", "kn", "mn"),
    numpy=np.matmul,
    transposes=(lambda ct, b: matmul(ct, swapped(b)), lambda ct, a: matmul(swapped(a), ct)),
    batch=_batch_matmul,
    lower=_product("mk", "kn", "mn", product_call("blas.gemm", (2, 2), right_flag=True)),
)

outer: Bilinear = bilinear(
    "outer",
    aval=_typed("outer", "m", "n", "mn"),
    numpy=lambda x, y: x[..., :, None] * y[..., None, :],
    transposes=(lambda ct, y: matvec(ct, y), lambda ct, x: vecmat(x, ct)),
    batch=_batch_outer,
    lower=IndexMap(_outer_pull),
)
