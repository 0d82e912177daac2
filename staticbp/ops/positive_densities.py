"""The densities and distribution functions of positive random numbers, by SciPy's names.

Each is in standard form, a function of a number and of shape parameters; the formulas are those that SciPy documents.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from staticbp.core.primitive import Value
from staticbp.ops.arithmetic import where
from staticbp.ops.bessel import i0e
from staticbp.ops.continuous import LOG_SQRT_2_PI, SQRT_HALF, Continuous, from_zero
from staticbp.ops.gammas import betaln, gammaln
from staticbp.ops.incomplete import betainc, betaincc, gammainc, gammaincc, gammainccinv, gammaincinv
from staticbp.ops.special import erf, erfc, expit, log_ndtr, logit, ndtr, ndtri, xlog1py, xlogy

# ---- by exponentials and powers ----------------------------------------------------------------------------

expon = Continuous(
    "expon",
    (),
    logpdf=lambda x: -x,
    cdf=lambda x: -np.expm1(-x),
    sf=lambda x: np.exp(-x),
    logsf=lambda x: -x,
    ppf=lambda q: -np.log1p(-q),
    isf=lambda q: -np.log(q),
    support=from_zero,
)

gamma = Continuous(
    "gamma",
    ("a",),
    logpdf=lambda x, a: xlogy(a - 1, x) - x - gammaln(a),
    cdf=lambda x, a: gammainc(a, x),
    sf=lambda x, a: gammaincc(a, x),
    ppf=lambda q, a: gammaincinv(a, q),
    isf=lambda q, a: gammainccinv(a, q),
    support=from_zero,
)

chi2 = Continuous(
    "chi2",
    ("df",),
    logpdf=lambda x, df: xlogy(df / 2 - 1, x) - x / 2 - gammaln(df / 2) - math.log(2) * df / 2,
    cdf=lambda x, df: gammainc(df / 2, x / 2),
    sf=lambda x, df: gammaincc(df / 2, x / 2),
    ppf=lambda q, df: 2 * gammaincinv(df / 2, q),
    isf=lambda q, df: 2 * gammainccinv(df / 2, q),
    support=from_zero,
)

invgamma = Continuous(
    "invgamma",
    ("a",),
    logpdf=lambda x, a: where(x == 0, -math.inf, -(a + 1) * np.log(x) - gammaln(a) - 1 / x),
    cdf=lambda x, a: gammaincc(a, 1 / x),
    sf=lambda x, a: gammainc(a, 1 / x),
    ppf=lambda q, a: 1 / gammainccinv(a, q),
    isf=lambda q, a: 1 / gammaincinv(a, q),
    support=from_zero,
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
    support=from_zero,
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
    support=from_zero,
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
    support=from_zero,
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
    support=from_zero,
)

lomax = Continuous(
    "lomax",
    ("c",),
    logpdf=lambda x, c: np.log(c) - (c + 1) * np.log1p(x),
    cdf=lambda x, c: -np.expm1(-c * np.log1p(x)),
    sf=lambda x, c: np.exp(-c * np.log1p(x)),
    logsf=lambda x, c: -c * np.log1p(x),
    ppf=lambda q, c: np.expm1(-np.log1p(-q) / c),
    isf=lambda q, c: np.expm1(-np.log(q) / c),
    support=from_zero,
)


def _linear_log(x: Value, c: Value) -> Value:
    """``log1p(c * x) / c``, which is x where c is zero."""
    flat = c == 0
    return where(flat, x, np.log1p(c * x) / where(flat, 1, c))


def _linear_exp(x: Value, c: Value) -> Value:
    """``expm1(c * x) / c``, which is x where c is zero."""
    flat = c == 0
    return where(flat, x, np.expm1(c * x) / where(flat, 1, c))


genpareto = Continuous(
    "genpareto",
    ("c",),
    logpdf=lambda x, c: -(c + 1) * _linear_log(x, c),
    cdf=lambda x, c: -np.expm1(-_linear_log(x, c)),
    sf=lambda x, c: np.exp(-_linear_log(x, c)),
    logsf=lambda x, c: -_linear_log(x, c),
    ppf=lambda q, c: _linear_exp(-np.log1p(-q), c),
    isf=lambda q, c: _linear_exp(-np.log(q), c),
    support=lambda c: (0.0, where(c < 0, -1 / where(c < 0, c, -1.0), math.inf)),
    allowed=np.isfinite,
)

gompertz = Continuous(
    "gompertz",
    ("c",),
    logpdf=lambda x, c: np.log(c) + x - c * np.expm1(x),
    cdf=lambda x, c: -np.expm1(-c * np.expm1(x)),
    sf=lambda x, c: np.exp(-c * np.expm1(x)),
    logsf=lambda x, c: -c * np.expm1(x),
    ppf=lambda q, c: np.log1p(-np.log1p(-q) / c),
    isf=lambda q, c: np.log1p(-np.log(q) / c),
    support=from_zero,
)

fisk = Continuous(
    "fisk",
    ("c",),
    logpdf=lambda x, c: np.log(c) + xlogy(c - 1, x) - 2 * np.log1p(x**c),
    cdf=lambda x, c: expit(c * np.log(x)),
    sf=lambda x, c: 1 / (1 + x**c),
    logsf=lambda x, c: -np.log1p(x**c),
    ppf=lambda q, c: np.exp(logit(q) / c),
    isf=lambda q, c: np.exp(-logit(q) / c),
    support=from_zero,
)

burr12 = Continuous(
    "burr12",
    ("c", "d"),
    logpdf=lambda x, c, d: np.log(c * d) + xlogy(c - 1, x) - (d + 1) * np.log1p(x**c),
    cdf=lambda x, c, d: -np.expm1(-d * np.log1p(x**c)),
    sf=lambda x, c, d: np.exp(-d * np.log1p(x**c)),
    logsf=lambda x, c, d: -d * np.log1p(x**c),
    ppf=lambda q, c, d: np.expm1(-np.log1p(-q) / d) ** (1 / c),
    isf=lambda q, c, d: np.expm1(-np.log(q) / d) ** (1 / c),
    support=from_zero,
)

halfcauchy = Continuous(
    "halfcauchy",
    (),
    logpdf=lambda x: math.log(2 / math.pi) - np.log1p(x * x),
    cdf=lambda x: 2 / math.pi * np.arctan(x),
    sf=lambda x: 2 / math.pi * np.arctan2(1, x),
    ppf=lambda q: np.tan(math.pi / 2 * q),
    isf=lambda q: 1 / np.tan(math.pi / 2 * q),
    support=from_zero,
)

halflogistic = Continuous(
    "halflogistic",
    (),
    logpdf=lambda x: math.log(2) - x - 2 * np.log1p(np.exp(-x)),
    cdf=lambda x: np.tanh(x / 2),
    sf=lambda x: 2 * expit(-x),
    ppf=lambda q: 2 * np.arctanh(q),
    isf=lambda q: -logit(q / 2),
    support=from_zero,
)

# ---- by gamma and beta functions ---------------------------------------------------------------------------

erlang = replace(gamma, name="erlang")

chi = Continuous(
    "chi",
    ("df",),
    logpdf=lambda x, df: math.log(2) * (1 - df / 2) - gammaln(df / 2) + xlogy(df - 1, x) - x * x / 2,
    cdf=lambda x, df: gammainc(df / 2, x * x / 2),
    sf=lambda x, df: gammaincc(df / 2, x * x / 2),
    ppf=lambda q, df: np.sqrt(2 * gammaincinv(df / 2, q)),
    isf=lambda q, df: np.sqrt(2 * gammainccinv(df / 2, q)),
    support=from_zero,
)

maxwell = Continuous(
    "maxwell",
    (),
    logpdf=lambda x: math.log(2 / math.pi) / 2 + 2 * np.log(x) - x * x / 2,
    cdf=lambda x: gammainc(1.5 + 0 * x, x * x / 2),
    sf=lambda x: gammaincc(1.5 + 0 * x, x * x / 2),
    ppf=lambda q: np.sqrt(2 * gammaincinv(1.5 + 0 * q, q)),
    isf=lambda q: np.sqrt(2 * gammainccinv(1.5 + 0 * q, q)),
    support=from_zero,
)

nakagami = Continuous(
    "nakagami",
    ("nu",),
    logpdf=lambda x, nu: math.log(2) + xlogy(nu, nu) - gammaln(nu) + xlogy(2 * nu - 1, x) - nu * x * x,
    cdf=lambda x, nu: gammainc(nu, nu * x * x),
    sf=lambda x, nu: gammaincc(nu, nu * x * x),
    ppf=lambda q, nu: np.sqrt(gammaincinv(nu, q) / nu),
    isf=lambda q, nu: np.sqrt(gammainccinv(nu, q) / nu),
    support=from_zero,
)

f = Continuous(
    "f",
    ("dfn", "dfd"),
    logpdf=lambda x, n, m: (
        m / 2 * np.log(m)
        + n / 2 * np.log(n)
        + xlogy(n / 2 - 1, x)
        - (n + m) / 2 * np.log(m + n * x)
        - betaln(n / 2, m / 2)
    ),
    cdf=lambda x, n, m: betainc(n / 2, m / 2, n * x / (m + n * x)),
    sf=lambda x, n, m: betainc(m / 2, n / 2, m / (m + n * x)),
    support=from_zero,
)


def _betaprime_cdf(x: Value, a: Value, b: Value) -> Value:
    far = x > 1
    near, beyond = where(far, 1, x), where(far, x, 1)
    return where(far, betaincc(b, a, 1 / (1 + beyond)), betainc(a, b, near / (1 + near)))


betaprime = Continuous(
    "betaprime",
    ("a", "b"),
    logpdf=lambda x, a, b: xlogy(a - 1, x) - xlog1py(a + b, x) - betaln(a, b),
    cdf=_betaprime_cdf,
    sf=lambda x, a, b: betainc(b, a, 1 / (1 + x)),
    support=from_zero,
)

# ---- by the normal distribution ----------------------------------------------------------------------------


def _passage(x: Value, mu: Value) -> tuple[Value, Value, Value]:
    """The logarithms of the probabilities that make up that of having come so far: of both signs, and one more."""
    width, ratio = 1 / np.sqrt(x), x / mu
    return log_ndtr(width * (ratio - 1)), log_ndtr(-width * (ratio - 1)), 2 / mu + log_ndtr(-width * (ratio + 1))


def _invgauss_logcdf(x: Value, mu: Value) -> Value:
    nowhere = x <= 0
    below, _, other = _passage(where(nowhere, 1, x), mu)
    return where(nowhere, -math.inf, below + np.log1p(np.exp(other - below)))


def _invgauss_logsf(x: Value, mu: Value) -> Value:
    nowhere = x <= 0
    _, above, other = _passage(where(nowhere, 1, x), mu)
    return where(nowhere, 0, above + np.log1p(-np.exp(other - above)))


invgauss = Continuous(
    "invgauss",
    ("mu",),
    logpdf=lambda x, mu: where(
        x == 0, -math.inf, -LOG_SQRT_2_PI - 1.5 * np.log(x) - np.square((x - mu) / mu) / (2 * x)
    ),
    cdf=lambda x, mu: np.exp(_invgauss_logcdf(x, mu)),
    sf=lambda x, mu: np.exp(_invgauss_logsf(x, mu)),
    logcdf=_invgauss_logcdf,
    logsf=_invgauss_logsf,
    support=from_zero,
)

foldnorm = Continuous(
    "foldnorm",
    ("c",),
    logpdf=lambda x, c: np.logaddexp(-np.square(x - c) / 2, -np.square(x + c) / 2) - LOG_SQRT_2_PI,
    cdf=lambda x, c: 0.5 * (erf((x - c) * SQRT_HALF) + erf((x + c) * SQRT_HALF)),
    sf=lambda x, c: ndtr(c - x) + ndtr(-c - x),
    support=from_zero,
    allowed=lambda c: c >= 0,
)

rice = Continuous(
    "rice",
    ("b",),
    logpdf=lambda x, b: np.log(x) - np.square(x - b) / 2 + np.log(i0e(x * b)),
    support=from_zero,
    allowed=lambda b: b >= 0,
)

POSITIVE = (
    betaprime,
    burr12,
    chi,
    chi2,
    erlang,
    expon,
    f,
    fisk,
    foldnorm,
    gamma,
    genpareto,
    gompertz,
    halfcauchy,
    halflogistic,
    halfnorm,
    invgamma,
    invgauss,
    lognorm,
    lomax,
    maxwell,
    nakagami,
    pareto,
    rayleigh,
    rice,
    weibull_min,
)
