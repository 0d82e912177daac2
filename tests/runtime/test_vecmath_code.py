"""The code that vecmath becomes: SIMD instructions, reductions, its twins in Python."""

import os
import platform
import re

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest

from staticbp.runtime import vecmath as vm
from staticbp.runtime.vecmath import scipyspecial

FLOATS = (np.float64, np.float32)


VECTORISED = [
    "exp",
    "exp2",
    "expm1",
    "expit",
    "tanh",
    "sinh",
    "cosh",
    "log",
    "log2",
    "log10",
    "log1p",
    "arcsin",
    "arccos",
    "arctan",
    "arcsinh",
    "arccosh",
    "arctanh",
    "cbrt",
    "erf",
    "erfc",
    "sqrt",
    "sign",
    "rint",
    "floor",
]
on_x86 = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64")
    or not llvm.get_host_cpu_features().get("avx2")
    or "NUMBA_CPU_NAME" in os.environ,
    reason="looks at the assembler of x86 with AVX2",
)


def assembly(loop, *kinds):
    signature = tuple(numba.types.Array(numba.from_dtype(np.dtype(k)), 1, "C") for k in kinds)
    loop.compile(signature)
    return loop.inspect_asm(signature)


def packed(text, dtype):
    """How many arithmetic instructions work on whole vectors, and on single numbers."""
    letter = "d" if dtype is np.float64 else "s"
    pattern = r"\bv?(?:add|sub|mul|div|sqrt|and|xor|round|fn?m(?:add|sub)\d+|rndscale|range)p" + letter
    return len(re.findall(pattern + r"\b", text))


@on_x86
@pytest.mark.parametrize("name", VECTORISED)
def test_a_loop_over_it_becomes_simd_code(over, name):
    loop = over(name)
    for dtype in FLOATS:
        text = assembly(loop, dtype, dtype)
        assert packed(text, dtype) or (dtype is np.float32 and packed(text, np.float64))
        assert not re.search(rf"\b(call|jmp)q?\s+\*?{name}f?\b", text)


@on_x86
@pytest.mark.parametrize("name", ["arctan2", "hypot", "pow", "logaddexp", "maximum", "copysign"])
def test_a_loop_over_two_arguments_becomes_simd_code(over, name):
    loop = over(name, 2)
    for dtype in FLOATS:
        text = assembly(loop, dtype, dtype, dtype)
        assert packed(text, dtype) or packed(text, np.float64) or re.search(r"\bv?(min|max|and|blendv)p[sd]\b", text)


@on_x86
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_a_loop_calls_the_vector_form_of_circular_functions(over, name):
    loop = over(name)
    for dtype, width in ((np.float64, 64), (np.float32, 32)):
        text = assembly(loop, dtype, dtype)
        calls = re.findall(rf"staticbp_{name}_f{width}x(\d+)", text)
        # Once where it is defined (twice with its end); a call besides.
        assert max(calls.count(lanes) for lanes in set(calls)) > min(calls.count(lanes) for lanes in set(calls))


def test_one_large_angle_in_a_vector_leaves_the_others_right(over, applied):
    x = np.linspace(-3, 3, 64)
    x[[5, 6, 40]] = 1e9, -2e300, np.inf
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(applied(over("cos"), x), np.cos(x), rtol=1e-15, atol=1e-16)


@numba.njit(error_model="numpy")
def total(x):
    result = x.dtype.type(0)
    for i in range(x.size):
        result = vm.radd(result, x[i])
    return result


@numba.njit(error_model="numpy")
def product(x):
    result = x.dtype.type(1)
    for i in range(x.size):
        result = vm.rmul(result, x[i])
    return result


@numba.njit(error_model="numpy")
def largest(x):
    result = x[0]
    for i in range(x.size):
        result = vm.rmax(result, x[i])
    return result


@numba.njit(error_model="numpy")
def smallest(x):
    result = x[0]
    for i in range(x.size):
        result = vm.rmin(result, x[i])
    return result


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32, np.uint8])
def test_reductions(dtype):
    x = np.random.default_rng(1).integers(1, 9, 37).astype(dtype)
    assert total(x) == x.sum()
    assert largest(x) == x.max()
    assert smallest(x) == x.min()
    np.testing.assert_allclose(float(product(x[:5])), float(x[:5].prod(dtype=dtype)))


@pytest.mark.parametrize("dtype", FLOATS)
def test_maximum_and_minimum_in_a_reduction_propagate_nan(dtype):
    for place in (0, 3, 36):
        x = np.arange(37).astype(dtype)
        x[place] = np.nan
        assert np.isnan(largest(x))
        assert np.isnan(smallest(x))
    assert largest(np.full(9, -np.inf, dtype)) == -np.inf


@on_x86
@pytest.mark.parametrize(
    ("reduction", "instructions"), [(total, "add"), (product, "mul"), (largest, "max"), (smallest, "min")]
)
def test_reductions_become_simd_code(reduction, instructions):
    for dtype in FLOATS:
        letter = "d" if dtype is np.float64 else "s"
        assert re.search(rf"\bv?{instructions}p{letter}\b", assembly(reduction, dtype))


def test_select_and_bit_patterns():
    @numba.njit
    def chosen(condition, a, b):
        return vm.sel(condition, a, b)

    assert chosen(True, 1.5, 2.5) == 1.5
    assert chosen(False, 1, 2) == 2
    assert vm.sel(False, np.float32(1), np.float32(2)).dtype == np.float32

    @numba.njit
    def there_and_back(x):
        return vm.from_bits(vm.bits(x))

    @numba.njit
    def pattern(x):
        return vm.bits(x)

    for x in (np.float64(-1.5), np.float32(2.75)):
        assert there_and_back(x) == x
        assert pattern(x) == vm.bits(x)
        assert vm.from_bits(vm.bits(x)) == x


OF_TWO = [
    "arctan2",
    "hypot",
    "logaddexp",
    "minimum",
    "maximum",
    "fmin",
    "fmax",
    "floor_divide",
    "remainder",
    "fmod",
    "copysign",
    "pow",
    "radd",
    "rmul",
    "rmax",
    "rmin",
    *("beta", "betaln", "binom", "expn", "gammainc", "gammaincc", "gammainccinv", "gammaincinv", "iv", "ive", "jv"),
    *("kn", "kv", "kve", "poch", "stdtr", "yn", "yv", "zeta"),
]
OF_THREE = ["betainc", "betaincc", "betainccinv", "betaincinv", "hyp1f1"]


@pytest.mark.parametrize("name", sorted(set(vm.__all__) - {"sel", "bits", "from_bits"}))
def test_python_and_compiled_code_agree(over, applied, name):
    arity = 3 if name in OF_THREE else 2 if name in OF_TWO else 1
    loop = over(name, arity)
    rng = np.random.default_rng(3)
    for dtype in FLOATS:
        arguments = rng.uniform(0.1, 0.9, (arity, 20)).astype(dtype)
        if name in ("arccosh", "zeta"):
            arguments += 1
        if name in ("expn", "kn", "yn"):  # of whole orders
            arguments[0] = np.rint(3 * arguments[0])
        # SciPy's float32 is computed in it, ours in float64.
        scalars = arguments.T.astype(np.float64 if name in vars(scipyspecial) else dtype)
        want = np.array([getattr(vm, name)(*row) for row in scalars])
        want = want.astype(dtype) if want.dtype == np.float64 else want
        got = applied(loop, *arguments, dtype=want.dtype)
        # Python's lgamma is its own, not the C library's.
        tolerance = (20 if name == "lgamma" else 4) * np.finfo(dtype).eps
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=0)


def test_integers_are_taken_in_double_precision(over, applied):
    got = applied(over("exp"), np.array([0, 1, 2]), dtype=np.float64)
    np.testing.assert_allclose(got, np.exp([0, 1, 2]), rtol=1e-15)


@pytest.mark.parametrize("name", ["exp2", "cbrt", "log1p", "sin"])
def test_fastmath_leaves_what_is_rounded_on_purpose(name):
    function = getattr(vm, name)

    @numba.njit(fastmath=True)
    def run(x, out):
        for i in range(out.size):
            out[i] = function(x[i])

    for dtype in FLOATS:
        x, out = np.linspace(0.1, 3, 50, dtype=dtype), np.empty(50, dtype)
        run(x, out)
        np.testing.assert_allclose(out, getattr(np, name)(x), rtol=4 * np.finfo(dtype).eps)


def test_nothing_ties_the_code_to_this_process(over):
    loop = over("sin")
    assembly(loop, np.float64, np.float64)
    assert "inttoptr" not in loop.inspect_llvm(loop.signatures[0])


def test_twins_need_no_compiler(run_python):
    code = """
        import sys
        import numpy as np
        from staticbp.runtime import blas, kernels, vecmath as vm
        assert vm.tanh(np.float32(0.5)).dtype == np.float32
        assert vm.log(0.0) == -np.inf  # and no warning
        assert "numba" not in sys.modules
    """
    run_python(code, {"STATICBP_JIT": "0"})
