"""A fold that multiplies."""

import numpy as np

import staticbp as bp
from bench.workload import Job


@bp.differentiable
def squared_norm(factors):
    product = bp.fold(lambda product, factor: product @ factor, np.eye(3), factors)
    return np.sum(product * product)


def gradient(inputs):
    return Job(lambda: squared_norm.grad(inputs.factors), lambda: [squared_norm.grad(inputs.factors)])
