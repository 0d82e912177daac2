"""`debug_nans` names the line that made the first nan or infinity: one planted fault each."""

import threading

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import NonFiniteError

X = np.array([1.0, 0.0, 4.0])


def log_of_zero(x):
    y = np.log(x)
    return np.sum(y)


def divided_by_zero(x):
    y = 1.0 / (x[0] - 1.0)
    return y * x[1]


def nothing_by_nothing(x):
    shifted = x - x
    ratio = shifted / x
    return np.sum(ratio)


def overflow(x):
    scaled = 1000.0 * x
    e = np.exp(scaled)
    return np.sum(e)


def root_of_negative(x):
    return np.sum(np.sqrt(x - 2.0))


def power(x):
    y = (x - 3.0) ** 0.5
    return np.sum(y)


def infinity_less_infinity(x):
    big = 1e307 * x
    bigger = big * 1000.0
    return np.sum(bigger - bigger)


def inverse_sine(x):
    angle = np.arcsin(x)
    return np.sum(angle)


def mean_of_none(x):
    total = np.sum(x * 0.0)
    return total / np.sum(x * 0.0)


def in_a_loop(x):
    def step(c, v):
        d = c / v
        return d

    return bp.fold(step, 1.0, x)


def in_a_branch(x):
    return bp.cond(x[0] > 0, lambda: np.log(x[1]), lambda: x[1])


def product(x):
    A = np.array([[1e308, 1e308, 1e308]])
    y = A @ x
    return y[0]


def root_at_zero(x):
    r = np.sqrt(x)
    return np.sum(r)


def norm_by_hand(x):
    z = x - np.array([1.0, 0.0, 4.0])
    r = np.sqrt(z @ z)
    return r


def power_at_zero(x):
    y = x**0.25
    return np.sum(y)


def root_in_a_loop(x):
    def step(c, v):
        s = np.sqrt(v)
        return c + s

    return bp.fold(step, 0.0, x)


def arccos_at_one(x):
    angle = np.arccos(x[0])
    return angle


FORWARD = {
    log_of_zero: "y = np.log(x)",
    divided_by_zero: "y = 1.0 / (x[0] - 1.0)",
    nothing_by_nothing: "ratio = shifted / x",
    overflow: "e = np.exp(scaled)",
    root_of_negative: "return np.sum(np.sqrt(x - 2.0))",
    power: "y = (x - 3.0) ** 0.5",
    infinity_less_infinity: "bigger = big * 1000.0",
    inverse_sine: "angle = np.arcsin(x)",
    mean_of_none: "return total / np.sum(x * 0.0)",
    in_a_loop: "d = c / v",
    in_a_branch: "return bp.cond(x[0] > 0, lambda: np.log(x[1]), lambda: x[1])",
    product: "y = A @ x",
}
ADJOINT = {
    root_at_zero: "r = np.sqrt(x)",
    norm_by_hand: "r = np.sqrt(z @ z)",
    power_at_zero: "y = x**0.25",
    root_in_a_loop: "s = np.sqrt(v)",
    arccos_at_one: "angle = np.arccos(x[0])",
}


def name(function):
    return function.__name__


@pytest.mark.parametrize("function", FORWARD, ids=name)
def test_a_fault_in_the_value(function):
    with pytest.raises(NonFiniteError, match="in this line") as caught, bp.debug_nans():
        bp.compile(function)(X)
    assert caught.value.src.text == FORWARD[function]


@pytest.mark.parametrize("function", ADJOINT, ids=name)
def test_a_fault_in_the_derivative(function):
    with bp.debug_nans():
        assert np.isfinite(bp.compile(function)(X))
        with pytest.raises(NonFiniteError, match="in the derivative of this line") as caught:
            bp.grad(function)(X)
    assert caught.value.src.text == ADJOINT[function]


def test_the_values_that_went_in():
    with pytest.raises(NonFiniteError) as caught, bp.debug_nans():
        bp.compile(nothing_by_nothing)(X)
    text = str(caught.value)
    assert "div makes nan of finite values, in this line" in text
    assert "ratio[1] = nan (1 of its 3 elements are not finite)" in text
    assert "x[1] = 0.0" in text


def test_arguments_that_are_not_finite_are_named():
    with pytest.raises(NonFiniteError, match=r"nan is among the values of net\['w'\] already"), bp.debug_nans():
        bp.grad(lambda net: np.sum(net["w"] ** 2))({"w": np.array([1.0, np.nan])})


def test_what_is_finite_in_the_end_is_let_pass():
    with bp.debug_nans():
        assert bp.compile(lambda x: 1.0 / np.exp(x))(1000.0) == 0.0


def test_pullbacks_are_checked():
    _, pullback = bp.vjp(root_at_zero, X)
    with pytest.raises(NonFiniteError), bp.debug_nans():
        pullback(1.0)


def test_calls_outside_the_context_and_of_other_threads_are_not_checked():
    f = bp.compile(log_of_zero)
    found = []
    with bp.debug_nans():
        with bp.debug_nans():
            pass
        thread = threading.Thread(target=lambda: found.append(f(X)))
        thread.start()
        thread.join()
        with pytest.raises(NonFiniteError):
            f(X)
    assert found == [-np.inf]
    assert f(X) == -np.inf
