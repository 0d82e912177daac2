"""The gradient of ``x*y + sin x`` with respect to both, one call at a time: what calling costs."""

from typing import NamedTuple

import numpy as np

from bench.workload import Array


class Inputs(NamedTuple):
    """Arrays of shape ``()``; each library is given the scalars that it takes best."""

    x: Array
    y: Array


def inputs(dtype: str) -> Inputs:
    return Inputs(np.asarray(0.7, dtype), np.asarray(-1.3, dtype))
