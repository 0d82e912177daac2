"""Forward and backward by hand, a NumPy call an operation."""

import numpy as np

from bench.workload import Job
from bench.workloads.mnist import RATE


def run_network(net, x):
    w1, b1, w2, b2, w3, b3 = net
    h = 1 / (1 + np.exp(-(x @ w1.T + b1)))
    g = 1 / (1 + np.exp(-(h @ w2.T + b2)))
    z = g @ w3.T + b3
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return h, g, e / e.sum(axis=-1, keepdims=True)


def slopes(net, x, target):
    """The probabilities and the gradient of the mean error, for a sample or a minibatch."""
    _, _, w2, _, w3, _ = net
    h, g, p = run_network(net, x)
    d3 = (p - target) / (len(x) if x.ndim == 2 else 1)
    d2 = (d3 @ w3) * g * (1 - g)
    d1 = (d2 @ w2) * h * (1 - h)
    if x.ndim == 1:
        return p, [np.outer(d1, x), d1, np.outer(d2, h), d2, np.outer(d3, g), d3]
    return p, [d1.T @ x, d1.sum(axis=0), d2.T @ h, d2.sum(axis=0), d3.T @ g, d3.sum(axis=0)]


def value_and_gradient(net, x, target):
    p, gradient = slopes(net, x, target)
    return -np.mean(np.sum(np.log(p) * target, axis=-1)), gradient


def training(inputs):
    if inputs.minibatch > 1:
        samples = list(zip(*inputs.batches(), strict=True))
    else:
        samples = list(zip(inputs.xs, inputs.targets, strict=True))

    def pass_over(samples, net):
        for sample in samples:
            for leaf, leaf_bar in zip(net, slopes(net, *sample)[1], strict=True):
                leaf -= RATE * leaf_bar
        return net

    net = [leaf.copy() for leaf in inputs.net]

    def answer():
        value, gradient = value_and_gradient(inputs.net, *samples[0])
        trained = pass_over(samples[: inputs.few() // inputs.minibatch], [leaf.copy() for leaf in inputs.net])
        return [value, *gradient, *trained]

    return Job(lambda: pass_over(samples, net), answer, steps=len(samples))


minibatch = samples = training


def calls(inputs):
    job = training(inputs)
    return Job(job.run, lambda: job.answer()[1 + len(inputs.net) :], job.steps)


def gradient(inputs):
    def run():
        return value_and_gradient(inputs.net, inputs.xs, inputs.targets)

    def answer():
        value, gradient = run()
        return [value, *gradient]

    return Job(run, answer)


def forward(inputs):
    xs = inputs.xs if inputs.minibatch > 1 else inputs.xs[0]
    return Job(lambda: run_network(inputs.net, xs), lambda: [run_network(inputs.net, xs)[2]])
