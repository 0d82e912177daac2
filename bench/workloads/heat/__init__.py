"""The heat equation on a square plate: what the heat at the end owes to that at the beginning, by the adjoint."""

from typing import NamedTuple

import numpy as np

from bench.workload import Array

RATE = 0.1  # of what an inner point is colder than its neighbours, in a step


class Inputs(NamedTuple):
    """``plate`` is (side, side), cold at its edges after each of the ``steps``."""

    plate: Array
    steps: int


def inputs(dtype: str, side: int, steps: int) -> Inputs:
    return Inputs(np.random.default_rng(0).random((side, side)).astype(dtype), steps)
