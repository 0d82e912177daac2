"""HIPS autograd: a tape in Python over NumPy."""

import autograd.numpy as np
from autograd import grad

from bench.workload import Job
from bench.workloads.moons import ALPHA, COMPARED_AFTER, RATE, STEPS


def loss(net, points, labels):
    *hidden, (weights, biases) = zip(net[::2], net[1::2], strict=True)
    x = points
    for w, b in hidden:
        x = np.maximum(np.dot(x, w.T) + b, 0)
    scores = (np.dot(x, weights.T) + biases)[:, 0]
    return np.mean(np.maximum(1 - labels * scores, 0)) + ALPHA * sum(np.sum(leaf * leaf) for leaf in net)


gradient = grad(loss)


def step(inputs):
    def steps(net, count):
        for _ in range(count):
            slope = gradient(net, inputs.points, inputs.labels)
            net = [leaf - RATE * leaf_bar for leaf, leaf_bar in zip(net, slope, strict=True)]
        return net

    net = inputs.net

    def run():
        nonlocal net
        net = steps(net, STEPS)

    return Job(run, lambda: steps(inputs.net, COMPARED_AFTER), steps=STEPS)
