"""As it is written."""

import numpy as np

import staticbp as bp
from bench.workload import Job


@bp.differentiable
def f(x):
    return np.sum(np.tanh(x) * np.exp(-x * x) + np.log1p(x * x))


def gradient(inputs):
    return Job(lambda: f.grad(inputs.x), lambda: [f.grad(inputs.x)])
