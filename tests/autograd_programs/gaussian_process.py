"""Regression by a Gaussian process: its marginal likelihood and a prediction."""

import autograd.numpy as np
from autograd import grad

rng = np.random.RandomState(7)
x = np.sort(rng.rand(40) * 6)
y = np.sin(x) + 0.1 * rng.randn(40)


def kernel(a, b, log_scale, log_length):
    return np.exp(2 * log_scale) * np.exp(-0.5 * (a[:, None] - b[None, :]) ** 2 * np.exp(-2 * log_length))


def negative_log_likelihood(theta):
    covariance = kernel(x, x, theta[0], theta[1]) + np.exp(2 * theta[2]) * np.eye(len(x))
    factor = np.linalg.cholesky(covariance)
    alpha = np.linalg.solve(factor, y)
    return 0.5 * np.dot(alpha, alpha) + np.sum(np.log(np.diag(factor))) + 0.5 * len(x) * np.log(2 * np.pi)


def predicted(theta, at):
    covariance = kernel(x, x, theta[0], theta[1]) + np.exp(2 * theta[2]) * np.eye(len(x))
    return np.dot(kernel(at, x, theta[0], theta[1]), np.linalg.solve(covariance, y))


gradient = grad(negative_log_likelihood)


def main(steps=20):
    theta = np.array([0.0, 0.0, -1.0])
    for _ in range(steps):
        theta = theta - 0.005 * gradient(theta)
    return negative_log_likelihood(theta), theta, predicted(theta, np.linspace(0.0, 6.0, 7))
