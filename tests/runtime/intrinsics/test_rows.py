"""Rows of a product that are made as a loop comes to them, against the product as a whole."""

import ast

import numpy as np
import pytest

from staticbp.runtime import blas
from staticbp.runtime.compiler import jit, regions
from staticbp.runtime.load import Spec, compile_module
from tests.runtime.intrinsics.test_tiles import framed

ROWS = """
import numpy as np
from staticbp.runtime import blas


def f(A, B, C, out):
    for i in blas.gemm_rows(A, B, C, 32, {trans}):
        total = C[i, 0] - C[i, 0]
        for j in range(C.shape[1]):
            C[i, j] = C[i, j] + np.{dtype}(1.0)
            total += C[i, j]
        out[i] = total
    return 0
"""

PACKED = """
from staticbp.runtime import blas


def f(A, B, C, P):
    blas.pack(B, P)
    for i in blas.gemm_rows(A, P, C, 8):
        for j in range(C.shape[1]):
            C[i, j] = -C[i, j]
    return 0
"""


def compiled(text, dtype, *dimensions):
    return compile_module(text, {"f": tuple(Spec(dtype, ndim, array=True) for ndim in dimensions)})["f"]


@pytest.mark.parametrize(
    ("dtype", "trans", "by_numba"),
    [(np.float32, False, False), (np.float64, True, False), (np.float64, False, False), (np.float32, True, True)],
)
def test_every_size(monkeypatch, cache, dtype, trans, by_numba):
    if by_numba:
        monkeypatch.setattr(jit, "_translated", lambda *args: None)
    function = compiled(ROWS.format(trans=trans, dtype=dtype.__name__), dtype, 2, 2, 2, 1)
    rng = np.random.default_rng(3)
    for m, n, k in [
        (1, 1, 1),
        (0, 3, 2),
        (3, 25, 0),
        (31, 7, 5),
        (32, 24, 16),
        (33, 49, 17),
        (130, 9, 300),
        (257, 65, 2),
    ]:
        A, B = (rng.integers(-8, 9, shape).astype(dtype) for shape in ((m, k), (n, k) if trans else (k, n)))
        C, memory = framed(np.full((m, n), np.nan, dtype))
        out = np.full(m, np.nan, dtype)
        assert function(A, B, C, out) == 0
        wanted = A @ (B.T if trans else B) + 1
        np.testing.assert_array_equal(C, wanted)  # whole numbers, exact in every order
        np.testing.assert_array_equal(out, wanted.sum(axis=1))
        assert np.array_equal(np.r_[memory[:64], memory[-64:]], np.full(128, 77))


def test_the_same_bits_as_the_product_as_a_whole():
    rng = np.random.default_rng(4)
    A, B = rng.normal(size=(201, 300)), rng.normal(size=(300, 50))
    whole = compiled(
        "from staticbp.runtime import blas\n\n\ndef f(A, B, C):\n    blas.gemm(A, B, C)\n    return 0\n", "f8", 2, 2, 2
    )
    C, wanted, out = np.empty((201, 50)), np.empty((201, 50)), np.empty(201)
    compiled(ROWS.format(trans=False, dtype="float64"), "f8", 2, 2, 2, 1)(A, B, C, out)
    whole(A, B, wanted)
    np.testing.assert_array_equal(C, wanted + 1)


def test_a_packed_operand():
    A, B = np.arange(60.0).reshape(12, 5), np.arange(35.0).reshape(5, 7)
    C = np.empty((12, 7))
    compiled(PACKED, "f8", 2, 2, 2, 1)(A, B, C, np.zeros(5 * 8))
    np.testing.assert_array_equal(C, -(A @ B))


def test_uncompiled_it_is_the_product_and_a_loop():
    A, C = np.arange(6.0).reshape(2, 3), np.empty((2, 2))
    assert list(blas.gemm_rows(A, A, C, 8, True)) == [0, 1]
    np.testing.assert_array_equal(C, A @ A.T)


def test_lines_of_the_text_are_kept():
    """The code of a step belongs to the line that it was written on."""
    tree = regions.with_rows(ast.parse(ROWS.format(trans=True, dtype="float64")))
    lines = {ast.unparse(node): node.lineno for node in ast.walk(tree) if isinstance(node, ast.stmt | ast.expr)}
    assert lines["out[i] = total"] == 12
    assert lines["blas.gemm_part(A, B, C, __first, __end, True)"] == 7
