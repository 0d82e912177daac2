"""Derivatives of incomplete integrals by their shape parameters, held against mpmath."""

import numpy as np
import pytest
import scipy.special as scipys

from staticbp.ops import incomplete
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.checks import evaluate, graph_of

mpmath = pytest.importorskip("mpmath")

SHAPES = (0.001, 0.05, 0.7, 1.0, 3.5, 40.0, 2000.0)
PARTS = (1e-3, 0.4, 0.95, 1.0, 1.2, 3.0)  # of the mean


def slopes(function, *args):
    """The derivatives of a function of numbers by all operands, at places that are arrays."""
    graph = graph_of(function, args)
    return evaluate(vjp(RULES, graph, [True] * len(args)), [*args, np.ones_like(args[0])])[1:]


def difference(function, at, place):
    """A central difference with digits enough that the derivative of it has those of a double."""
    with mpmath.workdps(60):
        step = mpmath.mpf(10) ** -20
        values = [mpmath.mpf(float(x)) for x in at]
        ahead, behind = (function(*values[:place], values[place] + h, *values[place + 1 :]) for h in (step, -step))
        return float((ahead - behind) / (2 * step))


def test_gamma_by_its_shape():
    a, x = (np.array(column) for column in zip(*((a, a * part) for a in SHAPES for part in PARTS), strict=True))
    lower = slopes(scipys.gammainc, a, x)[0]
    upper = slopes(scipys.gammaincc, a, x)[0]

    def regularised(a, x):
        return mpmath.gammainc(a, 0, x, regularized=True)

    wanted = np.array([difference(regularised, at, 0) for at in zip(a, x, strict=True)])
    np.testing.assert_allclose(lower, wanted, rtol=1e-10, atol=1e-35)
    np.testing.assert_array_equal(upper, -lower)


def test_beta_by_its_shapes():
    rows = [(a, b, x) for a in (0.05, 1.0, 30.0) for b in (0.2, 2.0, 300.0) for x in (0.02, 0.3, 0.9)]
    a, b, x = (np.array(column) for column in zip(*rows, strict=True))
    found = slopes(scipys.betainc, a, b, x)[:2]

    def regularised(a, b, x):
        return mpmath.betainc(a, b, 0, x, regularized=True)

    for place, ours in enumerate(found):
        wanted = np.array([difference(regularised, at, place) for at in rows])
        np.testing.assert_allclose(ours, wanted, rtol=1e-10, atol=1e-35)  # in which mpmath gives zero
    for ours, above in zip(found, slopes(scipys.betaincc, a, b, x)[:2], strict=True):
        np.testing.assert_array_equal(above, -ours)


def test_student_by_the_degrees_of_freedom():
    df, x = (np.array(column) for column in zip(*((d, x) for d in (0.3, 2.0, 50.0) for x in (-4.0, 0.5)), strict=True))

    def integral(df, x):
        tail = mpmath.betainc(df / 2, 0.5, 0, df / (df + x * x), regularized=True) / 2
        return tail if x < 0 else 1 - tail

    wanted = [difference(integral, at, 0) for at in zip(df, x, strict=True)]
    np.testing.assert_allclose(slopes(scipys.stdtr, df, x)[0], wanted, rtol=1e-10)


def test_at_the_ends():
    """The probability is zero or one there whatever the parameters; outside there is none."""
    ends = np.array([0.0, np.inf, -1.0, np.nan])
    np.testing.assert_array_equal(slopes(scipys.gammainc, np.ones(4), ends)[0], [0.0, 0.0, np.nan, np.nan])
    np.testing.assert_array_equal(slopes(scipys.gammainc, np.array([-1.0]), np.ones(1))[0], [np.nan])
    ends = np.array([0.0, 1.0, 1.5])
    for slope in slopes(scipys.betainc, np.ones(3), np.full(3, 2.0), ends)[:2]:
        np.testing.assert_array_equal(slope, [0.0, 0.0, np.nan])
    infinite = np.array([-np.inf, 0.0, np.inf])
    np.testing.assert_array_equal(slopes(scipys.stdtr, np.full(3, 2.5), infinite)[0], np.zeros(3))


@pytest.mark.parametrize("name", ["gammaincinv", "gammainccinv", "betaincinv", "betainccinv"])
def test_an_inverse_undoes_what_it_is_of(name):
    inverse, forward = getattr(scipys, name), getattr(scipys, name.removesuffix("inv"))
    shapes = (np.array([0.6, 4.0]), np.array([1.5, 0.8]))[: 1 if "gamma" in name else 2]
    p = np.array([0.3, 0.8])
    *by_shape, by_p = slopes(lambda *args: forward(*args[:-1], inverse(*args)), *shapes, p)
    np.testing.assert_allclose(by_p, 1.0, rtol=1e-9)
    np.testing.assert_allclose(by_shape, 0.0, atol=1e-11)


def test_twice_by_the_shape_is_what_differences_say():
    a, x = np.array([0.5, 3.0, 20.0]), np.array([0.2, 4.0, 18.0])

    def twice(a, x):
        return slopes(lambda a, x: incomplete._gamma_by_shape(a, x), a, x)[0]

    step = 1e-5
    ahead, behind = (slopes(scipys.gammainc, a + h, x)[0] for h in (step, -step))
    np.testing.assert_allclose(twice(a, x), (ahead - behind) / (2 * step), rtol=1e-7)
