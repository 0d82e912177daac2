"""``from staticbp import scipy``: SciPy's own modules, and what in them takes traced values."""

import numpy as np
import pytest
import scipy.signal
import scipy.special
import scipy.stats

import staticbp as bp
from staticbp import scipy as ours
from staticbp.errors import (
    ArgumentError,
    FrozenRandomError,
    NotDifferentiableError,
    ShapeError,
    UnsupportedFunctionError,
)
from tests.ops.checks import assert_derivatives, assert_value, evaluate, graph_of

X = np.random.default_rng(30).normal(size=(4, 5))
KERNEL = np.random.default_rng(31).normal(size=(2, 3))


def test_names_are_scipys_own():
    assert ours.special.gammaln is scipy.special.gammaln
    assert ours.stats.ttest_ind is scipy.stats.ttest_ind
    assert ours.signal.butter is scipy.signal.butter
    assert set(dir(scipy.stats)) <= set(dir(ours.stats))
    for module in (ours.special, ours.stats, ours.signal):
        with pytest.raises(AttributeError):
            _ = module.no_such_name


def test_plain_values_go_to_scipy():
    assert ours.stats.norm.logpdf(0.3) == scipy.stats.norm.logpdf(0.3)
    assert ours.stats.norm(1.0, 2.0).mean() == 1.0
    assert ours.stats.gamma.a == scipy.stats.gamma.a
    assert ours.stats.t.rvs(3, size=2, random_state=0).shape == (2,)
    assert ours.stats.norm(0, 1).cdf(0.0) == 0.5
    assert isinstance(ours.special.logsumexp(X), float)
    np.testing.assert_array_equal(ours.signal.convolve(X, KERNEL), scipy.signal.convolve(X, KERNEL))


@pytest.mark.parametrize("name", ["convolve", "correlate", "convolve2d", "correlate2d", "fftconvolve", "oaconvolve"])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_signal(name, mode):
    function = getattr(ours.signal, name)
    graph = graph_of(lambda x, y: function(x, y, mode), (X, KERNEL))
    wanted = getattr(scipy.signal, name)(X, KERNEL, mode)
    np.testing.assert_allclose(evaluate(graph, (X, KERNEL))[0], wanted, atol=1e-14)
    assert_derivatives(graph, (X, KERNEL), np.random.default_rng(32))


def test_convolution_over_channels_is_autograds():
    theirs = pytest.importorskip("autograd.scipy.signal")
    images, filters = np.ones((2, 3, 6, 5)) * X[0, :5], np.random.default_rng(33).normal(size=(3, 4, 2, 3))
    options = {"axes": ([2, 3], [2, 3]), "dot_axes": ([1], [0]), "mode": "valid"}
    graph = graph_of(lambda x, k: ours.signal.convolve(x, k, **options), (images, filters))
    np.testing.assert_allclose(
        evaluate(graph, (images, filters))[0], theirs.convolve(images, filters, **options), atol=1e-13
    )


def test_numbers_of_bessel_functions_compiled():
    def function(x):
        return scipy.special.jv(2, x) + scipy.special.i0(x) * scipy.special.betainc(2, 3, x / 5)

    x = np.linspace(0.1, 4.0, 7)
    np.testing.assert_allclose(bp.compile(function)(x), function(x), rtol=1e-14)
    slope = bp.grad(lambda x: np.sum(function(x)))(x)
    ahead, behind = function(x + 1e-6), function(x - 1e-6)
    np.testing.assert_allclose(slope, (ahead - behind) / 2e-6, rtol=1e-7)


def test_a_pole_far_out_ends():
    # The recurrence of the zeta function goes up to a place, which adding one to a huge number would never reach.
    q = np.array([-1e300, -2.0, -2.5, 0.0, 1e300, np.inf])
    np.testing.assert_allclose(bp.compile(lambda q: scipy.special.zeta(3, q))(q), scipy.special.zeta(3, q))


@pytest.mark.parametrize(
    ("function", "error", "says"),
    [
        (lambda n: scipy.special.jv(n, 1.0), NotDifferentiableError, "order"),
        (lambda a: scipy.special.hyp1f1(a, 2.0, 0.5), NotDifferentiableError, "closed form"),
    ],
)
def test_derivatives_that_are_not_known_are_refused(function, error, says):
    for derivative in (bp.grad(function), lambda x: bp.jvp(function, (x,), (1.0,))):
        with pytest.raises(error, match=says):
            derivative(1.5)


@pytest.mark.parametrize(
    ("function", "error", "says"),
    [
        (lambda x: ours.stats.norm.moment(1, x), UnsupportedFunctionError, "logpdf"),
        (lambda x: ours.stats.t.logpdf(x), ArgumentError, "df"),
        (lambda x: ours.stats.norm.logpdf(x, 1, 2, 3), ArgumentError, "loc, scale"),
        (lambda x: ours.stats.norm(x).rvs(), FrozenRandomError, "Draw outside"),
        (lambda x: ours.stats.multivariate_normal.logpdf(x * np.ones(2), np.zeros(3)), ShapeError, "mean"),
        (lambda x: ours.signal.convolve2d(X * x, KERNEL, boundary="wrap"), UnsupportedFunctionError, "boundary"),
        (lambda x: ours.signal.convolve(X * x, KERNEL, "half"), UnsupportedFunctionError, "'same'"),
        (lambda x: ours.special.comb(x, 2), TypeError, "plain NumPy array"),
    ],
)
def test_refusals(function, error, says):
    with pytest.raises(error, match=says):
        bp.grad(lambda x: np.sum(function(x)))(1.0)


def test_frozen_distributions_take_traced_parameters():
    x = np.array([0.5, 2.0])
    assert_value(lambda s: ours.stats.gamma(2.0, scale=s).logsf(x), (np.float64(1.3),))
    slope = bp.grad(lambda m: np.sum(ours.stats.norm(m, 2.0).logpdf(x)))(0.0)
    np.testing.assert_allclose(slope, np.sum(x) / 4)


@pytest.mark.parametrize("bands", [(0, 1), (1, 2), (2, 0), (4, 3)])
def test_banded_systems(bands):
    ab = np.random.default_rng(34).normal(size=(sum(bands) + 1, 3))
    ab[bands[1]] += 5
    assert_value(lambda ab, b: ours.linalg.solve_banded(bands, ab, b), (ab, X[0, :3]))
    graph = graph_of(lambda ab, b: ours.linalg.solve_banded(bands, ab, b), (ab, X[0, :3]))
    assert_derivatives(graph, (ab, X[0, :3]), np.random.default_rng(35))
