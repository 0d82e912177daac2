"""Shares between zero and one that depend on something: a regression with beta densities, and how sure it is."""

import autograd.numpy as np
from autograd import grad, hessian
from autograd.scipy import special, stats

rng = np.random.RandomState(25)
given = np.hstack([np.ones((40, 1)), rng.randn(40, 2)])
mean = special.expit(np.dot(given, np.array([0.2, 0.8, -0.5])))
shares = np.clip(mean + 0.08 * rng.randn(40), 0.02, 0.98)


def loss(params):
    weights, size = params[:3], np.exp(params[3])
    center = special.expit(np.dot(given, weights))
    prior = np.sum(stats.norm.logpdf(weights, 0.0, 2.0)) + stats.gamma.logpdf(size, 2.0)
    return -np.mean(stats.beta.logpdf(shares, center * size, (1.0 - center) * size)) - prior / 40.0


def main(steps=20):
    params = np.zeros(4)
    for _ in range(steps // 3):
        params = params - np.linalg.solve(hessian(loss)(params) + 0.05 * np.eye(4), grad(loss)(params))
    covariance = np.linalg.inv(40.0 * hessian(loss)(params))
    return params, np.sqrt(np.diag(covariance))
