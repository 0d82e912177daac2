"""Views in compiled code: what NumPy gives, and without Numba in the next process."""

import numpy as np
import pytest

from staticbp.errors import GeneratedCodeError
from staticbp.runtime import load
from staticbp.runtime.load import Spec, compile_module, inspect_module

TEXT = """
import numpy as np


def views(work, W, c, out):
    a = work[16:48].view(np.float64)  # f64[4]
    m = work[48:72].view(np.float32).reshape((2, 3))  # f32[2,3]
    b = work[72:76].view(np.bool_)  # bool[4]
    s = work[80:88].view(np.int64).reshape(())  # i64[]
    z = work[96:112].view(np.complex128)  # c128[1]
    e = work[16:16].view(np.float64).reshape((0, 3))  # f64[0,3]
    for i in range(4):
        a[i] = np.float64(i)
        b[i] = i > 1
    for i in range(2):
        for j in range(3):
            m[i, j] = np.float32(10 * i + j)
    s[()] = np.int64(-7)
    z[0] = c[0]
    flat = W.reshape((12,))
    row = W[1].reshape((2, 2))
    column = W.reshape((4, 3, 1))
    row[1, 0] = flat[11] + column[0, 2, 0]
    out[0] = a.shape[0] + 10 * m.shape[1] + 100 * len(flat) + e.size
    out[1] = row[1, 0]
    return 0
"""
ENTRIES = {
    "views": (
        Spec("u1", 1, array=True),
        Spec("f8", 2, array=True),
        Spec("c16", 1, array=True, readonly=True),
        Spec("f8", 1, array=True),
    )
}


def run(function):
    work, W, out = np.zeros(128, "u1"), np.arange(12.0).reshape(3, 4), np.zeros(2)
    assert function(work, W, np.array([1 - 2j]), out) == 0
    return work, W, out


@pytest.fixture(scope="module")
def results():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "JIT", False)
        plain = run(compile_module(TEXT, ENTRIES)["views"])
    return plain, run(compile_module(TEXT, ENTRIES)["views"])


def test_compiled_views_are_numpys(results):
    plain, compiled = results
    for expected, found in zip(plain, compiled, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_views_write_where_they_should(results):
    work, W, out = results[1]
    assert work[16:48].view("f8").tolist() == [0.0, 1.0, 2.0, 3.0]
    assert work[48:72].view("f4").tolist() == [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]
    assert work[72:76].tolist() == [0, 0, 1, 1]
    assert work[80:88].view("i8")[0] == -7
    assert work[96:112].view("c16")[0] == 1 - 2j
    assert W[1, 2] == 13.0
    assert out.tolist() == [4 + 30 + 1200, 13.0]


def test_they_need_nothing_of_numba():
    """A symbol of Numba's would have to be looked up, and Numba imported for it, by whoever loads the code."""
    imports = inspect_module(TEXT, ENTRIES).imports
    assert not [name for name in imports if "numba" in name or "NRT" in name]


def test_strided_arrays_are_refused():
    text = "def f(x):\n    y = x[0:6:2].reshape((3, 1))\n    y[0, 0] = 1.0\n    return 0\n"
    with pytest.raises(GeneratedCodeError, match="Numba does not compile"):
        compile_module(text, {"f": (Spec("f8", 1, array=True),)})
