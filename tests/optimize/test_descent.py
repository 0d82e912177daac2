"""Descents and ascents: where each step leads, and when they stop."""

import itertools

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import ArgumentError, NonScalarGradError, NumericalError


@bp.record
class Point:
    x: float
    y: np.ndarray


def bowl(p, scale=1.0):
    return scale * (p.x - 1.0) ** 2 + np.sum((p.y + 2.0) ** 2)


def rosenbrock(p):
    return (1.0 - p[0]) ** 2 + 100.0 * (p[1] - p[0] ** 2) ** 2


START = Point(0.0, np.zeros(2))


def test_the_rates_are_haskells():
    """``gradientDescent`` of Haskell's ad, written out."""
    wanted, x, rate, good = [np.array([-1.2, 1.0])], np.array([-1.2, 1.0]), 0.1, 0

    def slope(x):
        return np.array(
            [-2 * (1 - x[0]) - 400 * x[0] * (x[1] - x[0] ** 2), 200 * (x[1] - x[0] ** 2)],
        )

    while len(wanted) < 60:
        after = x - rate * slope(x)
        if rosenbrock(after) > rosenbrock(x):
            rate, good = rate / 2, 0
            continue
        x = after
        wanted.append(x)
        rate, good = (rate * 2, 0) if good == 9 else (rate, good + 1)
    points = bp.optimize.gradient_descent(rosenbrock, np.array([-1.2, 1.0]))
    np.testing.assert_allclose(list(itertools.islice(points, 60)), wanted, rtol=1e-9)


def test_records_come_to_the_bottom():
    points = list(bp.optimize.gradient_descent(bowl, START, (3.0,), tolerance=1e-8))
    assert points[0] is START
    assert points[-1].x == pytest.approx(1.0)
    assert points[-1].y == pytest.approx([-2.0, -2.0])
    assert np.max(np.abs(bp.grad(bowl)(points[-1], 3.0).y)) <= 1e-8
    values = [bowl(p, 3.0) for p in points]
    assert all(b <= a for a, b in itertools.pairwise(values))


def test_it_ends_without_tolerance_too():
    assert bp.optimize.last(bp.optimize.gradient_descent(lambda x: (x - 3.0) ** 2, 0.0)) == pytest.approx(3.0)
    assert list(bp.optimize.gradient_descent(lambda x: x * x, 0.0)) == [0.0]
    assert len(list(bp.optimize.gradient_descent(abs, 5.0))) < 1000


def test_a_step_into_nothing_is_taken_back():
    points = list(bp.optimize.gradient_descent(lambda x: x - np.log(x), 0.05, rate=1.0, tolerance=1e-6))
    assert all(x > 0 for x in points)
    assert points[-1] == pytest.approx(1.0, abs=1e-5)


def test_a_constant_rate():
    def height(point):
        x, y = point
        return 0.5 * np.cos(x / 2) + np.sin(y / 4)

    points = bp.optimize.gradient_ascent(height, [-3 * np.pi, np.pi], rate=4.0, adaptive=False, max_steps=4)
    assert list(points) == [
        [-9.42477796076938, 3.141592653589793],
        [-10.42477796076938, 3.8486994347763406],
        [-11.302360522659752, 4.420436439971677],
        [-11.89312422747638, 4.869473384679192],
        [-12.22342592418437, 5.2155893225844725],
    ]


def test_uphill_is_downhill_upside_down():
    down = list(bp.optimize.gradient_descent(bowl, START, max_steps=15))
    up = list(bp.optimize.gradient_ascent(lambda p: -bowl(p), START, max_steps=15))
    assert down == up


def test_float32_stays_float32():
    start = np.array([1.0, 2.0], np.float32)
    for p in bp.optimize.gradient_descent(lambda p: p @ p, start, max_steps=3):
        assert p.dtype == np.float32
    for p in bp.optimize.conjugate_gradient_descent(lambda p: p @ p, start, max_steps=3):
        assert p.dtype == np.float32


def misfit(w, sample):
    x, t = sample
    return (w @ x - t) ** 2


def test_samples():
    rng = np.random.default_rng(0)
    xs, true = rng.normal(size=(50, 3)), np.array([1.0, -2.0, 0.5])
    samples = list(zip(xs, xs @ true, strict=True))
    points = list(bp.optimize.stochastic_gradient_descent(misfit, np.zeros(3), samples, rate=0.05, epochs=4))
    assert len(points) == 201
    np.testing.assert_allclose(points[-1], true, atol=1e-2)
    w = np.zeros(3)
    for k, (x, t) in enumerate(samples[:5]):
        np.testing.assert_allclose(points[k], w)
        w = w - 0.05 * 2 * (w @ x - t) * x


def test_samples_go_round_and_rates_may_fall():
    samples = [(np.ones(1), 1.0), (np.ones(1), 3.0)]

    def rate(step):
        return 0.5 / (step + 1)

    points = bp.optimize.stochastic_gradient_descent(misfit, np.zeros(1), samples, rate=rate)
    found = [float(p[0]) for p in itertools.islice(points, 5)]
    assert found == pytest.approx([0.0, 1.0, 2.0, 5 / 3, 2.0])  # the means of the targets so far
    assert len(list(bp.optimize.stochastic_gradient_descent(misfit, np.zeros(1), iter(samples), max_steps=7))) == 8
    with pytest.raises(ArgumentError, match="-1 epochs"):
        bp.optimize.stochastic_gradient_descent(misfit, np.zeros(1), samples, epochs=-1)


@pytest.mark.parametrize("size", [2, 5])
def test_conjugate_directions_take_as_many_steps_as_there_are_dimensions(size):
    rng = np.random.default_rng(size)
    root = rng.normal(size=(size, size))
    matrix, b = root @ root.T + 0.1 * np.eye(size), rng.normal(size=size)
    points = list(bp.optimize.conjugate_gradient_descent(lambda p: 0.5 * p @ matrix @ p - b @ p, np.zeros(size)))
    np.testing.assert_allclose(points[size], np.linalg.solve(matrix, b), rtol=1e-8)
    assert len(points) < size + 5


def test_conjugate_gradients_in_a_bent_valley():
    points = list(bp.optimize.conjugate_gradient_descent(rosenbrock, np.array([-1.2, 1.0]), tolerance=1e-7))
    assert points[-1] == pytest.approx([1.0, 1.0], abs=1e-6)
    assert len(points) < 100
    values = [rosenbrock(p) for p in points]
    assert all(b < a for a, b in itertools.pairwise(values))


def test_conjugate_ascent_of_a_record():
    top = bp.optimize.last(bp.optimize.conjugate_gradient_ascent(lambda p: -bowl(p, 5.0), START))
    assert top.x == pytest.approx(1.0)
    assert top.y == pytest.approx([-2.0, -2.0])


def test_a_line_that_bends_the_wrong_way():
    """The first direction starts where cos is concave; the search must not end on a hill."""
    (start, found) = bp.optimize.conjugate_gradient_descent(np.cos, 0.1, max_steps=1)
    assert np.cos(found) < np.cos(start)
    assert np.cos(bp.optimize.last(bp.optimize.conjugate_gradient_descent(np.cos, 0.1))) == pytest.approx(-1.0)


@pytest.mark.parametrize("method", ["gradient_descent", "conjugate_gradient_descent"])
def test_errors(method):
    descend = getattr(bp.optimize, method)
    with pytest.raises(NumericalError, match="log is nan at the start"):
        next(descend(np.log, -1.0))
    with pytest.raises(NonScalarGradError):
        next(descend(np.sin, np.ones(3)))
