"""Six vectors, trusted, with the Numba backend."""

from functools import partial

import pytensor
import pytensor.tensor as pt

from bench.workload import Job

pytensor.config.mode = "NUMBA"


def gradient(inputs):
    a, b, c, d, e, f = vectors = [pt.vector(name, dtype="float64") for name in "abcdef"]
    products = pt.sum(a * b) + pt.sum(c * d) + pt.sum(e * f)
    run = partial(pytensor.function(vectors, pytensor.grad(products, vectors), trust_input=True), *inputs.arrays)
    return Job(run, run)
