"""A program with loops and products that threads share: for test_threads, in its process and in others."""

import numpy as np

from staticbp.runtime.load import Spec, compile_module

STEPS = """
import numpy as np

from staticbp.runtime import blas, threads
from staticbp.runtime import vecmath as vm


def compute(x, A, B, C, D, y, out, work):
    part = work[0:256].view(np.float64)  # f64[32]
    factor = 2.0 * x[0]
    for i in threads.range(64000, 1000):
        t = vm.tanh(x[i]) * factor
        y[i] = t + np.float64(i)
    for b in threads.range(32, 1):
        s = 0.0
        for i in range(2000):
            s += y[b * 2000 + i]
        part[b] = s
    total = 0.0
    for b in range(32):
        total += part[b]
    out[0] = total
    blas.gemm(A, B, C, True, False)
    for r in threads.range(4, 1):
        blas.gemm(A, B, D[r], True, False)
        for i in threads.range(10, 1):
            D[r, 0, i] += np.float64(r)
    return 0
"""
SIZE = 100


def arguments():
    rng = np.random.default_rng(0)
    x, A, B = rng.normal(size=64000), rng.normal(size=(SIZE, SIZE)), rng.normal(size=(SIZE, SIZE))
    C, D, y = np.empty((SIZE, SIZE)), np.empty((4, SIZE, SIZE)), np.empty(64000)
    return [x, A, B, C, D, y, np.empty(1), np.zeros(256, np.uint8)]


def compute():
    specs = [Spec(np.float64, ndim, array=True) for ndim in (1, 2, 2, 2, 3, 1, 1)]
    return compile_module(STEPS, {"compute": [*specs, Spec(np.uint8, 1, array=True)]})["compute"]


def check(x, A, B, C, D, y, out, work):
    np.testing.assert_allclose(y, np.tanh(x) * 2 * x[0] + np.arange(64000.0), rtol=1e-14)
    np.testing.assert_allclose(out[0], y.sum(), rtol=1e-12)
    np.testing.assert_allclose(C, A.T @ B, rtol=1e-10, atol=1e-12)
    for r in range(4):
        expected = C.copy()
        expected[0, :10] += r
        np.testing.assert_array_equal(D[r], expected)
