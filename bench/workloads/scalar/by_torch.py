"""PyTorch, eager or with the function compiled by ``torch.compile``."""

import torch

from bench.workload import Job


def f(x, y):
    return x * y + torch.sin(x)


def gradient(inputs, variant=""):
    compute = torch.compile(f, dynamic=False) if variant == "compiled" else f
    x, y = (torch.tensor(number, requires_grad=True) for number in inputs)

    def run():
        return torch.autograd.grad(compute(x, y), (x, y))

    return Job(run, run)
