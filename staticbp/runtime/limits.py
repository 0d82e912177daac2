"""Which of several ways a product takes, by its size alone: so that the same call always gives the same bits.

The limits are where both sides took equally long on two cores with AVX2. A call of OpenBLAS takes some 0.1 µs before
it computes anything, and copies both operands, which pays for large ones only.
"""

from __future__ import annotations

import math

import numpy as np

# Multiplications up to which the loops are used, and above those up to which our kernels are: past that, OpenBLAS
# arranges for more of the caches at gemm, and at gemv both wait for memory.
GEMM_LOOPS = 32
GEMM_TILES = 2**25
GEMV_LOOPS = 32
GEMV_ROWS = 2**20
GER_LOOPS = 32768

# Multiplications of a gemm that a thread is given at least: they take about a microsecond, handing them out a tenth.
PART = 3 * 2**14

# The same of a gemv.
GEMV_PART = 2**14


def way(kernel: str, shapes: tuple[tuple[int, ...], ...], dtype: np.dtype[np.generic]) -> str:
    """What computes a product: ``loops``, ``tiles`` or ``rows``, which are ours, or ``BLAS``, which is SciPy's.

    Parameters
    ----------
    kernel : str
        The name of a function of :mod:`staticbp.runtime.blas`.
    shapes : tuple of tuple of int
        The shapes of its operands, the result last.
    dtype : numpy.dtype
        Their common dtype.

    Examples
    --------
    >>> way("gemm", ((128, 784), (784, 300), (128, 300)), np.dtype("f4"))
    'tiles on all cores'
    >>> way("gemv", ((3, 3), (3,), (3,)), np.dtype("f8")), way("gemv", ((9000, 900), (900,), (9000,)), np.dtype("f8"))
    ('loops', 'BLAS')
    """
    if dtype not in (np.float32, np.float64) or kernel in ("dot", "axpy"):
        return "loops"
    if kernel == "gemm":
        work = math.prod(shapes[0]) * shapes[-1][1]
        ours = "tiles on all cores" if work >= 2 * PART else "tiles"
        return "loops" if work <= GEMM_LOOPS else ours if work <= GEMM_TILES else "BLAS"
    if kernel == "gemv":
        work = math.prod(shapes[0])
        ours = "rows on all cores" if work >= 2 * GEMV_PART else "rows"
        return "loops" if work <= GEMV_LOOPS else ours if work <= GEMV_ROWS else "BLAS"
    return "loops" if math.prod(shapes[-1]) <= GER_LOOPS else "BLAS"
