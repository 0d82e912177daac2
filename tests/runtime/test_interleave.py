"""Several vectors at once, where a step of a loop is a long chain."""

import ast

import numpy as np
import pytest

from staticbp.runtime.interleave import vectors_at_once
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
