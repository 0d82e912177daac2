"""What the machine can do at best: yardsticks that the other times are held against."""

from typing import NamedTuple

import numpy as np

from bench.workload import Array


class Inputs(NamedTuple):
    """Two square matrices, a vector too large for any cache, and half the weights of the MNIST network."""

    left: Array
    right: Array
    vector: Array
    weights: Array


def inputs(dtype: str, side: int, megabytes: int) -> Inputs:
    rng = np.random.default_rng(0)
    left, right = (rng.standard_normal((side, side)).astype(dtype) for _ in range(2))
    vector = np.ones(megabytes * 2**20 // np.dtype(dtype).itemsize, dtype)
    return Inputs(left, right, vector, np.ones((150, 784), dtype))
