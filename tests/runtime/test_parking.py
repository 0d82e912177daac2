"""Numbers of long stretches of code: in memory while they wait, and the same numbers."""

import ast
import re

import numpy as np
import pytest

from staticbp.runtime.load import compile_module
from staticbp.runtime.parking import FAR, LONG, waiting
from staticbp.runtime.spec import Spec
from staticbp.runtime.translate import translate

NUMBER = Spec(np.float64, 0, array=False)
VECTOR = Spec(np.float64, 1, array=True)


def there_and_back(steps, between=""):
    """A function that computes numbers in one order and uses them in the other, as gradients do."""
    forth = [f"    h{i + 1} = h{i} * x + 0.25" for i in range(steps)]
    back = [f"    g = g * x + h{i} * y" for i in reversed(range(steps))]
    lines = ["def f(x, y, out):", "    h0 = x", *forth, "    g = 1.0", between, *back, "    out[0] = g", "    return 0"]
    return "\n".join(line for line in lines if line)


def llvm_text(source):
    library, functions = translate(ast.parse(source), "staticbp.generated_parking", {"f": [NUMBER, NUMBER, VECTOR]})
    return str(library._final_module.get_function(functions["f"].llvm_func_name))


def in_python_and_compiled(source):
    namespace = {}
    exec(source, namespace)
    found = []
    for function in (namespace["f"], compile_module(source, {"f": [NUMBER, NUMBER, VECTOR]})["f"]):
        out = np.zeros(1)
        assert function(0.75, 0.5, out) == 0
        found.append(out[0])
    return found


BETWEEN = {
    "nothing": "",
    "a loop": "    for i in range(out.shape[0]):\n        g = g + h1 * y",
    "a branch": "    if y > 0.25:\n        g = g + h1 * h2\n    else:\n        g = h3",
}


@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
def test_what_waits_is_what_it_was(between, monkeypatch):
    monkeypatch.setenv("STATICBP_CACHE_SIZE", "0")
    plain, compiled = in_python_and_compiled(there_and_back(LONG, between))
    np.testing.assert_allclose(compiled, plain, rtol=1e-12)


def test_a_long_body_of_a_loop_waits_in_each_of_its_steps(monkeypatch):
    monkeypatch.setenv("STATICBP_CACHE_SIZE", "0")
    head, *body, last = there_and_back(LONG).splitlines()
    source = "\n".join([head, "    for step in range(3):", *(f"    {line}" for line in body), last])
    source = source.replace("h0 = x\n", "h0 = x + out[0]\n")
    plain, compiled = in_python_and_compiled(source)
    np.testing.assert_allclose(compiled, plain, rtol=1e-12)


def test_short_code_is_left_to_llvm():
    assert "volatile" not in llvm_text(there_and_back(LONG // 4))


def test_each_number_of_long_code_is_written_once_and_read_once():
    text = llvm_text(there_and_back(LONG))
    assert LONG - FAR <= text.count("store atomic volatile") <= LONG + 2
    # The middle is used at once, and what is used at each statement is read again at each.
    assert 2 * (LONG - FAR) <= text.count("load atomic volatile") <= 4 * LONG


def test_loops_have_in_registers_what_they_read_from_around_them():
    text = llvm_text(there_and_back(LONG, BETWEEN["a loop"]))
    (loop,) = re.findall(r"phi i64.*?br i1", text, re.DOTALL)
    assert "fadd" in loop
    assert "volatile" not in loop


def test_only_what_is_used_far_away_waits():
    text = ["near = x + 1", "y = near * x", *["y = y + 1"] * LONG, "z = y + x"]
    assert waiting(ast.parse("\n".join(text)).body, ["x"]) == {"x"}
