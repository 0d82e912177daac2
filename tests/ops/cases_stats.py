"""Cases of SciPy's distributions: every function of each, with location and scale, at its ends and beyond."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from staticbp.ops.densities import CONTINUOUS
from staticbp.ops.masses import DISCRETE
from staticbp.scipy import stats

Entry = tuple[str, Any, tuple[Any, ...]]

SHAPES: dict[str, tuple[float, ...]] = {
    "beta": (1.5, 2.5),
    "betaprime": (1.5, 2.5),
    "bradford": (0.8,),
    "burr12": (1.6, 0.7),
    "chi": (2.3,),
    "dweibull": (1.6,),
    "erlang": (2.0,),
    "exponnorm": (0.8,),
    "f": (2.5, 3.5),
    "fisk": (1.6,),
    "foldnorm": (0.7,),
    "genextreme": (0.1,),
    "genlogistic": (1.3,),
    "genpareto": (0.3,),
    "gompertz": (0.6,),
    "invgauss": (0.9,),
    "johnsonsu": (0.4, 1.2),
    "laplace_asymmetric": (1.4,),
    "loggamma": (1.7,),
    "loguniform": (0.15, 2.5),
    "lomax": (1.3,),
    "nakagami": (0.9,),
    "powerlaw": (1.6,),
    "reciprocal": (0.15, 2.5),
    "rice": (0.8,),
    "skewnorm": (1.5,),
    "triang": (0.35,),
    "truncexpon": (2.5,),
    "weibull_max": (1.6,),
    "chi2": (3.0,),
    "gamma": (1.7,),
    "gennorm": (1.5,),
    "invgamma": (2.2,),
    "lognorm": (0.7,),
    "pareto": (1.3,),
    "t": (2.5,),
    "truncnorm": (-0.4, 1.8),
    "vonmises": (1.2,),
    "weibull_min": (1.6,),
    "wrapcauchy": (0.4,),
    "poisson": (2.3,),
    "bernoulli": (0.3,),
    "binom": (5.0, 0.3),
    "geom": (0.3,),
    "nbinom": (2.5, 0.4),
    "betabinom": (5.0, 1.2, 2.0),
}
EVERYWHERE = np.array([-1.5, -0.3, 0.0, 0.2, 0.5, 0.99, 1.0, 1.7, 3.0, 7.0, np.nan])
WHOLE = np.array([-1.0, 0.0, 1.0, 2.0, 3.0, 5.0, 6.0, 1.5, np.nan])
FRACTIONS = np.array([0.0, 0.1, 0.5, 0.9, 1.0, 1.2, -0.1, np.nan])
UNIT = ("arcsine", "beta", "bradford", "powerlaw", "semicircular", "triang", "uniform")
WITHIN = {name: [0.3, 0.7] for name in UNIT} | {
    "weibull_max": [-0.4, -1.9],
    "pareto": [1.3, 2.6],
    "truncnorm": [-0.2, 1.1],
}
COVARIANCE = np.array([[2.0, 0.5], [0.5, 1.0]])
POINTS = np.random.default_rng(27).normal(size=(4, 2))


def quietly(function: Any) -> Any:
    """Without the warnings that SciPy gives of logarithms of zero."""

    def call(*args: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*args)

    return call


def _continuous() -> Iterator[Entry]:
    for standard in CONTINUOUS:
        distribution, shapes = getattr(stats, standard.name), SHAPES.get(standard.name, ())
        for method in standard.methods:
            function = quietly(getattr(distribution, method))
            name = f"{standard.name}.{method}"
            at = FRACTIONS if method in ("ppf", "isf") else EVERYWHERE
            yield f"{name}/ends", lambda x, f=function, s=shapes: f(x, *s), (at,)
            yield f"{name}/placed", lambda x, f=function, s=shapes: f(x, *s, 0.3, 1.4), (at,)
            yield from _smooth(name, standard.name, method, function)


def _smooth(name: str, of: str, method: str, function: Any) -> Iterator[Entry]:
    """By the number and all parameters, within the support."""
    within = np.array([0.15, 0.6] if method in ("ppf", "isf") else WITHIN.get(of, [0.4, 1.9]))

    def call(x: Any, loc: Any, scale: Any, *parameters: Any) -> Any:
        return function(x * scale + loc if method not in ("ppf", "isf") else x, *parameters, loc, scale)

    yield f"{name}/smooth", call, (within, np.float64(0.2), np.float64(1.3), *map(np.float64, SHAPES.get(of, ())))


def _discrete() -> Iterator[Entry]:
    whole = np.array([1, 1])
    for standard in DISCRETE:
        distribution, shapes = getattr(stats, standard.name), SHAPES[standard.name]
        for method in standard.methods:
            function = quietly(getattr(distribution, method))
            yield f"{standard.name}.{method}/ends", lambda k, f=function, s=shapes: f(k, *s), (WHOLE,)
            yield f"{standard.name}.{method}/placed", lambda k, f=function, s=shapes: f(k, *s, 1), (WHOLE,)
        function = quietly(distribution.logpmf)
        if standard.name in ("binom", "betabinom"):  # of so many: a whole number
            yield f"{standard.name}/smooth", lambda *p, f=function: f(whole, 5, *p), tuple(map(np.float64, shapes[1:]))
        else:
            yield f"{standard.name}/smooth", lambda *p, f=function: f(whole, *p), tuple(map(np.float64, shapes))


CASES: list[Entry] = [
    *_continuous(),
    *_discrete(),
    (
        "norm/wrong scale",
        quietly(lambda x, s: stats.norm.logpdf(x, 0.0, s)),
        (np.array([0.5, np.nan]), np.array([-1.0, 0.0])),
    ),
    ("beta/wrong shape", quietly(lambda x, a: stats.beta.logpdf(x, a, 1.0)), (np.array([0.5, np.nan]), np.float64(-1))),
    ("norm/float32", stats.norm.logpdf, (POINTS.astype(np.float32),)),
    ("norm/frozen", lambda x: stats.norm(0.5, scale=2.0).logcdf(x), (POINTS,)),
    ("poisson.cdf/mean", lambda mu: stats.poisson.cdf(np.array([0, 3]), mu), (np.float64(2.3),)),
    (
        "multivariate_normal",
        lambda x, m, c: stats.multivariate_normal.logpdf(x, m, c @ c.T + np.eye(2)),
        (POINTS, POINTS[0], COVARIANCE),
    ),
    ("multivariate_normal/one", lambda x: stats.multivariate_normal.pdf(x, POINTS[0], COVARIANCE), (POINTS[1],)),
    ("multivariate_normal/plain", stats.multivariate_normal.logpdf, (POINTS[0],)),
    ("multivariate_normal/frozen", lambda x: stats.multivariate_normal([1.0, 2.0], 3.0).logpdf(x), (POINTS,)),
    ("multivariate_normal/number", lambda x: stats.multivariate_normal.logpdf(x, 1.0, 3.0), (np.float64(0.3),)),
    (
        "multivariate_normal/entropy",
        lambda c: stats.multivariate_normal.entropy(None, c @ c.T + np.eye(2)),
        (COVARIANCE,),
    ),
    (
        "dirichlet",
        lambda a: stats.dirichlet.logpdf(np.array([0.2, 0.3, 0.5]), a),
        (np.array([0.5, 2.0, 3.0]),),
    ),
    (
        "dirichlet/columns",
        lambda a: stats.dirichlet.pdf(np.array([[0.2, 0.1], [0.3, 0.1], [0.5, 0.8]]), a),
        (np.array([0.5, 2.0, 3.0]),),
    ),
    (
        "multinomial",
        lambda p: stats.multinomial.logpmf(np.array([[1, 1, 3], [0, 5, 0]]), 5, p / np.sum(p)),
        (np.array([0.2, 0.3, 0.5]),),
    ),
]
