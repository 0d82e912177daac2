"""PyTensor's scan with its Numba backend, input trusted."""

from functools import partial

import numpy as np
import pytensor
import pytensor.tensor as pt

from bench.workload import Job

pytensor.config.mode = "NUMBA"


def gradient(inputs):
    factors = pt.tensor3("factors", dtype="float64")
    products = pytensor.scan(
        lambda factor, product: pt.dot(product, factor),
        sequences=[factors],
        outputs_info=[pt.as_tensor(np.eye(3))],
        return_updates=False,
    )
    slope = pytensor.function([factors], pytensor.grad(pt.sum(products[-1] ** 2), factors), trust_input=True)
    run = partial(slope, inputs.factors)
    return Job(run, lambda: [run()])
