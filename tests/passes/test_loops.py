import numpy as np
import pytest

from staticbp.core.check import check_graph
from staticbp.core.interpret import interpret
from staticbp.core.text import graph_text
from staticbp.ops.control import scan
from staticbp.passes.loops import loops
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.passes.checks import after, assert_close_values, assert_same_bits, expression, loop
from tests.support import graph_of

RNG = np.random.default_rng(4)
W = RNG.normal(size=(3, 3))
H = RNG.normal(size=3)
XS = RNG.normal(size=(5, 3))


def scans(graph):
    return [eqn for eqn in graph.eqns if eqn.op is scan]


def the_scan(graph):
    (eqn,) = scans(graph)
    return eqn


def sizes(eqn):
    """The numbers of constants, carries, rows in and rows out."""
    n_loop = eqn.params["n_consts"] + eqn.params["n_carry"]
    return eqn.params["n_consts"], eqn.params["n_carry"], len(eqn.ins) - n_loop, len(eqn.outs) - eqn.params["n_carry"]


def settled(graph):
    """After all passes; what the results are is unchanged."""
    return run(graph, PRIMAL, check=True)


def test_unused_results_and_what_only_they_need_are_dropped():
    def f(w, h, xs):
        def step(w, h, count, x):
            h = np.tanh(w @ h)
            return h, count + np.sum(x), np.sin(x), h * 2

        h, *_ = loop(step, [w], [h, np.float64(0)], [xs], 5)
        return h

    graph = graph_of(f, W, H, XS)
    small = after(loops, graph)
    assert sizes(the_scan(small)) == (1, 1, 0, 0)
    assert [eqn.op.name for eqn in the_scan(small).params["body"].eqns] == ["matvec", "tanh"]
    assert_same_bits(graph, small, [W, H, XS])


def test_a_carry_that_another_needs_is_kept():
    def f(h):
        def step(a, b, c):
            return a + b, b + c, c + 1.0

        return loop(step, [], [h, h, h], [], 6)[0]

    graph = graph_of(f, H)
    assert loops(graph) is graph


def test_a_carry_that_never_changes_is_a_constant():
    def f(w, h):
        def step(h, w):
            return w @ h, w

        return loop(step, [], [h, w], [], 4)

    graph = graph_of(f, W, H)
    small = after(loops, graph)
    assert sizes(the_scan(small)) == (1, 1, 0, 0)
    assert small.outs[1] is small.invars[0]
    assert_same_bits(graph, small, [W, H])


def test_a_number_carried_unchanged_is_that_number():
    def f(h):
        def step(h, rate):
            return h * rate, rate * 1.0

        return loop(step, [], [h, np.float64(0.5)], [], 4)

    graph = graph_of(f, H)
    small = settled(graph)
    assert sizes(the_scan(small)) == (0, 1, 0, 0)
    assert [eqn.op.name for eqn in the_scan(small).params["body"].eqns] == ["mul"]
    assert_same_bits(graph, small, [H])


def test_a_carry_reset_to_where_it_started_is_a_constant():
    def f(h, start):
        def step(start, h, again):
            return h + again, start

        return loop(step, [start], [h, start], [], 4)[0]

    graph = graph_of(f, H, H)
    small = settled(graph)
    assert sizes(the_scan(small)) == (1, 1, 0, 0)
    assert_same_bits(graph, small, [H, H + 1])


def test_equal_inputs_come_in_once():
    def f(w, h, xs):
        def step(a, b, h, x, y):
            return np.tanh(a @ h + b @ x) + y

        return loop(step, [w, w], [h], [xs, xs], 5)[0]

    graph = graph_of(f, W, H, XS)
    small = after(loops, graph)
    assert sizes(the_scan(small)) == (1, 1, 1, 0)
    assert_same_bits(graph, small, [W, H, XS])


def test_numbers_are_put_in_where_they_are_used():
    def f(h, xs):
        def step(rate, h, x, one):
            return h * rate + x * one

        return loop(step, [np.float64(0.5)], [h], [xs, np.ones_like(xs)], 5)[0]

    graph = graph_of(f, H, XS)
    small = settled(graph)
    assert sizes(the_scan(small)) == (0, 1, 1, 0)
    assert_same_bits(graph, small, [H, XS])


def test_rows_that_are_all_the_same_are_a_constant():
    def f(h, v):
        def step(h, x):
            return np.sin(h) * x

        return loop(step, [], [h], [np.broadcast_to(v, (5, 3))], 5)[0]

    graph = graph_of(f, H, H)
    small = settled(graph)
    assert sizes(the_scan(small)) == (1, 1, 0, 0)
    assert not any(eqn.op.name == "broadcast" for eqn in small.eqns)
    assert_same_bits(graph, small, [H, H + 1])


def test_repetition_and_transposition_move_into_the_loop():
    def f(w, h, s):
        def step(w, s, h):
            return np.tanh(w @ h) + s

        return loop(step, [w.T, np.broadcast_to(s, (3,))], [h], [], 4)[0]

    graph = graph_of(f, W, H, 0.5)
    small = settled(graph)
    assert [eqn.op.name for eqn in small.eqns] == ["scan"]
    assert_close_values(graph, small, [W, H, 0.5])


def test_what_steps_have_in_common_is_computed_once():
    def f(w, h):
        def step(w, h):
            return np.tanh(np.exp(w).T @ h) + np.sum(w * 2)

        return loop(step, [w], [h], [], 4)[0]

    graph = graph_of(f, W, H)
    small = settled(graph)
    assert {"exp", "reduce_sum"} <= {eqn.op.name for eqn in small.eqns}
    body = the_scan(small).params["body"]
    assert not {"exp", "reduce_sum"} & {eqn.op.name for eqn in body.eqns}
    assert_close_values(graph, small, [W, H])


def test_rows_out_that_need_no_loop():
    def f(w, h, xs):
        def step(w, h, x):
            return h + x, x, np.exp(w), 3.0 * x, 3.0 * x, np.ones_like(x)

        return loop(step, [w], [h], [xs], 5)[1:]

    graph = graph_of(f, W, H, XS)
    small = settled(graph)
    assert sizes(the_scan(small)) == (0, 0, 1, 1)
    assert small.outs[0] is small.invars[2]
    assert small.outs[2] is small.outs[3]
    assert expression(small).endswith("1.0")
    assert_same_bits(graph, small, [W, H, XS])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [0, 1, 2])
def test_short_loops(length, reverse):
    def f(w, h, xs):
        def step(w, h, x):
            h = np.tanh(w @ h + x)
            return h, h * x

        return loop(step, [w], [h], [xs], length, reverse)

    xs = XS[:length]
    graph = graph_of(f, W, H, xs)
    small = settled(graph)
    assert len(scans(small)) == (length > 1)
    assert_same_bits(graph, small, [W, H, xs])


def test_a_body_used_by_two_loops_of_one_step():
    def f(h):
        def step(h):
            return np.sin(h) + 1

        (first,) = loop(step, [], [h], [], 3)
        return first

    graph = graph_of(f, H)
    (eqn,) = graph.eqns
    params = {**eqn.params, "length": 1}

    def twice(h):
        return scan(scan(h, **params), **params)

    both = graph_of(twice, H)
    small = settled(both)
    assert expression(small) == "add(sin(add(sin(h), 1.0)), 1.0)"


def test_loops_within_loops():
    def f(w, h, xs):
        def outer_step(w, h, unused, x):
            def inner_step(w, h, idle):
                return np.tanh(w @ h), idle

            h, _ = loop(inner_step, [w], [h, x], [], 3)
            return h + x, unused + 1.0, np.cos(x)

        return loop(outer_step, [w], [h, np.float64(0)], [xs], 5)[0]

    graph = graph_of(f, W, H, XS)
    small = settled(graph)
    outer = the_scan(small)
    assert sizes(outer) == (1, 1, 1, 0)
    assert sizes(the_scan(outer.params["body"])) == (1, 1, 0, 0)
    assert_same_bits(graph, small, [W, H, XS])


def test_the_derivative_of_a_loop_keeps_no_constant_step_by_step():
    def rnn(w, v, h, xs):
        def step(w, v, h, x):
            h = np.tanh(w @ h + np.exp(v) @ x)
            return h, h

        h, hs = loop(step, [w, v], [h], [xs], 5)
        return np.sum(hs) + h @ h

    args = [W, W + 1, H, XS]
    primal = settled(graph_of(rnn, *args))
    joint = vjp(RULES, primal, [True] * 4)
    small = run(joint, JOINT, check=True)
    assert_close_values(joint, small, [*args, np.float64(1)])
    forward, backward = scans(small)
    assert sizes(forward) == (2, 1, 1, 2)
    assert sizes(backward) == (3, 3, 3, 1)
    assert all(len(x.aval.shape) == 2 for x in backward.ins[6:]), "rows of vectors, no rows of matrices"


def test_a_weak_start_gives_a_strong_result():
    def f(x):
        def step(a, b):
            return a + 1.0, b

        return loop(step, [], [x, x], [], 3)

    graph = graph_of(f, 0.5)
    small = check_graph(settled(graph))
    assert [a.aval for a in small.outs] == [a.aval for a in graph.outs]
    assert [float(v) for v in interpret(small, [0.5])] == [3.5, 0.5]


def test_the_text_of_a_loop():
    def f(w, h, xs):
        def step(w, h, x):
            h = np.tanh(w @ h) + x
            return h, np.sum(x)

        h, _ = loop(step, [w], [h], [xs], 5)
        return h

    assert (
        graph_text(settled(graph_of(f, W, H, XS)), comments=False)
        == """\
graph f(w: f64[3,3], h: f64[3], xs: f64[5,3]) -> f64[3]
  h_2: f64[3] = scan[n_consts=1, n_carry=1, length=5, reverse=False] w h xs
    graph step(w: f64[3,3], h: f64[3], x: f64[3]) -> f64[3]
      h_matvec: f64[3] = matvec w h
      h_tanh: f64[3] = tanh h_matvec
      h_2: f64[3] = add h_tanh x
      return h_2
  return h_2"""
    )


def test_a_loop_that_takes_nothing_in():
    def f(x):
        def step(index):
            return index + 1, np.sin(index * 0.5)

        _, sines = loop(step, [], [np.zeros_like(x[0], dtype=np.int64)], [], 4)
        return -sines * x

    graph = graph_of(f, RNG.normal(size=4))
    small = settled(graph)
    assert sizes(the_scan(small)) == (0, 1, 0, 1)
    assert_same_bits(graph, small, [np.arange(4.0)])
