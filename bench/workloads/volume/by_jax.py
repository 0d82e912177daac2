"""``jnp.diff`` along each axis."""

import jax
import jax.numpy as jnp

from bench.workload import Job


@jax.jit
@jax.grad
def slope(volume):
    return sum(jnp.sum(jnp.diff(volume, axis=axis) ** 2) for axis in range(3))


def gradient(inputs):
    volume = jnp.array(inputs.volume)

    def run():
        return jax.block_until_ready(slope(volume))

    return Job(run, lambda: [run()])
