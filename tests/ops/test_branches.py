"""The primitive of branches: values, both modes to second order, batches, loops around and within, lowered."""

import numpy as np
import pytest

from staticbp.core.aval import FLOAT32, FLOAT64, INT64, Aval
from staticbp.core.check import check_graph
from staticbp.core.interpret import interpret
from staticbp.errors import ControlFlowError
from staticbp.ops.branches import cond
from staticbp.ops.control import scan
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from staticbp.trace.trace import trace
from staticbp.transforms.jvp import jvp
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.checks import assert_batching, assert_derivatives, assert_value
from tests.support import assert_close, assert_lowered, graph_of

RNG = np.random.default_rng(3)
X, S = RNG.normal(size=3), 0.7


def arms(dtype=FLOAT64):
    """Three branches that differ in what they need, save and return."""
    avals = [Aval((3,), dtype), Aval((), dtype)]
    functions = [
        lambda x, s: [np.sin(x) * s, np.sum(np.exp(x))],
        lambda x, s: [x, s * s],
        lambda x, s: [np.broadcast_to(s, (3,)), np.tanh(s) * x[1]],
    ]
    return tuple(trace(f, name, avals, ["x", "s"]) for f, name in zip(functions, "abc", strict=True))


ARMS = arms()


def picked(index, x, s):
    y, z = cond(index, 2.0 * x, s, branches=ARMS)
    return y * z, z


def decided(p, x, s):
    y, z = cond(p > 0.5, x, s * s, branches=ARMS[:2])
    return np.sum(y) * z


def everything(graph, args):
    """A graph, its passes and its derivatives: the generated text against the interpreter."""
    active = [np.asarray(a).dtype.kind == "f" for a in args]
    reverse = check_graph(vjp(RULES, graph, active))
    outs = interpret(graph, args)
    cts = [RNG.normal(size=np.shape(o)).astype(o.dtype) for o in outs[: len(reverse.invars) - len(args)]]
    assert_lowered(graph, args)
    assert_lowered(run(run(graph, PRIMAL, check=True), JOINT, check=True), args)
    assert_lowered(run(reverse, JOINT, check=True), [*args, *cts])


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_number_picks(index):
    graph = graph_of(picked, index, X, S)
    wanted = interpret(ARMS[index], [2.0 * X, S])
    found = interpret(graph, [index, X, S])
    assert_close(found[0], wanted[0] * wanted[1])
    assert_value(picked, [index, X, S])
    everything(graph, [index, X, S])


@pytest.mark.parametrize(("index", "nearest"), [(-7, 0), (3, 2), (99, 2)])
def test_a_number_out_of_range_counts_as_the_nearest(index, nearest):
    graph = graph_of(picked, index, X, S)
    for ours, theirs in zip(assert_lowered(graph, [index, X, S]), interpret(graph, [nearest, X, S]), strict=True):
        assert_close(ours, theirs)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_both_modes_to_second_order(index):
    graph = graph_of(picked, index, X, S)
    reverse = assert_derivatives(graph, [index, X, S], RNG)
    cts = [RNG.normal(size=3), 0.3]
    assert_derivatives(reverse, [index, X, S, *cts], RNG)
    forward = check_graph(jvp(RULES, graph, [False, True, True]))
    assert_lowered(run(forward, JOINT, check=True), [index, X, S, X, 0.4])
    twice = check_graph(vjp(RULES, reverse, [False, True, True, True, True]))
    values = [RNG.normal(size=v.aval.shape) for v in twice.invars[5:]]
    assert_lowered(run(twice, JOINT, check=True), [index, X, S, *cts, *values])


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_a_truth_value_picks(p):
    graph = graph_of(decided, p, X, S)
    y, z = interpret(ARMS[int(p > 0.5)], [X, S * S])
    assert_close(interpret(graph, [p, X, S])[0], y.sum() * z)
    assert_derivatives(graph, [p, X, S], RNG)
    everything(graph, [p, X, S])


@pytest.mark.parametrize(
    "batched", [[True, False, False], [False, True, False], [False, False, True], [True, True, False], [True] * 3]
)
def test_batches(batched):
    assert_batching(graph_of(decided, 0.499, X, S), [0.499, X, S], batched)
    graph = graph_of(picked, 1, X, S)
    assert_batching(graph, [1, X, S], batched)
    many, _ = RULES.batch(graph, 3, batched)
    args = [np.stack([a] * 3) if flag else a for a, flag in zip([np.int64(1), X, S], batched, strict=True)]
    assert_lowered(run(many, JOINT, check=True), args)


def test_each_element_of_a_batch_has_its_branch():
    graph = graph_of(picked, 0, X, S)
    many, _ = RULES.batch(graph, 4, [True, False, False])
    found = interpret(many, [np.array([0, 1, 2, 5]), X, S])
    rows = [interpret(graph, [n, X, S]) for n in (0, 1, 2, 2)]
    assert_close(found[0], np.stack([row[0] for row in rows]))
    reverse = vjp(RULES, graph, [False, True, True])
    both, _ = RULES.batch(reverse, 4, [True, False, False, False, False])
    bars = interpret(both, [np.array([0, 1, 2, 5]), X, S, X, 1.0])
    rows = [interpret(reverse, [n, X, S, X, 1.0]) for n in (0, 1, 2, 2)]
    for i, ours in enumerate(bars):
        assert_close(ours, np.stack([row[i] for row in rows]))


def test_what_one_branch_saves_is_no_index_of_another():
    avals, names = [Aval((3,), FLOAT64), Aval((), INT64)], ["x", "n"]
    indexed = trace(lambda x, n: [x[n % 3] * 2.0], "indexed", avals, names)
    counted = trace(lambda x, n: [np.sum(x * x) * (n + 50)], "counted", avals, names)

    def f(p, x, n):
        return cond(p > 0, x, n, branches=(counted, indexed))

    graph = graph_of(f, 1.0, X, 5)
    reverse = vjp(RULES, graph, [False, True, False])
    many, _ = RULES.batch(reverse, 2, [True, False, True, False])
    bars = assert_lowered(run(many, JOINT, check=True), [np.array([1.0, -1.0]), X, np.array([5, 7]), 1.0])[1]
    assert_close(bars, [[0.0, 0.0, 2.0], 2 * 57 * X])


def test_single_precision_stays_so():
    single = arms(FLOAT32)

    def f(index, x, s):
        return cond(index, x, s, branches=single)

    args = [np.int64(2), X.astype(np.float32), np.float32(S)]
    graph = graph_of(f, *args)
    assert [a.aval.dtype for a in graph.outs] == [FLOAT32, FLOAT32]
    everything(graph, args)


def test_in_a_loop_and_around_one():
    inner = trace(lambda c, x: [c * x + 1.0], "inner", [Aval((), FLOAT64)] * 2, ["c", "x"])

    def looping(c, xs):
        return [scan(c, xs, body=inner, n_consts=0, n_carry=1, length=3, reverse=False), c]

    def plain(c, xs):
        return [c * xs[0], c * c]

    pair = tuple(trace(f, f.__name__, [Aval((), FLOAT64), Aval((3,), FLOAT64)], ["c", "xs"]) for f in (plain, looping))

    def step(c, xs):
        a, b = cond(c > 0.3, c, xs, branches=pair)
        return [np.tanh(a - b), b]

    outer = trace(step, "step", [Aval((), FLOAT64), Aval((3,), FLOAT64)], ["c", "xs"])

    def nested(c, rows):
        return scan(c, rows, body=outer, n_consts=0, n_carry=1, length=5, reverse=False)

    args = [0.5, RNG.normal(size=(5, 3))]
    graph = graph_of(nested, *args)
    reverse = assert_derivatives(graph, args, RNG)
    assert_derivatives(reverse, [*args, 0.2, RNG.normal(size=5)], RNG)
    assert_batching(graph, args, [True, False])
    everything(graph, args)


def test_a_carried_array_is_replaced_in_branches():
    """The next carry is read by the branch that the carry itself decides about."""
    vector = Aval((3,), FLOAT64)
    turned = trace(lambda c, x: [c[::-1] * x, np.sum(c)], "turned", [vector, vector], ["c", "x"])
    added = trace(lambda c, x: [c + x, np.sum(x)], "added", [vector, vector], ["c", "x"])

    def step(c, x):
        return list(cond(np.sum(c) > 0, c, x, branches=(turned, added)))

    body = trace(step, "step", [vector, vector], ["c", "x"])

    def loop(c, xs):
        return scan(c, xs, body=body, n_consts=0, n_carry=1, length=6, reverse=False)

    args = [X, RNG.normal(size=(6, 3))]
    graph = graph_of(loop, *args)
    assert_derivatives(graph, args, RNG)
    everything(graph, args)


def test_what_nobody_wants_of_a_branch_is_not_computed():
    graph = graph_of(lambda p, x, s: cond(p > 0, x, s, branches=ARMS[:2])[1], 1.0, X, S)
    (choice,) = [eqn for eqn in run(graph, PRIMAL, check=True).eqns if eqn.op is cond]
    assert len(choice.outs) == 1
    assert all("sin" not in [eqn.op.name for eqn in b.eqns] for b in choice.params["branches"])
    graph = graph_of(lambda p, x, s: cond(p > 0, x, s, branches=(ARMS[1], ARMS[1]))[1], 1.0, X, S)
    (choice,) = [eqn for eqn in run(graph, PRIMAL, check=True).eqns if eqn.op is cond]
    assert len(choice.ins) == 2


def test_what_branches_save_is_shared():
    reverse = vjp(RULES, graph_of(picked, 0, X, S), [False, True, True])
    saving, _ = [eqn for eqn in reverse.eqns if eqn.op is cond]
    types = [out.aval for out in saving.outs[2:]]
    assert len(types) < sum(len(b.eqns) for b in saving.params["branches"])
    assert types.count(Aval((), FLOAT64)) <= 2


def test_branches_that_do_not_fit_are_refused():
    other = trace(lambda x, s: [x * s], "other", [Aval((3,), FLOAT64), Aval((), FLOAT64)], ["x", "s"])
    with pytest.raises(ControlFlowError, match=r"branches return f64\[3\], f64\[\] and f64\[3\]"):
        graph_of(lambda p, x, s: cond(p > 0, x, s, branches=(ARMS[0], other)), 1.0, X, S)
    with pytest.raises(ControlFlowError, match=r"takes f64\[3\], f64\[\] was given f64\[\], f64\[\]"):
        graph_of(lambda p, s: cond(p > 0, s, s, branches=ARMS[:2]), 1.0, S)
    with pytest.raises(ControlFlowError, match=r"3 branches cannot be picked from by bool"):
        graph_of(lambda p, x, s: cond(p > 0, x, s, branches=ARMS), 1.0, X, S)
    assert ARMS[0].in_avals[0] != Aval((), INT64)
