"""Copies across rows are taken in strips, and nothing else is."""

import ast
import itertools

import numpy as np
import pytest

import staticbp as bp
from staticbp.runtime.compiler.strips import in_strips


def stripped(*lines: str, arguments: str = "x, y") -> str:
    text = "\n".join(f"    {line}" for line in lines)
    (function,) = ast.parse(f"def f({arguments}):\n{text}").body
    assert isinstance(function, ast.FunctionDef)
    return ast.unparse(in_strips(function))


def run(text: str, *arrays: np.ndarray) -> None:
    namespace: dict[str, object] = {}
    exec(text, namespace)
    namespace["f"](*arrays)  # type: ignore[operator]


@pytest.mark.parametrize(("n", "m"), list(itertools.product((8, 9, 23, 64), (8, 17))))
def test_every_element_is_copied_once(n, m):
    text = stripped(f"for i in range({n}):", f"    for j in range({m}):", "        y[i, j] = 2.0 * x[j, i]")
    assert "__i" in text
    x, y = np.random.default_rng(n).normal(size=(m, n)), np.full((n, m), np.nan)
    run(text, x, y)
    np.testing.assert_array_equal(y, 2 * x.T)


def test_strips_are_made_of_the_loop_that_reads_along_rows():
    text = stripped(
        "for i in range(24):",
        "    for j in range(3):",
        "        for k in range(10):",
        "            y[i, j, k] = x[j, k, i]",
    )
    x, y = np.random.default_rng(0).normal(size=(3, 10, 24)), np.empty((24, 3, 10))
    run(text, x, y)
    np.testing.assert_array_equal(y, x.transpose(2, 0, 1))
    assert text.index("for j") < text.index("for k") < text.index("for i in range(8 * __i")


def test_sizes_that_are_symbols_are_divided_when_the_code_runs():
    text = stripped("n = x.shape[1]", "for i in range(n):", "    for j in range(9):", "        y[i, j] = x[j, i]")
    for n in (0, 3, 8, 21):
        x, y = np.random.default_rng(n).normal(size=(9, n)), np.empty((n, 9))
        run(text, x, y)
        np.testing.assert_array_equal(y, x.T)


LOOPS = "for i in range(16):", "    for j in range(16):"


@pytest.mark.parametrize(
    "lines",
    [
        (*LOOPS, "        y[i, j] = x[i, j]"),  # nothing across
        (*LOOPS, "        y[j] = x[j, i]"),  # all i write to one place
        (*LOOPS, "        y[i, j] = y[j, i]"),  # what is read is written by another step
        ("v = y.reshape((16, 16))", *LOOPS, "        y[i, j] = v[j, i]"),  # and so it is through a view
        (*LOOPS, "        y[i, j] = vm.tanh(x[j, i])"),  # better computed by vectors
        (*LOOPS, "        s = x[j, i]", "        y[i, j] = s"),
        ("for i in range(16):", "    y[i, 0] = 0.0", "    for j in range(16):", "        y[i, j] = x[j, i]"),
        ("for i in range(4):", "    for j in range(16):", "        y[i, j] = x[j, i]"),  # too short
        ("for i in range(16):", "    for j in threads.range(16, 1):", "        y[i, j] = x[j, i]"),
    ],
)
def test_what_stays_as_it_is(lines):
    text = "\n".join(["def f(x, y):", *(f"    {line}" for line in lines)])
    assert stripped(*lines) == text


def test_compiled_transposes():
    @bp.compile
    def turned(x):
        return np.transpose(x, (1, 2, 0)) * 1.0, x.transpose(2, 1, 0) * 3.0

    x = np.random.default_rng(0).normal(size=(19, 21, 33))
    first, second = turned(x)
    np.testing.assert_array_equal(first, x.transpose(1, 2, 0))
    np.testing.assert_array_equal(second, 3 * x.transpose(2, 1, 0))
