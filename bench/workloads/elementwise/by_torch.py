"""PyTorch, eager or compiled."""

import torch

from bench.workload import Job


def f(x):
    return (torch.tanh(x) * torch.exp(-x * x) + torch.log1p(x * x)).sum()


def gradient(inputs, variant=""):
    compute = torch.compile(f, dynamic=False) if variant == "compiled" else f
    x = torch.tensor(inputs.x, requires_grad=True)

    def run():
        return torch.autograd.grad(compute(x), x)

    return Job(run, lambda: [run()[0].numpy()])
