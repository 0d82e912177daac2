"""Products in place against NumPy: every transposition, odd and empty sizes, both sides of each limit."""

import itertools

import numba
import numpy as np
import pytest

from staticbp.runtime import blas
from staticbp.runtime.intrinsics import products

DTYPES = (np.float64, np.float32, np.int64)
LIMITS = ("GEMM_LOOPS", "GEMM_TILES", "GEMV_LOOPS", "GEMV_ROWS", "GER_LOOPS")
SCALES = ((1, 0), (-2, 1), (3, 2), (0, 0))


def compiled():
    """The functions of blas as compiled code sees them."""

    @numba.njit
    def gemm(A, B, C, trans_a, trans_b, alpha, beta):
        blas.gemm(A, B, C, trans_a, trans_b, alpha, beta)

    @numba.njit
    def gemv(A, x, y, trans, alpha, beta):
        blas.gemv(A, x, y, trans, alpha, beta)

    @numba.njit
    def ger(alpha, x, y, A):
        blas.ger(alpha, x, y, A)

    return {"gemm": gemm, "gemv": gemv, "ger": ger}


@pytest.fixture(scope="module", params=["by size", ("LOOPS",), ("TILES", "ROWS"), ()], ids=str)
def functions(request):
    """Compiled with the limits as they are, and with nothing but loops, but our own kernels, but the library."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param != "by size":
            for limit in LIMITS:
                patch.setattr(products, limit, 2**62 if limit.endswith(request.param) else 0)
        made = compiled()
        # Compiled now, while the limits hold.
        for dtype in DTYPES:
            M, v = np.ones((1, 1), dtype), np.ones(1, dtype)
            for one in (1, 1.0):
                made["gemm"](M, M, M.copy(), False, True, one, one)
                made["gemv"](M, v, v.copy(), True, one, one)
                made["ger"](one, v, v, M.copy())
        yield made


def whole(rng, dtype, *shape):
    """Small whole numbers, whose products are exact in every dtype and order."""
    return rng.integers(-8, 9, shape).astype(dtype)


def unread(rng, dtype, beta, *shape):
    """An output; where it must not be read, it holds NaN."""
    return np.full(shape, np.nan, dtype) if beta == 0 and dtype is not np.int64 else whole(rng, dtype, *shape)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("trans_a", "trans_b"), list(itertools.product((False, True), repeat=2)))
def test_gemm(functions, dtype, trans_a, trans_b):
    rng = np.random.default_rng(0)
    for m, n, k in itertools.product((0, 1, 3, 17), (0, 1, 2, 33), (0, 1, 5, 40)):
        A = whole(rng, dtype, *((k, m) if trans_a else (m, k)))
        B = whole(rng, dtype, *((n, k) if trans_b else (k, n)))
        product = (A.T if trans_a else A) @ (B.T if trans_b else B)
        for alpha, beta in SCALES:
            C = unread(rng, dtype, beta, m, n)
            want = alpha * product if beta == 0 else alpha * product + beta * C
            functions["gemm"](A, B, C, trans_a, trans_b, alpha, beta)
            np.testing.assert_array_equal(C, want, err_msg=f"{(m, n, k, alpha, beta)}")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("trans", [False, True])
def test_gemv(functions, dtype, trans):
    rng = np.random.default_rng(0)
    for m, n in itertools.product((0, 1, 3, 17, 50, 130), (0, 1, 2, 33, 100)):
        A = whole(rng, dtype, m, n)
        x = whole(rng, dtype, m if trans else n)
        product = (A.T if trans else A) @ x
        for alpha, beta in SCALES:
            y = unread(rng, dtype, beta, n if trans else m)
            want = alpha * product if beta == 0 else alpha * product + beta * y
            functions["gemv"](A, x, y, trans, alpha, beta)
            np.testing.assert_array_equal(y, want, err_msg=f"{(m, n, alpha, beta)}")


@pytest.mark.parametrize("dtype", DTYPES)
def test_ger(functions, dtype):
    rng = np.random.default_rng(0)
    for m, n in itertools.product((0, 1, 3, 50, 190), (0, 1, 17, 190)):
        x, y, A = whole(rng, dtype, m), whole(rng, dtype, n), whole(rng, dtype, m, n)
        want = A + 2 * np.outer(x, y)
        functions["ger"](2, x, y, A)
        np.testing.assert_array_equal(A, want, err_msg=f"{(m, n)}")


@numba.njit
def compiled_dot(x, y):
    return blas.dot(x, y)


@numba.njit
def compiled_axpy(alpha, x, y):
    blas.axpy(alpha, x, y)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dot_and_axpy(dtype):
    rng = np.random.default_rng(0)
    for n in (0, 1, 7, 100, 1001):
        x, y = whole(rng, dtype, n), whole(rng, dtype, n)
        for dot in (compiled_dot, blas.dot):
            assert dot(x, y) == (x * y).sum()
        want = y + 3 * x
        compiled_axpy(3, x, y)
        np.testing.assert_array_equal(y, want)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_reals_agree_with_numpy_to_rounding(dtype):
    rng = np.random.default_rng(1)
    A, B = rng.normal(size=(60, 80)).astype(dtype), rng.normal(size=(80, 50)).astype(dtype)
    C = np.empty((60, 50), dtype)
    compiled()["gemm"](A, B, C, False, False, 1.0, 0.0)
    np.testing.assert_allclose(C, A @ B, rtol=1e-3, atol=80 * np.finfo(dtype).eps)
    np.testing.assert_allclose(compiled_dot(A[0], B[:, 0].copy()), C[0, 0], rtol=1e-3)


def test_rows_of_a_larger_array_are_matrices():
    @numba.njit
    def multiply(A, C):
        for i in range(A.shape[0]):
            blas.gemm(A[i], A[i], C[i], False, True, 1.0, 0.0)

    A = np.random.default_rng(0).normal(size=(3, 20, 30))
    C = np.empty((3, 20, 20))
    multiply(A, C)
    np.testing.assert_allclose(C, A @ A.transpose(0, 2, 1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("trans_a", [False, True])
def test_python_runs_numpys_product(trans_a):
    rng = np.random.default_rng(0)
    A, B = whole(rng, np.float32, 4, 4), whole(rng, np.float32, 4, 3)
    C = np.full((4, 3), np.nan, np.float32)
    blas.gemm(A, B, C, trans_a, False, 2.0, 0.0)
    np.testing.assert_array_equal(C, 2 * (A.T if trans_a else A) @ B)
    blas.gemm(A, B, C, trans_a, False, -2.0, 1.0)
    np.testing.assert_array_equal(C, 0)


def test_operands_that_do_not_fit_are_refused():
    gemm = compiled()["gemm"]
    A = np.ones((4, 4))
    for wrong in (A.T, A.astype(np.float32), A[None]):
        with pytest.raises(numba.TypingError):
            gemm(A, wrong, A.copy(), False, False, 1.0, 0.0)


def test_nothing_ties_the_code_to_this_process():
    gemm = compiled()["gemm"]
    A = np.ones((4, 4))
    gemm(A, A, A.copy(), False, False, 1.0, 0.0)
    text = gemm.inspect_llvm(gemm.signatures[0])
    assert "staticbp_dgemm" in text
    assert "inttoptr" not in text
