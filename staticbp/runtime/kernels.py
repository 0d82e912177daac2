"""Sorting and scanning the rows of a matrix into another one.

Arrays are two-dimensional and C-contiguous; the output has the input's shape and does not overlap it.
Nothing is allocated. Each function is one Python object with two lives, as in `vecmath`.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

__all__ = ["argsort", "cumsum", "sort"]

Array = np.ndarray[Any, Any]

JIT = os.environ.get("STATICBP_JIT", "1") != "0"


def sort(x: Array, out: Array) -> None:
    """Sort each row; NaN comes last.

    Examples
    --------
    >>> x, out = np.array([[3.0, np.nan, 1.0]]), np.empty((1, 3))
    >>> sort(x, out)
    >>> out
    array([[ 1.,  3., nan]])
    """
    out[...] = np.sort(x, axis=-1)


def argsort(x: Array, out: Array) -> None:
    """The indices (int64) that sort each row; equal elements keep their order, NaN comes last.

    Examples
    --------
    >>> x, out = np.array([[2.0, 1.0, 2.0]]), np.empty((1, 3), np.int64)
    >>> argsort(x, out)
    >>> out
    array([[1, 0, 2]])
    """
    out[...] = np.argsort(x, axis=-1, kind="stable")


def cumsum(x: Array, out: Array) -> None:
    """The running sums of each row, in the dtype of `out`.

    Examples
    --------
    >>> x, out = np.array([[1, 2, 3]]), np.empty((1, 3), np.int64)
    >>> cumsum(x, out)
    >>> out
    array([[1, 3, 6]])
    """
    np.cumsum(x, axis=-1, out=out)


if JIT:
    from numba.extending import overload

    from staticbp.runtime.intrinsics import sorting

    WRITTEN, texts = sorting.WRITTEN, sorting.texts  # for `translate`, which takes texts into the module
    overload(sort)(sorting.compile_sort)
    overload(argsort)(sorting.compile_argsort)
    overload(cumsum)(sorting.compile_cumsum)
