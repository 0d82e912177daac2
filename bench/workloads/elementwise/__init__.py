"""The gradient of ``sum(tanh(x) * exp(-x*x) + log1p(x*x))``."""

from typing import NamedTuple

import numpy as np

from bench.workload import Array


class Inputs(NamedTuple):
    """``x`` is (size,)."""

    x: Array


def inputs(dtype: str, size: int) -> Inputs:
    return Inputs(np.random.default_rng(0).standard_normal(size).astype(dtype))
