"""Kernels in long stretches of code: functions that are called, and the same numbers."""

import ast

import numpy as np
import pytest

from staticbp.runtime.compiler.pieces import LONG
from staticbp.runtime.compiler.translate import translate
from staticbp.runtime.load import compile_module
from staticbp.runtime.spec import Spec

CONVENTION = [Spec(np.float64, 0, array=False), Spec(np.float64, 1, array=True)]
IMPORT = "from staticbp.runtime import vecmath as vm\n\n\n"


def repeated(expression, times):
    """A function of so many statements, each of the number that the one before it gave."""
    steps = [f"    h{i + 1} = {expression.replace('?', f'h{i}')}" for i in range(times)]
    lines = ["def f(x, out):", "    h0 = x", *steps, f"    out[0] = h{times}", "    return 0"]
    return IMPORT + "\n".join(lines)


def calls(source):
    """The kernels that the function of the module calls, or its pieces, each as often as they do."""
    library, functions = translate(ast.parse(source), "staticbp.generated_outlined", {"f": CONVENTION})
    own = [item for item in library._final_module.functions if ".piece." in item.name]
    own.append(library._final_module.get_function(functions["f"].llvm_func_name))
    calls = [line for function in own for line in str(function).splitlines() if " call " in line]
    return [line.split("@")[1].split("(")[0].strip('"') for line in calls if ".piece." not in line]


def test_a_long_stretch_calls_one_function_for_each_kernel():
    text = repeated("vm.tanh(?) * 0.5", LONG).replace("out[0] = ", "g = vm.expit(x)\n    out[0] = g * ")
    names = calls(text)
    assert len(names) == LONG + 1
    assert {name.split(".")[2] for name in names} == {"tanh", "expit"}
    assert len(set(names)) == 2


def test_a_short_one_has_kernels_written_out():
    assert not [name for name in calls(repeated("vm.tanh(?) * 0.5", LONG // 4)) if "tanh" in name]


def test_a_short_loop_within_a_long_stretch_has_kernels_written_out():
    loop = "    for i in range(out.shape[0]):\n        out[i] = vm.expit(out[i])\n    return 0"
    names = calls(repeated("vm.tanh(?) * 0.5", LONG).replace("    return 0", loop))
    assert [name for name in names if "tanh" in name]
    assert not [name for name in names if "expit" in name]


def test_what_is_no_longer_than_a_call_is_written_out():
    assert not [name for name in calls(repeated("vm.maximum(?, 0.25)", LONG)) if name.startswith("staticbp")]


@pytest.mark.parametrize("expression", ["vm.tanh(?) * 0.5", "vm.expit(?) - vm.log1p(? * ?)", "vm.hypot(?, ? + 1.0)"])
def test_the_numbers_are_those_of_short_code(expression, monkeypatch):
    monkeypatch.setenv("STATICBP_CACHE_SIZE", "0")
    whole, step = (compile_module(repeated(expression, n), {"f": CONVENTION})["f"] for n in (LONG, 1))
    out, one = np.array([0.75]), np.array([0.75])
    assert whole(0.75, out) == 0
    for _ in range(LONG):
        assert step(float(one[0]), one) == 0
    assert one[0] == out[0]
