import numpy as np
import pytest

from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.check import check_graph
from staticbp.core.graph import Lit
from staticbp.core.interpret import interpret
from staticbp.core.primitive import inline
from staticbp.core.text import graph_text
from staticbp.errors import GraphError, NotDifferentiableError
from staticbp.ops.control import stop_gradient
from staticbp.ops.families import ZERO, general
from staticbp.ops.registry import PRIMITIVES
from staticbp.trace.trace import trace
from staticbp.transforms.jvp import jvp
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.checks import assert_derivatives
from tests.support import graph_of

RNG = np.random.default_rng(0)
W, X, T = RNG.normal(size=(10, 3)), RNG.normal(size=3), RNG.normal(size=10)


def loss(W, x, t):
    h = np.tanh(W @ x)
    e = h - t
    return e @ e


def gradients(function, *args, active=None):
    graph = graph_of(function, *args)
    joint = check_graph(vjp(RULES, graph, active or [True] * len(args)))
    return interpret(joint, [*args, *(np.ones(a.shape) for a in joint.in_avals[len(args) :])])[len(graph.outs) :]


def test_text(golden):
    joint = check_graph(vjp(RULES, graph_of(loss, W, X, T), [True, True, False]))
    golden("graph_loss_vjp.txt", graph_text(joint, comments=False))


def test_a_gradient_worked_out_by_hand():
    value, W_bar, x_bar, t_bar = interpret(vjp(RULES, graph_of(loss, W, X, T), [True] * 3), [W, X, T, 2.0])
    h = np.tanh(W @ X)
    z_bar = 2.0 * 2 * (h - T) * (1 - h * h)
    np.testing.assert_allclose(value, (h - T) @ (h - T))
    np.testing.assert_allclose(W_bar, np.outer(z_bar, X))
    np.testing.assert_allclose(x_bar, W.T @ z_bar)
    np.testing.assert_allclose(t_bar, -4 * (h - T))


def test_against_differences_and_forward_mode():
    assert_derivatives(graph_of(loss, W, X, T), [W, X, T], RNG)


def test_each_equation_of_the_adjoint_says_so_and_where_it_comes_from():
    joint = vjp(RULES, graph_of(loss, W, X, T), [True, False, False])
    forward, adjoint = [e for e in joint.eqns if not e.adjoint], [e for e in joint.eqns if e.adjoint]
    assert joint.eqns == (*forward, *adjoint)
    assert [e.src.text for e in forward] == ["h = np.tanh(W @ x)", "h = np.tanh(W @ x)", "e = h - t", "return e @ e"]
    assert list(dict.fromkeys(e.src.text for e in adjoint)) == ["return e @ e", "h = np.tanh(W @ x)"]
    assert joint.outs[-1].name == "W_bar"


def test_inputs_that_nothing_flows_to_get_zeros():
    def f(x, unused, stopped):
        return np.sum(x * stop_gradient(stopped))

    x_bar, unused_bar, stopped_bar = gradients(f, X, W, X)
    np.testing.assert_array_equal(x_bar, X)
    np.testing.assert_array_equal(unused_bar, np.zeros((10, 3)))
    np.testing.assert_array_equal(stopped_bar, np.zeros(3))


def test_only_differentiable_results_have_cotangents():
    def f(x, n):
        return x * n, x > 0, n + 1, 3.0 * x

    graph = graph_of(f, X, np.arange(3))
    joint = vjp(RULES, graph, [True, False])
    assert [v.name for v in joint.invars[2:]] == ["out_mul_bar", "out_mul_bar"]
    assert len(joint.outs) == 5


def test_a_result_that_is_an_input_or_a_literal():
    def f(x):
        return x, x

    graph = graph_of(f, 2.0)
    (bar,) = interpret(vjp(RULES, graph, [True]), [2.0, 3.0, 4.0])[2:]
    assert bar == 7.0
    constant = trace(lambda x: [Lit(1.0, Aval((), FLOAT64))], "f", [Aval((), FLOAT64)], ["x"])
    joint = vjp(RULES, constant, [True])
    assert len(joint.invars) == 1
    assert interpret(joint, [2.0]) == [1.0, 0.0]


def test_one_value_used_by_many():
    def f(x):
        return x * x * x + np.sin(x) * x

    (bar,) = gradients(f, 0.7)
    np.testing.assert_allclose(bar, 3 * 0.7**2 + np.sin(0.7) + 0.7 * np.cos(0.7))


def test_a_gradient_of_a_gradient_of_a_gradient():
    def f(x):
        return x**4 + np.exp(2 * x)

    graph = graph_of(f, 0.3)
    for order, wanted in enumerate([4 * 0.3**3, 12 * 0.3**2, 24 * 0.3], 1):
        graph_now = graph
        joint = check_graph(vjp(RULES, graph_now, [True]))

        def derivative(x, joint=joint):
            return [inline(joint, [x, 1.0])[1]]

        graph = check_graph(trace(derivative, "f", [Aval((), FLOAT64)], ["x"]))
        np.testing.assert_allclose(interpret(graph, [0.3])[0], wanted + 2**order * np.exp(0.6), rtol=1e-12)


def test_forward_over_reverse_and_reverse_over_forward_agree():
    def f(x):
        return np.sum(np.tanh(W @ x) ** 3)

    graph = graph_of(f, X)
    v = RNG.normal(size=3)
    reverse = vjp(RULES, graph, [True])
    over = check_graph(jvp(RULES, reverse, [True, False]))
    hvp = interpret(over, [X, 1.0, v])[-1]
    forward = jvp(RULES, graph, [True])  # (x, x_dot) -> (value, dot)
    under = check_graph(vjp(RULES, forward, [True, False]))
    cts = [0.0, 1.0][: len(under.invars) - 2]
    np.testing.assert_allclose(interpret(under, [X, v, *cts])[-1], hvp, rtol=1e-10)


def test_constants_stay_constants():
    def f(x):
        return np.sum(W * x)

    graph = graph_of(f, X)
    joint = vjp(RULES, graph, [True])
    assert joint.consts == graph.consts
    np.testing.assert_allclose(interpret(joint, [X, 1.0])[1], W.sum(axis=0))


def test_an_operation_without_a_derivative_is_refused_only_when_one_is_asked_for():
    name = "without_derivative"
    op = general(
        name,
        aval=lambda x: x,
        numpy=lambda x: x,
        vjp="it is a test",
        jvp="it is a test",
        batch=lambda size, ins, batched: ins[0],
        lower=PRIMITIVES["add"].lowering,
    )
    try:
        graph = trace(lambda x, y: [op(x) * y], "f", [Aval((), FLOAT64)] * 2, ["x", "y"])
        assert interpret(vjp(RULES, graph, [False, True]), [2.0, 3.0, 1.0])[1] == 2.0
        for transform in (vjp, jvp):
            with pytest.raises(NotDifferentiableError, match="without_derivative has no derivative: it is a test"):
                transform(RULES, graph, [True, True])
    finally:
        del PRIMITIVES[name]


def test_a_rule_that_gives_a_cotangent_of_another_type_is_found():
    name = "wrong_rule"
    op = general(
        name,
        aval=lambda x: x,
        numpy=lambda x: x,
        vjp=lambda ct, out, x: np.sum(ct),
        jvp=ZERO,
        batch=lambda size, ins, batched: ins[0],
        lower=PRIMITIVES["add"].lowering,
    )
    try:
        graph = trace(lambda x: [op(x)], "f", [Aval((3,), FLOAT64)], ["x"])
        with pytest.raises(GraphError, match=r"wrong_rule gives a cotangent of type f64\[\] for an operand of type"):
            vjp(RULES, graph, [True])
    finally:
        del PRIMITIVES[name]
