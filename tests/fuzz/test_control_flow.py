"""A few of the random programs with control flow; `python -m tests.fuzz.control_flow` tries more."""

import numpy as np
import pytest

from tests.fuzz.control_flow import disagreement
from tests.fuzz.libraries import of_autograd, of_jax
from tests.fuzz.programs import Program, Vocabulary
from tests.fuzz.wider import WIDE

pytestmark = pytest.mark.filterwarnings("ignore")  # of autograd, at points where it has no derivative


@pytest.fixture(scope="module")
def jaxs():
    pytest.importorskip("jax", reason="random programs are compared with JAX's")
    return of_jax()


@pytest.mark.parametrize("seed", [2, 3, 5, 7, 8, 11, 12, 13, 79])
def test_random_programs(seed):
    assert disagreement(Program(seed), of_autograd()) is None


@pytest.mark.parametrize("seed", [8, 12, 20, 40])
def test_random_programs_in_jax(seed, jaxs):
    assert disagreement(Program(seed), jaxs) is None


@pytest.mark.parametrize("seed", [0, 1, 4, 9, 17, 25])
def test_wider_programs(seed):
    assert disagreement(Program(seed, WIDE), of_autograd()) is None


def test_wider_programs_have_all_there_is():
    met = set()

    def noted(operation):
        def run(draw):
            met.add(operation)
            return operation(draw)

        return run

    words = Vocabulary(list(map(noted, WIDE.operations)), list(map(noted, WIDE.control)))
    for seed in range(25):
        program = Program(seed, words)
        program.in_terms_of(of_autograd())(*program.arguments)
    assert met == {*WIDE.operations, *WIDE.control}


def test_a_compiled_one():
    assert disagreement(Program(8), of_autograd(), compiled=True) is None


def test_jaxs_programs_computed_by_numpy_are_those_compiled_by_xla(jaxs):
    program = Program(12)
    given = program.in_terms_of(jaxs), program.arguments, program.directions
    for found, exact in zip(jaxs.expected(*given), of_jax(compiled=True).expected(*given), strict=True):
        np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-12)
