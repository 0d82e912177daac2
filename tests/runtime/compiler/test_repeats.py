"""Loops that differ in names only are one function of the machine code, where what they touch is known to lie apart."""

import numpy as np
import pytest

from staticbp.runtime import load
from staticbp.runtime.compiler import jit
from staticbp.runtime.load import Spec, compile_module, inspect_module, written_module
from tests.runtime.modules import F8, array

HEAD = """
import numpy as np

from staticbp.runtime import blas, threads
from staticbp.runtime import vecmath as vm


def f(x, y, work):
    a = work[0:4096].view(np.float64)
    b = work[4096:8192].view(np.float64)
    c = work[2048:6144].view(np.float64)
    d = work[0:4096].view(np.float64)
"""
ENTRIES = {
    "f": (
        Spec(F8, 1, array=True, readonly=True, shape=(512,)),
        Spec(F8, 1, array=True, shape=(512,)),
        Spec(np.uint8, 1, array=True, shape=(8192,)),
    )
}


def text(*loops):
    """A function of loops, each its lines."""
    lines = [line for loop in loops for line in loop.splitlines()]
    return HEAD + "\n".join(f"    {line}" for line in [*lines, "return 0"]) + "\n"


def loop(to, of, count="range(512)", expr="vm.tanh({}[i]) * 1.5"):
    return f"for i in {count}:\n    {to}[i] = {expr.format(of)}"


def functions(source):
    """How many functions there are of loops, and how many calls of them."""
    code = str(jit.linked(written_module(source, ENTRIES)["f"].library))
    return code.count("define internal void @repeated."), code.count("call void @repeated.")


def check(source, monkeypatch):
    """What is compiled gives what the text gives."""
    x = np.random.default_rng(3).normal(size=512)
    found, expected = np.zeros(512), np.zeros(512)
    assert compile_module(source, ENTRIES)["f"](x, found, np.zeros(8192, np.uint8)) == 0
    monkeypatch.setattr(load, "JIT", False)
    assert compile_module(source, ENTRIES)["f"](x, expected, np.zeros(8192, np.uint8)) == 0
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert found.any()


CASES = {
    "a chain": ([loop("a", "x"), loop("b", "a"), loop("y", "b")], (1, 3)),
    "two of a kind": ([loop("a", "x"), loop("y", "a")], (0, 0)),
    "in place, and not": ([loop("a", "x"), loop("d", "a"), loop("a", "d"), loop("y", "a")], (2, 4)),
    "memory that overlaps in part": ([loop("a", "x"), loop("b", "x"), loop("c", "a"), loop("y", "c")], (1, 3)),
    "short loops": ([loop(to, of, "range(200)") for to, of in ("ax", "ba", "yb")], (0, 0)),
    "constants that differ": ([loop("a", "x"), loop("b", "a", expr="vm.tanh({}[i]) * 2.5"), loop("y", "b")], (0, 0)),
    "a function that differs": ([loop("a", "x"), loop("b", "a", expr="vm.exp({}[i]) * 1.5"), loop("y", "b")], (0, 0)),
    "a number that is handed": (
        ["s = x[0] * x[1]", *(loop(to, of, expr="{}[i] * s + 1.0") for to, of in ("ax", "ba", "yb"))],
        (1, 3),
    ),
    "a number that is known": (["s = 4.0", *(loop(to, of, expr="{}[i] * s") for to, of in ("ax", "ba", "yb"))], (1, 3)),
    "numbers of the loop": (
        [f"for i in range(512):\n    t = {of}[i] * 2.0\n    {to}[i] = t * t + t" for to, of in ("ax", "ba", "yb")],
        (1, 3),
    ),
    "a sum that goes on": (
        ["s = 0.0", *(f"for i in range(512):\n    s += {of}[i]" for of in "xxx"), loop("y", "x", expr="{}[i] * s")],
        (0, 0),
    ),
    "shared loops": ([loop(to, of, "threads.range(512, 64)") for to, of in ("ax", "ba", "yb")], (1, 3)),
    "steps that call kernels": (
        [
            loop("a", "x"),
            "for k in range(90):\n"
            "    blas.axpy(0.5, x, a)\n"
            + "\n".join(
                f"    for i in range(512):\n        {to}[i] = vm.tanh({of}[i] + k)" for to, of in ("ba", "ab", "ba")
            ),
            loop("y", "b"),
        ],
        (1, 3),
    ),
    "rows of arrays": (
        ["r = x.reshape((8, 64))"]
        + [
            f"for i in range(8):\n    for j in range(64):\n        {to}[i * 64 + j] = r[i, j] * 2.0"
            for to in ("a", "b", "y")
        ],
        (0, 0),  # whose memory `r` is, nobody has said
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_alike_is_compiled_once(case, monkeypatch):
    loops, expected = CASES[case]
    source = text(*loops)
    assert functions(source) == expected
    check(source, monkeypatch)


def test_sizes_that_are_not_known_are_left_alone():
    entries = {"f": (array(F8, 1), array(F8, 1), Spec(np.uint8, 1, array=True))}
    source = text(*[loop("y", "x")] * 3)
    assert "@repeated." not in str(jit.linked(written_module(source, entries)["f"].library))


def test_lines_of_the_machine_code_are_those_of_the_loops():
    source = text(loop("a", "x"), loop("b", "a"), loop("y", "b"))
    assert "repeated." not in inspect_module(source, ENTRIES, lines=True).llvm_text()
