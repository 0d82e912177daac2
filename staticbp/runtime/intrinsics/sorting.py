"""What `kernels` is when compiled: heapsort, and a running sum. Imported only to compile.

Both sorts permute the row of the output: `sort` the elements themselves, `argsort` their indices, which are
compared by element and then by index; that order is total, so that an unstable method gives the stable
answer. Heapsort (bottom-up, Wegener's) needs neither memory nor recursion and has no bad cases.

The functions are written in the Python of generated text, so that `translate` takes them into the module that calls
them; Numba compiles them for the modules that are left to it.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from functools import cache
from typing import Any

from numba import njit, types


@njit
def kernel_element_before(keys: Any, a: Any, b: Any) -> Any:
    """Whether a comes before b; NaN comes after everything else."""
    return 1 if a < b or (b != b and a == a) else 0  # only NaN differs from itself


@njit
def kernel_index_before(keys: Any, a: Any, b: Any) -> Any:
    """Whether the element at index a comes before that at index b."""
    x = keys[a]
    y = keys[b]
    if kernel_element_before(keys, x, y):
        return 1
    return 1 if a < b and kernel_element_before(keys, y, x) == 0 else 0


def _make_sort(kernel_before: Any) -> Any:
    """``sort(row, keys)`` in place, by an order given as ``before(keys, a, b)``."""

    @njit
    def kernel_sort(row: Any, keys: Any) -> Any:
        size = row.shape[0]
        if size <= 16:  # short rows are sorted by insertion
            for i in range(1, size):
                value = row[i]
                j = i
                while j > 0 and kernel_before(keys, value, row[j - 1]):
                    row[j] = row[j - 1]
                    j -= 1
                row[j] = value
            return 0
        start = size // 2
        end = size
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
                if child + 1 < end and kernel_before(keys, row[child], row[child + 1]):
                    child += 1
                row[hole] = row[child]
                hole = child
                child = 2 * hole + 1
            while hole > start:
                parent = (hole - 1) // 2
                if kernel_before(keys, row[parent], value) == 0:
                    break
                row[hole] = row[parent]
                hole = parent
            row[hole] = value
        return 0

    return kernel_sort


kernel_sort_elements = _make_sort(kernel_element_before)
kernel_sort_indices = _make_sort(kernel_index_before)


def kernel_sort_rows(x: Any, out: Any) -> Any:
    """`kernels.sort`."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[i, j] = x[i, j]
        kernel_sort_elements(out[i], x[i])
    return 0


def kernel_argsort_rows(x: Any, out: Any) -> Any:
    """`kernels.argsort`."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[i, j] = j
        kernel_sort_indices(out[i], x[i])
    return 0


def kernel_cumsum_rows(x: Any, out: Any) -> Any:
    """`kernels.cumsum`."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[i, j] = x[i, j]
            if j > 0:
                out[i, j] += out[i, j - 1]
    return 0


# ---- for `translate` ---------------------------------------------------------------------------------------------

WRITTEN = {"sort": "kernel_sort_rows", "argsort": "kernel_argsort_rows", "cumsum": "kernel_cumsum_rows"}
"""The functions of `kernels`, and the names of their texts."""


@cache
def texts() -> dict[str, ast.FunctionDef]:
    """The functions of this module as syntax trees, by name; of the sort one for each order."""
    orders = {"kernel_sort_elements": kernel_element_before, "kernel_sort_indices": kernel_index_before}
    found = {name: _text(globals()[name], kernel_before=order.__name__) for name, order in orders.items()}
    plain = (kernel_element_before, kernel_index_before, kernel_sort_rows, kernel_argsort_rows, kernel_cumsum_rows)
    return found | {function.__name__: _text(function) for function in plain}


def _text(function: Any, **names: str) -> ast.FunctionDef:
    """A function as a syntax tree, some names in it changed; its lines are nobody's."""
    source = textwrap.dedent(inspect.getsource(getattr(function, "py_func", function)))
    for name, other in names.items():
        source = source.replace(name, other)
    (text,) = ast.parse(source).body
    assert isinstance(text, ast.FunctionDef)
    for node in ast.walk(text):
        if hasattr(node, "lineno"):
            node.lineno = 0
    return text


# ---- for Numba ---------------------------------------------------------------------------------------------------

Implementation = Callable[..., Any] | None


def _matrices(*arrays: Any) -> bool:
    return all(isinstance(a, types.Array) and a.layout == "C" and a.ndim == 2 for a in arrays)


def compile_sort(x: Any, out: Any) -> Implementation:
    """`kernels.sort` for arguments of these types."""
    return kernel_sort_rows if _matrices(x, out) and x.dtype == out.dtype else None


def compile_argsort(x: Any, out: Any) -> Implementation:
    """`kernels.argsort` for arguments of these types."""
    return kernel_argsort_rows if _matrices(x, out) and out.dtype == types.int64 else None


def compile_cumsum(x: Any, out: Any) -> Implementation:
    """`kernels.cumsum` for arguments of these types."""
    return kernel_cumsum_rows if _matrices(x, out) else None
