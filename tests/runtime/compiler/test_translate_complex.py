"""Complex numbers in generated text, straight to LLVM code."""

import itertools
from typing import Any

import numpy as np
import pytest

from staticbp.runtime import whitelist
from staticbp.runtime.compiler import jit
from staticbp.runtime.load import compile_module
from staticbp.runtime.spec import Spec

TEXT = """\"\"\"Test.\"\"\"

import numpy as np


def f(x, y, z, r):
    for i in range({count}):
        z[i] = {expression}
    return 0
"""

EDGES = [0.0, -0.0, 1.0, -2.5, np.inf, -np.inf, np.nan, 1e-30, 3e15]
NUMBERS = [complex(a, b) for a, b in itertools.product(EDGES, EDGES)]
PAIRS = list(itertools.product(NUMBERS, NUMBERS))

EXPRESSIONS = [
    "x[i] + y[i]",
    "x[i] - 2.0 * y[i]",
    "-x[i]",
    "np.true_divide(x[i], y[i])",
    "np.conjugate(x[i]) if x[i] == y[i] else y[i]",
    "complex(1.0, 0.0) if x[i] != y[i] else complex(-0.0, np.inf)",
    "np.complex128(abs(x[i])) - np.complex128(y[i].imag)",
    "np.complex64(x[i].real)",
    "np.complex128(r[i]) + np.complex128(i)",
]


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.skipif(jit.unavailable is not None, reason="no object code is made here")
def test_numbers_are_those_of_numpy(expression, dtype, caplog):
    source = TEXT.format(count=len(PAIRS), expression=expression)
    x, y = (np.array(part).astype(dtype) for part in zip(*PAIRS, strict=True))
    r = x.real.copy()
    specs = [Spec(a.dtype, 1, array=True) for a in (x, y, x, r)]
    with caplog.at_level("DEBUG", logger="staticbp.jit"):
        compiled = compile_module(source, {"f": specs})["f"]
    assert "compiled by Numba" not in caplog.text
    namespace: dict[str, Any] = {}
    exec(compile(whitelist.check(source), "<test>", "exec"), namespace)
    found, wanted = np.empty_like(x), np.empty_like(x)
    assert compiled(x, y, found, r) == 0
    with np.errstate(all="ignore"):
        namespace["f"](x, y, wanted, r)
    for part in ("real", "imag"):
        np.testing.assert_allclose(
            getattr(found, part), getattr(wanted, part), rtol=1e-6 if dtype == "complex64" else 1e-14
        )
