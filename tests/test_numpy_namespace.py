"""``from staticbp import numpy as np``: NumPy itself, and the constructors that it gives no hook for."""

import numpy  # noqa: ICN001  (np is ours here)
import pytest

from staticbp import numpy as np
from staticbp.core.graph import Lit
from staticbp.core.interpret import interpret
from staticbp.errors import TracedArrayError, UnsupportedFunctionError
from tests.ops.checks import assert_value, graph_of


def test_names_are_numpys_own():
    assert np.sin is numpy.sin
    assert np.ndarray is numpy.ndarray
    assert np.linalg.norm is numpy.linalg.norm
    assert np.float64 is numpy.float64
    assert set(dir(numpy)) <= set(dir(np))
    with pytest.raises(AttributeError):
        _ = np.no_such_name


@pytest.mark.parametrize(
    ("ours", "numpys"),
    [
        (np.array([[1, 2], [3, 4]]), numpy.array([[1, 2], [3, 4]])),
        (np.array([1.5], dtype=np.float32, ndmin=2), numpy.array([1.5], dtype=np.float32, ndmin=2)),
        (np.asarray([1, 2.5]), numpy.asarray([1, 2.5])),
        (np.asanyarray(3), numpy.asanyarray(3)),
        (np.ascontiguousarray([1]), numpy.ascontiguousarray([1])),
        (np.zeros((2, 3)), numpy.zeros((2, 3))),
        (np.ones(3, int), numpy.ones(3, int)),
        (np.full((2,), 0.5), numpy.full((2,), 0.5)),
        (np.arange(2, 9, 3), numpy.arange(2, 9, 3)),
    ],
)
def test_plain_values_go_to_numpy(ours, numpys):
    assert type(ours) is numpy.ndarray
    assert ours.dtype == numpys.dtype
    numpy.testing.assert_array_equal(ours, numpys)


def test_the_same_array_comes_back():
    a = numpy.zeros(3)
    assert np.asarray(a) is a
    assert np.array(a) is not a
    assert np.empty((2, 0)).shape == (2, 0)


def built(x, y):
    return [
        np.array([x, y]),
        np.array([[x, 1], [y, x * y]]),
        np.asarray((x, 2.5), dtype=np.float32),
        np.array([[x, 1.0], [2.0, 3.0]], ndmin=3),
        np.array(x),
        np.asarray(y),
        np.ascontiguousarray(x),
    ]


def test_arrays_of_traced_values():
    x, y = numpy.float64(2.0), numpy.float64(3.0)
    assert_value(built, [x, y])
    with pytest.raises(TracedArrayError, match=r"np\.stack"):
        graph_of(lambda x, y: numpy.array([x, y]), [x, y])


def test_rows_of_traced_arrays():
    x = numpy.arange(3.0)
    assert_value(lambda x: np.array([x, [1, 2, 3], x + 1]), [x])


def test_arrays_of_one_value_are_traced_from_the_start():
    def function(x):
        total = np.zeros(3)
        total += x
        scale = np.full((2, 3), 0.5)
        room = np.empty(2)  # what is in it before is anything, a NaN for instance
        room[:] = x[1:]
        return total, scale * x, np.ones((3,), np.float32) * 2, room

    x = numpy.arange(3.0)
    assert_value(function, [x])
    graph = graph_of(lambda x: np.ones((2, 3)), [x])
    assert isinstance(graph.outs[0], Lit)
    assert graph.consts == ()


def test_full_of_a_traced_value():
    assert_value(lambda x: np.full((2, 3), x), [numpy.arange(3.0)])
    assert_value(lambda x: np.full((2, 2), [x, 1.0], dtype=np.float32), [numpy.float64(2.5)])


def test_ranges():
    assert_value(lambda x: x + np.arange(3) * np.linspace(0, x, 3), [numpy.float64(2.0)])
    with pytest.raises(UnsupportedFunctionError, match="step"):
        graph_of(lambda x: np.arange(x), [numpy.float64(2.0)])


def test_a_copy_is_a_value_of_its_own():
    def function(x):
        y = np.array(x)
        y += 1
        return x, y

    x, y = interpret(graph_of(function, [numpy.zeros(2)]), [numpy.zeros(2)])
    assert x.tolist() == [0, 0]
    assert y.tolist() == [1, 1]


def test_joining_in_brackets():
    x = numpy.arange(3.0)
    assert_value(lambda x: np.r_[x, 0, x[0], 1:3], [x])
    assert_value(lambda x: np.r_[x.reshape(1, 3), x.reshape(1, 3)], [x])
    assert_value(lambda x: np.c_[x, [4, 5, 6]], [x])
    assert_value(lambda x: np.c_[x.reshape(3, 1), np.ones((3, 2)), x], [x])
    assert_value(lambda x: np.r_[[x[0], x[1]], 2.5], [x])
    assert np.r_[1:3, 7].tolist() == [1, 2, 7]
    assert np.r_["0,2", [1, 2]].shape == (1, 2)
    with pytest.raises(UnsupportedFunctionError, match="concatenate"):
        graph_of(lambda x: np.r_["0,2", x], [x])
