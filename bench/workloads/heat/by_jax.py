"""``fori_loop`` over slices, jitted."""

import jax
import jax.numpy as jnp
import numpy as np

from bench.workload import Job
from bench.workloads.heat import RATE


def step(_, u):
    inner = u[1:-1, 1:-1]
    around = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]
    return jnp.pad(inner + RATE * (around - 4 * inner), 1)


def gradient(inputs):
    jax.config.update("jax_enable_x64", inputs.plate.dtype == np.float64)
    plate = jnp.array(inputs.plate)

    @jax.jit
    @jax.grad
    def slope(plate):
        return jnp.sum(jax.lax.fori_loop(0, inputs.steps, step, plate) ** 2)

    def run():
        return jax.block_until_ready(slope(plate))

    return Job(run, lambda: [run()])
