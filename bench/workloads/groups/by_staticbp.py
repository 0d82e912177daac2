"""As it is written."""

import numpy as np

import staticbp as bp
from bench.workload import Job

LOG_10 = float(np.log(10.0))


def normal(x, mean, spread):
    return -0.5 * np.sum(((x - mean) * np.exp(-spread)) ** 2 + 2 * spread)


@bp.differentiable
def density(mean, spread, means, noise, data, group):
    prior = normal(mean, 0.0, LOG_10) + normal(means, mean, spread)
    return prior + normal(data, means[group], noise)


def gradient(inputs):
    slope = bp.grad(density, argnums=(0, 1, 2, 3))
    return Job(lambda: slope(*inputs), lambda: slope(*inputs))
