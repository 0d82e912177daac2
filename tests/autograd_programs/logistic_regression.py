"""Two classes, the logarithm of the likelihood, and Newton's method on it."""

import autograd.numpy as np
from autograd import grad, hessian

rng = np.random.RandomState(1)
X = rng.randn(150, 5)
labels = X @ np.array([1.0, -2.0, 0.5, 0.0, 1.5]) + 0.5 * rng.randn(150) > 0


def sigmoid(x):
    return 0.5 * (np.tanh(x / 2.0) + 1)


def loss(weights):
    predictions = sigmoid(np.dot(X, weights))
    likelihoods = predictions * labels + (1 - predictions) * (1 - labels)
    return -np.sum(np.log(likelihoods)) + 0.5 * np.dot(weights, weights)


gradient, curvature = grad(loss), hessian(loss)


def main(steps=20):
    weights = np.zeros(5)
    for _ in range(steps):
        weights = weights - 0.5 * np.linalg.solve(curvature(weights), gradient(weights))
    return loss(weights), weights
