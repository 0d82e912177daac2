"""The update of a step and the first product of the next share a pass over the matrix, where that is legal."""

import numpy as np
import pytest

from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.schedule import Call, Loop
from staticbp.core.traverse import walk
from staticbp.ops.control import scan
from staticbp.passes.access import footprint
from staticbp.passes.rotate import MANY_ROWS
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


TALL, WIDE = MANY_ROWS + 2, 7


def loop_over(step, *carries, length=STEPS):
    """The graph of a loop that carries arrays of these shapes and takes a row of `xs` in each step."""
    names = [f"c{i}" for i in range(len(carries))]
    avals = [Aval(shape, FLOAT64) for shape in carries]
    body = trace(step, "step", [*avals, Aval((WIDE,), FLOAT64)], [*names, "x"])

    def flat(*leaves):
        outs = scan(*leaves, body=body, n_consts=0, n_carry=len(carries), length=length, reverse=False)
        return outs if isinstance(outs, tuple) else (outs,)

    return trace(flat, "loop", [*avals, Aval((length, WIDE), FLOAT64)], [*names, "xs"])


def arguments_of(graph):
    return [RNG.normal(size=v.aval.shape) / 4 for v in graph.invars]


def two_layers(W, b, V, x):
    h = np.tanh(W @ x + b)
    y = np.tanh(V @ h)
    d = (V.T @ y) * (1 - h * h)
    return [W - 0.1 * np.outer(d, x), b - 0.1 * d, V - 0.1 * np.outer(y, h)]


def state_that_is_read_last(c, V, x):
    h = np.tanh(c)
    y = np.tanh(V @ h)
    return [0.5 * c + np.sum(x), V - 0.1 * np.outer(y, h)]


def state_that_decays(c, V, x):
    h = np.tanh(c)
    return [0.5 * c, V - 0.1 * np.outer(np.tanh(V @ h), h)]


def state_that_comes_later(c, V, x):
    h = np.tanh(c)
    following = V - 0.1 * np.outer(np.tanh(V @ h), h)
    return [c + np.sum(following, axis=0), following]


def vector_of_the_sample(c, V, x):
    h = np.tanh(c + x[0])
    return [c * 0.5, V - 0.1 * np.outer(np.tanh(V @ h), h)]


LAYERS = (TALL, WIDE), (TALL,), (MANY_ROWS, TALL)
STATE = (WIDE,), (TALL, WIDE)


@pytest.mark.parametrize("length", [1, 2, STEPS])
def test_the_second_layer_follows_the_first(length):
    graph = loop_over(two_layers, *LAYERS, length=length)
    schedule = lowered(graph)
    assert [len(call.args) for call in calls_inside(schedule)] == [4]  # only V.T @ y
    assert_lowered(graph, arguments_of(graph))


@pytest.mark.parametrize(
    "step", [state_that_is_read_last, state_that_comes_later, state_that_decays, vector_of_the_sample]
)
@pytest.mark.parametrize("results", [slice(None), slice(1, None)])
def test_the_activation_stays_at_the_beginning_otherwise(step, results):
    graph = loop_over(step, *STATE)
    graph = graph.with_eqns(graph.eqns, graph.outs[results])
    assert calls_inside(lowered(graph))
    assert_lowered(graph, arguments_of(graph))


@pytest.mark.parametrize("rows", [ROWS, TALL])
def test_many_rows_are_multiplied_by_copies_of_the_samples(rows):
    graph = loop_over(update, (rows, WIDE))
    schedule = lowered(graph)
    (update_of_rows,) = (
        stmt
        for stmt in walk(schedule.body)
        if isinstance(stmt, Loop)
        and stmt.extent == rows
        and not stmt.sequential
        and schedule.results[0] in footprint([stmt], {}).reads
    )
    is_copied = schedule.arguments[1] not in footprint([update_of_rows], {}).reads
    assert is_copied == (rows == TALL)
    assert_lowered(graph, arguments_of(graph))
