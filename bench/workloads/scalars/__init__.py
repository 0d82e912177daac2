"""A recurrence of 60 scalars, coupled to their neighbours: the gradient of the last sum in the first values."""

from typing import NamedTuple

import numpy as np

from bench.workload import Array

STEP = 0.01


class Inputs(NamedTuple):
    """``start`` holds the scalars, ``us`` what drives each step; nothing is negative, so that nothing blows up."""

    start: Array
    us: Array


def inputs(dtype: str, steps: int, leaves: int) -> Inputs:
    rng = np.random.default_rng(0)
    return Inputs(rng.uniform(0, 1, leaves).astype(dtype), rng.uniform(0, 1, steps).astype(dtype))
