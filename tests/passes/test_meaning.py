"""The passes change no meaning: every operation of the table, and random programs with loops and derivatives."""

import numpy as np
import pytest

from staticbp.core.aval import aval_of
from staticbp.core.graph import Graph
from staticbp.core.interpret import interpret
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from staticbp.trace.trace import trace
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.table import cases
from tests.programs import Program
from tests.support import assert_close

CASES = cases()
CHUNK = 60  # cases a test


def graph_of(function, args) -> Graph:
    def flat(*tracers):
        out = function(*tracers)
        return out if isinstance(out, tuple | list) else (out,)

    return trace(flat, "f", [aval_of(a) for a in args], [f"x{i}" for i in range(len(args))])


def assert_same(graph, other, args, tolerance):
    with np.errstate(all="ignore"):
        for found, wanted in zip(interpret(other, args), interpret(graph, args), strict=True):
            assert found.dtype == wanted.dtype
            assert_close(found, wanted, tolerance)


def assert_same_with_derivatives(function, args, tolerance, smooth=True):
    graph = graph_of(function, args)
    primal = run(graph, PRIMAL, check=True)
    assert_same(graph, primal, args, tolerance)
    active = [v.aval.is_float for v in primal.invars]
    if not any(active) or not smooth:
        return
    rng = np.random.default_rng(0)
    joint = vjp(RULES, primal, active)
    seeds = [np.asarray(rng.normal(size=v.aval.shape), v.aval.dtype) for v in joint.invars[len(args) :]]
    assert_same(joint, run(joint, JOINT, check=True), [*args, *seeds], 10 * tolerance)


def precision(args):
    return 2e-4 if any(np.asarray(a).dtype == np.float32 for a in args) else 1e-9


@pytest.mark.parametrize("start", range(0, len(CASES), CHUNK))
def test_operations(start):
    for case in CASES[start : start + CHUNK]:
        assert_same_with_derivatives(case.function, case.args, precision(case.args), "special" not in case.name)


@pytest.mark.parametrize("seed", range(60))
def test_programs(seed):
    program = Program(seed, steps=10 + seed % 14, loops=1 + seed % 2)
    assert_same_with_derivatives(program, program.arguments, precision(program.arguments))
