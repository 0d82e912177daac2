"""A ``lax.scan`` whose carry is a tuple of scalars; or, another program, one whose carry is one array."""

import jax
import jax.numpy as jnp
import numpy as np

from bench.workload import Job
from bench.workloads.scalars import STEP

jax.config.update("jax_enable_x64", True)


def step(c, u):
    n = len(c)
    return tuple(c[i] + STEP * (jnp.tanh(c[i - 1]) * u - c[i] * c[(i + 1) % n]) for i in range(n)), None


def last_sum(c, us):
    return sum(jax.lax.scan(step, c, us)[0])


def step_of_array(c, u):
    return c + STEP * (jnp.tanh(jnp.roll(c, 1)) * u - c * jnp.roll(c, -1)), None


def last_sum_of_array(c, us):
    return jnp.sum(jax.lax.scan(step_of_array, c, us)[0])


def gradient(inputs, variant=""):
    us = jnp.array(inputs.us)
    if variant == "as one array":
        start, compiled = jnp.array(inputs.start), jax.jit(jax.grad(last_sum_of_array))
    else:
        start, compiled = tuple(map(jnp.array, inputs.start)), jax.jit(jax.grad(last_sum))

    def run():
        return jax.block_until_ready(compiled(start, us))

    return Job(run, lambda: [np.array(run())])
