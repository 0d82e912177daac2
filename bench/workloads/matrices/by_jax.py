"""A ``lax.scan`` that multiplies."""

import jax
import jax.numpy as jnp

from bench.workload import Job

jax.config.update("jax_enable_x64", True)


def squared_norm(factors):
    product, _ = jax.lax.scan(lambda product, factor: (product @ factor, None), jnp.eye(3), factors)
    return jnp.sum(product * product)


def gradient(inputs):
    factors, compiled = jnp.array(inputs.factors), jax.jit(jax.grad(squared_norm))

    def run():
        return jax.block_until_ready(compiled(factors))

    return Job(run, lambda: [run()])
