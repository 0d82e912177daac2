"""Movement: a copy that no cache holds, by all threads; and a pass over weights that each core keeps in its cache."""

import numba
import numpy as np

from bench.workload import Job

PASSES = 200


@numba.njit(parallel=True)
def copy(source, target):
    for i in numba.prange(source.size):
        target[i] = source[i]


@numba.njit
def update(weights, slope, passes):
    for _ in range(passes):
        for i in range(weights.shape[0]):
            s = slope[i]
            for j in range(weights.shape[1]):
                weights[i, j] -= s


def limits(inputs, variant):
    if variant == "copy":
        target = np.zeros_like(inputs.vector)
        return Job(lambda: copy(inputs.vector, target), None)
    slope = np.full(len(inputs.weights), 1e-9, inputs.weights.dtype)
    return Job(lambda: update(inputs.weights, slope, PASSES), None, steps=PASSES)
