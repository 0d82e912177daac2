"""The probabilities of discrete random numbers, and the densities of random vectors, by SciPy's names.

The formulas are those that SciPy documents.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.primitive import Value, value_aval
from staticbp.errors import ShapeError, UnsupportedFunctionError
from staticbp.ops.arithmetic import where
from staticbp.ops.gammas import betaln, gammaln
from staticbp.ops.incomplete import betainc, gammaincc
from staticbp.ops.shape import reshaped
from staticbp.ops.special import as_float, xlog1py, xlogy

Standard = Callable[..., Value]  # of a whole number and the shape parameters


@dataclass(frozen=True)
class Discrete:
    """A distribution of whole numbers between two bounds."""

    name: str
    shapes: tuple[str, ...]
    logpmf: Standard
    support: Callable[..., tuple[Value, Value]]
    allowed: Callable[..., Value]
    cdf: Standard | None = None

    def value(self, method: str, k: Any, shapes: tuple[Any, ...], loc: Any) -> Value:
        """One of the functions of the distribution, as SciPy's method of that name gives it."""
        number = as_float(k) - loc
        parameters = tuple(as_float(shape) for shape in shapes)
        value = getattr(self, f"_{method}")(number, parameters)
        return where(self.allowed(*parameters) & np.logical_not(np.isnan(number)), value, np.nan)

    def _logpmf(self, k: Value, shapes: tuple[Value, ...]) -> Value:
        low, high = self.support(*shapes)
        possible = (np.floor(k) == k) & (k >= low) & (k <= high)
        return where(possible, self.logpmf(where(possible, k, low), *shapes), -math.inf)

    def _pmf(self, k: Value, shapes: tuple[Value, ...]) -> Value:
        return np.exp(self._logpmf(k, shapes))

    def _cdf(self, k: Value, shapes: tuple[Value, ...]) -> Value:
        assert self.cdf is not None
        low, high = self.support(*shapes)
        whole = np.floor(k)
        within = (whole >= low) & (whole < high)
        return where(within, self.cdf(where(within, whole, low), *shapes), where(whole < low, 0.0, 1.0))

    def _sf(self, k: Value, shapes: tuple[Value, ...]) -> Value:
        return 1 - self._cdf(k, shapes)

    def _logcdf(self, k: Value, shapes: tuple[Value, ...]) -> Value:
        return np.log(self._cdf(k, shapes))

    def _logsf(self, k: Value, shapes: tuple[Value, ...]) -> Value:
        return np.log(self._sf(k, shapes))

    @property
    def methods(self) -> tuple[str, ...]:
        """The functions that there are."""
        return ("logpmf", "pmf", *(() if self.cdf is None else ("cdf", "logcdf", "sf", "logsf")))


def _upward(*shapes: Value) -> tuple[Value, Value]:
    return 0, math.inf


def _probability(p: Value) -> Value:
    return (p >= 0) & (p <= 1)


def _count(n: Value) -> Value:
    return (n >= 0) & (np.floor(n) == n)


poisson = Discrete(
    "poisson",
    ("mu",),
    logpmf=lambda k, mu: xlogy(k, mu) - gammaln(k + 1) - mu,
    cdf=lambda k, mu: gammaincc(k + 1, mu),
    support=_upward,
    allowed=lambda mu: mu >= 0,
)

bernoulli = Discrete(
    "bernoulli",
    ("p",),
    logpmf=lambda k, p: xlogy(k, p) + xlog1py(1 - k, -p),
    cdf=lambda k, p: 1 - p,
    support=lambda p: (0, 1),
    allowed=_probability,
)

binom = Discrete(
    "binom",
    ("n", "p"),
    logpmf=lambda k, n, p: -np.log1p(n) - betaln(n - k + 1, k + 1) + xlogy(k, p) + xlog1py(n - k, -p),
    cdf=lambda k, n, p: betainc(n - k, k + 1, 1 - p),
    support=lambda n, p: (0, n),
    allowed=lambda n, p: _count(n) & _probability(p),
)

geom = Discrete(
    "geom",
    ("p",),
    logpmf=lambda k, p: xlog1py(k - 1, -p) + np.log(p),
    cdf=lambda k, p: -np.expm1(np.log1p(-p) * k),
    support=lambda p: (1, math.inf),
    allowed=lambda p: (p > 0) & (p <= 1),
)

nbinom = Discrete(
    "nbinom",
    ("n", "p"),
    logpmf=lambda k, n, p: gammaln(n + k) - gammaln(k + 1) - gammaln(n) + n * np.log(p) + xlog1py(k, -p),
    cdf=lambda k, n, p: betainc(n, k + 1, p),
    support=_upward,
    allowed=lambda n, p: (n > 0) & (p > 0) & (p <= 1),
)

betabinom = Discrete(
    "betabinom",
    ("n", "a", "b"),
    logpmf=lambda k, n, a, b: -np.log1p(n) - betaln(n - k + 1, k + 1) + betaln(k + a, n - k + b) - betaln(a, b),
    support=lambda n, a, b: (0, n),
    allowed=lambda n, a, b: _count(n) & (a > 0) & (b > 0),
)

DISCRETE = (bernoulli, betabinom, binom, geom, nbinom, poisson)

# ---- random vectors ----------------------------------------------------------------------------------------


def multinomial_logpmf(x: Value, n: Value, p: Value) -> Value:
    """As SciPy's `multinomial.logpmf`, for counts that sum to `n` and probabilities that sum to one."""
    counts, odds = as_float(x), as_float(p)
    terms = xlogy(counts, odds) - gammaln(counts + 1)
    value = gammaln(as_float(n) + 1) + np.sum(terms, axis=-1)
    possible = (np.sum(counts, axis=-1) == n) & np.all((counts >= 0) & (np.floor(counts) == counts), axis=-1)
    return where(possible, value, -math.inf)


def dirichlet_logpdf(x: Value, alpha: Value) -> Value:
    """As SciPy's `dirichlet.logpdf`: the components of `x` along its first axis, all of them."""
    point, weights = as_float(x), as_float(alpha)
    (size,) = value_aval(weights).shape
    if not shapes.same(value_aval(point).shape[:1], (size,)):
        raise ShapeError(
            f"dirichlet takes as many components as there are parameters, {size}, along the first axis, not an array "
            f"of shape {shapes.text(value_aval(point).shape)}",
            advice="Append the last component: 1 - np.sum(x, axis=0).",
        )
    terms = np.transpose(xlogy(weights - 1, np.transpose(point)))
    return np.sum(terms, axis=0) + gammaln(np.sum(weights)) - np.sum(gammaln(weights))


def _covariance(mean: Any, cov: Any) -> tuple[Value, Value, int]:
    """Mean and covariance of a normal vector from what SciPy takes for them, and their size."""
    given_cov = as_float(1 if cov is None else cov)
    rank = value_aval(given_cov).ndim
    center = as_float(0.0 if mean is None else mean)
    sizes = [value_aval(given_cov).shape[-1:] if rank else (), value_aval(center).shape[-1:]]
    known = [size[0] for size in sizes if size]
    size = shapes.static(known[0], "multivariate_normal") if known else 1
    if any(not shapes.same((dim,), (size,)) for dim in known) or rank > 2:
        raise ShapeError(
            f"multivariate_normal with a mean of shape {shapes.text(value_aval(center).shape)} "
            f"and a covariance of shape {shapes.text(value_aval(given_cov).shape)}"
        )
    if rank < 2:
        given_cov = given_cov * np.eye(size)
    return np.broadcast_to(center, (size,)), given_cov, size


def multivariate_normal_logpdf(x: Value, mean: Any, cov: Any, allow_singular: bool) -> Value:
    """As SciPy's `multivariate_normal.logpdf`, by the factor of Cholesky of the covariance."""
    if allow_singular:
        raise UnsupportedFunctionError(
            "multivariate_normal with allow_singular=True is not supported on traced values",
            advice="Add a small multiple of np.eye(n) to the covariance.",
        )
    point = as_float(x)
    center, covariance, size = _covariance(mean, cov)
    if not value_aval(point).ndim:
        point = np.reshape(point, (1,))
    elif value_aval(point).ndim == 1 and size == 1:
        point = point[:, None]
    factor = np.linalg.cholesky(covariance)
    away = point - center
    flat = np.reshape(away, (-1, size))
    whitened = np.linalg.solve(factor, np.transpose(flat))
    distance = reshaped(np.sum(np.square(whitened), axis=0), value_aval(away).shape[:-1])
    log_det = 2 * np.sum(np.log(np.diagonal(factor)))
    return np.squeeze(-(size * math.log(2 * math.pi) + log_det + distance) / 2)


def multivariate_normal_entropy(mean: Any, cov: Any) -> Value:
    """As SciPy's `multivariate_normal.entropy`."""
    _, covariance, size = _covariance(mean, cov)
    log_det = 2 * np.sum(np.log(np.diagonal(np.linalg.cholesky(covariance))))
    return (size * (math.log(2 * math.pi) + 1) + log_det) / 2
