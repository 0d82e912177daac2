"""Eager or compiled, with its own ``layer_norm`` and ``scaled_dot_product_attention``."""

import torch
from torch.nn.functional import layer_norm, scaled_dot_product_attention

from bench.workload import Job


def loss(query, key, value, up, down, x):
    width = x.shape[-1:]
    q, k, v = (torch.einsum("sm,mhd->hsd", layer_norm(x, width), weights) for weights in (query, key, value))
    y = x + scaled_dot_product_attention(q, k, v).transpose(0, 1).reshape(x.shape)
    return ((y + torch.tanh(layer_norm(y, width) @ up) @ down) ** 2).mean()


def gradient(inputs, variant=""):
    compute = torch.compile(loss, dynamic=False) if variant == "compiled" else loss
    *weights, x = (torch.tensor(array) for array in inputs)
    for array in weights:
        array.requires_grad_()

    def run():
        return torch.autograd.grad(compute(*weights, x), weights)

    return Job(run, lambda: [slope.numpy() for slope in run()])
