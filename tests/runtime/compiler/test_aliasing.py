"""Arrays in the workspace that lie apart whatever the sizes, and those that may not."""

import ast

import numpy as np
import pytest

from staticbp.runtime.load import JIT, Spec, inspect_module

if not JIT:
    pytest.skip("with STATICBP_JIT=0 nothing is compiled", allow_module_level=True)

from llvmlite import ir

from staticbp.runtime.compiler.aliasing import places

TEXT = """
n_up = (n + 7) // 8 * 8
a = work[0:800].view(np.float64)
b = work[800 : 8 * n + 800].view(np.float64)
c = work[8 * n_up + 800 : 8 * n_up + 24 * n + 800].view(np.float64).reshape((n, 3))
d = work[800 : 24 * n + 800].view(np.float64).reshape((n, 3))
"""


def apart(text):
    """For each array those that are known to lie apart from it."""
    found = places(ast.parse(text).body, ir.Module())
    names = {str(place.scope.operands[0].get_reference()): name for name, place in found.items()}
    return {
        name: {names[str(scope.get_reference())] for scope in place.others.operands} for name, place in found.items()
    }


def test_what_ends_before_another_begins_lies_apart_from_it():
    assert apart(TEXT) == {"a": {"b", "c", "d"}, "b": {"a", "c"}, "c": {"a", "b"}, "d": {"a"}}


def test_constants_are_left_to_llvm():
    assert apart("a = work[0:64].view(np.float64)\nb = work[64:128].view(np.float64)") == {}


def test_loops_over_arrays_at_such_places_ask_nothing_when_they_run():
    text = (
        "def f(x, y, work):\n"
        "    n = x.shape[0]\n"
        "    n_up = (n + 7) // 8 * 8\n"
        "    a = work[0 : 8 * n].view(np.float64)\n"
        "    b = work[8 * n_up : 8 * n_up + 8 * n].view(np.float64)\n"
        "    for i in range(n):\n"
        "        a[i] = x[i] + 1.0\n"
        "        b[i] = x[i] * 2.0\n"
        "    for i in range(n):\n"
        "        y[i] = a[i] * b[i]\n"
        "    return 0\n"
    )
    vector = Spec(np.float64, 1, array=True)
    code = inspect_module(f"import numpy as np\n\n\n{text}", {"f": [vector, vector, Spec(np.uint8, 1, array=True)]})
    assert "memcheck" not in code.llvm_text()
    assert "fmul <" in code.llvm_text()
