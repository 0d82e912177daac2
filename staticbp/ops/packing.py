"""Products whose right operand was packed before: what `passes/layouts.py` makes of products in loops.

They come after everything else has been done to a graph, so they are neither differentiated nor batched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from staticbp.core.aval import Aval
from staticbp.core.lowering import Kernel
from staticbp.core.primitive import Params, Primitive
from staticbp.core.schedule import Affine, Call, Ref, Stmt
from staticbp.core.shape import static_shape
from staticbp.ops.products import along_batch, product_call, without_defaults

LINE = 64  # bytes of a line of the cache: no vector is longer, so rows filled up to it hold whole vectors


def packed_size(rows: int, columns: int, dtype: np.dtype[Any]) -> int:
    """The elements that a packed matrix takes.

    Examples
    --------
    >>> packed_size(3, 5, np.dtype("f8")), packed_size(3, 16, np.dtype("f4"))
    (24, 48)
    """
    unit = LINE // dtype.itemsize
    return rows * (-(-columns // unit) * unit)


def _pack_call(ins: Sequence[Ref], outs: Sequence[Ref], params: dict[str, Any]) -> list[Stmt]:
    def call(row: Sequence[Affine]) -> Stmt:
        matrix, packed = (ref.row(*row) for ref in (*ins, *outs))
        plain = replace(matrix, transposed=False)
        flags = without_defaults([matrix.transposed])
        return Call("blas.pack", (plain, packed, *flags), reads=(plain,), writes=(packed,))

    return along_batch(outs[0].shape[:-1], call)


class Pack(Primitive):
    """``(..., k, n) -> (..., size)``: a matrix in the order in which products from the right read it."""

    name = "pack"
    lowering = Kernel(_pack_call, transposable=True)

    def avals(self, ins: Sequence[Aval], params: Params) -> tuple[Aval, ...]:
        rows, columns = static_shape(ins[0].shape[-2:], "packing")
        return (Aval((*ins[0].shape[:-2], packed_size(rows, columns, ins[0].dtype)), ins[0].dtype),)

    def evaluate(self, ins: Sequence[Any], params: Params) -> tuple[Any, ...]:
        *leading, rows, columns = ins[0].shape
        packed = np.zeros((*leading, packed_size(rows, columns, ins[0].dtype)), ins[0].dtype)
        packed[..., : rows * columns] = ins[0].reshape(*leading, rows * columns)
        return (packed,)


class PackedProduct(Primitive):
    """``(..., m, k) (..., size) -> (..., m, n)``: a product with a packed matrix of n columns, the param `columns`."""

    name = "matmul_packed"
    lowering = product_call("blas.gemm", (2, 1), right_flag=False)

    @property
    def label(self) -> str:
        return "matmul"

    def avals(self, ins: Sequence[Aval], params: Params) -> tuple[Aval, ...]:
        return (Aval((*ins[0].shape[:-1], params["columns"]), ins[0].dtype),)

    def evaluate(self, ins: Sequence[Any], params: Params) -> tuple[Any, ...]:
        a, packed = ins
        leading, shape = packed.shape[:-1], (a.shape[-1], params["columns"])
        matrix = packed[..., : shape[0] * shape[1]].reshape(*leading, *shape)
        return (np.matmul(a, matrix),)


pack = Pack()
matmul_packed = PackedProduct()
