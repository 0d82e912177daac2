import numpy as np
import pytest

from staticbp.core.text import graph_text
from staticbp.errors import GraphError
from staticbp.ops.arithmetic import add, mul, sub
from staticbp.ops.reduce import reduce_sum
from staticbp.passes.pipeline import JOINT, PRIMAL, Pass, run
from staticbp.passes.rewrite import Rewriter, Rules
from staticbp.special import expit, softmax
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.passes.checks import assert_close_values, loop
from tests.support import assert_lowered, graph_of

RNG = np.random.default_rng(5)
W, B, X, T = RNG.normal(size=(4, 3)), RNG.normal(size=4), RNG.normal(size=3), np.eye(4)[2]


def net_err(w, b, x, t):
    h = expit(w @ x + b)
    p = softmax(h)
    return -np.log(p) @ t


def test_stages_are_handed_on_in_order():
    stages = []
    graph = graph_of(net_err, W, B, X, T)
    result = run(graph, PRIMAL, check=True, on_stage=lambda name, stage: stages.append((name, stage)))
    names = [name for name, _ in stages]
    assert names[:7] == ["fold", "simplify", "cse", "stabilise", "dce", "bundle", "loops"]
    assert all(name.endswith(")") for name in names[8:])
    assert stages[-1][1] is result
    for _, stage in stages:
        assert_close_values(graph, stage, [W, B, X, T])


def test_a_second_run_finds_nothing_to_do():
    graph = run(graph_of(net_err, W, B, X, T), PRIMAL)
    assert run(graph, PRIMAL) is graph
    joint = run(vjp(RULES, graph, [True] * 4), JOINT)
    assert run(joint, JOINT) is joint


def test_the_gradient_of_a_network(golden):
    primal = run(graph_of(net_err, W, B, X, T), PRIMAL, check=True)
    joint = vjp(RULES, primal, [True, True, False, False])
    simple = run(joint, JOINT, check=True)
    golden("passes_net_err.txt", graph_text(simple, comments=False))
    args = [W, B, X, T, np.float64(1)]
    assert_close_values(joint, simple, args)
    assert_lowered(simple, args)


def test_passes_go_through_bodies():
    def f(h, xs):
        def step(h, x):
            return np.log(1 + np.exp(h * 1.0)) + -x

        return loop(step, [], [h], [xs], 3)[0]

    graph = run(graph_of(f, B, RNG.normal(size=(3, 4))), PRIMAL, check=True)
    (eqn,) = graph.eqns
    assert [inner.op.name for inner in eqn.params["body"].eqns] == ["logaddexp", "sub"]


def test_a_body_shared_by_two_loops_stays_shared():
    def f(h, g):
        def step(h):
            return np.sin(h * 1.0)

        (first,) = loop(step, [], [h], [], 3)
        return first, g

    (eqn,) = graph_of(f, B, B).eqns

    def twice(h, g):
        return eqn.op(h, **eqn.params) + eqn.op(g, **eqn.params)

    first, second, _ = run(graph_of(twice, B, B), PRIMAL, check=True).eqns
    assert first.params["body"] is second.params["body"]
    assert len(first.params["body"].eqns) == 1


def broken(graph, notes):
    """A pass that forgets an equation."""
    return graph.with_eqns(graph.eqns[1:])


def test_the_checker_names_the_pass_that_broke_the_graph(monkeypatch):
    graph = graph_of(net_err, W, B, X, T)
    with pytest.raises(GraphError, match=r"^broken: net_err: .* before it is defined"):
        run(graph, (Pass("broken", broken),), check=True)
    monkeypatch.setenv("STATICBP_CHECK", "1")
    with pytest.raises(GraphError, match="broken"):
        run(graph, (Pass("broken", broken),))
    monkeypatch.setenv("STATICBP_CHECK", "0")
    assert len(run(graph, (Pass("broken", broken, once=True),)).eqns) == len(graph.eqns) - 1


def chain(n):
    def f(x):
        for i in range(n):
            x = np.sin(x) * 1.0 + x / 2 - 0.0 if i % 2 else np.negative(-np.exp(x)) + 0
        return x

    return graph_of(f, X)


def test_work_is_linear_in_the_size_of_the_graph(monkeypatch):
    calls = 0
    rewritten = Rewriter._rewritten

    def counted(self, eqn):
        nonlocal calls
        calls += 1
        return rewritten(self, eqn)

    monkeypatch.setattr(Rewriter, "_rewritten", counted)
    counts = []
    for n in (100, 200, 400):
        graph = chain(n)
        calls = 0
        run(graph, PRIMAL)
        counts.append(calls / len(graph.eqns))
    assert max(counts) < 1.2 * min(counts), counts


def test_rules_that_undo_each_other_come_to_an_end():
    rules = Rules()

    @rules.on(add)
    def swapped(at, eqn):
        return at.emit(add, *reversed(eqn.ins))

    graph = graph_of(lambda x, y: x + y, X, X)
    result = Rewriter(graph, rules.of).run()
    assert_close_values(graph, result, [X, X])
    assert len(result.eqns) == 1


def test_rules_that_come_to_nothing_leave_nothing():
    rules = Rules()

    @rules.on(add)
    def tried(at, eqn):
        at.emit(sub, *eqn.ins)

    @rules.on(sub)
    def of_another_shape(at, eqn):
        return at.emit(reduce_sum, at.emit(mul, *eqn.ins), axes=(0,))

    graph = graph_of(lambda x, y: (x + y) - y, X, X)
    assert Rewriter(graph, rules.of).run() is graph
