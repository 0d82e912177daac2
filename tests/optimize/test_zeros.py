"""Newton's and Halley's methods: where they go, and when they stop."""

import itertools

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import ArgumentError, IntegerDifferentiationError, NumericalError

METHODS = ["newton", "halley"]


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


def cubic(x, c=2.0):
    return x**3 - c


def test_the_steps_are_those_of_the_formulas():
    newton = [float(x) for x in bp.optimize.find_zero(cubic, 1.0, max_steps=2)]
    halley = [float(x) for x in bp.optimize.find_zero(cubic, 1.0, method="halley", max_steps=2)]
    x, y = 1.0, 1.0
    for k in range(3):
        assert newton[k] == pytest.approx(x, rel=1e-15)
        assert halley[k] == pytest.approx(y, rel=1e-15)
        x = x - (x**3 - 2) / (3 * x**2)
        f, d, dd = y**3 - 2, 3 * y**2, 6 * y
        y = y - 2 * f * d / (2 * d * d - f * dd)


def test_it_stops_when_there_is_no_progress(method):
    points = list(bp.optimize.find_zero(cubic, 1.0, method=method))
    assert points[0] == 1.0
    assert len(points) < 9
    assert len(set(points)) == len(points)
    assert points[-1] == pytest.approx(2 ** (1 / 3), rel=1e-15)


def test_halley_takes_fewer_steps():
    count = {method: len(list(bp.optimize.find_zero(cubic, 1.0, method=method))) for method in METHODS}
    assert count["halley"] < count["newton"]


def test_tolerance_and_limit(method):
    rough = list(bp.optimize.find_zero(cubic, 1.0, method=method, tolerance=1e-2))
    fine = list(bp.optimize.find_zero(cubic, 1.0, method=method))
    assert rough == fine[: len(rough)]
    assert len(rough) < len(fine)
    assert abs(rough[-1] - rough[-2]) <= 1e-2 < abs(rough[-2] - rough[-3])
    assert list(bp.optimize.find_zero(cubic, 1.0, method=method, max_steps=0)) == [1.0]
    assert list(bp.optimize.find_zero(cubic, 1.0, method=method, max_steps=2)) == fine[:3]


def test_there_may_be_no_end():
    points = bp.optimize.find_zero(lambda x: x * x + 1.0, 0.5)
    assert len(list(itertools.islice(points, 100))) == 100


def test_further_arguments(method):
    assert bp.optimize.last(bp.optimize.find_zero(cubic, 1.0, (27.0,), method=method)) == 3.0


def test_inverses(method):
    last = bp.optimize.last
    assert last(bp.optimize.inverse(np.sqrt, 50.0, 10.0, method=method)) == pytest.approx(100.0)
    assert last(bp.optimize.inverse(cubic, 1.0, 6.0, (2.0,), method=method)) == 2.0


def test_fixed_points(method):
    x = bp.optimize.last(bp.optimize.fixed_point(np.cos, 1.0, method=method))
    assert np.cos(x) == pytest.approx(x, rel=1e-15)


def test_extrema(method):
    x = bp.optimize.last(bp.optimize.extremum(lambda x: np.exp(x) - 3.0 * x, 0.0, method=method))
    assert x == pytest.approx(np.log(3.0))


def test_float32_stays_float32(method):
    points = list(bp.optimize.find_zero(cubic, np.float32(1.0), method=method))
    assert {x.dtype for x in points} == {np.dtype(np.float32)}
    assert points[-1] == pytest.approx(2 ** (1 / 3), rel=1e-6)


def test_where_no_step_can_be_taken(method):
    with pytest.raises(NumericalError, match="find_zero cannot go on from 0"):
        list(bp.optimize.find_zero(lambda x: x * x - 1.0 if method == "newton" else x**4 - 1.0, 0.0, method=method))
    with pytest.raises(NumericalError, match="nan"):
        list(bp.optimize.find_zero(np.log, -1.0, method=method))


def test_a_zero_is_where_it_ends(method):
    """Even if the derivative is 0 there."""
    assert list(bp.optimize.find_zero(lambda x: x * x, 0.0, method=method)) == [0.0]


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ArgumentError, match="secant"):
        bp.optimize.find_zero(cubic, 1.0, method="secant")
    with pytest.raises(IntegerDifferentiationError):
        next(itertools.islice(bp.optimize.find_zero(cubic, np.int64(1)), 1, None))
    assert next(bp.optimize.find_zero(cubic, 1)) == 1.0
    with pytest.raises(ValueError, match="no last"):
        bp.optimize.last([])
