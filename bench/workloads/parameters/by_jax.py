"""A named tuple of arrays in, one of gradients out."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from bench.workload import Job

jax.config.update("jax_enable_x64", True)


class Parameters(NamedTuple):
    a: jax.Array
    b: jax.Array
    c: jax.Array
    d: jax.Array
    e: jax.Array
    f: jax.Array


@jax.jit
@jax.grad
def slopes(p):
    return jnp.sum(p.a * p.b) + jnp.sum(p.c * p.d) + jnp.sum(p.e * p.f)


def gradient(inputs):
    parameters = Parameters(*map(jnp.array, inputs.arrays))

    def run():
        return jax.block_until_ready(slopes(parameters))

    return Job(run, run)
