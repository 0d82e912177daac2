"""Text to functions: what they compute, what they refuse, and that a second process compiles nothing."""

import gc
import inspect
import linecache
import logging
import pickle
import subprocess
import sys
import threading
import time
import traceback

import numba
import numpy as np
import pytest

from staticbp.errors import GeneratedCodeError
from staticbp.runtime import jit, load, store, symbols
from staticbp.runtime.load import Spec, compile_module, inspect_module, njit_module, pseudo_filename
from staticbp.runtime.objectcode import LinkError, ObjectCode, link

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


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty store of the test's own."""
    monkeypatch.setenv("STATICBP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("STATICBP_CACHE_SIZE", raising=False)
    for counter in ("hits", "misses", "saves", "rejected"):
        monkeypatch.setattr(store.stats, counter, 0)
    return tmp_path / "cache"


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


def test_compiled_and_uncompiled_agree_with_numpy(cache, monkeypatch):
    compiled = gradient_of(compile_module(GRADIENT, ENTRIES)["loss_grad"])
    monkeypatch.setattr(load, "JIT", False)
    plain = compile_module(GRADIENT, ENTRIES)["loss_grad"]
    assert inspect.isfunction(inspect.unwrap(plain))
    np.testing.assert_allclose(compiled, expected_gradient(), rtol=1e-13)
    np.testing.assert_allclose(gradient_of(plain), compiled, rtol=1e-12)
    assert store.stats.misses == 1  # the uncompiled function has nothing to do with the store


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


def test_a_second_process_compiles_nothing(cache, run_python):
    first = run_python(program(*USE_GRADIENT))
    assert first.stdout.split() == ["0", "1", "1", "0", "True"]
    second = run_python(program('sys.modules["numba.core"] = None  # importing Numba fails', *USE_GRADIENT))
    assert second.stdout.split()[:4] == ["1", "0", "0", "0"]


PRODUCT = """
import numpy as np
from staticbp.runtime import blas


def product(A, B, C):
    blas.gemm(A, B, C, False, True, np.float64(1.0), np.float64(0.0))
    return 0
"""


def test_a_second_process_reaches_blas_without_scipy_linalg(cache, run_python):
    """Importing that package takes longer than all the rest."""
    code = program(
        "matrix = array(F8, 2)",
        f"product = compile_module({PRODUCT!r}, {{'product': (matrix, matrix, matrix)}})['product']",
        "A, B, C = np.eye(20), np.arange(600.0).reshape(30, 20), np.empty((20, 30))",
        "assert product(A, B, C) == 0",
        "np.testing.assert_array_equal(C, B.T)",
        "print(store.stats.hits, 'scipy.linalg' in sys.modules, 'numba' in sys.modules)",
        "import scipy.linalg.cython_blas",
        "from staticbp.runtime import symbols",
        "assert scipy.linalg.cython_blas.__pyx_capi__['dgemm'] is symbols.blas_routines()['dgemm']",
    )
    assert run_python(code).stdout.split()[0] == "0"
    assert run_python(code).stdout.split() == ["1", "False", "False"]


def test_recursive_kernels_are_stored(cache, run_python):
    text = "from staticbp.runtime import kernels\ndef f(x, out):\n    kernels.sort(x, out)\n    return 0\n"
    code = program(
        f"f = compile_module({text!r}, {{'f': (array(F8, 2), array(F8, 2))}})['f']",
        "x = np.random.default_rng(0).normal(size=(3, 2000))",
        "out = np.empty_like(x)",
        "f(x, out)",
        "np.testing.assert_array_equal(out, np.sort(x))",
        "print(store.stats.hits, 'numba' in sys.modules)",
    )
    assert run_python(code).stdout.split() == ["0", "True"]
    assert run_python(code).stdout.split() == ["1", "False"]


def test_recursion_within_the_module():
    text = "def power(x, n):\n    if n == 0:\n        return 1.0\n    return x * power(x, n - 1)\n"
    text += "def f(x, n, out):\n    out[0] = power(x, n)\n    return 0\n"
    out = np.empty(1)
    compile_module(text, {"f": (scalar(F8), scalar(np.int64), array(F8, 1))})["f"](2.0, 10, out)
    assert out[0] == 1024.0


def test_comments_and_docstrings_recompile_nothing(cache):
    compile_module(GRADIENT, ENTRIES)
    edited = GRADIENT.replace("net.py:12", "elsewhere.py:99").replace("# f64[4]", "# another comment")
    edited = edited.replace("\n\n\ndef loss_grad", "\n\n\n\n\n# moved down\ndef loss_grad")
    assert edited != GRADIENT
    assert pseudo_filename(edited, "loss_grad") != pseudo_filename(GRADIENT, "loss_grad")
    result = gradient_of(compile_module(edited, ENTRIES)["loss_grad"])
    assert (store.stats.hits, store.stats.misses) == (1, 1)
    np.testing.assert_allclose(result, expected_gradient(), rtol=1e-13)


def test_edited_code_recompiles(cache):
    compile_module(GRADIENT, ENTRIES)
    edited = GRADIENT.replace("np.float64(2.0)", "np.float64(4.0)")
    result = gradient_of(compile_module(edited, ENTRIES)["loss_grad"])
    assert (store.stats.hits, store.stats.misses) == (0, 2)
    np.testing.assert_allclose(result, 2 * expected_gradient(), rtol=1e-13)


@pytest.mark.parametrize("damage", ["flip", "header", "cut", "empty", "foreign"])
def test_damaged_files_cost_a_compilation(cache, damage):
    compile_module(GRADIENT, ENTRIES)
    (file,) = cache.glob("*.code")
    content = bytearray(file.read_bytes())
    match damage:
        case "flip":
            content[len(content) // 2] ^= 0x40
        case "header":
            content[3] ^= 1
        case "cut":
            del content[-7:]
        case "empty":
            content.clear()
        case "foreign":
            content[:] = pickle.dumps(["not", "ours"])
    file.write_bytes(content)
    result = gradient_of(compile_module(GRADIENT, ENTRIES)["loss_grad"])
    np.testing.assert_allclose(result, expected_gradient(), rtol=1e-13)
    assert (store.stats.hits, store.stats.misses, store.stats.rejected, store.stats.saves) == (0, 2, 1, 2)
    compile_module(GRADIENT, ENTRIES)
    assert store.stats.hits == 1


def test_a_well_signed_file_of_nonsense_costs_a_compilation(cache):
    compile_module(GRADIENT, ENTRIES)
    (file,) = cache.glob("*.code")
    for nonsense in (b"", b"\0" * 12, b"\x05\0\0\0" + b"\0" * 8 + b"[1,2]", b"\xff" * 40):
        assert store.Store(cache).save(file.stem, nonsense)
        result = gradient_of(compile_module(GRADIENT, ENTRIES)["loss_grad"])
        np.testing.assert_allclose(result, expected_gradient(), rtol=1e-13)


def test_without_a_store(cache, monkeypatch):
    monkeypatch.setenv("STATICBP_CACHE_SIZE", "0")
    gradient_of(compile_module(GRADIENT, ENTRIES)["loss_grad"])
    assert not cache.exists()


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


# ---- what people see ----


def test_the_text_is_known_to_tracebacks_and_inspect(monkeypatch):
    text = "def f(x):\n    # the user's line\n    x[7] = 1.0\n    return 0\n"
    entries = {"f": (array(F8, 1),)}
    compile_module(text, entries)
    assert linecache.getline(pseudo_filename(text, "f"), 3) == "    x[7] = 1.0\n"
    monkeypatch.setattr(load, "JIT", False)
    function = compile_module(text, entries)["f"]
    assert inspect.getsource(inspect.unwrap(function)) == text
    linecache.checkcache()  # as every traceback does
    with pytest.raises(IndexError) as caught:
        function(np.zeros(3))
    shown = "".join(traceback.format_exception(caught.value))
    assert f'File "{pseudo_filename(text, "f")}", line 3, in f\n    x[7] = 1.0\n' in shown


def test_uncompiled_code_is_as_quiet_as_compiled_code(monkeypatch):
    monkeypatch.setattr(load, "JIT", False)
    text = "def f(x):\n    x[0] = x[0] / x[1]\n    return 0\n"
    x = np.array([1.0, 0.0])
    assert compile_module(text, {"f": (array(F8, 1),)})["f"](x) == 0
    assert x[0] == np.inf


def test_jit_0_imports_no_numba(run_python):
    out = run_python(program(*USE_GRADIENT[:2], "print(load.JIT)"), {"STATICBP_JIT": "0"})
    assert out.stdout.split() == ["False"]


def test_llvm_and_assembly_can_be_looked_at(cache):
    compile_module(GRADIENT, ENTRIES)
    code = inspect_module(GRADIENT, ENTRIES)
    assert store.stats.hits == 1
    assert "@body.loss_grad(" in code.llvm_text()
    assert "entry.loss_grad:" in code.assembly_text()


@pytest.mark.parametrize("jit_enabled", [True, False])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def f(x):\n    return open(x)\n", "the name 'open' is not bound here"),
        ("def f(x:\n", "does not parse"),
        ("def g(x):\n    return 0\n", "defines no function 'f'"),
    ],
)
def test_text_outside_the_grammar_is_refused(monkeypatch, jit_enabled, text, message):
    monkeypatch.setattr(load, "JIT", jit_enabled)
    with pytest.raises(GeneratedCodeError, match=message) as caught:
        compile_module(text, {"f": (array(F8, 1),)})
    assert "<staticbp f " in str(caught.value)


def test_numbas_refusal_is_one_error_without_its_traceback():
    text = "def f(x):\n    x[0] = x.shape\n    return 0\n"
    with pytest.raises(GeneratedCodeError, match=r"Numba does not compile f\(\)") as caught:
        compile_module(text, {"f": (array(F8, 1),)})
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert not any("numba" in frame.filename for frame in frames)
    assert caught.value.__suppress_context__


def test_numba_disable_jit_is_answered_with_advice(run_python):
    code = program("try:", "    compile_module(GRADIENT, ENTRIES)", "except RuntimeError as e:", "    print(e)")
    out = run_python(code, {"NUMBA_DISABLE_JIT": "1", "STATICBP_CACHE_SIZE": "0"})
    assert "STATICBP_JIT=0" in out.stdout


def test_functions_for_code_that_numba_compiles():
    add = njit_module(SHAPES, {"add": SHAPES_ENTRIES["add"]})["add"]

    @numba.njit
    def twice(x, y):
        return add(x, y) + add(x, y)

    x = np.zeros(3)
    assert twice(x, 1.5) == 6
    assert x.tolist() == [3.0] * 3


def test_many_threads_at_once(cache):
    """Compiling, storing, loading and linking, of equal and of different modules."""
    text = "def f(x, y):\n    y[0] = x * {n}.0\n    return {n}\n"
    results = []

    def work(n):
        function = compile_module(text.format(n=n), {"f": (scalar(F8), array(F8, 1))})["f"]
        y = np.zeros(1)
        results.append((n, function(2.0, y), y[0]))

    threads = [threading.Thread(target=work, args=(n,)) for n in (1, 2, 1, 2, 1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [(1, 1, 2.0)] * 3 + [(2, 2, 4.0)] * 3


# ---- when Numba's inside changes ----


def test_an_unknown_numba_compiles_in_memory(cache, monkeypatch):
    monkeypatch.setattr(jit, "unavailable", "Numba 9.9 has no compile_extra where expected")
    result = gradient_of(compile_module(GRADIENT, ENTRIES)["loss_grad"])
    np.testing.assert_allclose(result, expected_gradient(), rtol=1e-13)
    assert store.stats.saves == 0
    with pytest.raises(GeneratedCodeError, match=r"Numba 9\.9"):
        inspect_module(GRADIENT, ENTRIES)


def test_a_numba_that_raises_inside_compiles_in_memory(cache, monkeypatch, caplog):
    def broken(*args, **kwargs):
        raise AttributeError("no such thing in this release")

    monkeypatch.setattr(jit, "write_entry", broken)
    with caplog.at_level(logging.WARNING, "staticbp.load"):
        result = gradient_of(compile_module(GRADIENT, ENTRIES)["loss_grad"])
    np.testing.assert_allclose(result, expected_gradient(), rtol=1e-13)
    assert store.stats.saves == 0
    assert "in memory only" in caplog.text


def test_code_that_cannot_be_linked_is_refused_by_name():
    code = inspect_module(SHAPES, SHAPES_ENTRIES)
    lost = ObjectCode(code.entries, (*code.imports, "no_such_symbol"), code.image, code.packed_bitcode)
    with pytest.raises(LinkError, match="no_such_symbol"):
        link(lost)
    with pytest.raises(LinkError):
        link(ObjectCode({"f": "entry.missing"}, code.imports, code.image, code.packed_bitcode))
    with pytest.raises(LinkError):
        link(ObjectCode(code.entries, code.imports, b"no object file", code.packed_bitcode))


def test_symbols():
    assert symbols.address("PyFloat_AsDouble") == symbols.address("PyFloat_AsDouble") != 0
    assert symbols.address("Py_no_such_function") is None
    assert symbols.address("staticbp_no_such_routine") is None
    assert symbols.address("memcpy")
    assert symbols.address(symbols.NDARRAY_TYPE) == id(np.ndarray)


def test_specs_are_checked():
    with pytest.raises(ValueError, match="no arguments of dtype"):
        array("O", 1)
    with pytest.raises(ValueError, match="no arguments of dtype"):
        array(">f8", 1)
    with pytest.raises(ValueError, match="no dimensions"):
        Spec(F8, 1, array=False)
    assert array("f4", 1, True) == Spec(np.dtype(np.float32), 1, True, True)


def test_pdb_stops_inside_uncompiled_code(run_python):
    code = program(
        "import io, pdb",
        "function = compile_module(GRADIENT, ENTRIES)['loss_grad']",
        "commands = io.StringIO('next\\nstep\\nstep\\nnext\\nquit\\n')",
        "debugger = pdb.Pdb(stdin=commands, stdout=sys.stdout)",
        "debugger.use_rawinput = False",
        "try:",
        "    debugger.runcall(function, *arguments())",
        "except Exception as e:",
        "    print(type(e).__name__)",
    )
    out: subprocess.CompletedProcess[str] = run_python(code, {"STATICBP_JIT": "0"})
    assert "h = work[0:32].view(np.float64)" in out.stdout
