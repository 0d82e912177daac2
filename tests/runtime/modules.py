"""Generated text to compile, and programs that compile it in a process of their own."""

import inspect

import numpy as np

from staticbp.runtime.load import Spec

F8 = np.float64


def array(dtype, ndim, readonly=False):
    return Spec(dtype, ndim, array=True, readonly=readonly)


def scalar(dtype):
    return Spec(dtype, 0, array=False)


GRADIENT = '''"""Gradient of loss(W, x, t) with respect to W.  net.py:12"""
import numpy as np
from staticbp.runtime import vecmath as vm


def residual(h, t):
    return np.float64(2.0) * (h - t) * (np.float64(1.0) - h * h)


def loss_grad(W, x, t, W_bar, work):
    h = work[0:32].view(np.float64)                  # f64[4]
    # ---- forward ----
    # net.py:13  h = np.tanh(W @ x)
    for i in range(4):
        acc = np.float64(0.0)
        for j in range(3):
            acc = acc + W[i, j] * x[j]
        h[i] = vm.tanh(acc)
    # ---- adjoint ----
    for i in range(4):
        for j in range(3):
            W_bar[i, j] = residual(h[i], t[i]) * x[j]
    return 0
'''


def entries():
    read = array(F8, 1, True)
    return {"loss_grad": (array(F8, 2, True), read, read, array(F8, 2), array("u1", 1))}


ENTRIES = entries()


SHAPES = """
def shapes(a, b, c, out):
    out[0] = a.shape[0] * 100 + a.shape[1] * 10 + a.shape[2]
    out[1] = b[()] + len(c)
    a[a.shape[0] - 1, a.shape[1] - 1, a.shape[2] - 1] = 5.0
    return 0


def add(x, y):
    for i in range(x.shape[0]):
        x[i] += y
    return x.shape[0]
"""
SHAPES_ENTRIES = {
    "shapes": (array(F8, 3), array(F8, 0, True), array("f4", 1), array(F8, 1)),
    "add": (array(F8, 1), scalar(F8)),
}


def arguments():
    rng = np.random.default_rng(1)
    return (
        rng.normal(size=(4, 3)),
        rng.normal(size=3),
        rng.normal(size=4),
        np.empty((4, 3)),
        np.empty(32, "u1"),
    )


def expected_gradient():
    W, x, t, *_ = arguments()
    h = np.tanh(W @ x)
    return np.outer(2 * (h - t) * (1 - h * h), x)


def gradient_of(function):
    W, x, t, W_bar, work = arguments()
    assert function(W, x, t, W_bar, work) == 0
    return W_bar


def program(*lines):
    """A process that has the constants of this file, without importing Numba as this file does."""
    return "\n".join(
        (
            "import sys",
            "import numpy as np",
            "from staticbp.runtime import load, store",
            "from staticbp.runtime.load import Spec, compile_module",
            f"F8 = np.float64\nGRADIENT = {GRADIENT!r}",
            *(inspect.getsource(f) for f in (array, scalar, entries, arguments, expected_gradient, gradient_of)),
            "ENTRIES = entries()",
            *lines,
        )
    )


USE_GRADIENT = (
    'W_bar = gradient_of(compile_module(GRADIENT, ENTRIES)["loss_grad"])',
    "np.testing.assert_allclose(W_bar, expected_gradient(), rtol=1e-12)",
    "stats = store.stats",
    "print(stats.hits, stats.misses, stats.saves, stats.rejected, 'numba' in sys.modules)",
)
