"""The densities and distribution functions of random numbers in an interval, by SciPy's names.

Each is in standard form, a function of a number and of shape parameters; the formulas are those that SciPy documents.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from staticbp.core.primitive import Value
from staticbp.ops.arithmetic import where
from staticbp.ops.continuous import LOG_SQRT_2_PI, Continuous, unit
from staticbp.ops.control import stop_gradient
from staticbp.ops.gammas import betaln
from staticbp.ops.incomplete import betainc, betainccinv, betaincinv
from staticbp.ops.special import log_ndtr, ndtr, xlog1py, xlogy

uniform = Continuous(
    "uniform",
    (),
    logpdf=lambda x: stop_gradient(0 * x),
    cdf=lambda x: x,
    sf=lambda x: 1 - x,
    ppf=lambda q: q,
    support=unit,
)

beta = Continuous(
    "beta",
    ("a", "b"),
    logpdf=lambda x, a, b: xlog1py(b - 1, -x) + xlogy(a - 1, x) - betaln(a, b),
    cdf=lambda x, a, b: betainc(a, b, x),
    sf=lambda x, a, b: betainc(b, a, 1 - x),
    ppf=lambda q, a, b: betaincinv(a, b, q),
    isf=lambda q, a, b: betainccinv(a, b, q),
    support=unit,
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

powerlaw = Continuous(
    "powerlaw",
    ("a",),
    logpdf=lambda x, a: np.log(a) + xlogy(a - 1, x),
    cdf=lambda x, a: x**a,
    sf=lambda x, a: -np.expm1(a * np.log(x)),
    logcdf=lambda x, a: a * np.log(x),
    ppf=lambda q, a: q ** (1 / a),
    support=unit,
)

loguniform = Continuous(
    "loguniform",
    ("a", "b"),
    logpdf=lambda x, a, b: -np.log(x) - np.log(np.log(b) - np.log(a)),
    cdf=lambda x, a, b: (np.log(x) - np.log(a)) / (np.log(b) - np.log(a)),
    ppf=lambda q, a, b: np.exp(np.log(a) + q * (np.log(b) - np.log(a))),
    support=lambda a, b: (a, b),
    allowed=lambda a, b: (a > 0) & (b > a),
)

reciprocal = replace(loguniform, name="reciprocal")

triang = Continuous(
    "triang",
    ("c",),
    logpdf=lambda x, c: math.log(2) + np.log(where(x < c, x / where(c == 0, 1, c), (1 - x) / where(c == 1, 1, 1 - c))),
    cdf=lambda x, c: where(x < c, x * x / where(c == 0, 1, c), 1 - np.square(1 - x) / where(c == 1, 1, 1 - c)),
    ppf=lambda q, c: where(q < c, np.sqrt(c * q), 1 - np.sqrt((1 - c) * (1 - q))),
    support=unit,
    allowed=lambda c: (c >= 0) & (c <= 1),
)

arcsine = Continuous(
    "arcsine",
    (),
    logpdf=lambda x: -math.log(math.pi) - 0.5 * np.log(x * (1 - x)),
    cdf=lambda x: 2 / math.pi * np.arcsin(np.sqrt(x)),
    ppf=lambda q: np.square(np.sin(math.pi / 2 * q)),
    support=unit,
)

semicircular = Continuous(
    "semicircular",
    (),
    logpdf=lambda x: math.log(2 / math.pi) + 0.5 * np.log1p(-x * x),
    cdf=lambda x: 0.5 + (x * np.sqrt(1 - x * x) + np.arcsin(x)) / math.pi,
    support=lambda: (-1.0, 1.0),
)

truncexpon = Continuous(
    "truncexpon",
    ("b",),
    logpdf=lambda x, b: -x - np.log(-np.expm1(-b)),
    cdf=lambda x, b: np.expm1(-x) / np.expm1(-b),
    sf=lambda x, b: (np.exp(-b) - np.exp(-x)) / np.expm1(-b),
    ppf=lambda q, b: -np.log1p(q * np.expm1(-b)),
    support=lambda b: (0.0, b),
)

bradford = Continuous(
    "bradford",
    ("c",),
    logpdf=lambda x, c: np.log(c) - np.log1p(c * x) - np.log(np.log1p(c)),
    cdf=lambda x, c: np.log1p(c * x) / np.log1p(c),
    ppf=lambda q, c: np.expm1(q * np.log1p(c)) / c,
    support=unit,
)

BOUNDED = (
    arcsine,
    beta,
    bradford,
    loguniform,
    powerlaw,
    reciprocal,
    semicircular,
    triang,
    truncexpon,
    truncnorm,
    uniform,
    wrapcauchy,
)
