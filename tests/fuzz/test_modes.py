"""A slice of the table of operations, against JAX in every mode; `python -m tests.fuzz.modes` takes all of it."""

import pytest

from tests.fuzz.modes import MODES, compared, outcomes

pytest.importorskip("jax", reason="the modes are compared with JAX's")

NAMES = """
arctan2/f64[2,3]x[3]
hypot/f64[5]x[5]
where/f64[5]x[5]x[5]
complex product of two
piecewise
cumulative_prod
interp
slogdet (3, 3)
eigh (2, 3, 3)
svd (4, 2)
x ** 2.5
clip/arrays
xlog1py
nanvar/derivative beside NaN
getitem 7
vecmat[5, 3]x[5, 3, 4]
einsum ii->i of ((3, 3),)
multi_dot
prod/two
max/first
sort/last
pad unevenly[0, 2]
diff with ends[3, 4]
quantile/linear
log_softmax/scalar
norm.logpdf/smooth
"""
CASES = {case.name: case for case in compared()}


@pytest.mark.parametrize("name", NAMES.strip().splitlines())
@pytest.mark.filterwarnings("ignore")
def test_every_mode(name):
    assert outcomes(CASES[name]) == dict.fromkeys(MODES, "same")
