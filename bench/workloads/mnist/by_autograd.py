"""HIPS autograd: a tape in Python over NumPy."""

import autograd.numpy as np
from autograd import value_and_grad
from autograd.scipy.special import logsumexp

from bench.workload import Job
from bench.workloads.mnist import RATE


def run_layer(weights, biases, x):
    return (np.dot(x, weights.T) if x.ndim == 2 else np.dot(weights, x)) + biases


def net_err(net, x, target):
    *hidden, last = zip(net[::2], net[1::2], strict=True)
    for layer in hidden:
        x = 1 / (1 + np.exp(-run_layer(*layer, x)))
    z = run_layer(*last, x)
    return np.mean(logsumexp(z, axis=-1) - np.sum(z * target, axis=-1))


value_and_gradient = value_and_grad(net_err)


def training(inputs):
    if inputs.minibatch > 1:
        samples = list(zip(*inputs.batches(), strict=True))
    else:
        samples = list(zip(inputs.xs, inputs.targets, strict=True))

    def pass_over(samples, net):
        for sample in samples:
            _, slope = value_and_gradient(net, *sample)
            net = [leaf - RATE * leaf_bar for leaf, leaf_bar in zip(net, slope, strict=True)]
        return net

    net = inputs.net

    def run():
        nonlocal net
        net = pass_over(samples, net)

    def answer():
        value, slope = value_and_gradient(inputs.net, *samples[0])
        return [value, *slope, *pass_over(samples[: inputs.few() // inputs.minibatch], inputs.net)]

    return Job(run, answer, steps=len(samples))


minibatch = samples = training


def calls(inputs):
    job = training(inputs)
    return Job(job.run, lambda: job.answer()[1 + len(inputs.net) :], job.steps)


def gradient(inputs):
    def run():
        return value_and_gradient(inputs.net, inputs.xs, inputs.targets)

    def answer():
        value, slope = run()
        return [value, *slope]

    return Job(run, answer)
