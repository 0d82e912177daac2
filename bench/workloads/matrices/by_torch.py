"""PyTorch, eager: a loop in Python."""

import torch

from bench.workload import Job


def gradient(inputs):
    factors = torch.tensor(inputs.factors, requires_grad=True)

    def run():
        product = torch.eye(3, dtype=factors.dtype)
        for factor in factors.unbind():
            product = product @ factor
        return torch.autograd.grad((product * product).sum(), factors)

    return Job(run, lambda: [run()[0].numpy()])
