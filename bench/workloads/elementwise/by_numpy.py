"""The derivative by hand."""

import numpy as np

from bench.workload import Job


def slope(x):
    square = x * x
    t, e = np.tanh(x), np.exp(-square)
    return e * (1 - t * t - 2 * x * t) + 2 * x / (1 + square)


def gradient(inputs):
    return Job(lambda: slope(inputs.x), lambda: [slope(inputs.x)])
