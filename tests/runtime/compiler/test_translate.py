"""Generated text without Numba's compiler: the same values as Python gives, and Numba for what is not known."""

import ast
import itertools
import operator

import numpy as np
import pytest

from staticbp.runtime import whitelist
from staticbp.runtime.compiler import jit
from staticbp.runtime.compiler.numbers import Unknown
from staticbp.runtime.compiler.target import kernel
from staticbp.runtime.compiler.translate import translate
from staticbp.runtime.load import compile_module
from staticbp.runtime.spec import Spec

VECTOR = Spec(np.float64, 1, array=True)
RESULT = Spec(np.float64, 1, array=True)
NUMBER = Spec(np.float64, 0, array=False)
COUNT = Spec(np.int64, 0, array=False)
BYTES = Spec(np.uint8, 1, array=True)

PRELUDE = """
import numpy as np

from staticbp.runtime import blas, threads
from staticbp.runtime import vecmath as vm

"""


@pytest.fixture
def without_numba(monkeypatch):
    """Numba's compiler refuses."""

    def refuse(*args):
        raise AssertionError("Numba is not needed for this")

    monkeypatch.setattr(jit, "_lowered", refuse)
    monkeypatch.setenv("STATICBP_CACHE_SIZE", "0")


def both(text, specs, *args):
    """The status and the arrays after a call of `f`, compiled and in Python."""
    source = PRELUDE + text
    found = []
    namespace = {}
    exec(compile(whitelist.check(source), "<test>", "exec"), namespace)
    for function in (compile_module(source, {"f": specs})["f"], namespace["f"]):
        own = [arg.copy() if isinstance(arg, np.ndarray) else arg for arg in args]
        with np.errstate(all="ignore"):
            status = function(*own)
        found.append((status, [arg for arg in own if isinstance(arg, np.ndarray)]))
    return found


TEXTS = {
    "loops and running values": """
def f(x, y, n):
    total = 0.0
    for i in range(n):
        total = vm.radd(total, x[i])
        y[i] = total
    for i in range(n - 1, 0, -1):
        y[i] -= y[i - 1]
    for i in range(2, n):
        y[i] += 1.0
    return 0
""",
    "branches, statuses and leaving a loop": """
def f(x, y, n):
    for i in range(n):
        if x[i] > 0.5 and not x[i] > 0.9:
            y[i] = 1.0
        elif x[i] <= 0.1 or i == 3:
            y[i] = 2.0
        else:
            continue
    k = 0
    while True:
        k += 1
        if not k < n or y[k] == 2.0:
            break
    if not (0 <= k < n):
        return 7
    y[k] = -1.0
    return 0
""",
    "a choice that keeps out of the array": """
def f(x, y, n):
    for i in range(n):
        y[i] = x[i + 1] if i + 1 < n else 0.0 if n > 3 else x[0]
    return 0
""",
    "integers": """
def f(x, y, n):
    k = n // 3 + n % 3 - 7 // 2
    y[0] = k
    y[1] = (-n) // 4 + (-n) % 4
    y[2] = (n << 2) ^ (n >> 1) & 6 | 1
    y[3] = min(n, 3) + max(n, 2) - ~n
    y[4] = n / 4
    y[5] = -n ** 2 + np.int64(x[0] * 10.0)
    return 0
""",
    "floats of both widths": """
def f(x, y, n):
    a = np.float32(x[0])
    b = np.float32(0.1) * a + np.float32(1e-3)
    y[0] = b
    y[1] = a ** 2 / x[1] - (x[2] - -x[3])
    y[2] = np.float64(b == b) + np.float64(n)
    y[3] = np.inf
    y[4] = np.float32(-np.inf)
    y[5] = vm.tanh(x[1]) if np.bool_(n) else 0.0
    return 0
""",
    "rows of the threads": """
def f(x, y, n):
    scale = 3.0
    for i in threads.range(n, 2):
        inner = 0.0
        for j in range(i + 1):
            inner += x[j] * scale
        y[i] = inner
    return 0
""",
    "a function of its own": """
def g(x, y, at, value):
    y[at] = x[at] * value
    return at


def f(x, y, n):
    y[0] = g(x, y, 1, 2.0) + g(x, y, n - 1, 3.0)
    return g(x, y, 2, 4.0)
""",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_statements_mean_what_they_mean_in_python(text, without_numba):
    x = np.linspace(0.05, 0.97, 6)
    compiled, plain = both(text, [VECTOR, RESULT, COUNT], x, np.zeros(6), 6)
    assert compiled[0] == plain[0]
    for ours, expected in zip(compiled[1], plain[1], strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-15)


def test_workspace_is_carved_and_kernels_are_called(without_numba):
    text = """
def f(x, y, work):
    A = work[0:72].view(np.float64).reshape((3, 3))
    flat = A.reshape((9,))
    single = work[128:140].view(np.float32)
    for i in range(3):
        single[i] = np.float32(i)
        for j in range(3):
            A[i, j] = x[j] + single[i]
    blas.gemv(A, x, y)
    blas.gemv(A, A[1], y, True, 2.0, 1.0)
    y[0] += flat[4]
    return 0
"""
    x = np.array([1.0, -2.0, 0.5])
    compiled, plain = both(text, [VECTOR, RESULT, BYTES], x, np.zeros(3), np.zeros(192, np.uint8))
    np.testing.assert_allclose(compiled[1][1], plain[1][1], rtol=1e-15)
    np.testing.assert_array_equal(compiled[1][2], plain[1][2])


INTEGERS = [np.int8, np.int32, np.int64, np.uint8, np.uint32]
SIGNS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "&": operator.and_,
    "|": operator.or_,
    "<": operator.lt,
}


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("dtype", INTEGERS, ids=lambda dtype: dtype.__name__)
def test_narrow_integers_are_computed_wide(sign, dtype, without_numba):
    text = f"def f(a, b, y):\n    y[0] = np.float64(np.{dtype.__name__}(a[0] {sign} b[0]))\n    return 0\n"
    limits = np.iinfo(dtype)
    for a, b in itertools.product([limits.min, limits.max, dtype(3)], repeat=2):
        specs = [Spec(dtype, 1, array=True)] * 2 + [RESULT]
        source = PRELUDE + text
        y = np.zeros(1)
        compile_module(source, {"f": specs})["f"](np.array([a], dtype), np.array([b], dtype), y)
        with np.errstate(over="ignore"):
            expected = np.array(SIGNS[sign](np.int64(a), np.int64(b))).astype(dtype)
        assert y[0] == float(expected)


def test_translation_and_numba_agree_to_the_bit(monkeypatch):
    monkeypatch.setenv("STATICBP_CACHE_SIZE", "0")
    text = """
def f(x, y, n):
    total = 0.0
    for i in range(n):
        h = vm.expit(x[i]) * 0.3 - x[i] / (1.0 + x[i] * x[i])
        total = vm.radd(total, h)
        y[i] = h if h > 0.0 else -vm.sin(h)
    y[0] = total
    return 0
"""
    x = np.random.default_rng(0).normal(size=57)
    results = []
    for numba_only in (False, True):
        if numba_only:
            monkeypatch.setattr(jit, "_translated", lambda *args: None)
        y = np.zeros(57)
        compile_module(PRELUDE + text, {"f": [VECTOR, RESULT, COUNT]})["f"](x, y, 57)
        results.append(y)
    np.testing.assert_array_equal(results[0][1:], results[1][1:])
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-14)


UNKNOWN = {
    "array arithmetic": "y[:] = x",
    "a name of two types": "k = 1\n    k = 2.0\n    y[0] = k",
    "a name that only a loop knows": "for i in range(n):\n        h = x[i]\n    y[0] = h",
    "a division by what may be zero": "y[0] = 7 // n",
    "an integer and a narrow float": "y[0] = np.float32(x[0]) * n",
    "the last index of a loop": "for i in range(n):\n        y[i] = x[i]\n    y[0] = i",
}


@pytest.mark.parametrize("statement", UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_known_is_left_to_numba(statement):
    text = f"def f(x, y, n):\n    {statement}\n    return 0\n"
    signature = [VECTOR, RESULT, COUNT]
    with pytest.raises(Unknown):
        translate(ast.parse(PRELUDE + text), "staticbp.generated_test", {"f": signature})
    compiled, plain = both(text, signature, np.arange(3.0), np.zeros(3), 3)
    np.testing.assert_allclose(compiled[1][1], plain[1][1], rtol=1e-7)


def test_the_truth_of_a_complex_number_is_left_to_numba():
    text = "def f(z, y, n):\n    for i in range(n):\n        y[i] = np.bool_(z[i])\n    return 0\n"
    signature = [Spec(np.complex128, 1, array=True), Spec(np.bool_, 1, array=True), COUNT]
    with pytest.raises(Unknown):
        translate(ast.parse(PRELUDE + text), "staticbp.generated_test", {"f": signature})
    compiled, _ = both(text, signature, np.array([0j, 1j, 2.0]), np.zeros(3, bool), 3)
    assert compiled[1][1].tolist() == [False, True, True]


def test_a_kernel_is_looked_up_once_for_its_types(without_numba):
    kernel.cache_clear()
    lines = "".join(f"    y[{i}] = vm.sin(x[{i}]) + vm.sin(y[{i}])\n" for i in range(50))
    source = f"{PRELUDE}def f(x, y):\n{lines}    return 0\n"
    compile_module(source, {"f": [VECTOR, RESULT]})
    assert kernel.cache_info().misses == 1


def test_code_grows_as_the_text_does():
    sizes = []
    for count in (100, 200, 400):
        lines = "".join(f"    h{i + 1} = h{i} * x[{i % 5}] + 0.5\n" for i in range(count))
        source = f"{PRELUDE}def f(x, y):\n    h0 = x[0]\n{lines}    y[0] = h{count}\n    return 0\n"
        library, _ = translate(ast.parse(source), f"staticbp.generated_{count}", {"f": [VECTOR, RESULT]})
        text = str(library._final_module)
        sizes.append(text.count("fmul") + text.count("fadd"))
    assert sizes[1] - sizes[0] == 200
    assert sizes[2] - sizes[1] == 400
