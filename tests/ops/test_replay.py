"""Reverse mode through loops that a test ends: their steps are taken again from carries that were kept."""

import numpy as np
import pytest

from staticbp.core.aval import FLOAT64, INT64, Aval
from staticbp.core.check import check_graph
from staticbp.core.interpret import interpret
from staticbp.core.shape import symbol
from staticbp.ops.branches import cond
from staticbp.ops.control import scan
from staticbp.ops.iteration import FEWEST, MOST, slots_for, while_loop
from staticbp.passes.lower import lower
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from staticbp.trace.trace import trace
from staticbp.transforms.jvp import jvp
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.checks import assert_batching, assert_derivatives
from tests.support import assert_close, assert_lowered, graph_of, run_plain

RNG = np.random.default_rng(8)
VECTOR, COUNT = Aval((3,), FLOAT64), Aval((), INT64)
A, X = RNG.normal(size=3), np.array([0.3, 1.0, -0.7])


def step(a, x):
    return a * np.sin(x[::-1]) + 0.9 * x


def counted(slots=None):
    """`step`, as often as an operand says."""
    names, avals = ["a", "n", "i", "x"], [VECTOR, COUNT, COUNT, VECTOR]
    test = trace(lambda a, n, i, x: [i < n], "test", avals, names)
    body = trace(lambda a, n, i, x: [i + 1, step(a, x)], "body", avals, names)
    params = {"test": test, "body": body, "n_consts": 2}
    return params if slots is None else {**params, "slots": slots}


def repeated(slots=None):
    params = counted(slots)

    def f(a, x, n):
        return np.sin(while_loop(a, n, 0, 2.0 * x, **params)[1])

    return graph_of(f, A, X, 3)


def unrolled(n):
    def f(a, x):
        x = 2.0 * x
        for _ in range(n):
            x = step(a, x)
        return np.sin(x)

    return graph_of(f, A, X)


def optimised(graph):
    return run(run(graph, PRIMAL, check=True), JOINT, check=True)


def back(graph, *args):
    """Value and cotangents, by the interpreter and by generated text."""
    reverse = check_graph(vjp(RULES, graph, [np.asarray(a).dtype.kind == "f" for a in args[:-1]]))
    wanted = interpret(reverse, list(args))
    found = assert_lowered(optimised(reverse), args)
    for ours, theirs in zip(found, wanted, strict=True):
        assert_close(ours, theirs)
    return found


# With two rows a loop of 16 steps keeps every eighth carry, and its segments every fourth of theirs.
@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31])
def test_any_number_of_steps(n):
    ct = RNG.normal(size=3)
    found = back(repeated(2), A, X, n, ct)
    wanted = interpret(vjp(RULES, unrolled(n), [True, True]), [A, X, ct])
    for ours, theirs in zip(found, wanted, strict=True):
        assert_close(ours, theirs)


@pytest.mark.parametrize("n", [15, 16, 17, 33])
def test_what_is_kept(n):
    params = {**counted(16), "saving": True}

    def f(a, x, n):
        return while_loop(a, n, 0, x, **params)

    outs = graph_of(f, A, X, n)
    # What lies behind the last row is anything, so the two are not compared with each other.
    for found in (interpret(outs, [A, X, n]), run_plain(optimised(outs), [A, X, n])):
        _, _, steps, stride, positions, rows = found
        assert steps == n
        assert stride == {15: 1, 16: 2, 17: 2, 33: 4}[n]
        for row in range(int(steps // stride) + 1):
            assert positions[row] == row * stride
            x = X
            for _ in range(row * int(stride)):
                x = step(A, x)
            assert_close(rows[row], x)


@pytest.mark.parametrize(("slots", "n"), [(2, 5), (16, 3)])
def test_every_mode_to_second_order(slots, n):
    graph = repeated(slots)
    reverse = assert_derivatives(graph, [A, X, n], RNG)
    cts = [RNG.normal(size=v.aval.shape) for v in reverse.invars[3:]]
    assert_derivatives(reverse, [A, X, n, *cts], RNG)
    twice = check_graph(vjp(RULES, reverse, [True, True, False, True]))
    every = [RNG.normal(size=v.aval.shape) for v in twice.invars[4:]]
    assert_lowered(optimised(twice), [A, X, n, *cts, *every])


def test_forward_over_a_loop_that_keeps_carries():
    graph = repeated(2)
    reverse = vjp(RULES, graph, [True, True, False])
    ahead = check_graph(jvp(RULES, reverse, [True, True, False, True]))
    plain = jvp(RULES, vjp(RULES, unrolled(6), [True, True]), [True, True, True])
    args = [A, X, RNG.normal(size=3), *(RNG.normal(size=3) for _ in range(3))]
    found = assert_lowered(optimised(ahead), [A, X, 6, *args[2:]])
    for ours, theirs in zip(found, interpret(plain, args), strict=True):
        assert_close(ours, theirs)


@pytest.mark.parametrize("batched", [[False, True, False, True], [True, True, True, True], [True, False, True, False]])
def test_batches(batched):
    reverse = check_graph(vjp(RULES, repeated(2), [True, True, False]))
    args = [A, X, 5, RNG.normal(size=3)]
    assert_batching(reverse, args, batched)
    many, _ = RULES.batch(reverse, 3, batched)
    given = [
        np.array([0, 7, 2]) if flag and i == 2 else np.stack([x, 0.5 * x, -x]) if flag else x
        for i, (x, flag) in enumerate(zip(args, batched, strict=True))
    ]
    found = assert_lowered(optimised(many), given)
    for k in range(3):
        single = [x[k] if flag else x for x, flag in zip(given, batched, strict=True)]
        for ours, theirs in zip(found, interpret(reverse, single), strict=True):
            assert_close(ours[k], theirs)


def test_the_derivative_of_a_batch():
    many, _ = RULES.batch(repeated(2), 3, [False, True, True])
    args = [A, np.stack([X, 0.5 * X, -X]), np.array([0, 7, 2]), RNG.normal(size=(3, 3))]
    found = back(check_graph(many), *args)
    sums = np.zeros(3)
    for k in range(3):
        value, a_bar, x_bar = interpret(
            vjp(RULES, unrolled(int(args[2][k])), [True, True]), [A, args[1][k], args[3][k]]
        )
        assert_close(found[0][k], value)
        assert_close(found[2][k], x_bar)
        sums += a_bar
    assert_close(found[1], sums)


def test_in_loops_and_branches_and_around_them():
    inner = counted(2)
    names, avals = ["a", "x"], [VECTOR, VECTOR]
    shrunk = trace(lambda a, x: [0.5 * x], "shrunk", avals, names)

    def turned(a, x):
        total = scan(a, x, body=summed, n_consts=0, n_carry=1, length=3, reverse=False)
        return [while_loop(a, 3, 0, x, **inner)[1] + total]

    summed = trace(lambda c, x: [c * x], "summed", [VECTOR, Aval((), FLOAT64)], ["c", "x"])
    branches = (shrunk, trace(turned, "turned", avals, names))
    body = trace(lambda a, x: [cond(np.sum(x) > 0.1, a, x, branches=branches)], "body", avals, names)
    test = trace(lambda a, x: [np.sum(x * x) > 0.3], "test", avals, names)
    loop = {"test": test, "body": body, "n_consts": 1, "slots": 2}
    each = trace(lambda a, x, y: [while_loop(a, x + y, **loop)], "each", [VECTOR] * 3, ["a", "x", "y"])

    def f(a, x, ys):
        return scan(a, x, ys, body=each, n_consts=1, n_carry=1, length=4, reverse=False)

    args = [0.4 * A, X, RNG.normal(size=(4, 3))]
    graph = graph_of(f, *args)
    assert_derivatives(graph, args, RNG)
    back(graph, *args, np.ones(3))


def test_how_much_is_kept_is_settled_by_the_size_of_the_carry():
    assert slots_for([COUNT, COUNT]) == MOST
    assert slots_for([Aval((1000,), FLOAT64)]) == 128
    assert slots_for([Aval((1000, 1000), FLOAT64)]) == FEWEST
    assert slots_for([Aval((symbol("n"),), FLOAT64)]) == FEWEST
    sizes = [lower(optimised(vjp(RULES, repeated(slots), [True, True, False]))).workspace for slots in (16, 256)]
    assert sizes[0] < 4 * 16 * 32 + 2000
    assert sizes[1] > 256 * 32
