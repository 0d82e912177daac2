"""Several vectors at once, where a step of a loop is a long chain, and where a loop is short."""

import ast

import numpy as np
import pytest

from staticbp.runtime.compiler.interleave import arrays_along, vectors_at_once, vectors_of_a_row
from staticbp.runtime.load import JIT, Spec, compile_module, inspect_module


def at_once(text, steps=1000):
    return vectors_at_once(ast.parse(text).body, steps)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("y[i] = vm.exp(x[i])", 4),
        ("y[i] = vm.tanh(x[i]) * vm.exp(x[i])", 4),
        ("y[i] = vm.log(vm.exp(x[i]) + vm.tanh(x[i]))", 2),
        ("y[i] = vm.exp(vm.exp(vm.exp(vm.exp(vm.exp(x[i])))))", 1),
        ("y[i] = vm.radd(y[i], vm.sqrt(x[i]))", 1),
        ("for j in range(9):\n    y[j] = vm.exp(x[j])", 1),
    ],
)
def test_it_depends_on_the_chains_in_a_step(text, count):
    assert at_once(text) == count


def test_short_loops_stay_as_they_are():
    assert at_once("y[i] = vm.exp(x[i])", 47) == 1


def module(count):
    lines = [
        "from staticbp.runtime import vecmath as vm",
        "def f(x, y):",
        f"    for i in range({count}):",
        "        y[i] = vm.tanh(x[i]) * vm.exp(x[i])",
        "    return 0",
    ]
    return "\n".join(lines)


@pytest.mark.parametrize("count", [48, 77, 131])
def test_every_element_is_computed_once(count):
    x = np.random.default_rng(0).normal(size=count + 1)
    y = np.full(count + 1, 7.0)
    entries = {"f": [Spec(np.float64, 1, array=True)] * 2}
    assert compile_module(module(count), entries)["f"](x, y) == 0
    np.testing.assert_allclose(y[:-1], np.tanh(x[:-1]) * np.exp(x[:-1]), rtol=1e-14)
    assert y[-1] == 7.0


@pytest.mark.skipif(not JIT, reason="there is no machine code")
def test_the_loop_is_of_so_many_vectors():
    entries = {"f": [Spec(np.float64, 1, array=True)] * 2}
    text = inspect_module(module(640), entries).llvm_text()
    main = text[text.index("vector.body:") :]
    main = main[: main.index("\n\n")]
    assert main.count(" fdiv ") == 4


@pytest.mark.parametrize(
    ("text", "arrays"),
    [
        ("y[i, j] = x[i, j] if x[i, j] > 0.0 else w[i]", {"x", "y"}),
        ("b[j] = vm.radd(b[j], x[i, j])", {"b", "x"}),
        ("total = vm.radd(total, x[i, j])", {"x"}),
        ("d = x[j] * t\ny[j] = d", {"x", "y"}),
        ("y[j] -= rate * x[j]", {"x", "y"}),
        ("y[i, j] = x[j, i]", set()),  # down a column
        ("y[j] = x[j + 1]", set()),
        ("y[2 * j] = x[j]", set()),
        ("y[j] = x[rows[j]]", set()),
        ("y[i] = x[j]", set()),  # into one element
        ("y[()] = x[j]", set()),
        ("y[j] = x[j] * j", set()),
        ("last = last * x[j]\ny[j] = last", set()),  # each step waits for the one before
        ("y[j] = last\nlast = x[j]", set()),
        ("total += x[j]", set()),
        ("if x[j] > 0.0:\n    y[j] = x[j]", set()),
    ],
)
def test_loops_along_rows(text, arrays):
    assert arrays_along(ast.parse(text).body, "j") == arrays


@pytest.mark.parametrize(
    ("steps", "lanes", "count"), [(16, 4, 4), (16, 8, 2), (24, 4, 2), (8, 8, 0), (17, 4, 0), (48, 4, 0)]
)
def test_whole_rows_at_once(steps, lanes, count):
    assert vectors_of_a_row(steps, lanes) == count


ROWS = """
from staticbp.runtime import vecmath as vm
def f(x, b, y, s):
    for j in range(16):
        s[j] = 0.0
    for i in range(50):
        for j in range(16):
            d = x[i, j] if b[j] + x[i, j] > 0.0 else 0.0
            y[i, j] = d
            s[j] = vm.radd(s[j], d)
    return 0
"""


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_short_rows_mean_what_they_say(dtype):
    rng = np.random.default_rng(1)
    x, b = rng.normal(size=(50, 16)).astype(dtype), rng.normal(size=16).astype(dtype)
    y, s = np.full_like(x, np.nan), np.full_like(b, np.nan)
    entries = {"f": [Spec(dtype, ndim, array=True) for ndim in (2, 1, 2, 1)]}
    assert compile_module(ROWS, entries)["f"](x, b, y, s) == 0
    wanted = np.where(b + x > 0, x, 0)
    assert np.array_equal(y, wanted)
    np.testing.assert_allclose(s, wanted.sum(axis=0), rtol=1e-5 if dtype == np.float32 else 1e-13)


@pytest.mark.skipif(not JIT, reason="there is no machine code")
def test_short_rows_are_vectors_and_no_loop():
    shapes = [(50, 16), (16,), (50, 16), (16,)]
    entries = {"f": [Spec(np.float64, len(shape), array=True, shape=shape) for shape in shapes]}
    text = inspect_module(ROWS, entries).llvm_text()
    body = text[text.index("define") :]
    assert "fcmp ogt <" in body
    assert "fcmp ogt double" not in body
