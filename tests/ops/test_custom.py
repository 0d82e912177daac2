"""The primitive of custom operations: both kinds of rules in both modes, to second order, in batches and in bodies."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.core.check import check_graph
from staticbp.core.interpret import interpret
from staticbp.errors import NotDifferentiableError
from staticbp.ops.custom import custom
from staticbp.passes.pipeline import expanded
from staticbp.transforms.jvp import jvp
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.checks import assert_batching, assert_derivatives, assert_value, graph_of, second_order_args
from tests.support import assert_close

RNG = np.random.default_rng(11)
M, V, W = RNG.normal(size=(3, 4)), RNG.normal(size=4), RNG.normal(size=3)


@bp.Op
def apply(m, v):
    return m @ v, lambda g: (np.outer(g, v), m.T @ g)


@bp.custom_vjp
def swish(x, slope):
    return x / (1 + np.exp(-slope * x))


def swish_forward(x, slope):
    s = 1 / (1 + np.exp(-slope * x))
    return x * s, (x, s, slope)


def swish_backward(saved, g):
    x, s, slope = saved
    flat = s * (1 - s)
    return g * (s + slope * x * flat), np.sum(g * x * x * flat)


swish.defvjp(swish_forward, swish_backward)


@bp.custom_jvp
def polar(p):
    return {"r": np.hypot(p[0], p[1]), "phi": np.arctan2(p[1], p[0])}


@polar.defjvp
def polar_rule(primals, tangents):
    (p,), (dp,) = primals, tangents
    out = polar(p)
    r = out["r"]
    return out, {"r": (p[0] * dp[0] + p[1] * dp[1]) / r, "phi": (p[0] * dp[1] - p[1] * dp[0]) / (r * r)}


def layer(m, v, w):
    return np.tanh(apply(m, v)) * w, apply(m, 2.0 * v)


def gate(x, s):
    return swish(x, s) * x


def spiral(p, k):
    out = polar((p * k, np.exp(p)))
    return out["r"] * np.sin(out["phi"])


def loop(m, v):
    def step(c, x):
        c = bp.cond(c[0] > 0, lambda: np.tanh(apply(m, c)) * x, lambda: swish(c, 0.7)[:3] + x)
        return np.concatenate([c, c[:1]]), c

    return bp.scan(step, v, np.array([0.5, -1.0, 2.0]))[1]


CASES = {
    "several arguments, one op twice": (layer, (M, V, W)),
    "residuals and a scalar": (gate, (V, np.float64(0.8))),
    "a forward rule over structures": (spiral, (V, np.float64(1.5))),
    "in a scan and a cond": (loop, (M, V)),
}


@pytest.mark.parametrize("case", CASES)
def test_values_and_derivatives(case):
    function, args = CASES[case]
    graph = graph_of(function, args)
    wanted = interpret(graph, args)
    for found, value in zip(interpret(check_graph(expanded(graph)), args), wanted, strict=True):
        assert_close(found, value)
    reverse = assert_derivatives(graph, args, RNG)
    assert_derivatives(reverse, second_order_args(graph, args, RNG), RNG)


@pytest.mark.parametrize("case", ["several arguments, one op twice", "residuals and a scalar"])
def test_forward_over_forward(case):
    function, args = CASES[case]
    graph = graph_of(function, args)
    forward = check_graph(jvp(RULES, graph, [True] * len(args)))
    assert_derivatives(forward, [*args, *args], RNG)


@pytest.mark.parametrize("case", CASES)
def test_batches(case):
    function, args = CASES[case]
    graph = graph_of(function, args)
    assert_batching(graph, args, [True] * len(args))
    assert_batching(graph, args, [False] * (len(args) - 1) + [True])
    assert_batching(graph, args, [True] + [False] * (len(args) - 1))


@pytest.mark.parametrize(
    ("batched", "case"),
    [
        ([True, False, True], "several arguments, one op twice"),
        ([False, True, False], "several arguments, one op twice"),
        ([True, False], "residuals and a scalar"),
        ([False, True], "a forward rule over structures"),
    ],
)
def test_derivatives_of_batches(batched, case):
    """A derivative by what is the same for the whole batch is the sum of theirs."""
    function, args = CASES[case]
    many, _ = RULES.batch(graph_of(function, args), 2, batched)
    inputs = [np.stack([a, 0.5 * a]) if flag else a for a, flag in zip(args, batched, strict=True)]
    reverse = assert_derivatives(check_graph(many), inputs, RNG)
    assert_derivatives(reverse, second_order_args(many, inputs, RNG), RNG)


def test_single_precision_stays_so():
    args = [a.astype(np.float32) for a in (M, V, W)]
    graph = graph_of(layer, args)
    assert all(a.dtype == np.float32 for a in graph.out_avals)
    assert_derivatives(graph, args, RNG)
    assert_value(layer, args)


def test_nothing_but_the_body_is_left_when_expanded():
    graph = graph_of(loop, (M, V))

    def ops(graph):
        for eqn in graph.eqns:
            yield eqn.op
            for body in eqn.subgraphs():
                yield from ops(body)

    assert custom in set(ops(graph))
    assert custom not in set(ops(expanded(graph)))
    plain = graph_of(lambda x: np.sin(x), (V,))
    assert expanded(plain) is plain


def test_the_graph_names_the_operation():
    text = str(graph_of(layer, (M, V, W)))
    assert "matvec: f64[3] = custom[rule=apply] " in text
    assert "0x" not in text


def test_a_captured_value_is_not_differentiated_in_silence():
    @bp.Op
    def scaled(x):
        return W * x, lambda g: np.sum(W * g)

    def hidden(w, s):
        op = bp.Op(lambda x: (w * x, lambda g: np.sum(w * g)))
        return op(s)

    graph = graph_of(hidden, (W, np.float64(2.0)))
    assert_derivatives(graph_of(scaled, (np.float64(2.0),)), (np.float64(2.0),), RNG)
    assert_derivatives_by_second(graph)
    with pytest.raises(NotDifferentiableError, match="reads x0 from around it"):
        vjp(RULES, graph, [True, True])
    with pytest.raises(NotDifferentiableError, match="reads x0 from around it"):
        jvp(RULES, graph, [True, False])


def test_a_rule_that_is_not_linear_has_no_transpose():
    @bp.custom_vjp
    def clipped(x):
        return x

    clipped.defvjp(lambda x: (x, None), lambda _, g: (np.clip(g, -1, 1),))
    graph = graph_of(lambda x: 5.0 * clipped(x), (V,))
    assert_close(interpret(vjp(RULES, graph, [True]), [V, np.ones(4)])[1], np.ones(4))
    with pytest.raises(NotDifferentiableError, match="not linear in the cotangent, so forward mode"):
        jvp(RULES, graph, [True])

    @bp.custom_jvp
    def squared(x):
        return x

    squared.defjvp(lambda primals, tangents: (primals[0], tangents[0] ** 2))
    graph = graph_of(lambda x: squared(x), (V,))
    assert_close(interpret(jvp(RULES, graph, [True]), [V, V])[1], V * V)
    with pytest.raises(NotDifferentiableError, match="not linear in the tangents, so reverse mode"):
        vjp(RULES, graph, [True])


def test_rules_with_loops_are_seen_to_be_linear():
    @bp.custom_jvp
    def running(x, w):
        return bp.scan(lambda c, x: (np.tanh(w * c + x), c), 0.0, x)[1]

    @running.defjvp
    def rule(primals, tangents):
        (x, w), (dx, dw) = primals, tangents

        def step(carry, row):
            (c, dc), (x, dx) = carry, row
            after = np.tanh(w * c + x)
            moved = bp.cond(
                x > 0, lambda: (1 - after**2) * (w * dc + c * dw + dx), lambda: (1 - after**2) * (w * dc + c * dw + dx)
            )
            return (after, moved), dc

        return running(x, w), bp.scan(step, (0.0, 0.0), (x, dx))[1]

    args = (V, np.float64(0.7))
    assert_derivatives(graph_of(lambda x, w: running(x, w), args), args, RNG)


def assert_derivatives_by_second(graph):
    bars = interpret(vjp(RULES, graph, [False, True]), [W, 2.0, np.ones(3)])
    assert_close(bars[-1], W.sum())
