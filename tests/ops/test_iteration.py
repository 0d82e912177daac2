"""The primitive of loops that a test ends: values, forward mode, batches, loops and branches within, lowered."""

import numpy as np
import pytest

from staticbp.core.aval import FLOAT32, FLOAT64, INT64, Aval
from staticbp.core.check import check_graph
from staticbp.core.interpret import interpret
from staticbp.errors import ControlFlowError
from staticbp.ops.branches import cond
from staticbp.ops.control import scan
from staticbp.ops.iteration import while_loop
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from staticbp.trace.trace import trace
from staticbp.transforms.jvp import jvp
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.checks import assert_batching
from tests.support import assert_close, assert_lowered, graph_of

RNG = np.random.default_rng(5)
SCALAR, VECTOR, COUNT = Aval((), FLOAT64), Aval((3,), FLOAT64), Aval((), INT64)
A, X = 0.6, np.array([3.0, 1.0, 2.0])


def parts(dtype=FLOAT64):
    """Shrink and turn a vector until it is short; count the steps."""
    avals = [Aval((), dtype), Aval((3,), dtype), COUNT]
    names = ["a", "x", "n"]
    test = trace(lambda a, x, n: [np.sum(x * x) > 0.5 * a], "test", avals, names)
    body = trace(lambda a, x, n: [a * np.sin(x[::-1]) + 0.1 * x, n + 1], "body", avals, names)
    return {"test": test, "body": body, "n_consts": 1}


PARTS = parts()


def shrunk(a, x):
    y, n = while_loop(a, 2.0 * x, 0, **PARTS)
    return y * a, n


def by_hand(a, x):
    y, n = 2.0 * x, 0
    while np.sum(y * y) > 0.5 * a:
        y, n = a * np.sin(y[::-1]) + 0.1 * y, n + 1
    return y * a, n


def optimised(graph):
    return run(run(graph, PRIMAL, check=True), JOINT, check=True)


def test_values():
    graph = graph_of(shrunk, A, X)
    for found in (interpret(graph, [A, X]), shrunk(A, X), assert_lowered(graph, [A, X])):
        y, n = by_hand(A, X)
        assert_close(found[0], y)
        assert found[1] == n == 2
    assert_lowered(optimised(graph), [A, X])
    assert interpret(graph, [A, 0 * X])[1] == 0


def test_forward_mode_to_second_order():
    graph = graph_of(shrunk, A, X)
    moved = check_graph(jvp(RULES, graph, [True, True]))
    args, dots = [A, X], [0.3, RNG.normal(size=3)]
    step = 1e-6
    ahead, behind = (by_hand(A + s * dots[0], X + s * dots[1])[0] for s in (step, -step))
    found = assert_lowered(optimised(moved), [*args, *dots])
    assert_close(found[2], (ahead - behind) / (2 * step), 1e-7)
    twice = check_graph(jvp(RULES, moved, [True, True, False, False]))
    assert_lowered(optimised(twice), [*args, *dots, *dots])
    one = check_graph(jvp(RULES, graph, [True, False]))
    assert_lowered(optimised(one), [*args, 1.0])


@pytest.mark.parametrize("batched", [[True, False], [False, True], [True, True]])
def test_each_element_of_a_batch_ends_when_it_is_done(batched):
    graph = graph_of(shrunk, A, X)
    assert_batching(graph, [A, X], batched)
    many, _ = RULES.batch(graph, 3, batched)
    args = [
        np.array([0.3, 0.6, 0.7]) if batched[0] else A,
        np.stack([X, 0 * X, 9 * X]) if batched[1] else X,
    ]
    found = assert_lowered(optimised(many), args)
    for k in range(3):
        wanted = by_hand(args[0][k] if batched[0] else A, args[1][k] if batched[1] else X)
        assert_close(found[0][k], wanted[0])
        assert found[1][k] == wanted[1]


def test_a_batch_that_ends_together():
    test = trace(lambda a, x, n: [n < 4], "test", [SCALAR, VECTOR, COUNT], ["a", "x", "n"])

    def f(a, x):
        return while_loop(a, x, 0, **{**PARTS, "test": test})

    graph = graph_of(f, A, X)
    many, flags = RULES.batch(graph, 3, [False, True])
    assert flags == [True, False]
    assert_lowered(optimised(many), [A, np.stack([X, -X, 2 * X])])
    both = check_graph(RULES.batch(jvp(RULES, graph, [True, True]), 3, [True, True, False, True])[0])
    assert_lowered(optimised(both), [np.full(3, A), np.stack([X] * 3), 1.0, RNG.normal(size=(3, 3))])


def test_single_precision():
    single = parts(FLOAT32)

    def f(a, x):
        return while_loop(a, x, 0, **single)

    args = [np.float32(A), X.astype(np.float32)]
    found = assert_lowered(optimised(graph_of(f, *args)), args)
    assert found[0].dtype == np.float32


def test_in_branches_in_loops_and_around_them():
    inner = trace(lambda c, x: [c + x * x], "inner", [SCALAR] * 2, ["c", "x"])
    halved = trace(lambda x, s: [x * 0.5, s], "halved", [VECTOR, SCALAR], ["x", "s"])
    turned = trace(lambda x, s: [x[::-1] * 0.9, s + x[0]], "turned", [VECTOR, SCALAR], ["x", "s"])

    def body(x, s):
        total = scan(s, x, body=inner, n_consts=0, n_carry=1, length=3, reverse=False)
        x, s = cond(total > 3.0, x, s, branches=(halved, turned))
        return [x, s * 0.9]

    def test(x, s):
        return [scan(0.0, x, body=inner, n_consts=0, n_carry=1, length=3, reverse=False) > 0.4]

    loop = {
        "test": trace(test, "test", [VECTOR, SCALAR], ["x", "s"]),
        "body": trace(body, "body", [VECTOR, SCALAR], ["x", "s"]),
        "n_consts": 0,
    }
    step = trace(lambda s, x: [*while_loop(x, s, **loop)][::-1], "step", [SCALAR, VECTOR], ["s", "x"])

    def outer(s, xs):
        return scan(s, xs, body=step, n_consts=0, n_carry=1, length=4, reverse=False)

    args = [0.5, RNG.normal(size=(4, 3))]
    graph = graph_of(outer, *args)
    assert_lowered(graph, args)
    assert_lowered(optimised(graph), args)
    moved = check_graph(jvp(RULES, graph, [True, True]))
    assert_lowered(optimised(moved), [*args, 1.0, RNG.normal(size=(4, 3))])
    assert_batching(graph, args, [True, False])
    many, _ = RULES.batch(graph, 3, [True, True])
    assert_lowered(optimised(many), [np.array([0.1, 0.2, 0.3]), RNG.normal(size=(3, 4, 3))])


def test_what_only_counts_has_no_derivative():
    counting = graph_of(lambda a, x: np.sum(x) * shrunk(a, x)[1], A, X)
    bars = interpret(vjp(RULES, counting, [False, True]), [A, X, 1.0])
    assert_close(bars[-1], np.full(3, float(by_hand(A, X)[1])))


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(ControlFlowError, match="other types than its test or body takes"):
        graph_of(lambda a, x: while_loop(a, a, 0, **PARTS), A, X)
    long = trace(lambda a, x, n: [np.append(x, a), n], "long", [SCALAR, VECTOR, COUNT], ["a", "x", "n"])
    with pytest.raises(ControlFlowError, match=r"from f64\[3\] to f64\[4\]"):
        graph_of(lambda a, x: while_loop(a, x, 0, **{**PARTS, "body": long}), A, X)
    many = trace(lambda a, x, n: [x > a], "many", [SCALAR, VECTOR, COUNT], ["a", "x", "n"])
    with pytest.raises(ControlFlowError, match="single truth value"):
        graph_of(lambda a, x: while_loop(a, x, 0, **{**PARTS, "test": many}), A, X)
