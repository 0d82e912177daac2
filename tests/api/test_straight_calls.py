"""Calls that go straight to machine code: the same results as by any other way, and as much of what else there is."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import staticbp as bp
from staticbp.api.function import Function
from staticbp.errors import ArgumentError, NonFiniteError
from staticbp.runtime.load import JIT

pytestmark = pytest.mark.skipif(not JIT, reason="nothing is machine code with STATICBP_JIT=0")

RATE = 2.0


def plane(x, y):
    return RATE * x * y


@bp.differentiable
def steep(x, y):
    return x * x * y


def is_straight(function):
    return type(function).__call__ is not Function.__call__


def test_numbers_go_straight_and_give_what_they_gave():
    f = bp.grad(lambda x, y: x * x * y, argnums=(0, 1))
    first = f(3.0, 2.0)
    assert is_straight(f)
    assert f(3.0, 2.0) == first == (12.0, 9.0)
    assert [type(part) for part in f(3.0, 2.0)] == [np.float64, np.float64]


def test_arrays_go_straight_and_strided_ones_are_copied_as_ever():
    f = bp.grad(lambda w, x: np.sum(w * w * x))
    x = np.arange(6.0)
    expected = f(x[:3].copy(), x[3:].copy())
    assert is_straight(f)
    np.testing.assert_array_equal(f(x[:3], x[3:]), expected)
    np.testing.assert_array_equal(f(x[:3][::-1], x[3:][::-1]), expected[::-1])


def test_what_is_called_otherwise_is_found_otherwise():
    f = bp.compile(lambda x, y: x - y)
    f(3.0, 2.0)
    assert is_straight(f)
    assert f(3, 2) == 1
    assert f(3.0, 2.0) == 1.0
    assert f(x=3.0, y=1.0) == 2.0
    assert f(np.ones(2), 1.0).tolist() == [0.0, 0.0]
    assert f(np.ones((2, 2)), 1.0).shape == (2, 2)
    assert f(3.0, 2.0) == 1.0
    with pytest.raises(TypeError):
        f(3.0)


def test_dictionaries_keep_their_gate():
    f = bp.compile(lambda pair: pair["a"] * pair["b"])
    assert f({"a": 2.0, "b": 3.0}) == 6.0
    assert not is_straight(f)


def test_what_was_frozen_is_looked_at(monkeypatch):
    f = bp.grad(plane)
    assert f(1.0, 3.0) == 6.0
    assert is_straight(f)
    monkeypatch.setitem(globals(), "RATE", 5.0)
    assert f(1.0, 3.0) == 15.0
    assert f(1.0, 3.0) == 15.0
    monkeypatch.setitem(globals(), "RATE", float("5"))  # an equal number, and another object
    assert [f(1.0, 3.0), f(1.0, 3.0)] == [15.0, 15.0]


def test_traced_it_is_a_part_of_what_is_traced():
    assert steep.grad(3.0, 2.0) == 12.0
    assert is_straight(steep.grad)
    whole = bp.compile(lambda x: steep.grad(x, 2.0) + steep.grad(1.0, 2.0))
    assert whole(3.0) == 16.0
    assert "4.0 * x + 4.0" in str(whole.inspect(3.0).source)
    assert bp.grad(steep.grad)(3.0, 2.0) == 4.0


def test_errors_are_those_of_the_long_way():
    f = bp.compile(lambda n: n + 1)
    assert f(1) == 2
    with pytest.raises(ArgumentError, match="64 bits"):
        f(2**70)
    solve = bp.compile(lambda a, b: np.linalg.solve(a, b))
    solve(np.eye(2), np.ones(2))
    with pytest.raises(np.linalg.LinAlgError):
        solve(np.zeros((2, 2)), np.ones(2))


def test_checked_calls_are_checked():
    f = bp.grad(lambda x: np.sqrt(x))
    assert f(4.0) == 0.25
    assert is_straight(f)
    with bp.debug_nans(), pytest.raises(NonFiniteError):
        f(0.0)
    assert f(0.0) == np.inf


def test_a_function_is_what_it_was():
    steep(3.0, 2.0)
    assert is_straight(steep)
    assert isinstance(steep, type(bp.differentiable(plane)))
    assert type(steep).__name__ == "Differentiable"
    assert repr(steep) == "<staticbp steep(x, y)>"
    assert list(inspect.signature(steep).parameters) == ["x", "y"]
    assert pickle.loads(pickle.dumps(steep)) is steep
    assert copy.deepcopy(steep) is steep
    again = pickle.loads(pickle.dumps(bp.grad(steep)))
    assert again(3.0, 2.0) == 12.0


def test_methods_of_objects_that_are_no_structures_are_as_before():
    class Model:
        def __init__(self, rate):
            self.rate = rate

        @bp.differentiable
        def value(self, x):
            return self.rate * x * x

    slow, fast = Model(1.0), Model(3.0)
    for _ in range(3):
        assert (slow.value(2.0), fast.value(2.0), fast.value.grad(2.0)) == (4.0, 12.0, 12.0)
    fast.rate = 5.0
    assert fast.value(2.0) == 20.0


@bp.record
class Line:
    slope: np.ndarray
    start: float


def test_records_go_straight_and_come_back_as_records():
    @bp.differentiable
    def misfit(line, x):
        return np.sum((line.slope * x + line.start * RATE) ** 2)

    x, line = np.arange(3.0), Line(np.arange(6.0)[::2], 0.5)
    first = misfit.grad(line, x)
    assert is_straight(misfit.grad)
    plain = Line(line.slope.copy(), 0.5)
    for found in (misfit.grad(plain, x), misfit.grad(plain, x), misfit.grad(line, x)):
        assert type(found) is Line
        np.testing.assert_array_equal(found.slope, first.slope)
        assert found.start == first.start
    value, slopes = bp.value_and_grad(misfit)(plain, x)
    again = bp.value_and_grad(misfit)(plain, x)
    assert is_straight(bp.value_and_grad(misfit))
    assert again[0] == value
    np.testing.assert_array_equal(again[1].slope, slopes.slope)


def test_a_network_of_lists_of_tuples_goes_straight():
    @bp.differentiable
    def output(net, x):
        for weights, biases in net:
            x = np.tanh(weights @ x + biases)
        return np.sum(x)

    net = [(np.full((2, 2), 0.25), np.ones(2)), (np.full((1, 2), 0.5), np.zeros(1))]
    first, again = output.grad(net, np.ones(2)), output.grad(net, np.ones(2))
    assert is_straight(output.grad)
    assert [type(part) for part in (again, again[0])] == [list, tuple]
    for one, other in zip(bp.tree.leaves(first), bp.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(output.grad(net[:1], np.ones(2))) == 1
