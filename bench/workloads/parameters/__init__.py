"""The gradient of three small inner products in a record of six arrays: what it costs to hand over a structure."""

from typing import NamedTuple

import numpy as np

from bench.workload import Array


class Inputs(NamedTuple):
    """Six arrays of the same few elements."""

    arrays: list[Array]


def inputs(dtype: str, size: int) -> Inputs:
    rng = np.random.default_rng(0)
    return Inputs([rng.standard_normal(size).astype(dtype) for _ in range(6)])
