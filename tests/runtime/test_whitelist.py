"""Generated text is checked before it is executed: what is said in the grammar passes, nothing else does."""

import pytest

from staticbp.errors import GeneratedCodeError, StaticbpError
from staticbp.runtime.whitelist import check

GOOD = '''"""Gradient of loss(W, x, t) with respect to W.  net.py:12"""
import numpy as np
from staticbp.runtime import blas, kernels, vecmath as vm

TABLE = (1.0, -2.5, 3)


def helper(x, i):
    """The square of one element."""
    return x[i] * x[i]


def loss_grad(W, x, t, W_bar, work):
    h = work[0:80].view(np.float64)                  # f64[10]
    blas.gemv(W, x, h, False, 1.0, 0.0)
    a, b = np.float32(1.5), 2
    n = len(x) if b > 1 and not a == np.inf else max(1, 2)
    for i in range(10):
        h_i = vm.tanh(h[i])
        h[i] = np.float64(2.0) * (h_i - t[i]) * (1.0 - h_i * h_i) + TABLE[1]
        h[i] -= helper(x, i)
        if h[i] < 0.0:
            continue
        elif i == n:
            break
        else:
            pass
    while n > 0:
        n -= 1
    for i, j in range(0):
        W_bar[i, ::2] = x[...]
    kernels.sort(W_bar.reshape(10, -1), out=W_bar)
    return 0
'''.replace("    for i, j in range(0):\n        W_bar[i, ::2] = x[...]\n", "    W_bar[0, ::2] = 0.0\n")


def test_accepts_the_grammar():
    assert [type(node).__name__ for node in check(GOOD).body][:3] == ["Expr", "Import", "ImportFrom"]


def in_function(*lines):
    return "import numpy as np\nfrom staticbp.runtime import vecmath as vm\ndef f(x):\n" + "\n".join(
        "    " + line for line in (*lines, "return 0")
    )


@pytest.mark.parametrize(
    "line",
    [
        "open('x')",
        "__import__('os')",
        "y = __builtins__",
        "y = x.__class__",
        "y = x._private",
        "y = eval",
        "y = getattr(x, 1)",
        "y = lambda a: a",
        "y = [a for a in range(3)]",
        "y = {1: 2}",
        "y = [1, 2]",
        "y = f'{x}'",
        "y = 'text'",
        "y = b'bytes'",
        "y = np.load(x)",
        "y = np.lib",
        "y = np.core.multiarray",
        "x.tofile(1)",
        "x.dump(1)",
        "vm.np.load(x)",
        "vm.os.system(1)",
        "vm._hidden(x)",
        "y = (lambda: 0)()",
        "y = x()",
        "y = x[0](1)",
        "f(*x)",
        "f(**x)",
        "y = (z := 3)",
        "y = undefined_name",
        "np = 3",
        "vm = 3",
        "range = 3",
        "__y__ = 3",
        "x.shape = 3",
        "np.pi = 3",
        "(*y, z) = x",
        "y: int = 3",
        "for i in x: pass",
        "for i in vm.range(3): pass",
        "assert x",
        "del x",
        "global x",
        "import os",
        "raise x",
        "with x: pass",
        "try: pass\n    finally: pass",
        "def g(): return 0",
        "class C: pass",
        "yield x",
        "await x",
        "match x:\n        case 1: pass",
    ],
)
def test_refuses_everything_else_in_functions(line):
    with pytest.raises(GeneratedCodeError):
        check(in_function(line))


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        "import numpy",
        "import numpy as numpy_",
        "import numpy.lib as np",
        "from numpy import load",
        "from staticbp.runtime import store",
        "from staticbp.runtime import *",
        "from staticbp.runtime import blas as range",
        "from .runtime import blas",
        "from staticbp import runtime",
        "open('x')",
        "1 + 1",
        "if True: pass",
        "class C: pass",
        "async def f(): pass",
        "x = open",
        "@property\ndef f(x): return 0",
        "def f(x=open): return 0",
        "def f(*x): return 0",
        "def f(*, x): return 0",
        "def f(**x): return 0",
        "def f(x, /): return 0",
        "def f(x: open): return 0",
        "def f(x) -> open: return 0",
        "def range(x): return 0",
        "def f(np_): return np",
        "def f(x)\n    return 0",
        "def f(x): return 0\0",
        "(" * 10000,
    ],
)
def test_refuses_everything_else_in_modules(text):
    with pytest.raises(GeneratedCodeError):
        check(text)


def test_the_error_names_file_line_and_text():
    with pytest.raises(GeneratedCodeError) as caught:
        check(in_function("y = 1", "y = open(x)"), "<staticbp f 1234>")
    assert str(caught.value) == "<staticbp f 1234>:5: the name 'open' is not bound here\n  at y = open(x)"
    assert isinstance(caught.value, StaticbpError)
    assert isinstance(caught.value, RuntimeError)


def test_a_name_bound_in_another_function_does_not_count():
    with pytest.raises(GeneratedCodeError, match="'secret'"):
        check("def f(x):\n    secret = 1\n    return secret\ndef g(x):\n    return secret\n")
