"""The derivative by hand."""

from functools import partial

import numpy as np

from bench.workload import Job


def slopes(x, y):
    return y + np.cos(x), x


def gradient(inputs):
    run = partial(slopes, float(inputs.x), float(inputs.y))
    return Job(run, run)
