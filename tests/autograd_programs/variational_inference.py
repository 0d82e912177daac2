"""A normal approximation to a funnel, by the gradient of the evidence lower bound."""

import autograd.numpy as np
import autograd.scipy.stats.norm as norm
from autograd import grad

rng = np.random.RandomState(5)


def log_target(x):
    return norm.logpdf(x[:, 1], 0.0, 1.35) + norm.logpdf(x[:, 0], 0.0, np.exp(x[:, 1]))


def bound(params, noise):
    mean, log_std = params[:2], params[2:]
    samples = noise * np.exp(log_std) + mean
    entropy = 0.5 * 2 * (1.0 + np.log(2 * np.pi)) + np.sum(log_std)
    return entropy + np.mean(log_target(samples))


gradient = grad(bound)


def main(steps=20):
    draws = np.random.RandomState(6)
    params = np.array([-1.0, -1.0, -2.0, -2.0])
    for _ in range(steps):
        params = params + 0.02 * gradient(params, draws.randn(200, 2))
    return bound(params, draws.randn(200, 2)), params
