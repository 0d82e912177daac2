"""Kernels that have a file of their own: modules share them, and do without a file that is missing or damaged."""

import contextlib
import subprocess
import sys

import numpy as np
import pytest

from staticbp.commands.main import main
from staticbp.runtime import kernelcode, store
from staticbp.runtime.compiler import jit
from staticbp.runtime.load import Spec, compile_module, inspect_module, written_module
from staticbp.runtime.objectcode import ObjectCode
from tests.runtime.modules import F8, array, program

TEXT = """
import numpy as np

from staticbp.runtime import blas


def product(A, B, C):
    blas.gemm(A, B, C{scale})
    return 0
"""
PLAIN, TWICE = TEXT.format(scale=""), TEXT.format(scale=", False, False, np.float64(2.0), np.float64(0.0)")
ENTRIES = {"product": (array(F8, 2),) * 3}

SORT = """
from staticbp.runtime import kernels


def ordered(x, out):
    kernels.{name}(x, out)
    return 0
"""

A = np.random.default_rng(5).normal(size=(41, 23))


@pytest.fixture
def fresh(cache, monkeypatch):
    """An empty store, and a process that has loaded no kernel yet."""
    monkeypatch.setattr(kernelcode, "_LOADED", {})
    return cache


def forget(monkeypatch):
    monkeypatch.setattr(kernelcode, "_LOADED", {})


def product(text=PLAIN):
    C = np.full((41, 41), np.nan)
    assert compile_module(text, ENTRIES)["product"](A, np.ascontiguousarray(A.T), C) == 0
    return C


def names(directory):
    """What is stored: the names of the functions in each file."""
    shelf = store.Store(directory)
    return sorted(name for file in shelf.files() for name in ObjectCode.from_bytes(shelf.load(file.key)).entries)


def kernel_file(directory):
    (symbol,) = kernelcode._LOADED
    return directory / f"{kernelcode.key(symbol)}.code"


def test_two_modules_have_one_kernel(fresh):
    np.testing.assert_allclose(product(PLAIN), A @ A.T, rtol=1e-13)
    np.testing.assert_allclose(product(TWICE), 2 * (A @ A.T), rtol=1e-13)
    first, second, kernel = names(fresh)
    assert first == second == "product"
    assert kernel.startswith("tiled_")


def test_a_tiny_product_of_known_size_calls_no_kernel(fresh):
    entries = {"product": (Spec(F8, 2, array=True, shape=(2, 2)),) * 3}
    C = np.empty((2, 2))
    assert compile_module(PLAIN, entries)["product"](A[:2, :2].copy(), np.eye(2), C) == 0
    np.testing.assert_array_equal(C, A[:2, :2])
    assert names(fresh) == ["product"]


def test_the_bits_do_not_depend_on_where_a_kernel_lies(fresh, monkeypatch):
    apart = product()
    monkeypatch.setattr(jit, "_kernels_apart", lambda: contextlib.nullcontext({}))
    monkeypatch.setenv("STATICBP_CACHE_SIZE", "0")
    np.testing.assert_array_equal(product(), apart)


@pytest.mark.parametrize("damage", ["missing", "cut", "another"])
def test_without_its_kernel_a_module_is_compiled_again(fresh, monkeypatch, damage):
    expected = product()
    file = kernel_file(fresh)
    match damage:
        case "missing":
            file.unlink()
        case "cut":
            file.write_bytes(file.read_bytes()[:-1])
        case "another":  # whole, and not what its name says
            other = ObjectCode({"other": "other"}, (), b"no object file", b"")
            store.Store(fresh).save(file.stem, other.to_bytes())
    forget(monkeypatch)
    np.testing.assert_array_equal(product(), expected)
    assert len(names(fresh)) == 2
    forget(monkeypatch)
    misses = store.stats.misses
    np.testing.assert_array_equal(product(), expected)
    assert store.stats.misses == misses


def test_a_cache_that_is_cleared_meanwhile_gets_its_kernel_again(fresh, monkeypatch, capsys):
    product(PLAIN)
    assert main(["cache", "clear"]) == 0
    product(TWICE)  # the kernel is in the process
    assert len(names(fresh)) == 2
    assert main(["cache", "list"]) == 0
    assert "tiled_" in capsys.readouterr().out
    forget(monkeypatch)
    saves = store.stats.saves
    product(TWICE)
    assert store.stats.saves == saves


def test_without_a_store_kernels_are_compiled_once_for_a_process(fresh, monkeypatch):
    monkeypatch.setenv("STATICBP_CACHE_SIZE", "0")
    compiled = []
    compile_kernel = jit._compiled_kernel
    monkeypatch.setattr(jit, "_compiled_kernel", lambda *args: compiled.append(args[0]) or compile_kernel(*args))
    np.testing.assert_array_equal(2 * product(PLAIN), product(TWICE))
    assert len(compiled) == 1
    assert not fresh.exists()


@pytest.mark.parametrize(("name", "out"), [("sort", np.float32), ("argsort", np.int64), ("cumsum", np.float32)])
def test_kernels_that_are_texts_are_shared(fresh, name, out):
    x = np.random.default_rng(6).normal(size=(3, 50)).astype(np.float32)
    found = np.empty(x.shape, out)
    ordered = compile_module(SORT.format(name=name), {"ordered": (array(np.float32, 2), array(out, 2))})["ordered"]
    assert ordered(x, found) == 0
    np.testing.assert_allclose(found, getattr(np, name)(x, axis=-1), rtol=1e-5)
    assert names(fresh) == [f"kernel_{name}_rows.float32_2d.{np.dtype(out)}_2d", "ordered"]


def test_what_is_written_for_others_holds_its_kernels():
    made = written_module(PLAIN, ENTRIES)["product"]
    assert kernelcode.PREFIX not in str(jit.linked(made.library))


def test_a_product_of_known_size_is_written_one_way():
    shapes = [(41, 23), (23, 41), (41, 41)]
    entries = {"product": tuple(Spec(F8, 2, array=True, shape=shape) for shape in shapes)}
    text = str(jit.linked(written_module(PLAIN, entries)["product"].library))
    assert "staticbp_tiled_" in text
    assert "staticbp_dgemm" not in text
    assert "staticbp_dgemm" in str(jit.linked(written_module(PLAIN, ENTRIES)["product"].library))


def test_what_is_shown_of_a_module_is_the_module():
    text = inspect_module(PLAIN, ENTRIES).llvm_text()
    assert f"call void @{kernelcode.PREFIX}tiled_" in text
    assert f"define void @{kernelcode.PREFIX}" not in text


def test_processes_that_begin_together(cache):
    """Each finds what another has stored, or compiles it, and all have the same."""
    code = program(
        f"product = compile_module({PLAIN!r}, {{'product': (array(F8, 2),) * 3}})['product']",
        "A, C = np.arange(600.0).reshape(30, 20), np.empty((30, 30))",
        "assert product(A, np.ascontiguousarray(A.T), C) == 0",
        "np.testing.assert_array_equal(C, A @ A.T)",
    )
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    assert len(names(cache)) == 2
