"""By hand: each array's gradient is a copy of its partner."""

from functools import partial

import numpy as np

from bench.workload import Job


def slopes(a, b, c, d, e, f):
    return tuple(map(np.copy, (b, a, d, c, f, e)))


def gradient(inputs):
    run = partial(slopes, *inputs.arrays)
    return Job(run, run)
