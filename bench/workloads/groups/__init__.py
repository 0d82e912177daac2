"""Groups with means of their own: the logarithm of the density of a hierarchical model, and its gradient."""

from typing import NamedTuple

import numpy as np

from bench.workload import Array


class Inputs(NamedTuple):
    """The mean and the logarithm of the spread of the means (groups,), the logarithm of the noise, data and groups."""

    mean: Array
    spread: Array
    means: Array
    noise: Array
    data: Array
    group: Array


def inputs(dtype: str, points: int, groups: int) -> Inputs:
    rng = np.random.default_rng(0)
    numbers = (np.asarray(number, dtype) for number in (0.1, 0.2))
    means, data = (rng.standard_normal(size).astype(dtype) for size in (groups, points))
    return Inputs(*numbers, means, np.asarray(0.1, dtype), data, rng.integers(0, groups, points))
