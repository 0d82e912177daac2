"""What `kernels` is when compiled: heapsort, and a running sum. Imported only to compile.

Both sorts permute the row of the output: `sort` the elements themselves, `argsort` their indices, which are
compared by element and then by index; that order is total, so that an unstable method gives the stable
answer. Heapsort (bottom-up, Wegener's) needs neither memory nor recursion and has no bad cases.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit, types

# Up to this length rows are sorted by insertion.
_SHORT = 16


@njit
def _element_less(keys: Any, a: Any, b: Any) -> Any:
    """Whether a comes before b; NaN comes after everything else."""
    return a < b or (b != b and a == a)  # only NaN differs from itself


@njit
def _index_less(keys: Any, a: Any, b: Any) -> Any:
    """Whether the element at index a comes before that at index b."""
    x, y = keys[a], keys[b]
    if _element_less(keys, x, y):
        return True
    return a < b and not _element_less(keys, y, x)


def _make_sort(less: Any) -> Any:
    """``sort(row, keys)`` in place, by an order given as ``less(keys, a, b)``."""

    @njit
    def sort(row: Any, keys: Any) -> None:
        size = row.size
        if size <= _SHORT:
            for i in range(1, size):
                value = row[i]
                j = i
                while j > 0 and less(keys, value, row[j - 1]):
                    row[j] = row[j - 1]
                    j -= 1
                row[j] = value
            return
        start, end = size // 2, size
        while end > 1:
            # First the row becomes a heap, from its middle to its head; then its largest element is taken, and again.
            if start > 0:
                start -= 1
                value = row[start]
            else:
                end -= 1
                value = row[end]
                row[end] = row[0]
            # The hole sinks to a leaf along the larger children, and the value, which is small as a rule, climbs back.
            hole = start
            child = 2 * start + 1
            while child < end:
                if child + 1 < end and less(keys, row[child], row[child + 1]):
                    child += 1
                row[hole] = row[child]
                hole = child
                child = 2 * hole + 1
            while hole > start:
                parent = (hole - 1) // 2
                if not less(keys, row[parent], value):
                    break
                row[hole] = row[parent]
                hole = parent
            row[hole] = value

    return sort


_sort_elements = _make_sort(_element_less)
_sort_indices = _make_sort(_index_less)


Implementation = Callable[..., Any] | None


def _matrices(*arrays: Any) -> bool:
    return all(isinstance(a, types.Array) and a.layout == "C" and a.ndim == 2 for a in arrays)


def compile_sort(x: Any, out: Any) -> Implementation:
    """`kernels.sort` for arguments of these types."""
    if not _matrices(x, out) or x.dtype != out.dtype:
        return None

    def rows(x: Any, out: Any) -> None:
        m, n = x.shape
        for i in range(m):
            for j in range(n):
                out[i, j] = x[i, j]
            _sort_elements(out[i], x[i])

    return rows


def compile_argsort(x: Any, out: Any) -> Implementation:
    """`kernels.argsort` for arguments of these types."""
    if not _matrices(x, out) or out.dtype != types.int64:
        return None

    def rows(x: Any, out: Any) -> None:
        m, n = x.shape
        for i in range(m):
            for j in range(n):
                out[i, j] = j
            _sort_indices(out[i], x[i])

    return rows


def compile_cumsum(x: Any, out: Any) -> Implementation:
    """`kernels.cumsum` for arguments of these types."""
    if not _matrices(x, out):
        return None

    def rows(x: Any, out: Any) -> None:
        m, n = x.shape
        for i in range(m):
            total = out.dtype.type(0)
            for j in range(n):
                total = out.dtype.type(total + x[i, j])
                out[i, j] = total

    return rows
