"""Counts with a logarithmic link, and the deviance."""

import autograd.numpy as np
from autograd import grad
from autograd.scipy.special import gammaln

rng = np.random.RandomState(3)
X = 0.5 * rng.randn(300, 4)
counts = rng.poisson(np.exp(X @ np.array([0.3, -0.7, 1.0, 0.2]))).astype(float)


def negative_log_likelihood(weights, offset):
    eta = np.dot(X, weights) + offset
    return -np.sum(counts * eta - np.exp(eta) - gammaln(counts + 1.0)) / len(counts)


gradient = grad(negative_log_likelihood, [0, 1])


def main(steps=20):
    weights, offset = np.zeros(4), 0.0
    for _ in range(steps):
        d_weights, d_offset = gradient(weights, offset)
        weights, offset = weights - 0.3 * d_weights, offset - 0.3 * d_offset
    return negative_log_likelihood(weights, offset), weights, offset
