import numpy as np
import pytest

from staticbp.core.aval import BOOL, FLOAT32, FLOAT64, INT64, Aval
from staticbp.core.graph import Eqn, Graph, Lit, SrcLine, Var
from staticbp.core.interpret import interpret
from staticbp.core.primitive import Primitive
from staticbp.errors import GraphError
from staticbp.ops.math import log
from tests.support import graph_of


def test_a_graph_computes_what_its_function_does():
    def f(x, n, mask):
        y = np.where(mask, x @ x.T, n)
        return y, np.sum(y, axis=0), y > 1

    args = [np.arange(6.0).reshape(2, 3), 2, np.array([True, False])]
    for found, wanted in zip(interpret(graph_of(f, *args), args), f(*args), strict=True):
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == np.asarray(wanted).dtype


def test_arguments_and_literal_results_take_their_types():
    x = Var(Aval((2,), FLOAT32), "x")
    graph = Graph("f", (x,), (), (x, Lit(3, Aval((2, 2), INT64)), Lit(True, Aval((), BOOL))))
    same, filled, truth = interpret(graph, [[1, 2]])
    assert same.dtype == np.float32
    np.testing.assert_array_equal(filled, np.full((2, 2), 3))
    assert filled.dtype == np.int64
    assert truth.shape == ()
    assert truth.dtype == np.bool_


def test_constants_count_as_they_are_now():
    weights = np.ones(3)

    def f(x):
        return x * weights

    graph = graph_of(f, np.ones(3))
    weights[:] = 5
    np.testing.assert_array_equal(interpret(graph, [np.ones(3)])[0], [5, 5, 5])


def test_no_warning_for_what_numpy_computes_anyway():
    def f(x):
        return np.log(x) / x

    found = interpret(graph_of(f, np.ones(3)), [np.array([0.0, -1.0, 1.0])])
    np.testing.assert_array_equal(found[0], [-np.inf, np.nan, 0.0])


def test_the_number_of_arguments_counts():
    x = Var(Aval((), FLOAT64), "x")
    with pytest.raises(ValueError, match="zip"):
        interpret(Graph("f", (x,), (), (x,)), [])


class Wrong(Primitive):
    name = "wrong"

    def evaluate(self, ins, params):
        return (np.float32(1),)


def test_an_operation_that_evaluates_to_another_type_is_found():
    y = Var(Aval((), FLOAT64), "y")
    graph = Graph("f", (), (Eqn((y,), Wrong(), (), {}, SrcLine("a.py", 3, "y = wrong()")),), (y,))
    with pytest.raises(GraphError, match=r"wrong evaluates to float32\[\] where its type is f64\[\]\n  at a.py:3"):
        interpret(graph, [])


def test_infinite_literals():
    x = Var(Aval((2,), FLOAT64), "x")
    graph = Graph("f", (), (Eqn((x,), log, (Lit(np.inf, Aval((2,), FLOAT64)),)),), (x,))
    np.testing.assert_array_equal(interpret(graph, [])[0], [np.inf, np.inf])
