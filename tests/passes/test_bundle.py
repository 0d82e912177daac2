"""Scalars that a loop treats alike become arrays, and compute what they computed."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.core.aval import FLOAT64, Aval
from staticbp.ops.control import scan
from staticbp.passes.bundle import bundle
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from staticbp.trace.trace import trace
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.passes.checks import after, assert_same_bits
from tests.support import assert_lowered, graph_of

RNG = np.random.default_rng(11)
N = 18


def loop(step, names, n_consts=0, n_carry=N, length=4, reverse=False):
    """A scan over scalars: constants, carries, and a row of one number a step."""
    body = trace(step, "step", [Aval((), FLOAT64)] * len(names), names)

    def run_loop(*values):
        return scan(*values, body=body, n_consts=n_consts, n_carry=n_carry, length=length, reverse=reverse)

    return run_loop


def case(step, extra=1, n_consts=0, n_carry=N, reverse=False):
    """The graph of such a loop, and arguments for it."""
    names = [*(f"k{i}" for i in range(n_consts)), *(f"c_{i}" for i in range(n_carry)), *["u"] * extra]
    args = [*RNG.uniform(0.1, 0.9, n_consts + n_carry), *(RNG.uniform(0.1, 0.9, 4) for _ in range(extra))]
    named = [f"x{i}" for i in range(len(args))]
    return graph_of(loop(step, names, n_consts, n_carry, reverse=reverse), *args, names=named), args


def alone(*values):
    *c, u = values
    return [x + 0.1 * np.sin(x) * u for x in c]


def ring(*values):
    *c, u = values
    return [c[i] + 0.1 * (np.tanh(c[i - 1]) * u - c[i] * c[(i + 1) % N]) for i in range(N)]


def chain(*values):
    *c, u = values
    inner = [c[i] + 0.1 * (c[i - 1] - 2.0 * c[i] + c[i + 1]) * u for i in range(1, N + 1)]
    return [c[0] * 0.5, *inner, c[N + 1] + u]


def two_kinds(*values):
    *state, u = values
    x, v = state[:N], state[N:]
    return [
        *(a + 0.1 * b for a, b in zip(x, v, strict=True)),
        *(b - 0.1 * np.sin(a) * u for a, b in zip(x, v, strict=True)),
    ]


def with_rows(*values):
    *c, u = values
    return [*(x * np.cos(x) for x in c), sum(c) * u, c[3]]


def shared_number(*values):
    c = values[:N]
    total = sum(c)
    return [x * 0.5 + np.sin(total) for x in c]


def shifted(*values):
    return [*values[1:N], values[0]]


CASES = {
    "alone": (case, alone, {}),
    "ring": (case, ring, {}),
    "ring backwards": (case, ring, {"reverse": True}),
    "chain": (case, chain, {"n_carry": N + 2}),
    "two kinds": (case, two_kinds, {"n_carry": 2 * N}),
    "with rows": (case, with_rows, {}),
    "shared number": (case, shared_number, {}),
    "shifted": (case, shifted, {"extra": 0}),
    "own constants": (
        case,
        lambda *v: [x * 0.9 + k for k, x in zip(v[:N], v[N:], strict=True)],
        {"n_consts": N, "extra": 0},
    ),
}


def carried(graph):
    """The types of what the loop of a graph carries."""
    (eqn,) = (e for e in graph.eqns if e.op is scan)
    return sorted(str(v.aval) for v in eqn.outs[: eqn.params["n_carry"]])


@pytest.mark.parametrize("name", CASES)
def test_the_values_stay_to_the_last_bit(name):
    make, step, options = CASES[name]
    graph, args = make(step, **options)
    changed = after(bundle, graph)
    assert f"f64[{N}]" in carried(changed)
    assert_same_bits(graph, changed, args)


@pytest.mark.parametrize("name", CASES)
def test_what_becomes_of_it_computes_the_same(name):
    make, step, options = CASES[name]
    graph, args = make(step, **options)
    primal = run(graph, PRIMAL, check=True)
    assert_lowered(run(primal, JOINT, check=True), args)
    plain = run(vjp(RULES, graph, [True] * len(args)), JOINT, check=True)
    joint = run(vjp(RULES, primal, [True] * len(args)), JOINT, check=True)
    given = [*args, *(RNG.normal(size=a.shape) for a in joint.in_avals[len(args) :])]
    for ours, theirs in zip(assert_lowered(joint, given), assert_lowered(plain, given), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("step", "options"),
    [
        (alone, {"n_carry": 12}),
        (lambda *v: [c * 0.1 * (i + 1) for i, c in enumerate(v[:N])], {}),
        (lambda *v: [np.sin(c) if i % 2 else np.cos(c) for i, c in enumerate(v[:N])], {}),
    ],
    ids=["few", "numbers of their own", "two formulas"],
)
def test_what_is_not_alike_stays(step, options):
    graph, _ = case(step, **options)
    assert bundle(graph) is graph


def test_numbers_that_depend_on_one_another_stay():
    def running(*values):
        *c, u = values
        nexts = [c[0] * u]
        for x in c[1:]:
            nexts.append(nexts[-1] * 0.5 + x)
        return nexts

    graph, args = case(running)
    assert_same_bits(graph, after(bundle, graph), args)

    def through_a_sum(*values):
        c = values[:N]
        low = [np.sin(x) for x in c]
        return [x + sum(low[:i]) for i, x in enumerate(c)]

    graph, args = case(through_a_sum)
    assert_same_bits(graph, after(bundle, graph), args)


def test_a_second_time_there_is_nothing_to_do():
    graph, _ = case(ring)
    changed = bundle(graph)
    assert bundle(changed) is changed


def test_the_text_is_a_loop():
    @bp.compile
    def simulate(cells, currents):
        def step(v, current):
            return tuple(x + 0.1 * (current - x**3) for x in v)

        return bp.fold(step, cells, currents)

    text = simulate.inspect((0.1,) * 30, np.ones(5)).source
    assert "for i in range(30):" in text
    assert text.count("current") < 10
