"""Taylor mode against repeated forward mode, by the graph interpreter."""

import math

import numpy as np
import pytest

import staticbp as bp
from staticbp.core.check import check_graph
from staticbp.core.interpret import interpret
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from staticbp.trace.trace import rebuild
from staticbp.transforms.activity import active_outputs
from staticbp.transforms.jvp import jvp
from staticbp.transforms.rules import RULES
from staticbp.transforms.series import expand
from tests.ops.checks import directions, floats, graph_of
from tests.ops.table import generator, smooth_cases

ORDER = 3
CASES = [case for case in smooth_cases() if any(floats(case.args))]


def coefficients_of(graph, curves):
    """The graph of all coefficients of the results, for inputs with these coefficients (None is zero)."""
    order = max(map(len, curves))

    def joint(*values):
        outs = expand(RULES, graph, [[v, *curve] for v, curve in zip(values, curves, strict=True)], order)
        kinds = zip(graph.out_avals, outs, strict=True)
        return [np.zeros(aval.shape) if c is None else c for aval, out in kinds for c in out]

    return check_graph(rebuild(graph, joint, graph.in_avals, [v.name for v in graph.invars]))


def series_of(graph, args, curves):
    """For each result its coefficients."""
    values = interpret(coefficients_of(graph, curves), list(args))
    count = len(values) // len(graph.outs)
    return [values[i * count : (i + 1) * count] for i in range(len(graph.outs))]


def repeated(graph, args, steps, order):
    """The same along straight lines by forward mode, again and again."""
    active = floats(args)
    n_out = len(graph.outs)
    found = [[value] for value in interpret(graph, list(args))]
    level, places, operands = graph, list(range(n_out)), list(args)
    given = [step for step, flag in zip(steps, active, strict=True) if flag]
    for k in range(1, order + 1):
        flags = active + [False] * (len(operands) - len(args))
        flow = active_outputs(level, flags)
        moved = jvp(RULES, level, flags)
        dots = iter(moved.outs[len(level.outs) :])
        of = {i: dot for i, (flag, dot) in enumerate((flag, next(dots) if flag else None) for flag in flow)}
        operands += given
        level = moved.with_eqns(moved.eqns, [of[p] for p in places if p is not None and of[p] is not None])
        numbers = iter(range(n_out))
        places = [None if p is None or of[p] is None else next(numbers) for p in places]
        values = interpret(level, operands)
        for rows, place in zip(found, places, strict=True):
            rows.append(np.zeros_like(rows[0]) if place is None else values[place] / math.factorial(k))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_operation(case):
    rng = generator(case.name)
    graph = run(graph_of(case.function, case.args), PRIMAL)
    steps = directions(rng, case.args)
    curves = [
        [step, *[None] * (ORDER - 1)] if flag else [] for step, flag in zip(steps, floats(case.args), strict=True)
    ]
    wanted = repeated(graph, case.args, steps, ORDER)
    for ours, theirs in zip(series_of(graph, case.args, curves), wanted, strict=True):
        for k, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            tolerance = 1e-3 if b.dtype == np.float32 else 1e-10
            scale = max(1.0, np.max(np.abs(b), initial=0.0))
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale, err_msg=f"of order {k}")


def doubling(x):
    return bp.fold(lambda c, r: np.sin(c * r) + 0.5 * c, x, np.array([1.0, 2.0, 0.5]))


def collecting(x):
    def step(carry, r):
        mass, count = carry
        return (mass * r + x, count + 1.0), (np.exp(mass), count)

    return bp.scan(step, (x, 0.0), np.array([1.0, 2.0, 0.5]), reverse=True)


def forgetting(x):
    """What is carried moves at first, and is overwritten by what does not."""
    return bp.scan(lambda c, r: (r, c * c), x, np.array([1.0, 2.0, 0.5]))


def rows(x):
    return bp.scan(lambda c, row: (c + np.sum(row), row * c), x, x**2 * np.ones((3, 2)))


def nested(x):
    return bp.fold(lambda c, _: bp.fold(lambda d, r: d * r + x, c, np.array([0.5, -1.0])), x, None, length=2)


def branching(x):
    return bp.cond(x > 0.0, lambda x: (np.sin(x), x), lambda x: (x * x, 2.0), x)


def newton(a):
    return bp.while_loop(lambda x: abs(x * x - a) > 1e-15, lambda x: 0.5 * (x + a / x), 1.0 + a)


@pytest.mark.parametrize("x", [0.4, -0.3])
@pytest.mark.parametrize("function", [doubling, collecting, forgetting, rows, nested, branching])
def test_loops_and_branches(function, x):
    graph = run(graph_of(lambda x: flat(function(x)), [x]), PRIMAL)
    ours = series_of(graph, [x], [[np.float64(1.0), None, None, None]])
    for found, wanted in zip(ours, repeated(graph, [x], [np.float64(1.0)], 4), strict=True):
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)


def flat(tree):
    return bp.tree.leaves(tree)


def test_a_while_loop_goes_on_until_its_value_is_there():
    """Newton's method doubles the known coefficients in each step, so those of a few orders have come along."""
    graph = run(graph_of(newton, [2.0]), PRIMAL)
    (found,) = series_of(graph, [2.0], [[np.float64(1.0), None, None]])
    np.testing.assert_allclose(found, [2**0.5, 0.5 / 2**0.5, -0.125 / 2**1.5, 0.0625 / 2**2.5], rtol=1e-9)


def test_a_loop_stays_one_loop():
    graph = run(graph_of(doubling, [0.5]), PRIMAL)
    joint = run(coefficients_of(graph, [[np.float64(1.0), None, None, None]]), JOINT)
    assert [eqn.op.name for eqn in joint.eqns].count("scan") == 1


def test_a_curve_that_is_not_straight():
    graph = graph_of(lambda x, y: x * y, [2.0, 3.0])
    (found,) = series_of(graph, [2.0, 3.0], [[np.float64(c) for c in (1, 5)], [None, np.float64(7)]])
    assert [float(c) for c in found] == [6.0, 3.0, 5 * 3 + 7 * 2]


def test_a_curve_that_starts_slowly():
    """A first coefficient of zero is one that nothing is computed with."""
    graph = graph_of(lambda x: np.exp(x) / (1 + x), [0.0])
    (found,) = series_of(graph, [0.0], [[None, np.float64(1), None, None]])
    straight = series_of(graph, [0.0], [[np.float64(1), None]])[0]
    np.testing.assert_allclose(found, [straight[0], 0.0, straight[1], 0.0, straight[2]])


def test_it_grows_with_the_square_of_the_order():
    graph = graph_of(lambda x: np.tanh(np.exp(np.sin(x)) / (1 + x * x)), [0.5])

    def size(order):
        joint = coefficients_of(graph, [[np.float64(1.0), *[None] * (order - 1)]])
        return len(run(joint, JOINT).eqns)

    assert size(16) < 5 * size(8) < 25 * size(4)


def test_equations_have_the_line_and_the_names_of_what_they_belong_to():
    def f(x):
        h = np.exp(x)
        return h * h

    joint = coefficients_of(graph_of(f, [np.float64(1.0)]), [[np.float64(1.0), np.float64(3.0)]])
    names = [v.name for eqn in joint.eqns for v in eqn.outs]
    assert [name for name in names if name in ("h", "h_1", "h_2")] == ["h", "h_1", "h_2"]
    assert {eqn.src.line for eqn in joint.eqns} == {f.__code__.co_firstlineno + 1, f.__code__.co_firstlineno + 2}
