"""Forward and backward by hand in plain Numba: products by ``@``, the rest in loops, the network in place."""

import numba
import numpy as np

from bench.workload import Job
from bench.workloads.moons import ALPHA, COMPARED_AFTER, RATE, STEPS


@numba.njit
def relu_layer(x, weights, biases):
    z = x @ weights.T
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] = max(z[i, j] + biases[j], 0.0)
    return z


@numba.njit
def where_positive(d, h):
    for i in range(d.shape[0]):
        for j in range(d.shape[1]):
            if h[i, j] <= 0.0:
                d[i, j] = 0.0


@numba.njit
def descend_layer(w, b, d, x):
    slope = d.T @ x
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            w[i, j] -= RATE * (slope[i, j] + 2 * ALPHA * w[i, j])
        total = 0.0
        for k in range(d.shape[0]):
            total += d[k, i]
        b[i] -= RATE * (total + 2 * ALPHA * b[i])


@numba.njit
def descend(w1, b1, w2, b2, w3, b3, points, labels):
    h = relu_layer(points, w1, b1)
    g = relu_layer(h, w2, b2)
    count = len(labels)
    d3 = np.zeros((count, 1))
    for i in range(count):
        score = b3[0]
        for j in range(g.shape[1]):
            score += g[i, j] * w3[0, j]
        if labels[i] * score < 1.0:
            d3[i, 0] = -labels[i] / count
    d2 = d3 @ w3
    where_positive(d2, g)
    d1 = d2 @ w2
    where_positive(d1, h)
    descend_layer(w3, b3, d3, g)
    descend_layer(w2, b2, d2, h)
    descend_layer(w1, b1, d1, points)


def step(inputs):
    def steps(net, count):
        for _ in range(count):
            descend(*net, inputs.points, inputs.labels)
        return net

    net = [leaf.copy() for leaf in inputs.net]
    return Job(
        lambda: steps(net, STEPS),
        lambda: steps([leaf.copy() for leaf in inputs.net], COMPARED_AFTER),
        steps=STEPS,
    )
