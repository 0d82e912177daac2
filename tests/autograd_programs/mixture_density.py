"""A network whose output is a distribution of several peaks."""

import autograd.numpy as np
from autograd import grad
from autograd.scipy.special import logsumexp

rng = np.random.RandomState(34)
target = rng.rand(100, 1)
inputs = target + 0.3 * np.sin(2 * np.pi * target) + 0.05 * rng.randn(100, 1)


def loss(params):
    W, b, V, c = params
    out = np.dot(np.tanh(np.dot(inputs, W) + b), V) + c
    log_weights, means, log_stds = np.split(out, 3, axis=1)
    log_weights = log_weights - logsumexp(log_weights, axis=1, keepdims=True)
    z = (target - means) / np.exp(log_stds)
    return -np.mean(logsumexp(log_weights - log_stds - 0.5 * z**2 - 0.5 * np.log(2 * np.pi), axis=1))


gradient = grad(loss)


def main(steps=20):
    init = np.random.RandomState(35)
    params = [0.5 * init.randn(1, 12), np.zeros(12), 0.3 * init.randn(12, 9), np.zeros(9)]
    for _ in range(steps):
        params = [p - 0.1 * g for p, g in zip(params, gradient(params))]
    return (loss(params), *params)
