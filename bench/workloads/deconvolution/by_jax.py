"""``jnp.fft``, jitted."""

import jax
import jax.numpy as jnp
import numpy as np

from bench.workload import Job


@jax.jit
@jax.grad
def slope(image, seen, blur):
    return jnp.sum((jnp.fft.irfft2(jnp.fft.rfft2(image) * blur) - seen) ** 2)


def gradient(inputs):
    jax.config.update("jax_enable_x64", inputs.image.dtype == np.float64)
    arrays = [jnp.array(array) for array in inputs]

    def run():
        return jax.block_until_ready(slope(*arrays))

    return Job(run, lambda: [run()])
