"""The sum of the squared differences of neighbours along each axis of a volume: its gradient in every voxel."""

from typing import NamedTuple

import numpy as np

from bench.workload import Array


class Inputs(NamedTuple):
    """``volume`` is (side, side, side)."""

    volume: Array


def inputs(dtype: str, side: int) -> Inputs:
    return Inputs(np.random.default_rng(0).standard_normal((side, side, side), np.float32).astype(dtype))
