"""Text to functions: what they compute, what they refuse, and that a second process compiles nothing."""

import inspect
import linecache
import logging
import pickle
import subprocess
import threading
import traceback

import numba
import numpy as np
import pytest

from staticbp.errors import GeneratedCodeError
from staticbp.runtime import load, store, symbols
from staticbp.runtime.compiler import jit
from staticbp.runtime.load import Spec, compile_module, inspect_module, njit_module, pseudo_filename
from staticbp.runtime.objectcode import LinkError, ObjectCode, link
from tests.runtime.modules import (
    ENTRIES,
    F8,
    GRADIENT,
    SHAPES,
    SHAPES_ENTRIES,
    USE_GRADIENT,
    array,
    expected_gradient,
    gradient_of,
    program,
    scalar,
)


def test_compiled_and_uncompiled_agree_with_numpy(cache, monkeypatch):
    compiled = gradient_of(compile_module(GRADIENT, ENTRIES)["loss_grad"])
    monkeypatch.setattr(load, "JIT", False)
    plain = compile_module(GRADIENT, ENTRIES)["loss_grad"]
    assert inspect.isfunction(inspect.unwrap(plain))
    np.testing.assert_allclose(compiled, expected_gradient(), rtol=1e-13)
    np.testing.assert_allclose(gradient_of(plain), compiled, rtol=1e-12)
    assert store.stats.misses == 1  # the uncompiled function has nothing to do with the store


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
    assert run_python(code).stdout.split() == ["2", "False", "False"]  # the module, and the kernel that it calls


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
    assert run_python(code).stdout.split() == ["2", "False"]  # the module, and the sort


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
