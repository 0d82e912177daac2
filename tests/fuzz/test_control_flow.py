"""A few of the random programs with control flow, against autograd; `python -m tests.fuzz.control_flow` tries more."""

import pytest

from tests.fuzz.control_flow import disagreement, of_autograd

LIBRARY = of_autograd()


@pytest.mark.filterwarnings("ignore")  # of autograd, at points where it has no derivative
@pytest.mark.parametrize("seed", [2, 3, 5, 7, 8, 11, 12, 13, 79])
def test_random_programs(seed):
    assert disagreement(seed, LIBRARY, compiled=False) is None


@pytest.mark.filterwarnings("ignore")
def test_a_compiled_one():
    assert disagreement(8, LIBRARY, compiled=True) is None
