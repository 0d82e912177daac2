"""A record of arrays in, a record of gradients out."""

import numpy as np

import staticbp as bp
from bench.workload import Job


@bp.record
class Parameters:
    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    d: np.ndarray
    e: np.ndarray
    f: np.ndarray


@bp.differentiable
def products(p):
    return np.sum(p.a * p.b) + np.sum(p.c * p.d) + np.sum(p.e * p.f)


def gradient(inputs):
    record = Parameters(*inputs.arrays)
    return Job(lambda: products.grad(record), lambda: bp.tree.leaves(products.grad(record)))
