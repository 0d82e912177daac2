import numpy as np

from staticbp.core.check import check_graph
from staticbp.core.interpret import interpret
from staticbp.core.text import graph_text
from staticbp.ops.control import stop_gradient
from staticbp.transforms.jvp import jvp
from staticbp.transforms.rules import RULES
from tests.support import graph_of

RNG = np.random.default_rng(0)
W, X, T = RNG.normal(size=(10, 3)), RNG.normal(size=3), RNG.normal(size=10)


def loss(W, x, t):
    h = np.tanh(W @ x)
    e = h - t
    return e @ e


def test_text(golden):
    joint = check_graph(jvp(RULES, graph_of(loss, W, X, T), [False, True, True]))
    golden("graph_loss_jvp.txt", graph_text(joint, comments=False))


def test_a_tangent_worked_out_by_hand():
    x_dot, t_dot = RNG.normal(size=3), RNG.normal(size=10)
    value, dot = interpret(jvp(RULES, graph_of(loss, W, X, T), [False, True, True]), [W, X, T, x_dot, t_dot])
    h = np.tanh(W @ X)
    h_dot = (1 - h * h) * (W @ x_dot)
    np.testing.assert_allclose(value, (h - T) @ (h - T))
    np.testing.assert_allclose(dot, 2 * (h - T) @ (h_dot - t_dot))


def test_tangents_have_the_names_of_what_they_belong_to():
    joint = jvp(RULES, graph_of(loss, W, X, T), [False, True, False])
    assert [v.name for v in joint.invars] == ["W", "x", "t", "x_dot"]
    assert {"h_dot", "e_dot", "out_dot"} >= {joint.outs[-1].name}
    assert any(eqn.outs[0].name == "h_dot" for eqn in joint.eqns)


def test_results_that_do_not_move_have_no_tangent():
    def f(x, y):
        return x * 2.0, y + 1.0, x > 0, stop_gradient(x)

    joint = check_graph(jvp(RULES, graph_of(f, X, X), [True, False]))
    assert len(joint.outs) == 4 + 1
    np.testing.assert_array_equal(interpret(joint, [X, X, np.ones(3)])[-1], [2, 2, 2])


def test_a_result_that_is_an_input():
    def f(x):
        return x

    value, dot = interpret(jvp(RULES, graph_of(f, X), [True]), [X, T[:3]])
    np.testing.assert_array_equal(value, X)
    np.testing.assert_array_equal(dot, T[:3])


def test_an_integer_does_not_move():
    def f(x, n):
        return x * n

    joint = check_graph(jvp(RULES, graph_of(f, 2.0, 3), [True, False]))
    assert [float(v) for v in interpret(joint, [2.0, 3, 1.0])] == [6.0, 3.0]
