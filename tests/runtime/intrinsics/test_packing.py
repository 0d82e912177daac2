"""Products with packed matrices: the bits of the products that pack for themselves."""

import itertools

import numba
import numpy as np
import pytest

from staticbp.ops.packing import packed_size
from staticbp.runtime import blas
from staticbp.runtime.intrinsics import products, tiles, tileshape, vectors
from tests.runtime.intrinsics.test_tiles import DTYPES, FEATURES, edges, framed
from tests.runtime.test_blas import compiled


@pytest.fixture(scope="module", params=["AVX2", "AVX-512"])
def kernels(request):
    """The features of a CPU, and a product packed before or not, compiled for them."""
    features = FEATURES[request.param]

    whole = compiled()["gemm"]

    @numba.njit
    def apart(A, B, packed, C, trans_a, trans_b, alpha, beta):
        blas.pack(B, packed, trans_b)
        blas.gemm(A, packed, C, trans_a, False, alpha, beta)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vectors, "host_features", lambda: features)
        patch.setattr(products, "GEMM_LOOPS", 0)
        patch.setattr(tiles, "PART", 64)  # several threads, whatever the size
        for dtype in DTYPES:
            M, one = np.ones((1, 1), dtype), dtype(1)
            whole(M, M, M.copy(), False, True, one, one)
            apart(M, M, np.ones(packed_size(1, 1, M.dtype), dtype), M.copy(), False, True, one, one)
    return features, whole, apart


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("trans_a", "trans_b"), list(itertools.product((False, True), repeat=2)))
def test_packed_products_at_the_edges_of_tiles(kernels, dtype, trans_a, trans_b):
    features, whole, apart = kernels
    tile = tileshape.tile_shape(8 * np.dtype(dtype).itemsize, features)
    rng = np.random.default_rng(0)
    scales = itertools.cycle([(1, 0), (-2, 1), (0.5, -2)])
    depths = [1, tile.depth - 1, tile.depth, 2 * tile.depth + 1]
    columns = edges(tile.lanes, tile.columns, tile.columns + tile.lanes, 3 * tile.columns)
    for (m, n, k), (alpha, beta) in zip(itertools.product((1, tile.rows, 37), columns, depths), scales, strict=False):
        A = rng.normal(size=(k, m) if trans_a else (m, k)).astype(dtype)
        B = rng.normal(size=(n, k) if trans_b else (k, n)).astype(dtype)
        panels, memory = framed(np.full(packed_size(k, n, B.dtype), np.nan, dtype))
        wanted = rng.normal(size=(m, n)).astype(dtype)
        found, around = framed(wanted)
        whole(A, B, wanted, trans_a, trans_b, dtype(alpha), dtype(beta))
        apart(A, B, panels, found, trans_a, trans_b, dtype(alpha), dtype(beta))
        np.testing.assert_array_equal(found, wanted, err_msg=f"{(m, n, k, alpha, beta)}")
        for frame in (memory, around):
            assert (frame[:64] == 77).all()
            assert (frame[-64:] == 77).all()


@pytest.mark.parametrize("trans_b", [False, True])
def test_python_and_compiled_code_mean_the_same(trans_b):
    @numba.njit
    def compiled(A, B, packed, C):
        blas.pack(B, packed, trans_b)
        blas.gemm(A, packed, C)

    rng = np.random.default_rng(1)
    A, B = rng.integers(-9, 9, (5, 7)).astype(float), rng.integers(-9, 9, (11, 7) if trans_b else (7, 11)).astype(float)
    wanted = A @ (B.T if trans_b else B)
    for product in (compiled, compiled.py_func):
        C = np.full((5, 11), np.nan)
        product(A, B, np.empty(packed_size(7, 11, B.dtype)), C)
        np.testing.assert_array_equal(C, wanted)
