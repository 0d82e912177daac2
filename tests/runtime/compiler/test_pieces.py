"""Long stretches of code: functions that are called, which leave each other numbers, and the same numbers."""

import ast
import re

import numpy as np
import pytest

from staticbp.runtime.compiler.pieces import LONG, PIECE, cut
from staticbp.runtime.compiler.translate import translate
from staticbp.runtime.load import compile_module
from staticbp.runtime.spec import Spec

NUMBER = Spec(np.float64, 0, array=False)
VECTOR = Spec(np.float64, 1, array=True)
CONVENTION = {"f": [NUMBER, NUMBER, VECTOR]}


@pytest.fixture(autouse=True)
def _nothing_stored(monkeypatch):
    monkeypatch.setenv("STATICBP_CACHE_SIZE", "0")


def there_and_back(steps, between="", last=None):
    """A function that computes numbers in one order and uses them in the other, as gradients do."""
    forth = [f"    h{i + 1} = h{i} * x + 0.25" for i in range(steps)]
    back = [f"    g{i} = g{i + 1} * x + h{i} * y" for i in reversed(range(steps))]
    lines = ["def f(x, y, out):", "    h0 = x", *forth, f"    g{steps} = 1.0", between, *back]
    return "\n".join(line for line in (*lines, last or "    out[0] = g0", "    return 0") if line)


def llvm_functions(source):
    """The LLVM code of the function, and that of the pieces it is cut into."""
    library, functions = translate(ast.parse(source), "staticbp.generated_pieces", CONVENTION)
    module = library._final_module
    pieces = [str(function) for function in module.functions if ".piece." in function.name]
    return str(module.get_function(functions["f"].llvm_func_name)), pieces


def in_python_and_compiled(source):
    namespace = {}
    exec(source, namespace)
    found = []
    for function in (namespace["f"], compile_module(source, CONVENTION)["f"]):
        out = np.array([0.5, 0.75, 1.0])
        assert function(0.75, 0.5, out) == 0
        found.append(out)
    return found


BETWEEN = {
    "nothing": "",
    "a loop": "    for i in range(out.shape[0]):\n        out[i] = out[i] + h1 * y",
    "a branch": "    if y > 0.25:\n        out[1] = h1 * h2\n    else:\n        out[2] = h3",
    "a number with several values": "    s = h1\n    s += h2\n    out[1] = s * s",
    "an element": "    e = out[1]\n    out[2] = e + h3",
    "a part of an array": "    tail = out[1:3]\n    tail[1] = h3 + tail[0]",
    "truth": "    small = h1 < h2\n    out[1] = h3 if small and y < 1.0 else h4",
    "integers": "    n = out.shape[0]\n    k = n + 1\n    out[2] = h1 * float(k)",
}


@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
def test_what_is_left_for_others_is_what_it_was(between):
    plain, compiled = in_python_and_compiled(there_and_back(PIECE, between, "    out[0] = g0 + h2"))
    np.testing.assert_allclose(compiled, plain, rtol=1e-12)


def test_numbers_of_all_kinds_are_left_for_others():
    kinds = ["w = complex(x, y)", "n = out.shape[0] + 2", "single = np.float32(x)", "less = x < y"]
    kinds += [f"z{i} = y * {i}.0" for i in range(2 * PIECE)]
    lines = [*kinds, f"out[0] = w.imag + z3 + z{2 * PIECE - 1}", "out[1] = n * 1.0 if less else w.real"]
    lines += ["out[2] = np.float64(single) + z7", "return 0"]
    source = "import numpy as np\n\n\ndef f(x, y, out):\n" + "\n".join(f"    {line}" for line in lines)
    plain, compiled = in_python_and_compiled(source)
    np.testing.assert_allclose(compiled, plain, rtol=1e-12)
    assert len(llvm_functions(source)[1]) == 2


def test_a_long_body_of_a_loop_is_in_pieces_in_each_of_its_steps():
    head, *body, last = there_and_back(PIECE, "", "    out[0] = out[0] + g0").splitlines()
    source = "\n".join([head, "    for step in range(3):", *(f"    {line}" for line in body), last])
    source = source.replace("h0 = x\n", "h0 = x + out[0]\n")
    plain, compiled = in_python_and_compiled(source)
    np.testing.assert_allclose(compiled, plain, rtol=1e-12)
    assert llvm_functions(source)[1]


def test_a_long_body_of_a_loop_within_long_code():
    inner = [f"        q{i + 1} = q{i} * 0.5 + h{i} * out[j]" for i in range(PIECE)]
    loop = ["    for j in range(1, 3):", "        q0 = h1 + y", *inner, f"        out[j] = q{PIECE}"]
    plain, compiled = in_python_and_compiled(there_and_back(PIECE, "\n".join(loop)))
    np.testing.assert_allclose(compiled, plain, rtol=1e-12)


def test_short_code_is_left_to_llvm():
    assert not llvm_functions(there_and_back(LONG // 4))[1]


def test_pieces_have_so_many_statements_and_hand_on_what_others_use():
    _, pieces = llvm_functions(there_and_back(2 * PIECE))
    assert len(pieces) == 4
    stored = [text.count("store atomic volatile double") for text in pieces]
    assert stored[0] >= PIECE - 1  # each is used on the way back
    assert stored[2] == 1  # and of what is computed there only the last


def test_loops_have_in_registers_what_they_read_from_around_them():
    whole, _ = llvm_functions(there_and_back(PIECE, BETWEEN["a loop"]))
    (loop,) = re.findall(r"phi i64.*?br i1", whole, re.DOTALL)
    assert loop.count("load double") == 1  # the element


def test_a_block_is_cut_at_what_is_not_plain_and_where_a_piece_is_long():
    block = ast.parse("\n".join(["x = 1"] * (PIECE + 1) + ["pass"] + ["y = 2"] * 3)).body
    pieces = [len(piece) for piece in cut(block, lambda node: isinstance(node, ast.Assign))]
    assert pieces == [PIECE, 1, 1, 3]
