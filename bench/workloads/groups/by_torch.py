"""As it is written, eager or compiled."""

import math

import torch

from bench.workload import Job

LOG_10 = math.log(10.0)


def normal(x, mean, spread):
    return -0.5 * (((x - mean) * torch.exp(-spread)) ** 2 + 2 * spread).sum()


def density(mean, spread, means, noise, data, group):
    prior = normal(mean, 0.0, torch.tensor(LOG_10, dtype=data.dtype)) + normal(means, mean, spread)
    return prior + normal(data, means[group], noise)


def gradient(inputs, variant=""):
    compute = torch.compile(density, dynamic=False) if variant == "compiled" else density
    arrays = [torch.tensor(array) for array in inputs]
    wanted = [array.requires_grad_() for array in arrays[:4]]

    def run():
        return torch.autograd.grad(compute(*arrays), wanted)

    return Job(run, lambda: [slope.numpy() for slope in run()])
