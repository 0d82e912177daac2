"""Cases of medians, quantiles, covariances and histograms."""

from typing import Any

import numpy as np

RNG = np.random.default_rng(22)
X = RNG.normal(size=(3, 5))
HOLES = X.copy()
HOLES[0, 1] = HOLES[0, 2] = HOLES[2, 3] = np.nan
VECTOR = RNG.normal(size=6)
INTS = np.array([[5, 2, 9, 1], [3, 3, 0, 7]])
INFINITE = np.array([1.0, np.inf, np.inf, -np.inf])
WEIGHTS = np.array([0.1, 0.3, 0.2, 0.4, 0.5])
COUNTS = [1, 2, 3, 1, 2]

METHODS = (
    "linear",
    "lower",
    "higher",
    "midpoint",
    "nearest",
    "inverted_cdf",
    "averaged_inverted_cdf",
    "closest_observation",
    "interpolated_inverted_cdf",
    "hazen",
    "weibull",
    "median_unbiased",
    "normal_unbiased",
)

CASES: list[tuple[str, Any, tuple[Any, ...]]] = [
    case
    for method in METHODS
    for case in [
        (f"quantile/{method}", lambda x, m=method: np.quantile(x, 0.3, axis=1, method=m), (X,)),
        (f"quantile/{method}-int", lambda x, m=method: np.quantile(x, [0.0, 0.26, 1.0], method=m), (INTS,)),
        (f"nanquantile/{method}", lambda x, m=method: np.nanquantile(x, [0.2, 0.5], axis=1, method=m), (HOLES,)),
    ]
]
CASES += [
    ("quantile/all", lambda x: np.quantile(x, 0.77), (X,)),
    ("quantile/grid", lambda x: np.quantile(x, [[0.1, 0.25], [0.5, 1.0]], axis=0, keepdims=True), (X,)),
    ("quantile/axes", lambda x: np.quantile(x, 0.4, axis=(0, 2)), (X[:2, :4].reshape(2, 2, 2),)),
    ("quantile/nan", lambda x: np.quantile(x, 0.5, axis=1), (HOLES,)),
    ("quantile/float32", lambda x: np.quantile(x, 0.3), (X.astype(np.float32),)),
    ("quantile/traced", lambda x, q: np.quantile(x, q, axis=1), (X, np.array([0.3, 0.41]))),
    ("nanquantile/smooth", lambda x: np.nanquantile(x, 0.35, axis=1, keepdims=True), (X,)),
    ("percentile", lambda x: np.percentile(x, [30, 50], axis=1), (X,)),
    ("nanpercentile", lambda x: np.nanpercentile(x, 30, axis=1), (HOLES,)),
    ("median/all", np.median, (X,)),
    ("median/even", np.median, (VECTOR,)),
    ("median/axis", lambda x: np.median(x, axis=0), (X,)),
    ("median/keepdims", lambda x: np.median(x, axis=(0, 1), keepdims=True), (X,)),
    ("median/nan", lambda x: np.median(x, axis=1), (HOLES,)),
    ("median/int", lambda x: np.median(x, axis=1), (INTS,)),
    ("median/infinite", np.median, (INFINITE,)),
    ("median/float32", np.median, (X.astype(np.float32),)),
    ("cov", np.cov, (X,)),
    ("cov/columns", lambda x: np.cov(x, rowvar=False), (X,)),
    ("cov/bias", lambda x: np.cov(x, bias=True), (X,)),
    ("cov/ddof", lambda x: np.cov(x, ddof=2), (X,)),
    ("cov/vector", np.cov, (VECTOR,)),
    ("cov/two", np.cov, (X[0], X[1])),
    ("cov/float32", np.cov, (X.astype(np.float32),)),
    ("cov/int", np.cov, (INTS,)),
    ("cov/fweights", lambda x: np.cov(x, fweights=COUNTS), (X,)),
    ("cov/aweights", lambda x, w: np.cov(x, aweights=w), (X, WEIGHTS)),
    ("cov/aweights-ddof", lambda x, w: np.cov(x, aweights=w, ddof=0), (X, WEIGHTS)),
    ("cov/both weights", lambda x, w: np.cov(x, aweights=w, fweights=COUNTS), (X, WEIGHTS)),
    ("corrcoef", np.corrcoef, (X,)),
    ("corrcoef/two", lambda x, y: np.corrcoef(x, y), (X[0], X[1])),
    ("histogram", np.histogram, (X,)),
    ("histogram/bins", lambda x: np.histogram(x, bins=4, range=(-1, 1)), (X,)),
    ("histogram/edges", lambda x: np.histogram(x, bins=[-1.0, 0.0, 0.2, 1.0]), (X,)),
    ("histogram/density", lambda x: np.histogram(x, bins=3, density=True)[0], (X,)),
    ("histogram/int", lambda x: np.histogram(x, bins=3), (INTS,)),
    ("histogram_bin_edges", lambda x: np.histogram_bin_edges(x, bins=3), (X,)),
    ("histogram/weights", lambda x, w: np.histogram(x, bins=3, range=(-2, 2), weights=w)[0], (X[0], WEIGHTS)),
]
