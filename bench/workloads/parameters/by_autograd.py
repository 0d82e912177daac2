"""HIPS autograd: a list of arrays in, a list of gradients out."""

import autograd.numpy as np
from autograd import grad

from bench.workload import Job


def products(p):
    a, b, c, d, e, f = p
    return np.sum(a * b) + np.sum(c * d) + np.sum(e * f)


def gradient(inputs):
    slopes = grad(products)
    return Job(lambda: slopes(inputs.arrays), lambda: slopes(inputs.arrays))
