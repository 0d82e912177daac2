"""Compiled as a whole, training as a ``lax.scan``, the network donated.

Weights are (outputs, inputs) as everybody's are; as ``x @ W`` they are (inputs, outputs), which XLA may like better.
"""

import jax
import jax.numpy as jnp
import numpy as np

from bench.workload import Job
from bench.workloads.mnist import RATE

TRANSPOSED = "x @ W"


def compiled_for(inputs, variant):
    jax.config.update("jax_enable_x64", inputs.xs.dtype == np.float64)

    def turned(leaves):
        """To the layout of this variant, or from it."""
        return [np.ascontiguousarray(leaf.T) if variant == TRANSPOSED else leaf for leaf in leaves]

    def run_layer(weights, biases, x):
        if variant == TRANSPOSED:
            return x @ weights + biases
        return (x @ weights.T if x.ndim == 2 else weights @ x) + biases

    def logits(net, x):
        *hidden, last = zip(net[::2], net[1::2], strict=True)
        for layer in hidden:
            x = jax.nn.sigmoid(run_layer(*layer, x))
        return run_layer(*last, x)

    def net_err(net, x, target):
        return -jnp.mean(jnp.sum(jax.nn.log_softmax(logits(net, x)) * target, axis=-1))

    def step(net, sample):
        gradient = jax.grad(net_err)(net, *sample)
        return [leaf - RATE * slope for leaf, slope in zip(net, gradient, strict=True)]

    def train(net, xs, targets):
        return jax.lax.scan(lambda net, sample: (step(net, sample), None), net, (xs, targets))[0]

    def new_net():
        return [jnp.array(leaf) for leaf in turned(inputs.net)]

    return turned, logits, net_err, step, train, new_net


def training(inputs, variant=""):
    turned, _, net_err, _, train, new_net = compiled_for(inputs, variant)
    compiled = jax.jit(train, donate_argnums=0)
    xs, targets = inputs.batches() if inputs.minibatch > 1 else (inputs.xs, inputs.targets)
    few = inputs.few() // inputs.minibatch
    some = jnp.array(xs[:few]), jnp.array(targets[:few])
    xs, targets, net = jnp.array(xs), jnp.array(targets), new_net()

    def run():
        nonlocal net
        net = jax.block_until_ready(compiled(net, xs, targets))

    def answer():
        value, slope = jax.jit(jax.value_and_grad(net_err))(new_net(), xs[0], targets[0])
        trained = jax.jit(train)(new_net(), *some)
        return [value, *turned(map(np.asarray, slope)), *turned(map(np.asarray, trained))]

    return Job(run, answer, steps=len(xs))


minibatch = samples = training


def calls(inputs, variant=""):
    turned, _, _, step, _, new_net = compiled_for(inputs, variant)
    compiled = jax.jit(step, donate_argnums=0)
    samples = [(jnp.array(x), jnp.array(target)) for x, target in zip(inputs.xs, inputs.targets, strict=True)]

    def pass_over(samples, net):
        for sample in samples:
            net = compiled(net, sample)
        return jax.block_until_ready(net)

    net = new_net()

    def run():
        nonlocal net
        net = pass_over(samples, net)

    def answer():
        return turned(map(np.asarray, pass_over(samples[: inputs.few()], new_net())))

    return Job(run, answer, steps=len(samples))


def gradient(inputs, variant=""):
    turned, _, net_err, _, _, new_net = compiled_for(inputs, variant)
    compiled = jax.jit(jax.value_and_grad(net_err))
    net, xs, targets = new_net(), jnp.array(inputs.xs), jnp.array(inputs.targets)

    def run():
        return jax.block_until_ready(compiled(net, xs, targets))

    def answer():
        value, slope = run()
        return [value, *turned(map(np.asarray, slope))]

    return Job(run, answer)


def forward(inputs, variant=""):
    _, logits, _, _, _, new_net = compiled_for(inputs, variant)
    compiled = jax.jit(lambda net, x: jax.nn.softmax(logits(net, x)))
    net, xs = new_net(), jnp.array(inputs.xs if inputs.minibatch > 1 else inputs.xs[0])

    def run():
        return jax.block_until_ready(compiled(net, xs))

    return Job(run, lambda: [run()])
