"""Times until failure with some still running: Weibull's distribution and what makes it fail sooner."""

import autograd.numpy as np
from autograd import grad, jacobian

rng = np.random.RandomState(40)
covariates = rng.randn(120, 3)
lifetimes = np.exp(covariates @ np.array([0.5, -0.3, 0.0])) * rng.weibull(1.5, size=120)
failed = lifetimes < 1.5
lifetimes = np.minimum(lifetimes, 1.5)


def negative_log_likelihood(theta):
    log_shape, weights, offset = theta[0], theta[1:4], theta[4]
    shape = np.exp(log_shape)
    z = shape * (np.log(lifetimes) - np.dot(covariates, weights) - offset)
    return np.mean(np.exp(z) - np.where(failed, z + log_shape - np.log(lifetimes), 0.0))


gradient = grad(negative_log_likelihood)
information = jacobian(gradient)


def main(steps=20):
    theta = np.zeros(5)
    for _ in range(steps):
        theta = theta - 0.2 * gradient(theta)
    return negative_log_likelihood(theta), theta, information(theta)
