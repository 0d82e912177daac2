"""The derivative by hand in plain Numba, in one loop."""

import math

import numba
import numpy as np

from bench.workload import Job


@numba.njit
def slope(x):
    x_bar = np.empty_like(x)
    one, two = x.dtype.type(1), x.dtype.type(2)
    for i in range(len(x)):
        square = x[i] * x[i]
        t, e = math.tanh(x[i]), math.exp(-square)
        x_bar[i] = e * (one - t * t - two * x[i] * t) + two * x[i] / (one + square)
    return x_bar


def gradient(inputs):
    return Job(lambda: slope(inputs.x), lambda: [slope(inputs.x)])
