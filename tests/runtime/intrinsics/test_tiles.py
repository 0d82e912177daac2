"""The kernels in registers for every width of vectors: edges of tiles and panels, in memory that others share."""

import itertools

import numpy as np
import pytest

from staticbp.runtime.intrinsics import products, tiles, tileshape, vectors
from tests.runtime.test_blas import compiled

FEATURES = {"SSE": "", "AVX2": "+avx,+avx2,+fma", "AVX-512": "+avx,+avx2,+avx512f", "NEON": "+neon"}
DTYPES = (np.float32, np.float64)


@pytest.fixture(scope="module", params=FEATURES)
def kernels(request):
    """The features of a CPU, and the products compiled for them; LLVM makes do where this CPU has others."""
    features = FEATURES[request.param]

    functions = compiled()
    gemm, gemv = functions["gemm"], functions["gemv"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vectors, "host_features", lambda: features)
        for limit in ("GEMM_LOOPS", "GEMV_LOOPS"):
            patch.setattr(products, limit, 0)
        for limit in ("GEMM_TILES", "GEMV_ROWS"):
            patch.setattr(products, limit, 2**62)
        # Compiled now, while the features hold.
        for dtype in DTYPES:
            M, v, one = np.ones((1, 1), dtype), np.ones(1, dtype), dtype(1)
            gemm(M, M, M.copy(), False, True, one, one)
            gemv(M, v, v.copy(), True, one, one)
    return features, gemm, gemv


def edges(*sizes):
    """One, and what lies on, below and above each of the sizes."""
    return sorted({1, *(size + step for size in sizes for step in (-1, 0, 1))} - {0})


def whole(rng, dtype, *shape):
    """Small whole numbers, whose products are exact in every order."""
    return rng.integers(-8, 9, shape).astype(dtype)


def framed(content, fill=77):
    """A contiguous copy of an array with something before and after it in memory, and all of that memory."""
    memory = np.full(content.size + 128, fill, content.dtype)
    inside = memory[64:-64].reshape(content.shape)
    inside[...] = content
    return inside, memory


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("trans_a", "trans_b"), list(itertools.product((False, True), repeat=2)))
def test_gemm_at_the_edges_of_tiles(kernels, dtype, trans_a, trans_b):
    features, gemm, _ = kernels
    tile = tileshape.tile_shape(8 * np.dtype(dtype).itemsize, features)
    rng = np.random.default_rng(0)
    scales = itertools.cycle([(1, 0), (-2, 1), (3, -2), (0, 0), (0, 1)])
    shapes = itertools.product(edges(4, tile.rows), edges(tile.lanes, tile.columns), edges(tile.lanes, tile.depth))
    for (m, n, k), (alpha, beta) in zip(shapes, scales, strict=False):
        A, around_A = framed(whole(rng, dtype, *((k, m) if trans_a else (m, k))), np.nan)
        B, around_B = framed(whole(rng, dtype, *((n, k) if trans_b else (k, n))), np.nan)
        C, memory = framed(np.full((m, n), np.nan, dtype) if beta == 0 else whole(rng, dtype, m, n))
        product = (A.T if trans_a else A) @ (B.T if trans_b else B)
        want = alpha * product if beta == 0 else alpha * product + beta * C
        inputs = around_A.copy(), around_B.copy()
        gemm(A, B, C, trans_a, trans_b, dtype(alpha), dtype(beta))
        np.testing.assert_array_equal(C, want, err_msg=f"{(m, n, k, alpha, beta)}")
        assert (memory[:64] == 77).all()
        assert (memory[-64:] == 77).all()
        np.testing.assert_array_equal((around_A, around_B)[0], inputs[0])
        np.testing.assert_array_equal((around_A, around_B)[1], inputs[1])


# Above the size at which threads share a product: by rows, by columns, with A in several copies, and barely.
SHARED = ((401, 35, 41), (35, 401, 41), (310, 131, 180), (64, 64, 64), (63, 65, 64))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("trans_a", "trans_b"), list(itertools.product((False, True), repeat=2)))
def test_gemm_in_parts(kernels, dtype, trans_a, trans_b):
    _, gemm, _ = kernels
    rng = np.random.default_rng(3)
    for (m, n, k), (alpha, beta) in zip(SHARED, itertools.cycle([(1, 0), (-2, 1), (3, -2)]), strict=False):
        assert m * n * k >= tiles.PART
        A, _ = framed(whole(rng, dtype, *((k, m) if trans_a else (m, k))), np.nan)
        B, _ = framed(whole(rng, dtype, *((n, k) if trans_b else (k, n))), np.nan)
        C, memory = framed(np.full((m, n), np.nan, dtype) if beta == 0 else whole(rng, dtype, m, n))
        product = (A.T if trans_a else A) @ (B.T if trans_b else B)
        want = alpha * product if beta == 0 else alpha * product + beta * C
        gemm(A, B, C, trans_a, trans_b, dtype(alpha), dtype(beta))
        np.testing.assert_array_equal(C, want, err_msg=f"{(m, n, k, alpha, beta)}")
        assert (memory[:64] == 77).all()
        assert (memory[-64:] == 77).all()


def assert_gemv(gemv, rng, dtype, m, n, trans, alpha, beta):
    """The product of a matrix and a vector is right, and nothing around the result is touched."""
    A, _ = framed(whole(rng, dtype, m, n), np.nan)
    x, _ = framed(whole(rng, dtype, m if trans else n), np.nan)
    size = n if trans else m
    y, memory = framed(np.full(size, np.nan, dtype) if beta == 0 else whole(rng, dtype, size))
    product = (A.T if trans else A) @ x
    want = alpha * product if beta == 0 else alpha * product + beta * y
    gemv(A, x, y, trans, dtype(alpha), dtype(beta))
    np.testing.assert_array_equal(y, want, err_msg=f"{(m, n, alpha, beta)}")
    assert (memory[:64] == 77).all()
    assert (memory[-64:] == 77).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("trans", [False, True])
def test_gemv_at_the_edges_of_vectors(kernels, dtype, trans):
    features, _, gemv = kernels
    lanes = vectors.vector_bits(features) // (8 * np.dtype(dtype).itemsize)
    rng = np.random.default_rng(0)
    for m, n in itertools.product(edges(4, 8, 16), edges(lanes, 2 * lanes, 5 * lanes)):
        for alpha, beta in ((1, 0), (-2, 1), (3, -2), (0, 0), (0, 1)):
            assert_gemv(gemv, rng, dtype, m, n, trans, alpha, beta)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("trans", [False, True])
def test_gemv_in_parts(kernels, dtype, trans):
    _, _, gemv = kernels
    rng = np.random.default_rng(4)
    for m, n, alpha, beta in ((513, 129, 1, 0), (129, 513, -2, 1), (7, 9973, 3, -2), (9973, 7, 1, 0), (256, 256, 2, 1)):
        assert_gemv(gemv, rng, dtype, m, n, trans, alpha, beta)


@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_and_infinity_stay_in_their_rows_and_columns(kernels, dtype):
    _, gemm, gemv = kernels
    rng = np.random.default_rng(1)
    A, B = whole(rng, dtype, 21, 40), whole(rng, dtype, 40, 29)
    A[20, 3], A[4, 39], B[7, 28] = np.nan, np.inf, -np.inf
    B[39, 5] = 0
    with np.errstate(invalid="ignore"):
        C, y, z = A @ B, A @ B[:, 5], B.T @ A[4]
    got, got_y, got_z = np.empty_like(C), np.empty_like(y), np.empty_like(z)
    gemm(A, B, got, False, False, dtype(1), dtype(0))
    gemv(A, B[:, 5].copy(), got_y, False, dtype(1), dtype(0))
    gemv(B, A[4].copy(), got_z, True, dtype(1), dtype(0))
    for ours, theirs in ((got, C), (got_y, y), (got_z, z)):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("dtype", DTYPES)
def test_reals_agree_with_a_product_of_doubled_precision(kernels, dtype):
    _, gemm, _ = kernels
    rng = np.random.default_rng(2)
    A, B = rng.normal(size=(23, 700)).astype(dtype), rng.normal(size=(51, 700)).astype(dtype)
    C = rng.normal(size=(23, 51)).astype(dtype)
    want = 0.5 * (A.astype(np.longdouble) @ B.T.astype(np.longdouble)) - 1.5 * C
    gemm(A, B, C, False, True, dtype(0.5), dtype(-1.5))
    bound = 700 * np.finfo(dtype).eps * (np.abs(A) @ np.abs(B).T + 1)
    assert (np.abs(C - want) <= bound).all()


def test_tiles_are_as_large_as_the_registers_allow():
    for features in FEATURES.values():
        for bits in (32, 64):
            shape = tileshape.tile_shape(bits, features)
            registers = 32 if {"+avx512f", "+neon"} & set(features.split(",")) else 16
            assert shape.rows * shape.vectors + shape.vectors + 1 <= registers
            assert shape.depth % shape.lanes == 0
            assert shape.depth * shape.columns * bits // 8 <= 32 * 1024
            assert tiles.STRIP_BYTES // (bits // 8) >= shape.depth * shape.rows
