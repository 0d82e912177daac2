"""The update of a step and the first product of the next share a pass over the matrix, where that is legal."""

import numpy as np
import pytest

from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.schedule import Call, Loop
from staticbp.core.traverse import walk
from staticbp.ops.control import scan
from staticbp.trace.trace import trace
from tests.support import assert_lowered, lowered

ROWS, COLUMNS, STEPS = 9, 11, 5
RNG = np.random.default_rng(1)


def loop_of(step, *, reverse=False, length=STEPS):
    """The graph of a loop that carries a matrix and takes a row of `xs` in each step."""
    shapes = [(ROWS, COLUMNS), (COLUMNS,)]
    body = trace(step, "step", [Aval(shape, FLOAT64) for shape in shapes], ["W", "x"])

    def whole(W, xs):
        return scan(W, xs, body=body, n_consts=0, n_carry=1, length=length, reverse=reverse)

    def flat(W, xs):
        outs = whole(W, xs)
        return outs if isinstance(outs, tuple) else (outs,)

    return trace(flat, "loop", [Aval(shapes[0], FLOAT64), Aval((length, COLUMNS), FLOAT64)], ["W", "xs"])


def update(W, x):
    h = np.tanh(W @ x)
    return [W - 0.1 * np.outer(h, x)]


def update_and_tell(W, x):
    h = np.tanh(W @ x)
    return [W - 0.1 * np.outer(h, x), h]


def product_is_used_late(W, x):
    y = W @ x
    following = W - 0.1 * np.outer(np.tanh(y), x)
    return [following, np.sum(following) * y]


def product_of_something_computed(W, x):
    return [W - 0.1 * np.outer(np.tanh(W @ np.sin(x)), x)]


def transposed_update(W, x):
    h = np.tanh(W @ x)
    return [W - 0.1 * np.outer(h, x) * np.sum(W)]


def calls_inside(schedule):
    (loop,) = (stmt for stmt in walk(schedule.body) if isinstance(stmt, Loop) and stmt.sequential)
    return [stmt for stmt in walk(loop.body) if isinstance(stmt, Call)]


def calls(schedule):
    return [stmt for stmt in walk(schedule.body) if isinstance(stmt, Call)]


@pytest.mark.parametrize("step", [update, update_and_tell])
@pytest.mark.parametrize("length", [1, 2, STEPS])
def test_the_product_moves_into_the_update(step, length):
    graph = loop_of(step, length=length)
    schedule = lowered(graph)
    assert len(calls(schedule)) == 1
    assert not calls_inside(schedule)
    assert_lowered(graph, [RNG.normal(size=(ROWS, COLUMNS)), RNG.normal(size=(length, COLUMNS))])


@pytest.mark.parametrize("step", [product_is_used_late, product_of_something_computed])
def test_it_stays_where_it_cannot_move(step):
    graph = loop_of(step)
    assert calls_inside(lowered(graph))
    assert_lowered(graph, [RNG.normal(size=(ROWS, COLUMNS)), RNG.normal(size=(STEPS, COLUMNS))])


@pytest.mark.parametrize("step", [update, update_and_tell, transposed_update])
@pytest.mark.parametrize("reverse", [False, True])
def test_values_are_those_of_the_interpreter(step, reverse):
    graph = loop_of(step, reverse=reverse)
    assert_lowered(graph, [RNG.normal(size=(ROWS, COLUMNS)), RNG.normal(size=(STEPS, COLUMNS))])
