"""Compiled functions as objects: the arguments that they take and refuse, their code, their threads."""

import gc
import pickle
import sys
import threading
import time

import numpy as np
import pytest

from staticbp.runtime.load import compile_module, inspect_module
from staticbp.runtime.objectcode import link
from tests.runtime.modules import (
    F8,
    SHAPES,
    SHAPES_ENTRIES,
    array,
    program,
    scalar,
)

# ---- arguments ----

DTYPES = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", "c8", "c16")
ALL_KINDS = "def copy(" + ", ".join(f"a{i}, s{i}, b{i}" for i in range(len(DTYPES))) + "):\n"
for _i in range(len(DTYPES)):
    ALL_KINDS += f"    b{_i}[0] = a{_i}[1]\n    b{_i}[1] = s{_i}\n"
ALL_KINDS += "    return 3\n"


def test_every_dtype_as_array_and_as_scalar():
    specs, args, wanted = [], [], []
    for dtype in DTYPES:
        values = np.array([0, 1, 1] if dtype == "b1" else [3, 100, 7], dtype)
        if dtype[0] == "c":
            values = (values * (1 - 2j)).astype(dtype)
        elif dtype[0] in "if":
            values = -values
        out = np.zeros(2, dtype)
        specs += [array(dtype, 1, True), scalar(dtype), array(dtype, 1)]
        args += [values, values[2], out]
        wanted.append((out, values[1:]))
    assert compile_module(ALL_KINDS, {"copy": specs})["copy"](*args) == 3
    for out, values in wanted:
        np.testing.assert_array_equal(out, values)


@pytest.fixture(scope="module")
def functions():
    return compile_module(SHAPES, SHAPES_ENTRIES)


def test_shapes_are_read_from_the_arrays(functions):
    a, out = np.zeros((2, 3, 4)), np.zeros(2)
    assert functions["shapes"](a, np.array(7.0), np.empty(0, "f4"), out) == 0
    assert out.tolist() == [234.0, 7.0]
    assert a[1, 2, 3] == 5.0
    assert a.sum() == 5.0


def test_python_numbers_and_numpy_scalars(functions):
    x = np.zeros(3)
    for y in (1.0, 2, True, np.float64(4), np.float32(8), np.int16(16), np.array(32.0)):
        assert functions["add"](x, y) == 3
    assert x.tolist() == [64.0] * 3


@pytest.mark.parametrize(
    "bad",
    [
        [0.0, 1.0],
        None,
        np.zeros(3, np.float32),
        np.zeros(3, np.int64),
        np.zeros(3, np.complex64),
        np.zeros(3, ">f8"),
        np.zeros((3, 1)),
        np.array(1.0),
        np.zeros(6)[::2],
        np.ma.zeros(3),
        np.frombuffer(bytes(24)),
        np.frombuffer(bytearray(25), np.uint8)[1:].view(F8),
    ],
    ids=lambda bad: f"{type(bad).__name__}-{getattr(bad, 'dtype', '')}-{getattr(bad, 'shape', '')}",
)
def test_arrays_that_are_not_as_specified_are_refused(functions, bad):
    with pytest.raises(TypeError) as caught:
        functions["add"](bad, 1.0)
    assert str(caught.value) == "add(): argument 1 has to be a C-contiguous, writeable float64 array of 1 dimension"


@pytest.mark.parametrize("args", [(), (np.zeros(3),), (np.zeros(3), 1.0, 2.0)])
def test_the_number_of_arguments_is_checked(functions, args):
    with pytest.raises(TypeError, match=r"add\(\) takes 2 arguments"):
        functions["add"](*args)


@pytest.mark.parametrize("bad", ["1", None, 1j, np.zeros(2), object()])
def test_scalars_that_are_none_are_refused(functions, bad):
    with pytest.raises(TypeError):
        functions["add"](np.zeros(3), bad)


def test_an_integer_that_does_not_fit_is_refused():
    text = "def f(n, out):\n    out[0] = n\n    return 0\n"
    function = compile_module(text, {"f": (scalar(np.int64), array(np.int64, 1))})["f"]
    out = np.zeros(1, np.int64)
    assert function(-1, out) == 0  # which is also how C functions say that there was an exception
    assert out[0] == -1
    with pytest.raises(OverflowError):
        function(2**63, out)


def test_an_unpickled_array_is_an_array(functions):
    x = pickle.loads(pickle.dumps(np.zeros(3)))
    assert functions["add"](x, 1.0) == 3


def test_references_are_neither_lost_nor_kept(functions):
    x, y = np.zeros(3), 12345.678
    before = sys.getrefcount(x), sys.getrefcount(y)
    for _ in range(1000):
        functions["add"](x, y)
        with pytest.raises(TypeError):
            functions["add"](y, x)
    assert (sys.getrefcount(x), sys.getrefcount(y)) == before


# ---- functions and their code ----


def test_equal_names_in_different_modules(cache, run_python):
    """Both from the store, in one process: neither calls the other's helper."""
    text = "def helper(x):\n    return x * {n}.0\ndef f(x, y):\n    y[0] = helper(x)\n    return {n}\n"
    code = program(
        f"text = {text!r}",
        "entries = {'f': (scalar(F8), array(F8, 1))}",
        "y = np.zeros(1)",
        "for n in (2, 3):",
        "    assert compile_module(text.format(n=n), entries)['f'](5.0, y) == n and y[0] == 5 * n",
        "two, three = (compile_module(text.format(n=n), entries)['f'] for n in (2, 3))",
        "assert two(1.0, y) == 2 and y[0] == 2",
        "assert three(1.0, y) == 3 and y[0] == 3",
        "print(store.stats.hits)",
    )
    assert run_python(code).stdout.split() == ["2"]
    assert run_python(code).stdout.split() == ["4"]


def test_code_is_unloaded_with_its_last_function():
    code = inspect_module(SHAPES, SHAPES_ENTRIES)
    x = np.zeros(2)
    for _ in range(8):
        functions = link(code)
        add = functions["add"]
        del functions
        gc.collect()
        add(x, 1.0)
        del add
    assert x.tolist() == [8.0, 8.0]


SPIN = """
def spin(n, out):
    for i in range(n):
        out[0] = out[0] * 0.999 + out[1] * 1e-3
        out[1] = out[1] * 0.999 + out[0] * 1e-3
    return 0
"""


def test_other_threads_run_meanwhile():
    spin = compile_module(SPIN, {"spin": (scalar(np.int64), array(F8, 1))})["spin"]
    inside, order = threading.Event(), []

    def work():
        inside.set()
        spin(100_000_000, np.ones(2))
        order.append("compiled")

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait()
    time.sleep(0.02)
    order.append("python")
    thread.join()
    assert order == ["python", "compiled"]


def test_a_function_dropped_while_it_runs():
    text = SPIN.replace("0.999", "0.998")
    function = compile_module(text, {"spin": (scalar(np.int64), array(F8, 1))})
    out = np.ones(2)
    thread = threading.Thread(target=function.pop("spin"), args=(20_000_000, out))
    thread.start()
    gc.collect()
    thread.join()
    assert np.isfinite(out).all()


def test_code_that_allocates_is_stored_too(cache, run_python):
    """It needs Numba's memory manager, so that Numba is imported, but nothing is compiled."""
    text = (
        "import numpy as np\n"
        "def flip(x, y):\n"
        "    copy = np.empty(x.shape[0], np.float64)\n"
        "    for i in range(x.shape[0]):\n        copy[i] = x[i]\n"
        "    for i in range(x.shape[0]):\n        y[i] = copy[x.shape[0] - 1 - i]\n"
        "    return 0\n"
    )
    code = program(
        f"flip = compile_module({text!r}, {{'flip': (array(F8, 1), array(F8, 1))}})['flip']",
        "x, y = np.arange(4.0), np.zeros(4)",
        "flip(x, y)",
        "print(store.stats.hits, *y)",
    )
    assert run_python(code).stdout.split() == ["0", "3.0", "2.0", "1.0", "0.0"]
    assert run_python(code).stdout.split() == ["1", "3.0", "2.0", "1.0", "0.0"]


def test_what_is_wrong_inside_is_an_exception_and_not_a_crash():
    text = "def f(x, y):\n    x[0:2] = y[0:3]\n    return 0\n"
    function = compile_module(text, {"f": (array(F8, 1), array(F8, 1))})["f"]
    with pytest.raises(RuntimeError, match=r"f\(\) raised an exception inside"):
        function(np.zeros(5), np.zeros(5))


def test_ieee_arithmetic_is_kept():
    lines = ("y[0] = x[0] / x[1]", "y[1] = x[1] / x[1]", "y[2] = (x[2] + x[3]) - x[3]", "return 0")
    text = "def f(x, y):\n    " + "\n    ".join(lines)
    function = compile_module(text, {"f": (array(F8, 1), array(F8, 1))})["f"]
    y = np.empty(3)
    function(np.array([1.0, 0.0, 1.0, 1e17]), y)
    assert y[0] == np.inf
    assert np.isnan(y[1])
    assert y[2] == 0.0
