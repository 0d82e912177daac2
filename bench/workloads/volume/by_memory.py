"""A yardstick: every voxel read once and one written for it, into an array at hand; by NumPy, or by all threads.

Also into an array that is new each time, whose pages the system has to provide first.
"""

import numba
import numpy as np

from bench.workload import Job


@numba.njit(parallel=True)
def copy(source, target):
    for i in numba.prange(source.size):
        target[i] = source[i]


def gradient(inputs, variant):
    target = np.zeros_like(inputs.volume)
    if variant == "copied by NumPy":
        return Job(lambda: np.copyto(target, inputs.volume), None)
    source, flat = inputs.volume.reshape(-1), target.reshape(-1)
    if variant == "copied into new memory":
        return Job(lambda: copy(source, np.empty_like(flat)), None)
    return Job(lambda: copy(source, flat), None)
