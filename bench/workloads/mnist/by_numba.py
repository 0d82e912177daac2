"""Forward and backward by hand in plain Numba: ``@`` and loops, updates in place."""

import math

import numba
import numpy as np

from bench.workload import Job
from bench.workloads.mnist import RATE


@numba.njit
def logistic(z):
    one = z.dtype.type(1)
    flat = z.reshape(z.size)
    for i in range(z.size):
        flat[i] = one / (one + math.exp(-flat[i]))


@numba.njit
def add_rows(z, biases):
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] += biases[j]


@numba.njit
def softmax(z):
    top = np.max(z)
    total = z.dtype.type(0)
    for i in range(z.size):
        z[i] = math.exp(z[i] - top)
        total += z[i]
    for i in range(z.size):
        z[i] /= total


@numba.njit
def through_logistic(d, h):
    one = h.dtype.type(1)
    flat_d, flat_h = d.reshape(d.size), h.reshape(h.size)
    for i in range(h.size):
        flat_d[i] *= flat_h[i] * (one - flat_h[i])


@numba.njit
def descend_rank_1(w, b, d, x, rate):
    for i in range(w.shape[0]):
        s = rate * d[i]
        for j in range(w.shape[1]):
            w[i, j] -= s * x[j]
        b[i] -= s


@numba.njit
def sample_step(w1, b1, w2, b2, w3, b3, x, target, rate):
    h = w1 @ x + b1
    logistic(h)
    g = w2 @ h + b2
    logistic(g)
    d3 = w3 @ g + b3
    softmax(d3)
    d3 -= target
    d2 = w3.T @ d3
    through_logistic(d2, g)
    d1 = w2.T @ d2
    through_logistic(d1, h)
    descend_rank_1(w3, b3, d3, g, rate)
    descend_rank_1(w2, b2, d2, h, rate)
    descend_rank_1(w1, b1, d1, x, rate)


@numba.njit
def sample_loop(w1, b1, w2, b2, w3, b3, xs, targets, rate):
    for k in range(len(xs)):
        sample_step(w1, b1, w2, b2, w3, b3, xs[k], targets[k], rate)


@numba.njit
def run_on_all(w1, b1, w2, b2, w3, b3, x):
    h = x @ w1.T
    add_rows(h, b1)
    logistic(h)
    g = h @ w2.T
    add_rows(g, b2)
    logistic(g)
    p = g @ w3.T
    add_rows(p, b3)
    for i in range(p.shape[0]):
        softmax(p[i])
    return h, g, p


@numba.njit
def column_sums(d):
    total = np.zeros(d.shape[1], d.dtype)
    for i in range(d.shape[0]):
        for j in range(d.shape[1]):
            total[j] += d[i, j]
    return total


@numba.njit
def batch_gradient(w1, b1, w2, b2, w3, b3, x, target):
    h, g, d3 = run_on_all(w1, b1, w2, b2, w3, b3, x)
    count = x.dtype.type(len(x))
    value = x.dtype.type(0)
    for i in range(d3.shape[0]):
        for j in range(d3.shape[1]):
            if target[i, j] != 0:
                value -= math.log(d3[i, j]) * target[i, j]
            d3[i, j] = (d3[i, j] - target[i, j]) / count
    d2 = d3 @ w3
    through_logistic(d2, g)
    d1 = d2 @ w2
    through_logistic(d1, h)
    slope = (d1.T @ x, column_sums(d1), d2.T @ h, column_sums(d2), d3.T @ g, column_sums(d3))
    return value / count, slope


@numba.njit
def descend(leaf, leaf_bar, rate):
    flat, flat_bar = leaf.reshape(leaf.size), leaf_bar.reshape(leaf.size)
    for i in range(leaf.size):
        flat[i] -= rate * flat_bar[i]


@numba.njit
def batch_loop(w1, b1, w2, b2, w3, b3, xs, targets, rate):
    for k in range(len(xs)):
        _, (w1_bar, b1_bar, w2_bar, b2_bar, w3_bar, b3_bar) = batch_gradient(w1, b1, w2, b2, w3, b3, xs[k], targets[k])
        descend(w1, w1_bar, rate)
        descend(b1, b1_bar, rate)
        descend(w2, w2_bar, rate)
        descend(b2, b2_bar, rate)
        descend(w3, w3_bar, rate)
        descend(b3, b3_bar, rate)


def training(inputs):
    rate = inputs.xs.dtype.type(RATE)
    batched = inputs.minibatch > 1
    loop = batch_loop if batched else sample_loop
    xs, targets = inputs.batches() if batched else (inputs.xs, inputs.targets)
    few = inputs.few() // inputs.minibatch
    net = [leaf.copy() for leaf in inputs.net]

    def answer():
        first = [a[0] if batched else a[:1] for a in (xs, targets)]
        value, slope = batch_gradient(*inputs.net, *first)
        trained = [leaf.copy() for leaf in inputs.net]
        loop(*trained, xs[:few], targets[:few], rate)
        return [xs.dtype.type(value), *slope, *trained]  # Numba has made a Python number of it

    return Job(lambda: loop(*net, xs, targets, rate), answer, steps=len(xs))


minibatch = samples = training


def calls(inputs):
    rate = inputs.xs.dtype.type(RATE)
    samples = list(zip(inputs.xs, inputs.targets, strict=True))

    def pass_over(samples, net):
        for x, target in samples:
            sample_step(*net, x, target, rate)
        return net

    net = [leaf.copy() for leaf in inputs.net]

    def answer():
        return pass_over(samples[: inputs.few()], [leaf.copy() for leaf in inputs.net])

    return Job(lambda: pass_over(samples, net), answer, steps=len(samples))


def gradient(inputs):
    def run():
        return batch_gradient(*inputs.net, inputs.xs, inputs.targets)

    def answer():
        value, slope = run()
        return [inputs.xs.dtype.type(value), *slope]  # Numba has made a Python number of it

    return Job(run, answer)


def forward(inputs):
    xs = inputs.xs if inputs.minibatch > 1 else inputs.xs[:1]

    def answer():
        probabilities = run_on_all(*inputs.net, xs)[2]
        return [probabilities if inputs.minibatch > 1 else probabilities[0]]

    return Job(lambda: run_on_all(*inputs.net, xs), answer)
