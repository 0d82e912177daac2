"""PyTensor with its Numba backend: the network in shared variables, inputs trusted."""

import numpy as np
import pytensor
import pytensor.tensor as pt

from bench.workload import Job
from bench.workloads.moons import ALPHA, COMPARED_AFTER, RATE, STEPS

pytensor.config.mode = "NUMBA"


def loss(net, points, labels):
    *hidden, (weights, biases) = zip(net[::2], net[1::2], strict=True)
    x = points
    for w, b in hidden:
        x = pt.maximum(pt.dot(x, w.T) + b, 0)
    scores = (pt.dot(x, weights.T) + biases)[:, 0]
    return pt.mean(pt.maximum(1 - labels * scores, 0)) + ALPHA * sum(pt.sum(leaf * leaf) for leaf in net)


def step(inputs):
    pytensor.config.floatX = inputs.points.dtype.name
    points, labels = pt.matrix("points"), pt.vector("labels")
    net = [pytensor.shared(leaf) for leaf in inputs.net]
    gradient = pytensor.grad(loss(net, points, labels), net)
    rate = np.asarray(RATE, inputs.points.dtype)
    updates = [(leaf, leaf - rate * slope) for leaf, slope in zip(net, gradient, strict=True)]
    compiled = pytensor.function([points, labels], [], updates=updates, trust_input=True)

    def steps(count):
        for _ in range(count):
            compiled(inputs.points, inputs.labels)
        return [leaf.get_value() for leaf in net]

    return Job(lambda: steps(STEPS), lambda: steps(COMPARED_AFTER), steps=STEPS)
