"""A loop over slices."""

import numpy as np

import staticbp as bp
from bench.workload import Job
from bench.workloads.heat import RATE


def step(_, u):
    inner = u[1:-1, 1:-1]
    around = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]
    return np.pad(inner + RATE * (around - 4 * inner), 1)


def gradient(inputs):
    @bp.differentiable
    def heat(plate):
        return np.sum(bp.fori_loop(0, inputs.steps, step, plate) ** 2)

    return Job(lambda: heat.grad(inputs.plate), lambda: [heat.grad(inputs.plate)])
