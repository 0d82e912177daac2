"""Called with Python's numbers, as one would."""

from functools import partial

import numpy as np

import staticbp as bp
from bench.workload import Job


@bp.differentiable(argnums=(0, 1))
def f(x, y):
    return x * y + np.sin(x)


def gradient(inputs):
    run = partial(f.grad, float(inputs.x), float(inputs.y))
    return Job(run, run)
