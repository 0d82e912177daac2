import numpy as np
import pytest

from staticbp.core.check import check_graph
from staticbp.core.interpret import interpret
from staticbp.core.text import graph_text
from staticbp.transforms.rules import RULES
from staticbp.transforms.split import split
from staticbp.transforms.vjp import vjp
from tests.support import graph_of

RNG = np.random.default_rng(0)
W, X, T = RNG.normal(size=(10, 3)), RNG.normal(size=3), RNG.normal(size=10)


def loss(W, x, t):
    h = np.tanh(W @ x)
    e = h - t
    return e @ e


def parts(function, *args):
    graph = graph_of(function, *args)
    joint = vjp(RULES, graph, [True] * len(args))
    forward, backward = split(joint, len(graph.outs), len(joint.invars) - len(args))
    return joint, check_graph(forward), check_graph(backward), len(graph.outs)


def run_both(forward, backward, n_outs, args, cts):
    outs = interpret(forward, args)
    return outs[:n_outs], interpret(backward, [*outs[n_outs:], *args, *cts])


def test_text(golden):
    _, forward, backward, _ = parts(loss, W, X, T)
    golden("graph_loss_split.txt", f"{graph_text(forward, '', False)}\n\n{graph_text(backward, '', False)}")


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (loss, (W, X, T)),
        (lambda x: np.exp(np.sin(x)) / np.sum(np.exp(x)), (X,)),
        (lambda x, y: (x * y, x + y, np.maximum(x, y)), (X, X[::-1].copy())),
        (lambda x: x, (X,)),
        (lambda x: np.sum(x[:, None] * x[None, :] + 1.0), (X,)),
    ],
)
def test_both_parts_do_what_the_whole_does(function, args):
    joint, forward, backward, n_outs = parts(function, *args)
    cts = [RNG.normal(size=a.shape) for a in joint.in_avals[len(args) :]]
    whole = interpret(joint, [*args, *cts])
    outs, bars = run_both(forward, backward, n_outs, args, cts)
    for found, wanted in zip([*outs, *bars], whole, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-14)


def test_the_forward_part_computes_nothing_that_only_the_backward_part_needs():
    _, forward, backward, n_outs = parts(loss, W, X, T)
    assert not any(eqn.adjoint for eqn in forward.eqns)
    residuals = [v.name for v in forward.outs[n_outs:]]
    assert residuals == ["h"]  # e = h - t is cheaper to compute again than to keep
    assert [eqn.op.name for eqn in backward.eqns if not eqn.adjoint] == ["sub"]
    assert [v.name for v in backward.invars] == ["h", "W", "x", "t", "out_bar"]


def test_a_value_that_is_larger_than_its_operands_is_not_kept():
    def f(x):
        return np.sum((x[:, None] * x[None, :]) ** 2)

    _, forward, _, n_outs = parts(f, X)
    assert all(a.size <= 3 for a in forward.out_avals[n_outs:])


def test_costly_values_are_kept():
    def f(x):
        return np.sum(np.exp(x) ** 2)

    _, forward, backward, n_outs = parts(f, X)
    assert len(forward.outs) == n_outs + 1
    assert not any(eqn.op.name == "exp" for eqn in backward.eqns)


def test_a_result_may_be_a_residual_and_a_cotangent_a_result():
    def f(x):
        return np.exp(x)

    _, forward, backward, _ = parts(f, X)
    assert forward.outs[0] is forward.outs[1]
    outs, (bar,) = run_both(forward, backward, 1, [X], [T[:3]])
    np.testing.assert_allclose(bar, T[:3] * outs[0])
