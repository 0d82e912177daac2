"""Custom operations are replaced by what they compute, wherever they are, and leave names and lines behind."""

import numpy as np

import staticbp as bp
from staticbp.core.check import check_graph
from staticbp.core.interpret import interpret
from staticbp.ops.custom import custom
from staticbp.passes.expand import expand
from staticbp.passes.pipeline import expanded
from tests.support import assert_close, graph_of

X = np.array([0.5, -1.0, 2.0])


@bp.Op
def cube(x):
    square = x * x
    return square * x, lambda g: 3.0 * g * square


@bp.Op
def swapped(x, y):
    return (y, x, 1.0 * x), lambda g: (g[1] + g[2], g[0])


def test_the_result_has_the_callers_name_and_the_operations_line():
    def f(x):
        volume = cube(x)
        return np.sum(volume)

    graph = graph_of(f, X)
    plain = check_graph(expand(graph))
    assert [(eqn.outs[0].name, eqn.op.name) for eqn in plain.eqns[:2]] == [("square", "mul"), ("volume", "mul")]
    assert plain.eqns[0].src.text == "square = x * x"
    assert_close(interpret(plain, [X])[0], np.sum(X**3))


def test_operands_that_are_handed_on_and_numbers():
    def f(x):
        a, b, c = swapped(x, cube(np.float64(2.0) * x))
        return a - b, c, cube(3.0) * x

    graph = graph_of(f, X)
    plain = check_graph(expand(graph))
    for found, wanted in zip(interpret(plain, [X]), interpret(graph, [X]), strict=True):
        assert_close(found, wanted)


def test_one_operation_twice_and_within_another():
    @bp.Op
    def twice(x):
        y = cube(cube(x))
        return y, lambda g: 9.0 * g * cube(x) ** 2 * x * x

    def f(x):
        return bp.fold(lambda c, _: twice(c) + twice(x), x, None, length=2)

    graph = graph_of(f, 0.1 * X)
    plain = check_graph(expanded(graph))
    assert custom.name not in str(plain)
    assert_close(interpret(plain, [0.1 * X])[0], interpret(graph, [0.1 * X])[0])


def test_a_graph_without_any_is_left_alone():
    graph = graph_of(lambda x: np.sin(x), X)
    assert expand(graph) is graph
