"""A block of a transformer: attention of several heads and a layer of neurons; the gradient by its weights."""

from typing import NamedTuple

import numpy as np

from bench.workload import Array


class Inputs(NamedTuple):
    """``x`` is (length, width); weights are (width, heads, width // heads), (width, neurons) and (neurons, width)."""

    query: Array
    key: Array
    value: Array
    up: Array
    down: Array
    x: Array


def inputs(dtype: str, length: int, width: int, heads: int, neurons: int) -> Inputs:
    rng = np.random.default_rng(0)
    shapes = [(width, heads, width // heads)] * 3 + [(width, neurons), (neurons, width)]
    weights = [0.1 * rng.standard_normal(shape) for shape in shapes]
    return Inputs(*(array.astype(dtype) for array in (*weights, rng.standard_normal((length, width)))))
