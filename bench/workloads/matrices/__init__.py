"""A chain of 3×3 products as a scan: the gradient of the squared norm of the product in each of the factors."""

from typing import NamedTuple

import numpy as np

from bench.workload import Array


class Inputs(NamedTuple):
    """``factors`` is (steps, 3, 3), each near the identity."""

    factors: Array


def inputs(dtype: str, steps: int) -> Inputs:
    rng = np.random.default_rng(0)
    return Inputs((np.eye(3) + 0.03 * rng.standard_normal((steps, 3, 3))).astype(dtype))
