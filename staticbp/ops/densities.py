"""The densities and distribution functions of continuous random numbers, by SciPy's names.

A distribution is given in standard form, as functions of a number and of shape parameters; location and scale, the
support and the relations between the functions are the same for all.  The formulas are those that SciPy documents.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from staticbp.core.primitive import Value
from staticbp.ops.arithmetic import where
from staticbp.ops.bessel import i0e
from staticbp.ops.control import stop_gradient
from staticbp.ops.gammas import betainc, betaln, gammainc, gammaincc, gammaln, stdtr
from staticbp.ops.special import as_float, erf, erfc, expit, log_expit, log_ndtr, logit, ndtr, ndtri, xlog1py, xlogy

Standard = Callable[..., Value]  # of a number and the shape parameters

LOG_SQRT_2_PI = math.log(2 * math.pi) / 2
SQRT_HALF = math.sqrt(0.5)


def _all_positive(*shapes: Value) -> Value:
    allowed: Value = True
    for shape in shapes:
        allowed = (shape > 0) & allowed
    return allowed


@dataclass(frozen=True)
class Continuous:
    """A distribution of real numbers in standard form.

    `cdf`, `sf` and their logarithms need not all be given: each follows from another.
    """

    name: str
    shapes: tuple[str, ...]
    logpdf: Standard
    cdf: Standard | None = None
    sf: Standard | None = None
    logcdf: Standard | None = None
    logsf: Standard | None = None
    ppf: Standard | None = None
    isf: Standard | None = None
    support: Callable[..., tuple[Value, Value]] = lambda *shapes: (-math.inf, math.inf)
    allowed: Callable[..., Value] = _all_positive

    def value(self, method: str, x: Any, shapes: tuple[Any, ...], loc: Any, scale: Any) -> Value:
        """One of the functions of the distribution, as SciPy's method of that name gives it."""
        number, location, width = (as_float(value) for value in (x, loc, scale))
        parameters = tuple(as_float(shape) for shape in shapes)
        function = getattr(self, f"_{method}")
        value = function(number, location, width, parameters)
        return where((width > 0) & self.allowed(*parameters), value, np.nan)

    def _standard(self, x: Value, loc: Value, scale: Value, shapes: tuple[Value, ...]) -> tuple[Value, Value, Value]:
        z = (x - loc) / scale
        low, high = self.support(*shapes)
        return z, z < low, z > high

    def _logpdf(self, x: Value, loc: Value, scale: Value, shapes: tuple[Value, ...]) -> Value:
        z, below, above = self._standard(x, loc, scale, shapes)
        return where(below | above, -math.inf, self.logpdf(z, *shapes) - np.log(scale))

    def _pdf(self, *args: Any) -> Value:
        return np.exp(self._logpdf(*args))

    def _cdf(self, x: Value, loc: Value, scale: Value, shapes: tuple[Value, ...]) -> Value:
        z, below, above = self._standard(x, loc, scale, shapes)
        return where(below, 0, where(above, 1, self._whole(z, *shapes)))

    def _whole(self, z: Value, *shapes: Value) -> Value:
        assert self.cdf is not None
        return self.cdf(z, *shapes)

    def _sf(self, x: Value, loc: Value, scale: Value, shapes: tuple[Value, ...]) -> Value:
        z, below, above = self._standard(x, loc, scale, shapes)
        rest = 1 - self._whole(z, *shapes) if self.sf is None else self.sf(z, *shapes)
        return where(below, 1, where(above, 0, rest))

    def _logcdf(self, x: Value, loc: Value, scale: Value, shapes: tuple[Value, ...]) -> Value:
        z, below, above = self._standard(x, loc, scale, shapes)
        log = np.log(self._whole(z, *shapes)) if self.logcdf is None else self.logcdf(z, *shapes)
        return where(below, -math.inf, where(above, 0, log))

    def _logsf(self, x: Value, loc: Value, scale: Value, shapes: tuple[Value, ...]) -> Value:
        if self.logsf is None:
            return np.log(self._sf(x, loc, scale, shapes))
        z, below, above = self._standard(x, loc, scale, shapes)
        return where(below, 0, where(above, -math.inf, self.logsf(z, *shapes)))

    def _ppf(self, q: Value, loc: Value, scale: Value, shapes: tuple[Value, ...]) -> Value:
        assert self.ppf is not None
        low, high = self.support(*shapes)
        return self._quantile(q, self.ppf(q, *shapes), low, high) * scale + loc

    def _isf(self, q: Value, loc: Value, scale: Value, shapes: tuple[Value, ...]) -> Value:
        assert self.ppf is not None
        low, high = self.support(*shapes)
        quantile = self.ppf(1 - q, *shapes) if self.isf is None else self.isf(q, *shapes)
        return self._quantile(q, quantile, high, low) * scale + loc

    def _quantile(self, q: Value, inner: Value, at_zero: Value, at_one: Value) -> Value:
        return where((q > 0) & (q < 1), inner, where(q == 0, at_zero, where(q == 1, at_one, np.nan)))

    @property
    def methods(self) -> tuple[str, ...]:
        """The functions that there are."""
        integrals = () if self.cdf is None else ("cdf", "logcdf", "sf", "logsf")
        return ("logpdf", "pdf", *integrals, *(() if self.ppf is None else ("ppf", "isf")))


def _from_zero(*shapes: Value) -> tuple[Value, Value]:
    return 0.0, math.inf


def _unit(*shapes: Value) -> tuple[Value, Value]:
    return 0.0, 1.0


# ---- of all real numbers -----------------------------------------------------------------------------------

norm = Continuous(
    "norm",
    (),
    logpdf=lambda x: -x * x / 2 - LOG_SQRT_2_PI,
    cdf=ndtr,
    sf=lambda x: ndtr(-x),
    logcdf=log_ndtr,
    logsf=lambda x: log_ndtr(-x),
    ppf=ndtri,
    isf=lambda q: -ndtri(q),
)

t = Continuous(
    "t",
    ("df",),
    logpdf=lambda x, df: -(df + 1) / 2 * np.log1p(x * x / df) - betaln(df / 2, 0.5) - np.log(df) / 2,
    cdf=lambda x, df: stdtr(df, x),
    sf=lambda x, df: stdtr(df, -x),
)

cauchy = Continuous(
    "cauchy",
    (),
    logpdf=lambda x: -math.log(math.pi) - np.log1p(x * x),
    cdf=lambda x: np.arctan2(1, -x) / math.pi,
    sf=lambda x: np.arctan2(1, x) / math.pi,
    ppf=lambda q: np.tan(math.pi * (q - 0.5)),
    isf=lambda q: -np.tan(math.pi * (q - 0.5)),
)


def _laplace_cdf(x: Value) -> Value:
    tail = 0.5 * np.exp(-np.abs(x))
    return where(x > 0, 1 - tail, tail)


laplace = Continuous(
    "laplace",
    (),
    logpdf=lambda x: math.log(0.5) - np.abs(x),
    cdf=_laplace_cdf,
    sf=lambda x: _laplace_cdf(-x),
    ppf=lambda q: where(q > 0.5, -np.log(2 * (1 - q)), np.log(2 * q)),
    isf=lambda q: where(q > 0.5, np.log(2 * (1 - q)), -np.log(2 * q)),
)


def _logistic_logpdf(x: Value) -> Value:
    size = -np.abs(x)
    return size - 2 * np.log1p(np.exp(size))


logistic = Continuous(
    "logistic",
    (),
    logpdf=_logistic_logpdf,
    cdf=expit,
    sf=lambda x: expit(-x),
    logcdf=log_expit,
    logsf=lambda x: log_expit(-x),
    ppf=logit,
    isf=lambda q: -logit(q),
)

gumbel_r = Continuous(
    "gumbel_r",
    (),
    logpdf=lambda x: -x - np.exp(-x),
    cdf=lambda x: np.exp(-np.exp(-x)),
    sf=lambda x: -np.expm1(-np.exp(-x)),
    logcdf=lambda x: -np.exp(-x),
    ppf=lambda q: -np.log(-np.log(q)),
    isf=lambda q: -np.log(-np.log1p(-q)),
)

gumbel_l = Continuous(
    "gumbel_l",
    (),
    logpdf=lambda x: x - np.exp(x),
    cdf=lambda x: -np.expm1(-np.exp(x)),
    sf=lambda x: np.exp(-np.exp(x)),
    logsf=lambda x: -np.exp(x),
    ppf=lambda q: np.log(-np.log1p(-q)),
    isf=lambda q: np.log(-np.log(q)),
)


def _gennorm_cdf(x: Value, beta: Value) -> Value:
    tail = 0.5 * gammaincc(1 / beta, np.abs(x) ** beta)
    return where(x > 0, 1 - tail, tail)


gennorm = Continuous(
    "gennorm",
    ("beta",),
    logpdf=lambda x, beta: np.log(0.5 * beta) - gammaln(1 / beta) - np.abs(x) ** beta,
    cdf=_gennorm_cdf,
    sf=lambda x, beta: _gennorm_cdf(-x, beta),
)

vonmises = Continuous(
    "vonmises",
    ("kappa",),
    logpdf=lambda x, kappa: kappa * -2 * np.sin(x / 2) ** 2 - 2 * LOG_SQRT_2_PI - np.log(i0e(kappa)),
    allowed=lambda kappa: kappa >= 0,
)

# ---- of numbers in an interval -----------------------------------------------------------------------------

uniform = Continuous(
    "uniform",
    (),
    logpdf=lambda x: stop_gradient(0 * x),
    cdf=lambda x: x,
    sf=lambda x: 1 - x,
    ppf=lambda q: q,
    support=_unit,
)

beta = Continuous(
    "beta",
    ("a", "b"),
    logpdf=lambda x, a, b: xlog1py(b - 1, -x) + xlogy(a - 1, x) - betaln(a, b),
    cdf=lambda x, a, b: betainc(a, b, x),
    sf=lambda x, a, b: betainc(b, a, 1 - x),
    support=_unit,
)

wrapcauchy = Continuous(
    "wrapcauchy",
    ("c",),
    logpdf=lambda x, c: np.log((1 - c * c) / (2 * math.pi * (1 + c * c - 2 * c * np.cos(x)))),
    support=lambda c: (0.0, 2 * math.pi),
    allowed=lambda c: (c > 0) & (c < 1),
)


def _log_mass(a: Value, b: Value) -> Value:
    """The logarithm of the normal probability between two numbers, on whichever side of zero it loses no digits."""
    right = a > 0
    low, high = where(right, -b, a), where(right, -a, b)
    tail = high <= 0
    tail_low, tail_high = log_ndtr(where(tail, low, -1)), log_ndtr(where(tail, high, 0))
    of_tail = tail_high + np.log1p(-np.exp(tail_low - tail_high))
    return where(tail, of_tail, np.log1p(-ndtr(where(tail, -1, low)) - ndtr(-where(tail, 1, high))))


truncnorm = Continuous(
    "truncnorm",
    ("a", "b"),
    logpdf=lambda x, a, b: -x * x / 2 - LOG_SQRT_2_PI - _log_mass(a, b),
    cdf=lambda x, a, b: np.exp(_log_mass(a, x) - _log_mass(a, b)),
    sf=lambda x, a, b: np.exp(_log_mass(x, b) - _log_mass(a, b)),
    logcdf=lambda x, a, b: _log_mass(a, x) - _log_mass(a, b),
    logsf=lambda x, a, b: _log_mass(x, b) - _log_mass(a, b),
    support=lambda a, b: (a, b),
    allowed=lambda a, b: a < b,
)

# ---- of positive numbers -----------------------------------------------------------------------------------

expon = Continuous(
    "expon",
    (),
    logpdf=lambda x: -x,
    cdf=lambda x: -np.expm1(-x),
    sf=lambda x: np.exp(-x),
    logsf=lambda x: -x,
    ppf=lambda q: -np.log1p(-q),
    isf=lambda q: -np.log(q),
    support=_from_zero,
)

gamma = Continuous(
    "gamma",
    ("a",),
    logpdf=lambda x, a: xlogy(a - 1, x) - x - gammaln(a),
    cdf=lambda x, a: gammainc(a, x),
    sf=lambda x, a: gammaincc(a, x),
    support=_from_zero,
)

chi2 = Continuous(
    "chi2",
    ("df",),
    logpdf=lambda x, df: xlogy(df / 2 - 1, x) - x / 2 - gammaln(df / 2) - math.log(2) * df / 2,
    cdf=lambda x, df: gammainc(df / 2, x / 2),
    sf=lambda x, df: gammaincc(df / 2, x / 2),
    support=_from_zero,
)

invgamma = Continuous(
    "invgamma",
    ("a",),
    logpdf=lambda x, a: where(x == 0, -math.inf, -(a + 1) * np.log(x) - gammaln(a) - 1 / x),
    cdf=lambda x, a: gammaincc(a, 1 / x),
    sf=lambda x, a: gammainc(a, 1 / x),
    support=_from_zero,
)

lognorm = Continuous(
    "lognorm",
    ("s",),
    logpdf=lambda x, s: where(x == 0, -math.inf, -((np.log(x) / s) ** 2) / 2 - np.log(s * x) - LOG_SQRT_2_PI),
    cdf=lambda x, s: ndtr(np.log(x) / s),
    sf=lambda x, s: ndtr(-np.log(x) / s),
    logcdf=lambda x, s: log_ndtr(np.log(x) / s),
    logsf=lambda x, s: log_ndtr(-np.log(x) / s),
    ppf=lambda q, s: np.exp(s * ndtri(q)),
    isf=lambda q, s: np.exp(-s * ndtri(q)),
    support=_from_zero,
)

pareto = Continuous(
    "pareto",
    ("b",),
    logpdf=lambda x, b: np.log(b) - (b + 1) * np.log(x),
    cdf=lambda x, b: -np.expm1(-b * np.log(x)),
    sf=lambda x, b: np.exp(-b * np.log(x)),
    logsf=lambda x, b: -b * np.log(x),
    ppf=lambda q, b: np.exp(-np.log1p(-q) / b),
    isf=lambda q, b: np.exp(-np.log(q) / b),
    support=lambda b: (1.0, math.inf),
)

halfnorm = Continuous(
    "halfnorm",
    (),
    logpdf=lambda x: math.log(2) - LOG_SQRT_2_PI - x * x / 2,
    cdf=lambda x: erf(x * SQRT_HALF),
    sf=lambda x: erfc(x * SQRT_HALF),
    ppf=lambda q: ndtri((1 + q) / 2),
    isf=lambda q: -ndtri(q / 2),
    support=_from_zero,
)

rayleigh = Continuous(
    "rayleigh",
    (),
    logpdf=lambda x: np.log(x) - x * x / 2,
    cdf=lambda x: -np.expm1(-x * x / 2),
    sf=lambda x: np.exp(-x * x / 2),
    logsf=lambda x: -x * x / 2,
    ppf=lambda q: np.sqrt(-2 * np.log1p(-q)),
    isf=lambda q: np.sqrt(-2 * np.log(q)),
    support=_from_zero,
)

weibull_min = Continuous(
    "weibull_min",
    ("c",),
    logpdf=lambda x, c: np.log(c) + xlogy(c - 1, x) - x**c,
    cdf=lambda x, c: -np.expm1(-(x**c)),
    sf=lambda x, c: np.exp(-(x**c)),
    logsf=lambda x, c: -(x**c),
    ppf=lambda q, c: (-np.log1p(-q)) ** (1 / c),
    isf=lambda q, c: (-np.log(q)) ** (1 / c),
    support=_from_zero,
)

CONTINUOUS = (
    beta,
    cauchy,
    chi2,
    expon,
    gamma,
    gennorm,
    gumbel_l,
    gumbel_r,
    halfnorm,
    invgamma,
    laplace,
    logistic,
    lognorm,
    norm,
    pareto,
    rayleigh,
    t,
    truncnorm,
    uniform,
    vonmises,
    weibull_min,
    wrapcauchy,
)
