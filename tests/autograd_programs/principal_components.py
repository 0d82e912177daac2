"""The directions of most variance, by ascent on the quotient of Rayleigh, one after another."""

import autograd.numpy as np
from autograd import grad

rng = np.random.RandomState(27)
data = rng.randn(80, 6) * np.array([3.0, 2.0, 1.0, 0.5, 0.3, 0.1])
covariance = np.dot(data.T, data) / 80


def variance(direction, found):
    v = direction - np.dot(found.T, np.dot(found, direction))
    return np.dot(v, np.dot(covariance, v)) / np.dot(v, v)


gradient = grad(variance)


def main(steps=20):
    found = np.zeros((2, 6))
    for k in range(2):
        v = np.ones(6)
        for _ in range(steps):
            v = v + 0.1 * gradient(v, found)
        v = v - np.dot(found.T, np.dot(found, v))
        found[k] = v / np.linalg.norm(v)
    return found
