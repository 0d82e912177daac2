"""``np.diff`` along each axis."""

import numpy as np

import staticbp as bp
from bench.workload import Job


@bp.differentiable
def roughness(volume):
    return sum(np.sum(np.diff(volume, axis=axis) ** 2) for axis in range(3))


def gradient(inputs):
    return Job(lambda: roughness.grad(inputs.volume), lambda: [roughness.grad(inputs.volume)])
