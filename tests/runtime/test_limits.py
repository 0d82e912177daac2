"""What is said about the way of a product is what its code does."""

import numba
import numpy as np
import pytest

from staticbp.runtime import blas, limits

F32 = np.dtype(np.float32)


@pytest.mark.parametrize(
    ("kernel", "shapes", "expected"),
    [
        ("gemm", ((4, 4), (4, 2), (4, 2)), "loops"),
        ("gemm", ((4, 4), (4, 3), (4, 3)), "tiles"),
        ("gemm", ((64, 64), (64, 23), (64, 23)), "tiles"),
        ("gemm", ((64, 64), (64, 24), (64, 24)), "tiles on all cores"),
        ("gemm", ((512, 512), (512, 128), (512, 128)), "tiles on all cores"),
        ("gemm", ((512, 512), (512, 129), (512, 129)), "BLAS"),
        ("gemv", ((4, 8), (8,), (4,)), "loops"),
        ("gemv", ((8, 4), (4,), (8,)), "loops"),
        ("gemv", ((4, 9), (9,), (4,)), "rows"),
        ("gemv", ((128, 255), (255,), (128,)), "rows"),
        ("gemv", ((128, 256), (256,), (128,)), "rows on all cores"),
        ("gemv", ((1024, 1024), (1024,), (1024,)), "rows on all cores"),
        ("gemv", ((1024, 1025), (1025,), (1024,)), "BLAS"),
        ("ger", ((256,), (128,), (256, 128)), "loops"),
        ("ger", ((256,), (129,), (256, 129)), "BLAS"),
        ("dot", ((5000,), (5000,)), "loops"),
    ],
)
def test_ways(kernel, shapes, expected):
    assert limits.way(kernel, shapes, F32) == expected
    assert limits.way(kernel, shapes, np.dtype(np.int64)) == "loops"


def test_the_code_of_a_product_has_the_ways_and_their_limits():
    @numba.njit
    def multiply(A, B, C):
        blas.gemm(A, B, C)

    M = np.ones((2, 2))
    multiply(M, M, M.copy())
    text = multiply.inspect_llvm(multiply.signatures[0])
    for symbol in ("staticbp_gemm_double", "staticbp_tiled_", "staticbp.share", "staticbp_dgemm", "staticbp.rest"):
        assert symbol in text
    for limit in (limits.GEMM_LOOPS, limits.GEMM_TILES, 2 * limits.PART):
        assert str(limit) in text or str(limit + 1) in text
