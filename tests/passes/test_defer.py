import numpy as np
import pytest

from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.interpret import interpret
from staticbp.ops.control import scan
from staticbp.ops.linear import fill
from staticbp.passes.defer import defer
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.passes.checks import after, assert_close_values, assert_same_bits, expression, loop
from tests.support import graph_of

RNG = np.random.default_rng(9)
W = RNG.normal(size=(24, 24)) / 5
H = RNG.normal(size=24)
B = RNG.normal(size=24)
XS = RNG.normal(size=(7, 24))
YS = RNG.normal(size=(7, 24))
BATCHES = RNG.normal(size=(7, 3, 24))
TARGETS = RNG.normal(size=(7, 3, 24))
ZERO = np.zeros((24, 24))


def the_scan(graph):
    (eqn,) = [eqn for eqn in graph.eqns if eqn.op is scan]
    return eqn


def inner(graph):
    return [eqn.op.name for eqn in the_scan(graph).params["body"].eqns]


def outside(graph):
    return [eqn.op.name for eqn in graph.eqns if eqn.op is not scan]


@pytest.mark.parametrize("reverse", [False, True])
def test_outer_products_of_given_rows_need_no_loop(reverse):
    def f(total, xs, ys):
        return loop(lambda total, x, y: total + np.outer(x, y), [], [total], [xs, ys], 7, reverse)[0]

    graph = graph_of(f, ZERO + 0.5, XS, YS)
    product = after(defer, graph)
    assert expression(product) == "add(total, matmul(transpose[perm=(1, 0)](xs), ys))"
    assert_close_values(graph, product, [ZERO + 0.5, XS, YS])


def test_a_sum_that_begins_at_zero_is_the_product_itself():
    def f(xs, ys):
        return loop(lambda total, x, y: total - x.T @ y, [], [fill(0, Aval((24, 24), FLOAT64))], [xs, ys], 7)[0]

    graph = run(graph_of(f, BATCHES, TARGETS), PRIMAL)
    product = after(defer, graph)
    assert outside(product) == ["reshape", "reshape", "transpose", "matmul", "neg"]
    assert_close_values(graph, product, [BATCHES, TARGETS])


def test_several_products_of_either_sign():
    def f(total, xs, ys):
        def step(total, x, y):
            return -(np.outer(x, y) - (total + np.outer(x * x, y))) - np.outer(x, y * y)

        return loop(step, [], [total], [xs, ys], 7)[0]

    graph = graph_of(f, ZERO, XS, YS)
    product = after(defer, graph)
    assert inner(product) == ["mul", "mul"]
    assert outside(product).count("matmul") == 3
    assert_close_values(graph, product, [ZERO, XS, YS])


def gradient(f, *args):
    graph = run(graph_of(f, *args), PRIMAL, check=True)
    return vjp(RULES, graph, [True] * len(args))


def recurrent(w, b, h, xs):
    def step(w, b, h, x):
        return np.tanh(w @ h + b + x)

    return np.sum(loop(step, [w, b], [h], [xs], 7)[0])


def test_the_gradient_of_a_recurrence_has_its_products_behind_the_loop():
    joint = gradient(recurrent, W, B, H, XS)
    graph = run(joint, JOINT, check=True)
    backward = [eqn for eqn in graph.eqns if eqn.op is scan][-1]
    assert backward.params["n_carry"] == 1
    assert not {"outer", "add"} & {eqn.op.name for eqn in backward.params["body"].eqns}
    assert [eqn.op.name for eqn in graph.eqns[graph.eqns.index(backward) + 1 :]] == [
        "transpose",
        "matmul",
        "reduce_sum",
    ]
    assert_close_values(joint, graph, [W, B, H, XS, 1.0])


def test_products_of_small_batches_are_one_product():
    def f(w, b, h, xs):
        def step(w, b, h, x):
            return np.tanh(h @ w + b + x)

        return np.sum(loop(step, [w, b], [h], [xs], 7)[0])

    h = BATCHES[0]
    joint = gradient(f, W, B, h, BATCHES)
    graph = run(joint, JOINT, check=True)
    backward = [eqn for eqn in graph.eqns if eqn.op is scan][-1]
    assert backward.params["n_carry"] == 1
    behind = {eqn.outs[0].name: eqn for eqn in graph.eqns[graph.eqns.index(backward) + 1 :]}
    assert behind["w_bar"].op.name == "matmul"
    assert behind["w_bar"].ins[0].aval.shape == (24, 21)
    assert behind["b_bar"].op.name == "reduce_sum"
    assert_close_values(joint, graph, [W, B, h, BATCHES, 1.0])


def unchanged(f, *args):
    graph = graph_of(f, *args)
    assert defer(graph) is graph


def test_rows_that_are_larger_than_the_sum_are_not_kept():
    def f(total, xs, ys):
        def step(total, x, y):
            return total + (x * x).T @ (y * y)

        return loop(step, [], [total], [xs, ys], 7)[0]

    unchanged(f, np.zeros((300, 2)), RNG.normal(size=(7, 8, 300)), RNG.normal(size=(7, 8, 2)))


def test_products_of_many_rows_stay_where_their_factors_are():
    def f(total, xs, ys):
        return loop(lambda total, x, y: total + x.T @ y, [], [total], [xs, ys], 7)[0]

    unchanged(f, ZERO, RNG.normal(size=(7, 9, 24)), RNG.normal(size=(7, 9, 24)))
    unchanged(f, ZERO, RNG.normal(size=(7, 40, 24)), RNG.normal(size=(7, 40, 24)))


def test_a_loop_that_keeps_nothing_is_not_made_to():
    def f(h, total):
        def step(h, total):
            h = np.sin(h)
            return h, total + np.outer(h, h)

        return loop(step, [], [h, total], [], 7)[1]

    unchanged(f, H, np.zeros((24, 24)))


def test_a_sum_that_is_read_on_the_way_stays():
    def f(total, xs, ys):
        def step(total, x, y):
            return total + np.outer(x, y), np.sum(total)

        return loop(step, [], [total], [xs, ys], 7)

    unchanged(f, ZERO, XS, YS)


def test_a_sum_whose_steps_are_read_stays():
    def f(total, xs, ys):
        def step(total, x, y):
            total = total + np.outer(x, y)
            return total, total

        return loop(step, [], [total], [xs, ys], 7)

    unchanged(f, ZERO, XS, YS)


@pytest.mark.parametrize(
    "step",
    [
        lambda total, x, y: np.outer(x, y) - total,
        lambda total, x, y: total + total + np.outer(x, y),
        lambda total, x, y: 0.5 * total + np.outer(x, y),
        lambda total, x, y: total + np.sin(np.outer(x, y)),
        lambda total, x, y: total + np.outer(x, y) + 1.0,
    ],
    ids=["turned", "doubled", "decayed", "not a product", "with a number"],
)
def test_what_is_no_sum_of_products_stays(step):
    unchanged(lambda total, xs, ys: loop(step, [], [total], [xs, ys], 7)[0], ZERO, XS, YS)


def test_small_sums_stay():
    def f(total, xs, ys):
        return loop(lambda total, x, y: total + np.outer(x, y), [], [total], [xs, ys], 7)[0]

    unchanged(f, ZERO[:6, :6], XS[:, :6], YS[:, :6])


def test_sums_of_rows_alone_stay():
    unchanged(lambda total, xs: loop(lambda total, x: total + x, [], [total], [xs], 7)[0], H, XS)


def test_a_factor_that_no_step_changes_stays():
    def f(w, total, ys):
        return loop(lambda w, total, y: total + np.outer(w, y), [w], [total], [ys], 7)[0]

    unchanged(f, H, ZERO, YS)


def test_integers_are_left_alone():
    total, xs, ys = ZERO.astype(int), np.arange(168).reshape(7, 24), np.arange(168).reshape(7, 24)
    unchanged(
        lambda total, xs, ys: loop(lambda t, x, y: t + np.outer(x, y), [], [total], [xs, ys], 7)[0],
        total,
        xs,
        ys,
    )


def test_loops_in_loops_keep_no_more_than_they_did():
    def f(total, xs, ys):
        def segment(total, xs, ys):
            def step(total, x, y):
                return total + np.outer(np.sin(x), y)

            return loop(step, [], [total], [xs, ys], 5)[0]

        return loop(segment, [], [total], [xs, ys], 4)[0]

    rng = np.random.default_rng(1)
    args = ZERO, rng.normal(size=(4, 5, 24)), rng.normal(size=(4, 5, 24))
    graph = graph_of(f, *args)
    after_all = run(graph, JOINT, check=True)
    assert len([eqn for eqn in after_all.eqns if eqn.op is scan]) <= 1
    for found, wanted in zip(interpret(after_all, args), interpret(graph, args), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_one_step_is_left_to_those_that_take_it():
    graph = graph_of(
        lambda t, xs, ys: loop(lambda t, x, y: t + np.outer(x, y), [], [t], [xs, ys], 1)[0],
        ZERO,
        XS[:1],
        YS[:1],
    )
    assert defer(graph) is graph
    assert_same_bits(graph, run(graph, JOINT), [ZERO, XS[:1], YS[:1]])
