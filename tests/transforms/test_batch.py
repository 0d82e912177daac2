import numpy as np
import pytest

from staticbp.core.check import check_graph
from staticbp.core.interpret import interpret
from staticbp.core.shape import symbol
from staticbp.core.text import graph_text
from staticbp.transforms.batch import batch
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.support import graph_of

RNG = np.random.default_rng(0)
W, X, T = RNG.normal(size=(10, 3)), RNG.normal(size=3), RNG.normal(size=10)
ROWS, TARGETS = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 10))


def loss(W, x, t):
    h = np.tanh(W @ x)
    e = h - t
    return e @ e


def test_text(golden):
    many, _ = batch(RULES, graph_of(loss, W, X, T), 5, [False, True, True])
    golden("graph_loss_batch.txt", graph_text(check_graph(many), comments=False))


def test_each_row_is_what_the_function_gives():
    many, flags = batch(RULES, graph_of(loss, W, X, T), 5, [False, True, True])
    assert flags == [True]
    wanted = [loss(W, x, t) for x, t in zip(ROWS, TARGETS, strict=True)]
    np.testing.assert_allclose(interpret(many, [W, ROWS, TARGETS])[0], wanted)


def test_many_vectors_against_one_matrix_are_one_product():
    many, _ = batch(RULES, graph_of(loss, W, X, T), 5, [False, True, True])
    assert sum(eqn.op.name == "matmul" for eqn in many.eqns) == 1
    assert not any(eqn.op.name == "matvec" for eqn in many.eqns)


@pytest.mark.parametrize("flags", [[True, False, False], [False, False, True], [True, True, True], [False] * 3])
def test_any_arguments(flags):
    graph = graph_of(loss, W, X, T)
    many, out = batch(RULES, graph, 5, flags)
    check_graph(many)
    stacks = [RNG.normal(size=(5, *a.shape)) if flag else a for a, flag in zip((W, X, T), flags, strict=True)]
    (found,) = interpret(many, stacks)
    assert out == [any(flags)]
    rows = [loss(*(s[i] if flag else s for s, flag in zip(stacks, flags, strict=True))) for i in range(5)]
    np.testing.assert_allclose(found, rows if any(flags) else rows[0])


def test_what_does_not_depend_on_the_batch_is_computed_once():
    def f(x, y):
        return np.exp(y) * x, np.exp(y)

    many, flags = batch(RULES, graph_of(f, X, X), 5, [True, False])
    assert flags == [True, False]
    assert next(eqn for eqn in many.eqns if eqn.op.name == "exp").outs[0].aval.shape == (3,)


def test_batches_of_batches():
    graph = graph_of(loss, W, X, T)
    once, _ = batch(RULES, graph, 5, [False, True, True])
    twice, _ = batch(RULES, once, 2, [True, False, False])
    weights = RNG.normal(size=(2, 10, 3))
    found = interpret(check_graph(twice), [weights, ROWS, TARGETS])[0]
    wanted = [[loss(w, x, t) for x, t in zip(ROWS, TARGETS, strict=True)] for w in weights]
    np.testing.assert_allclose(found, wanted)


def test_gradients_of_each_row():
    joint = vjp(RULES, graph_of(loss, W, X, T), [True, False, False])
    many, _ = batch(RULES, joint, 5, [False, True, True, True])
    _, W_bars = interpret(check_graph(many), [W, ROWS, TARGETS, np.ones(5)])
    for W_bar, x, t in zip(W_bars, ROWS, TARGETS, strict=True):
        np.testing.assert_allclose(W_bar, interpret(joint, [W, x, t, 1.0])[1])


def test_the_size_may_be_a_symbol():
    n = symbol("n")
    many, _ = batch(RULES, graph_of(loss, W, X, T), n, [False, True, True])
    check_graph(many)
    assert many.outs[0].aval.shape == (n,)


def test_results_that_are_inputs():
    def f(x, y):
        return x, y

    many, flags = batch(RULES, graph_of(f, X, X), 5, [True, False])
    assert flags == [True, False]
    assert [a.shape for a in many.out_avals] == [(5, 3), (3,)]
