"""Six tensors, eager or compiled."""

import torch

from bench.workload import Job


def products(a, b, c, d, e, f):
    return (a * b).sum() + (c * d).sum() + (e * f).sum()


def gradient(inputs, variant=""):
    compute = torch.compile(products, dynamic=False) if variant == "compiled" else products
    tensors = [torch.tensor(array, requires_grad=True) for array in inputs.arrays]

    def run():
        return torch.autograd.grad(compute(*tensors), tensors)

    return Job(run, lambda: [slope.numpy() for slope in run()])
