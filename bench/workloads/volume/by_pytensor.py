"""``pt.diff`` along each axis, with the Numba backend, input trusted."""

from functools import partial

import pytensor
import pytensor.tensor as pt

from bench.workload import Job

pytensor.config.mode = "NUMBA"


def gradient(inputs):
    volume = pt.tensor3("volume", dtype=inputs.volume.dtype.name)
    roughness = sum(pt.sum(pt.diff(volume, axis=axis) ** 2) for axis in range(3))
    slope = pytensor.function([volume], pytensor.grad(roughness, volume), trust_input=True)
    run = partial(slope, inputs.volume)
    return Job(run, lambda: [run()])
