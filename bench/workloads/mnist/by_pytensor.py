"""PyTensor with its Numba backend: the network in shared variables, inputs trusted."""

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.tensor.special import log_softmax, softmax

from bench.workload import Job
from bench.workloads.mnist import RATE

pytensor.config.mode = "NUMBA"


def run_layer(weights, biases, x):
    return (pt.dot(x, weights.T) if x.ndim == 2 else pt.dot(weights, x)) + biases


def logits(net, x):
    *hidden, last = zip(net[::2], net[1::2], strict=True)
    for layer in hidden:
        x = pt.sigmoid(run_layer(*layer, x))
    return run_layer(*last, x)


def program(inputs):
    """Symbols for a sample or a minibatch, the shared network, and the error."""
    pytensor.config.floatX = inputs.xs.dtype.name
    kind = pt.matrix if inputs.minibatch > 1 else pt.vector
    x, target = kind("x"), kind("target")
    net = [pytensor.shared(leaf) for leaf in inputs.net]
    err = -pt.mean(pt.sum(log_softmax(logits(net, x), axis=-1) * target, axis=-1))
    return x, target, net, err


def training(inputs):
    x, target, net, err = program(inputs)
    slope = pytensor.grad(err, net)
    rate = np.asarray(RATE, inputs.xs.dtype)
    updates = [(leaf, leaf - rate * leaf_bar) for leaf, leaf_bar in zip(net, slope, strict=True)]
    step = pytensor.function([x, target], [], updates=updates, trust_input=True)
    if inputs.minibatch > 1:
        samples = list(zip(*inputs.batches(), strict=True))
    else:
        samples = list(zip(inputs.xs, inputs.targets, strict=True))

    def pass_over(samples):
        for x, target in samples:
            step(x, target)

    def answer():
        value, *slopes = pytensor.function([x, target], [err, *slope], trust_input=True)(*samples[0])
        pass_over(samples[: inputs.few() // inputs.minibatch])
        return [value, *slopes, *(leaf.get_value() for leaf in net)]

    return Job(lambda: pass_over(samples), answer, steps=len(samples))


minibatch = samples = training


def calls(inputs):
    job = training(inputs)
    return Job(job.run, lambda: job.answer()[1 + len(inputs.net) :], job.steps)


def gradient(inputs):
    x, target, net, err = program(inputs)
    compiled = pytensor.function([x, target], [err, *pytensor.grad(err, net)], trust_input=True)
    return Job(lambda: compiled(inputs.xs, inputs.targets), lambda: compiled(inputs.xs, inputs.targets))


def forward(inputs):
    x, _, net, _ = program(inputs)
    compiled = pytensor.function([x], softmax(logits(net, x), axis=-1), trust_input=True)
    xs = inputs.xs if inputs.minibatch > 1 else inputs.xs[0]
    return Job(lambda: compiled(xs), lambda: [compiled(xs)])
