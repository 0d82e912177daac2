"""Signals from their mixtures: natural gradients of the likelihood under a heavy-tailed prior."""

import autograd.numpy as np
from autograd import value_and_grad

rng = np.random.RandomState(28)
t = np.linspace(0.0, 8.0, 300)
sources = np.vstack([np.sin(3 * t), np.sign(np.cos(5 * t)), rng.laplace(size=300)])
mixed = np.dot(np.array([[1.0, 0.5, 0.3], [0.2, 1.0, 0.7], [0.6, 0.1, 1.0]]), sources)


def log_likelihood(W):
    unmixed = np.dot(W, mixed)
    return np.log(np.abs(np.linalg.det(W))) - np.mean(np.sum(np.log(np.cosh(unmixed)), axis=0))


both = value_and_grad(log_likelihood)


def main(steps=20):
    W = np.eye(3)
    for _ in range(steps):
        value, gradient = both(W)
        W = W + 0.1 * np.dot(np.dot(gradient, W.T), W)
    return value, W
