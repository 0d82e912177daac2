"""Forward and backward by hand, a NumPy call an operation."""

import numpy as np

from bench.workload import Job
from bench.workloads.moons import ALPHA, COMPARED_AFTER, RATE, STEPS


def descend(net, points, labels):
    w1, b1, w2, b2, w3, b3 = net
    h = np.maximum(points @ w1.T + b1, 0)
    g = np.maximum(h @ w2.T + b2, 0)
    scores = g @ w3[0] + b3
    d3 = np.where(labels * scores < 1, -labels / len(labels), 0)[:, None]
    d2 = np.where(g > 0, d3 @ w3, 0)
    d1 = np.where(h > 0, d2 @ w2, 0)
    slopes = [d1.T @ points, d1.sum(axis=0), d2.T @ h, d2.sum(axis=0), d3.T @ g, d3.sum(axis=0)]
    for leaf, slope in zip(net, slopes, strict=True):
        leaf -= RATE * (slope + 2 * ALPHA * leaf)


def step(inputs):
    def steps(net, count):
        for _ in range(count):
            descend(net, inputs.points, inputs.labels)
        return net

    net = [leaf.copy() for leaf in inputs.net]
    return Job(
        lambda: steps(net, STEPS),
        lambda: steps([leaf.copy() for leaf in inputs.net], COMPARED_AFTER),
        steps=STEPS,
    )
