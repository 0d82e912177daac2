"""A jitted step, the network donated."""

import jax
import jax.numpy as jnp
import numpy as np

from bench.workload import Job
from bench.workloads.moons import ALPHA, COMPARED_AFTER, RATE, STEPS


def loss(net, points, labels):
    *hidden, (weights, biases) = zip(net[::2], net[1::2], strict=True)
    x = points
    for w, b in hidden:
        x = jax.nn.relu(x @ w.T + b)
    scores = (x @ weights.T + biases)[:, 0]
    return jnp.mean(jax.nn.relu(1 - labels * scores)) + ALPHA * sum(jnp.sum(leaf * leaf) for leaf in net)


def optimize_step(net, points, labels):
    gradient = jax.grad(loss)(net, points, labels)
    return [leaf - RATE * slope for leaf, slope in zip(net, gradient, strict=True)]


def step(inputs):
    jax.config.update("jax_enable_x64", inputs.points.dtype == np.float64)
    compiled = jax.jit(optimize_step, donate_argnums=0)
    points, labels = jnp.array(inputs.points), jnp.array(inputs.labels)

    def steps(net, count):
        for _ in range(count):
            net = compiled(net, points, labels)
        return jax.block_until_ready(net)

    net = [jnp.array(leaf) for leaf in inputs.net]

    def run():
        nonlocal net
        net = steps(net, STEPS)

    return Job(run, lambda: steps([jnp.array(leaf) for leaf in inputs.net], COMPARED_AFTER), steps=STEPS)
