"""PyTensor with its Numba backend, inputs trusted."""

from functools import partial

import pytensor
import pytensor.tensor as pt

from bench.workload import Job

pytensor.config.mode = "NUMBA"


def gradient(inputs):
    x, y = pt.scalar("x", dtype="float64"), pt.scalar("y", dtype="float64")
    slopes = pytensor.function([x, y], pytensor.grad(x * y + pt.sin(x), [x, y]), trust_input=True)
    run = partial(slopes, inputs.x, inputs.y)
    return Job(run, run)
