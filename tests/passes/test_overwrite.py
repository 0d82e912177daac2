"""Assignments under a branch: in the memory of what is assigned to, if all branches agree and nobody wants it later."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.passes.pipeline import JOINT, expanded, run
from tests.support import assert_lowered, graph_of, lowered

X, Y = np.array([0.4, -0.3, 0.8, -1.1, 0.2]), np.array([0.1, 0.7, -0.5, 0.3, -0.2])
STEPS = len(X) - 1


def each_step(step):
    """A function that takes the steps of a loop over two arrays."""

    def loop(x, y):
        return bp.fori_loop(0, STEPS, lambda i, carry: step(i, *carry), (x, y))

    return loop


def written(x, i, value):
    x = x.copy()
    x[i] = value
    return x


def one_branch_leaves_it(i, x, y):
    return bp.cond(x[i] > 0, lambda x: written(x, i + 1, x[i] * x[i + 1]), lambda x: x, x), y


def all_write(i, x, y):
    arms = [lambda x, k=k: written(x, k, np.sin(x[i]) + y[k]) for k in range(3)]
    return bp.switch(i % 3, arms, x), y


def several_times(i, x, y):
    def up(x):
        x = x.copy()
        x[i] = x[i] * 0.5
        x[1:3] = x[2:4] + x[i]
        return x

    return bp.cond(x[i] > 0, up, lambda x: written(x, 0, x[i]), x), y


def one_in_another(i, x, y):
    def inner(x):
        return bp.cond(x[i + 1] < 0, lambda x: written(x, i, 0.1), lambda x: written(x, i + 1, x[i]), x)

    return bp.cond(x[i] > 0, inner, lambda x: written(x, i, -x[i]), x), y


def two_arrays(i, x, y):
    def up(x, y):
        return written(x, i, y[i + 1]), written(y, i, y[i] ** 2)

    return bp.cond(x[i] > 0, up, lambda x, y: (x, written(y, i, 0.5 * y[i])), x, y)


def read_after_the_choice(i, x, y):
    after = bp.cond(x[i] > 0, lambda x: written(x, i + 1, 0.5), lambda x: written(x, i, 0.7), x)
    return after, y + x


def read_late_in_a_branch(i, x, y):
    def up(x):
        after = written(x, i, 0.5)
        return written(after, i + 1, x[i] + after[i])

    return bp.cond(x[i] > 0, up, lambda x: written(x, i, 0.7), x), y


def returned_as_it_was_too(i, x, y):
    return bp.cond(x[i] > 0, lambda x: (written(x, i, 0.5), x), lambda x: (x, written(x, i, 0.7)), x)


def changing_places(i, x, y):
    return bp.cond(x[i] > 0, lambda x, y: (written(y, i, 0.5), x), lambda x, y: (x, written(y, i, 0.7)), x, y)


def under_two_names(i, x, y):
    return bp.cond(x[i] > 0, lambda a, b: written(a, i, b[i + 1]), lambda a, b: written(a, 0, b[i]), x, x), y


def anew_in_a_branch(i, x, y):
    return bp.cond(x[i] > 0, lambda x: 0.5 * x[::-1], lambda x: written(x, i, 0.7), x), y


IN_PLACE = [one_branch_leaves_it, all_write, several_times, one_in_another, two_arrays]
COPIED = [
    read_after_the_choice,
    read_late_in_a_branch,
    returned_as_it_was_too,
    changing_places,
    under_two_names,
    anew_in_a_branch,
]


@pytest.mark.parametrize("step", [*IN_PLACE, *COPIED])
def test_the_text_computes_what_the_graph_says(step):
    loop = each_step(step)

    def loss(x, y):
        return sum(np.sum(np.sin(values)) for values in loop(x, y))

    def backwards(x, y):
        return bp.grad(loss, argnums=(0, 1))(x, y)

    for function in (loop, backwards):
        assert_lowered(graph_of(function, X, Y), (X, Y))


@pytest.mark.parametrize("step", IN_PLACE)
def test_nothing_is_copied_in_a_step(step):
    schedule = lowered(graph_of(each_step(step), X, Y))
    assert not [buffer.name for buffer in schedule.temporaries if buffer.aval.shape == X.shape]


@pytest.mark.parametrize("step", COPIED)
def test_what_is_wanted_as_it_was_is_kept(step):
    schedule = lowered(graph_of(each_step(step), X, Y))
    assert [buffer.name for buffer in schedule.temporaries if buffer.aval.shape]


def test_backwards_nothing_is_copied_either():
    def gradient(x, y):
        return bp.grad(lambda x: np.sum(each_step(one_branch_leaves_it)(x, y)[0]))(x)

    graph = run(graph_of(gradient, X, Y), JOINT)
    assert_lowered(graph, (X, Y))
    assert not [buffer.name for buffer in lowered(graph).temporaries if buffer.name.endswith("_next")]


def test_without_a_loop():
    def chosen(x, y):
        z = x * y
        return bp.cond(x[0] > 0, lambda z: written(z, 1, 0.5), lambda z: written(z, 2, 0.7), z)

    graph = graph_of(chosen, X, Y)
    assert_lowered(graph, (X, Y))
    assert not [buffer for buffer in lowered(graph).temporaries if buffer.aval.shape]


def test_what_is_computed_a_second_time_starts_from_what_it_was_given():
    def once(x):
        return np.sum(np.sin(written(x, 0, 2.0 * x[1])))

    def gradient(x):
        return bp.grad(lambda x: bp.checkpoint(once)(x) * x[0])(x)

    graph = run(expanded(graph_of(gradient, X)), JOINT)
    assert_lowered(graph, (X,))  # which looks whether x is written to
