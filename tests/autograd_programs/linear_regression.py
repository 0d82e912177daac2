"""Least squares by gradient descent with momentum."""

import autograd.numpy as np
from autograd import grad

rng = np.random.RandomState(0)
X = rng.randn(200, 8)
y = X @ np.arange(1.0, 9.0) + 0.1 * rng.randn(200)


def loss(weights, bias):
    return np.mean((np.dot(X, weights) + bias - y) ** 2)


gradient = grad(loss, (0, 1))


def main(steps=20):
    weights, bias, velocity = np.zeros(8), 0.0, np.zeros(8)
    for _ in range(steps):
        d_weights, d_bias = gradient(weights, bias)
        velocity = 0.9 * velocity - 0.05 * d_weights
        weights, bias = weights + velocity, bias - 0.05 * d_bias
    return loss(weights, bias), weights, bias
