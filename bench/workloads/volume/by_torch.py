"""``torch.diff`` along each axis, eager or compiled."""

import torch

from bench.workload import Job


def roughness(volume):
    return sum((torch.diff(volume, dim=axis) ** 2).sum() for axis in range(3))


def gradient(inputs, variant=""):
    compute = torch.compile(roughness, dynamic=False) if variant == "compiled" else roughness
    volume = torch.tensor(inputs.volume, requires_grad=True)

    def run():
        return torch.autograd.grad(compute(volume), volume)

    return Job(run, lambda: [run()[0].numpy()])
