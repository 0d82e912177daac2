"""Products of matrices and vectors, in place.

Matrices are two-dimensional, C-contiguous and row-major, vectors one-dimensional and contiguous; all operands
of a call have one dtype. No output may overlap an input.

Each function is one Python object with two lives, as in `vecmath`: NumPy's product when Python calls it,
loops or a call of SciPy's BLAS (see `products`) when compiled code does.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

__all__ = ["axpy", "dot", "gemm", "gemm_part", "gemm_rows", "gemv", "ger", "pack"]

Array = np.ndarray[Any, Any]

JIT = os.environ.get("STATICBP_JIT", "1") != "0"


def gemm(
    A: Array, B: Array, C: Array, trans_a: bool = False, trans_b: bool = False, alpha: float = 1.0, beta: float = 0.0
) -> None:
    """``C = alpha * op(A) @ op(B) + beta * C``, in place; `op` transposes where its flag says so.

    When beta is 0, C is written without being read.  A B of one dimension is what `pack` made of op(B).

    Examples
    --------
    >>> A, C = np.arange(6.0).reshape(2, 3), np.full((2, 2), np.nan)
    >>> gemm(A, A, C, False, True, 1.0, 0.0)
    >>> C
    array([[ 5., 14.],
           [14., 50.]])
    """
    if B.ndim == 1:
        B = B[: A.size // len(C) * C.shape[1]].reshape(-1, C.shape[1])
    product = (A.T if trans_a else A) @ (B.T if trans_b else B)
    C[...] = alpha * product if beta == 0 else beta * C + alpha * product


def gemm_rows(A: Array, B: Array, C: Array, count: int, trans_b: bool = False) -> range:
    """The numbers of the rows of ``C = A @ op(B)``, for a loop over them.

    Compiled, so many rows are made at a time, and then their steps are taken, which find them in cache.  Threads share
    the rows, as they share the steps of `threads.range`; a step may read and write the row that has its number.

    Examples
    --------
    >>> A, C = np.arange(6.0).reshape(2, 3), np.empty((2, 2))
    >>> for i in gemm_rows(A, A, C, 8, True):
    ...     C[i] /= np.max(C[i])
    >>> C
    array([[0.35714286, 1.        ],
           [0.28      , 1.        ]])
    """
    gemm(A, B, C, False, trans_b)
    return range(len(C))


def gemm_part(A: Array, B: Array, C: Array, first: int, end: int, trans_b: bool = False) -> None:
    """The rows of ``C = A @ op(B)`` from one to another: what `gemm_rows` makes at a time.

    Examples
    --------
    >>> C = np.zeros((3, 2))
    >>> gemm_part(np.ones((3, 4)), np.eye(4, 2), C, 1, 3)
    >>> C
    array([[0., 0.],
           [1., 1.],
           [1., 1.]])
    """
    gemm(A[first:end], B, C[first:end], False, trans_b)


def pack(B: Array, packed: Array, trans_b: bool = False) -> None:
    """Put op(B) into memory of its own, in the order in which `gemm` reads it; the rows filled up, to 64 bytes at most.

    What that order is depends on the processor: `packed` is for `gemm` alone.

    Examples
    --------
    >>> B, packed, C = np.eye(3), np.empty(24), np.empty((1, 3))
    >>> pack(B, packed, True)
    >>> gemm(np.array([[1.0, 2.0, 3.0]]), packed, C)
    >>> C
    array([[1., 2., 3.]])
    """
    packed[: B.size] = (B.T if trans_b else B).ravel()


def gemv(A: Array, x: Array, y: Array, trans: bool = False, alpha: float = 1.0, beta: float = 0.0) -> None:
    """``y = alpha * op(A) @ x + beta * y``, in place; when beta is 0, y is not read.

    Examples
    --------
    >>> y = np.full(3, np.nan)
    >>> gemv(np.arange(6.0).reshape(2, 3), np.array([1.0, 1.0]), y, True, 2.0, 0.0)
    >>> y
    array([ 6., 10., 14.])
    """
    product = (A.T if trans else A) @ x
    y[...] = alpha * product if beta == 0 else beta * y + alpha * product


def ger(alpha: float, x: Array, y: Array, A: Array) -> None:
    """``A += alpha * outer(x, y)``, in place.

    Examples
    --------
    >>> A = np.ones((2, 2))
    >>> ger(-1.0, np.array([1.0, 2.0]), np.array([3.0, 4.0]), A)
    >>> A
    array([[-2., -3.],
           [-5., -7.]])
    """
    A += alpha * np.multiply.outer(x, y)


def dot(x: Array, y: Array) -> Any:
    """The sum of the products of two vectors.

    Examples
    --------
    >>> dot(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    np.float64(11.0)
    """
    return np.dot(x, y)


def axpy(alpha: float, x: Array, y: Array) -> None:
    """``y += alpha * x``, in place.

    Examples
    --------
    >>> y = np.ones(2)
    >>> axpy(2.0, np.array([1.0, 2.0]), y)
    >>> y
    array([3., 5.])
    """
    y += alpha * x


if JIT:
    from staticbp.runtime.intrinsics import products

    TAKES_EXTENTS = True  # for `translate`: what is known of the sizes of arrays decides what is written
    products.register(gemm, gemm_part, gemv, ger, dot, axpy, pack)
