"""`staticbp.scipy.integrate`: SciPy's values, and derivatives held against closed forms, autograd's and differences."""

import numpy as np
import pytest
import scipy.integrate as si

import staticbp as bp
from staticbp import numpy as bnp
from staticbp.errors import ShapeError, UnsupportedFunctionError
from staticbp.scipy import integrate
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.checks import assert_derivatives, assert_value, evaluate, graph_of

TIMES = np.array([0.2, 0.7, 1.5])
TIGHT = {"rtol": 1e-11, "atol": 1e-11}
RATES = (0.25, 3.0)


def pendulum(y, t, damping, pull, lib=bnp):
    angle, speed = y
    return lib.array([speed, 0.3 * t - damping * speed - pull * lib.sin(angle)])


def path(start, times, damping, pull):
    return integrate.odeint(pendulum, start, times, (damping, pull), **TIGHT)


def value(function, *args):
    return evaluate(graph_of(function, args), args)[0]


def gradient(function, *args):
    """The gradient by the interpreter, of a function that returns a number."""
    return evaluate(vjp(RULES, graph_of(function, args), [True] * len(args)), [*args, 1.0])[1:]


@pytest.mark.parametrize(
    "times", [TIMES, TIMES[::-1].copy(), np.array([0.0, 0.5, 0.5, 0.9])], ids=["on", "back", "again"]
)
def test_states_are_scipys(times):
    start = np.array([2.0, 0.1])
    found = value(lambda y, b: integrate.odeint(pendulum, y, times, (b, 3.0)), start, 0.25)
    exact = si.odeint(lambda *args: pendulum(*args, lib=np), start, times, RATES, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found, exact, rtol=2e-7)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found[0], start)


def test_where_nothing_is_traced_it_is_scipy():
    def decay(y, t):
        return -y

    np.testing.assert_array_equal(integrate.odeint(decay, [1.0], TIMES), si.odeint(decay, [1.0], TIMES))
    assert integrate.odeint(decay, [1.0], TIMES, full_output=True)[1]["message"]
    assert integrate.quad(lambda x: x, 0.0, 1.0) == si.quad(lambda x: x, 0.0, 1.0)
    assert "solve_ivp" in dir(integrate)
    with pytest.raises(AttributeError):
        _ = integrate.no_such_function


def test_what_is_read_from_around_counts_too():
    """y' = -rate y, from y(t0) = a: y = a exp(-rate (t - t0))."""

    def end(a, rate, begin, stop):
        times = np.stack([begin, stop])
        return integrate.odeint(lambda t, y: -rate * y, a, times, tfirst=True, **TIGHT)[-1, 0]

    a, rate, begin, stop = args = (1.5, 0.8, 0.3, 2.0)
    exact = a * np.exp(-rate * (stop - begin))
    assert value(end, *args) == pytest.approx(exact, rel=1e-9)
    slopes = [exact / a, -exact * (stop - begin), exact * rate, -exact * rate]
    assert gradient(end, *args) == pytest.approx(slopes, rel=1e-9)


def test_gradients_are_those_of_autograd():
    autograd = pytest.importorskip("autograd")
    theirs = pytest.importorskip("autograd.scipy.integrate")
    pair = pytest.importorskip("autograd.builtins").tuple
    anp = autograd.numpy

    def misfit(solve, lib):
        return lambda *args: lib.sum(lib.sin(solve(*args)))

    def of_autograd(y, t, b, c):
        return theirs.odeint(lambda *args: pendulum(*args, lib=anp), y, t, pair((b, c)), **TIGHT)

    args = (np.array([2.0, 0.1]), TIMES, *RATES)
    found = gradient(misfit(path, np), *args)
    for i, ours in enumerate(found):
        wanted = autograd.grad(misfit(of_autograd, anp), i)(*args)
        np.testing.assert_allclose(ours, wanted, rtol=1e-8, atol=1e-9)


def test_derivatives_of_derivatives_in_both_modes():
    """y' = -w² x, x' = y from (1, 0): x = cos(w t)."""

    def spring(w):
        return integrate.odeint(lambda y, t: [y[1], -w * w * y[0]], [1, 0], [0, 0.4], **TIGHT)[-1, 0]

    rng, w = np.random.default_rng(0), 1.7
    reverse = assert_derivatives(graph_of(spring, (w,)), (w,), rng)
    assert_derivatives(reverse, (w, 1.0), rng)
    (first,) = evaluate(reverse, (w, 1.0))[1:]
    (second,) = gradient(lambda w: bp.grad(spring)(w), w)
    assert (first, second) == pytest.approx((-0.4 * np.sin(0.4 * w), -0.16 * np.cos(0.4 * w)), rel=1e-8)


def test_a_batch_goes_as_far_as_each_of_it():
    rates = np.array([0.1, 1.0, 10.0])
    many = bp.vmap(lambda rate: integrate.odeint(lambda y, t: -rate * y, [1.0, 2.0], TIMES)[-1])
    found = value(many, rates)
    np.testing.assert_allclose(found, np.exp(-rates * 1.3)[:, None] * [1.0, 2.0], rtol=1e-6, atol=1e-8)


def test_compiled():
    def end(rate):
        return integrate.odeint(lambda y, t: -rate * y, 1.0, TIMES)[-1, 0]

    found, slope = bp.value_and_grad(end)(0.8)
    assert found == pytest.approx(value(end, 0.8), rel=1e-13)
    assert slope == pytest.approx(gradient(end, 0.8)[0], rel=1e-12)


def test_options():
    times = np.array([0.0, 1.0])

    def solved(**options):
        return value(lambda a: integrate.odeint(lambda y, t: -y, a, times, **options)[-1, 0], 1.0)

    exact = np.exp(-1.0)
    assert abs(solved(rtol=1e-3, atol=1e-3) - exact) > abs(solved() - exact) > abs(solved(**TIGHT) - exact)
    assert abs(solved(rtol=1.0, atol=1.0, hmax=0.01) - exact) < 1e-9
    assert solved(rtol=1.0, atol=1.0, h0=1.0) == pytest.approx(exact, rel=1e-2)
    assert abs(solved(atol=np.array([1e-11]), rtol=0.0) - exact) < 1e-9
    assert np.isnan(solved(mxstep=1))
    assert solved(Dfun=None, mxordn=3, mxords=2) == solved()


def test_what_cannot_be_followed_is_nan():
    times = np.array([0.0, 0.5, 2.0, 3.0])
    found = value(lambda a: integrate.odeint(lambda y, t: y * y, a, times), 1.0)  # 1 / (1 - t)
    np.testing.assert_allclose(found[:, 0], [1.0, 2.0, np.nan, np.nan], rtol=1e-6)
    found = value(lambda a: integrate.odeint(lambda y, t: a * np.inf * y, 1.0, times), 1.0)
    np.testing.assert_array_equal(found[:, 0], [1.0, np.nan, np.nan, np.nan])


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"full_output": True}, UnsupportedFunctionError, "full_output"),
        ({"tcrit": [1.0]}, UnsupportedFunctionError, "tcrit"),
        ({"func": lambda y, t: np.stack([y[0], y[0]])}, ShapeError, r"\(2,\) for a y of shape \(1,\)"),
        ({"y0": np.ones((2, 2))}, ShapeError, "vectors"),
    ],
)
def test_refusals(options, error, says):
    given = {"func": lambda y, t: -y, "y0": 1.0, "t": TIMES, **options}
    with pytest.raises(error, match=says):
        bp.grad(lambda a: integrate.odeint(**given)[-1, 0] * a)(1.0)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda s, a: s.integrate.solve_ivp(lambda t, y: -a * y, (0, 1), [1.0]).y[0, -1], "integrate.odeint"),
        (lambda s, a: s.integrate.quad(lambda x: a * x, 0, 1)[0], "fixed_quad"),
        (lambda s, a: s.optimize.brentq(lambda x: x - a, 0, 5), "custom_root"),
        (lambda s, a: s.interpolate.CubicSpline(np.arange(3), a * np.arange(3))(1.5), "np.interp"),
        (lambda s, a: s.ndimage.gaussian_filter(a * np.ones(5), 1.0)[0], "bp.primitive"),
    ],
)
def test_what_scipy_cannot_says_what_to_write(function, says):
    from staticbp import scipy  # noqa: PLC0415  (as a user's function finds it)

    with pytest.raises(UnsupportedFunctionError, match=says) as caught:
        bp.grad(lambda a: function(scipy, a))(1.0)
    assert "test_integrate.py" in str(caught.value)
    assert np.isfinite(function(scipy, 1.0))


SAMPLES = np.random.default_rng(2).normal(size=(3, 7))
PLACES = np.cumsum(np.random.default_rng(3).uniform(0.5, 1.5, 7))


@pytest.mark.parametrize("name", ["trapezoid", "cumulative_trapezoid", "simpson"])
@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_integrals_of_samples(name, count):
    function, y, x = getattr(integrate, name), SAMPLES[:, :count], PLACES[:count]
    rng = np.random.default_rng(4)
    for call, args in (
        (lambda y, x: function(y, x), (y, x)),
        (lambda y: function(y, dx=0.5), (y,)),
        (lambda y, x: function(y, x, axis=0), (y.T.copy(), x)),
        (lambda y, x: function(y, x, axis=0), (y.T.copy(), np.outer(x, [1.0, 2.0, 3.0]))),
    ):
        assert_value(call, args)
        assert_derivatives(graph_of(call, args), args, rng)
    assert_value(lambda y: integrate.cumulative_trapezoid(y, initial=0), (y,))


def test_gauss_and_legendre():
    def area(a, b, p):
        return integrate.fixed_quad(lambda x, q: x**q, a, b, (p,), n=7)[0]

    assert_value(area, (0.5, 2.0, 3.0))
    a, b, p = 0.5, 2.0, 3.0
    exact = [-(a**p), b**p, ((p + 1) * (b ** (p + 1) * np.log(b) - a ** (p + 1) * np.log(a)) - (b**4 - a**4)) / 16]
    np.testing.assert_allclose(gradient(area, a, b, p), exact, rtol=1e-8)
