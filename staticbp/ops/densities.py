"""The densities and distribution functions of continuous random numbers, by SciPy's names.

Each is in standard form, a function of a number and of shape parameters; the formulas are those that SciPy documents.
"""

from __future__ import annotations

import math

import numpy as np

from staticbp.core.primitive import Value
from staticbp.ops.arithmetic import where
from staticbp.ops.bessel import i0e
from staticbp.ops.bounded_densities import BOUNDED
from staticbp.ops.continuous import LOG_SQRT_2_PI, SQRT_HALF, Continuous
from staticbp.ops.gammas import betaln, gammaln
from staticbp.ops.incomplete import (
    gammainc,
    gammaincc,
    gammainccinv,
    gammaincinv,
    stdtr,
)
from staticbp.ops.positive_densities import POSITIVE
from staticbp.ops.special import (
    erf,
    erfc,
    erfcinv,
    erfinv,
    expit,
    log_expit,
    log_ndtr,
    logit,
    ndtr,
    ndtri,
    xlogy,
)

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


genlogistic = Continuous(
    "genlogistic",
    ("c",),
    logpdf=lambda x, c: np.log(c) - x + (c + 1) * log_expit(x),
    cdf=lambda x, c: np.exp(c * log_expit(x)),
    sf=lambda x, c: -np.expm1(c * log_expit(x)),
    logcdf=lambda x, c: c * log_expit(x),
    ppf=lambda q, c: -np.log(np.expm1(-np.log(q) / c)),
    isf=lambda q, c: -np.log(np.expm1(-np.log1p(-q) / c)),
)

hypsecant = Continuous(
    "hypsecant",
    (),
    logpdf=lambda x: math.log(2 / math.pi) - np.logaddexp(x, -x),
    cdf=lambda x: 2 / math.pi * np.arctan(np.exp(x)),
    sf=lambda x: 2 / math.pi * np.arctan(np.exp(-x)),
    ppf=lambda q: np.log(np.tan(math.pi / 2 * q)),
    isf=lambda q: -np.log(np.tan(math.pi / 2 * q)),
)

moyal = Continuous(
    "moyal",
    (),
    logpdf=lambda x: -(x + np.exp(-x)) / 2 - LOG_SQRT_2_PI,
    cdf=lambda x: erfc(np.exp(-x / 2) * SQRT_HALF),
    sf=lambda x: erf(np.exp(-x / 2) * SQRT_HALF),
    ppf=lambda q: -np.log(2 * np.square(erfcinv(q))),
    isf=lambda q: -np.log(2 * np.square(erfinv(q))),
)

johnsonsu = Continuous(
    "johnsonsu",
    ("a", "b"),
    logpdf=lambda x, a, b: np.log(b) - 0.5 * np.log1p(x * x) - np.square(a + b * np.arcsinh(x)) / 2 - LOG_SQRT_2_PI,
    cdf=lambda x, a, b: ndtr(a + b * np.arcsinh(x)),
    sf=lambda x, a, b: ndtr(-a - b * np.arcsinh(x)),
    logcdf=lambda x, a, b: log_ndtr(a + b * np.arcsinh(x)),
    logsf=lambda x, a, b: log_ndtr(-a - b * np.arcsinh(x)),
    ppf=lambda q, a, b: np.sinh((ndtri(q) - a) / b),
    isf=lambda q, a, b: np.sinh((-ndtri(q) - a) / b),
    allowed=lambda a, b: np.isfinite(a) & (b > 0),
)

skewnorm = Continuous(
    "skewnorm",
    ("a",),
    logpdf=lambda x, a: math.log(2) - x * x / 2 - LOG_SQRT_2_PI + log_ndtr(a * x),
    allowed=np.isfinite,
)


def _exponnorm_product(x: Value, rate: Value) -> Value:
    return rate * (0.5 * rate - x) + log_ndtr(x - rate)


exponnorm = Continuous(
    "exponnorm",
    ("K",),
    logpdf=lambda x, K: _exponnorm_product(x, 1 / K) - np.log(K),
    cdf=lambda x, K: ndtr(x) - np.exp(_exponnorm_product(x, 1 / K)),
    sf=lambda x, K: ndtr(-x) + np.exp(_exponnorm_product(x, 1 / K)),
)


def _laplace_tails(x: Value, kappa: Value) -> tuple[Value, Value]:
    """What is below a negative number, and what is above a positive one."""
    whole = kappa + 1 / kappa
    return np.exp(np.minimum(x, 0) / kappa) * kappa / whole, np.exp(-np.maximum(x, 0) * kappa) / (kappa * whole)


def _laplace_part(x: Value, kappa: Value, upper: bool) -> Value:
    below, above = _laplace_tails(x, kappa)
    return where(x >= 0, above, 1 - below) if upper else where(x >= 0, 1 - above, below)


laplace_asymmetric = Continuous(
    "laplace_asymmetric",
    ("kappa",),
    logpdf=lambda x, kappa: x * where(x >= 0, -kappa, 1 / kappa) - np.log(kappa + 1 / kappa),
    cdf=lambda x, kappa: _laplace_part(x, kappa, upper=False),
    sf=lambda x, kappa: _laplace_part(x, kappa, upper=True),
)


def _dweibull_cdf(x: Value, c: Value) -> Value:
    tail = 0.5 * np.exp(-(np.abs(x) ** c))
    return where(x > 0, 1 - tail, tail)


dweibull = Continuous(
    "dweibull",
    ("c",),
    logpdf=lambda x, c: np.log(c / 2) + xlogy(c - 1, np.abs(x)) - np.abs(x) ** c,
    cdf=_dweibull_cdf,
    sf=lambda x, c: _dweibull_cdf(-x, c),
)

weibull_max = Continuous(
    "weibull_max",
    ("c",),
    logpdf=lambda x, c: np.log(c) + xlogy(c - 1, -x) - (-x) ** c,
    cdf=lambda x, c: np.exp(-((-x) ** c)),
    sf=lambda x, c: -np.expm1(-((-x) ** c)),
    logcdf=lambda x, c: -((-x) ** c),
    ppf=lambda q, c: -((-np.log(q)) ** (1 / c)),
    isf=lambda q, c: -((-np.log1p(-q)) ** (1 / c)),
    support=lambda c: (-math.inf, 0.0),
)


def _extreme_log(x: Value, c: Value) -> Value:
    """``log1p(-c * x) / c``, which is -x where c is zero: the logarithm of minus that of the probability below x."""
    flat = c == 0
    return where(flat, -x, np.log1p(-c * x) / where(flat, 1, c))


def _extreme_quantile(log: Value, c: Value) -> Value:
    flat = c == 0
    return where(flat, -log, -np.expm1(c * log) / where(flat, 1, c))


def _extreme_support(c: Value) -> tuple[Value, Value]:
    bound = 1 / where(c == 0, 1, c)
    return where(c < 0, bound, -math.inf), where(c > 0, bound, math.inf)


genextreme = Continuous(
    "genextreme",
    ("c",),
    logpdf=lambda x, c: (1 - c) * _extreme_log(x, c) - np.exp(_extreme_log(x, c)),
    cdf=lambda x, c: np.exp(-np.exp(_extreme_log(x, c))),
    sf=lambda x, c: -np.expm1(-np.exp(_extreme_log(x, c))),
    logcdf=lambda x, c: -np.exp(_extreme_log(x, c)),
    ppf=lambda q, c: _extreme_quantile(np.log(-np.log(q)), c),
    isf=lambda q, c: _extreme_quantile(np.log(-np.log1p(-q)), c),
    support=_extreme_support,
    allowed=np.isfinite,
)

loggamma = Continuous(
    "loggamma",
    ("c",),
    logpdf=lambda x, c: c * x - np.exp(x) - gammaln(c),
    cdf=lambda x, c: gammainc(c, np.exp(x)),
    sf=lambda x, c: gammaincc(c, np.exp(x)),
    ppf=lambda q, c: np.log(gammaincinv(c, q)),
    isf=lambda q, c: np.log(gammainccinv(c, q)),
)

CONTINUOUS: tuple[Continuous, ...] = tuple(
    sorted(
        (
            *BOUNDED,
            *POSITIVE,
            cauchy,
            dweibull,
            exponnorm,
            genextreme,
            genlogistic,
            gennorm,
            gumbel_l,
            gumbel_r,
            hypsecant,
            johnsonsu,
            laplace,
            laplace_asymmetric,
            loggamma,
            logistic,
            moyal,
            norm,
            skewnorm,
            t,
            vonmises,
            weibull_max,
        ),
        key=lambda standard: standard.name,
    )
)
