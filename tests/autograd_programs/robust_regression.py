"""Huber's loss and a scale that is estimated with it; one observation in ten is wild."""

import autograd.numpy as np
from autograd import value_and_grad

rng = np.random.RandomState(2)
X = np.hstack([np.ones((120, 1)), rng.randn(120, 3)])
y = X @ np.array([0.5, 1.0, -1.0, 2.0]) + 0.1 * rng.randn(120)
y[::10] += 20.0


def huber(r, delta):
    return np.where(np.abs(r) <= delta, 0.5 * r**2, delta * (np.abs(r) - 0.5 * delta))


def loss(theta):
    weights, log_scale = theta[:-1], theta[-1]
    residuals = (y - np.dot(X, weights)) * np.exp(-log_scale)
    return np.mean(huber(residuals, 1.345)) + log_scale


both = value_and_grad(loss)


def main(steps=20):
    theta = np.zeros(5)
    for _ in range(steps):
        value, gradient = both(theta)
        theta = theta - 0.1 * gradient
    return value, theta
