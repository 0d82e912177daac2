"""A loop that would copy what it carries takes two steps a turn, and does no copying."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.core.recording import listening
from staticbp.ops.control import scan
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from staticbp.passes.turns import FEWEST_ELEMENTS
from tests.support import assert_lowered, graph_of, lowered

SIDE = 16
RNG = np.random.default_rng(3)
PLATE = RNG.normal(size=(SIDE, SIDE))
ROW = RNG.normal(size=FEWEST_ELEMENTS)


def around(u):
    return np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - 4 * u


def cooled(_, u):
    inner = u[1:-1, 1:-1]
    return np.pad(inner + 0.1 * (u[:-2, 1:-1] + u[2:, 1:-1] - 2 * inner), 1)


def heat(u, steps):
    return bp.fori_loop(0, steps, cooled, u)


def wave(u, steps):
    """Of two values that are carried one becomes the other."""
    return bp.fori_loop(0, steps, lambda _, s: (2 * s[0] - s[1] + 0.1 * around(s[0]), s[0]), (u, u))


def reaction(u, steps):
    """Two fields, a rate that is computed ahead, and a count."""

    def step(_, state):
        a, b, n = state
        eaten = a * b * b
        return a + 0.1 * around(a) - eaten, b + 0.05 * around(b) + eaten * np.cos(rate), n + 1

    rate = np.sum(u)
    return bp.fori_loop(0, steps, step, (u, 0.1 * u, 0))


def slope(u, steps):
    return bp.grad(lambda u: np.sum(heat(u, steps) ** 2))(u)


def joint(f, *args):
    return run(run(graph_of(f, *args), PRIMAL), JOINT, check=True)


def lengths(graph):
    return [eqn.params["length"] for eqn in graph.eqns if eqn.op is scan]


def copies(graph):
    """What the loops of the generated code copy."""
    with listening() as decisions:
        lowered(graph)
    return [decision.subject for decision in decisions if decision.kind == "copied"]


@pytest.mark.parametrize("steps", [6, 7])
@pytest.mark.parametrize("simulated", [heat, wave, reaction, slope])
def test_two_steps_a_turn_are_the_same_to_the_last_bit(simulated, steps):
    def f(u):
        return simulated(u, steps)

    graph = joint(f, PLATE)
    assert lengths(graph) == [3] * (2 if simulated is slope else 1)
    assert not copies(graph)
    one_by_one = run(graph_of(f, PLATE), [step for step in (*PRIMAL, *JOINT) if step.name != "turns"])
    assert simulated is heat or copies(one_by_one)  # there the inner points have a place of their own, and are padded
    for new, old in zip(assert_lowered(graph, [PLATE]), assert_lowered(one_by_one, [PLATE]), strict=True):
        np.testing.assert_array_equal(new, old)


def _elementwise(u):
    return bp.fori_loop(0, 6, lambda _, u: np.tanh(u) * u, u)


def _small(u):
    return bp.fori_loop(0, 6, lambda _, u: 0.5 * np.roll(u, 1), u[: FEWEST_ELEMENTS - 1])


def _of_rows(u):
    return bp.scan(lambda u, x: (x * np.roll(u, 1), None), u, np.arange(6.0))[0]


def _with_products(u):
    return bp.fori_loop(0, 6, lambda _, u: np.roll(u, 1) + np.ravel(u.reshape(SIDE, SIDE) @ PLATE), u)


def _short(u):
    return bp.fori_loop(0, 3, lambda _, u: 0.5 * np.roll(u, 1), u)


@pytest.mark.parametrize("f", [_elementwise, _small, _of_rows, _with_products])
def test_what_would_gain_little_goes_step_by_step(f):
    assert lengths(joint(f, ROW)) == [6]


def test_a_loop_of_few_steps_goes_step_by_step():
    assert lengths(joint(_short, ROW)) == [3]


def test_progress_counts_steps_and_not_turns():
    told = []
    steps = 40_001
    with bp.progress(lambda done, total: told.append((done, total))):
        bp.compile(lambda u: bp.fori_loop(0, steps, lambda _, u: 0.5 * np.roll(u, 1), u))(ROW)
    assert told[-1] == (steps - 1, steps - 1)  # the last step is no part of the loop
