"""A mixture of normals with full covariances, by the gradient of its likelihood."""

import autograd.numpy as np
from autograd import value_and_grad
from autograd.scipy.special import logsumexp

rng = np.random.RandomState(4)
data = np.vstack([rng.randn(40, 2) * 0.5 + centre for centre in ([0.0, 0.0], [3.0, 1.0], [-2.0, 2.0])])


def log_density(log_weights, means, roots):
    parts = []
    for log_weight, mean, root in zip(log_weights - logsumexp(log_weights), means, roots):
        z = np.dot(data - mean, root)
        _, log_determinant = np.linalg.slogdet(root)
        parts.append(log_weight + log_determinant - np.log(2 * np.pi) - 0.5 * np.sum(z**2, axis=1))
    return logsumexp(np.vstack(parts), axis=0)


def loss(params):
    log_weights, means, roots = params
    return -np.mean(log_density(log_weights, means, roots))


both = value_and_grad(loss)


def main(steps=20):
    means = np.array([[0.5, 0.0], [2.0, 0.0], [-1.0, 1.0]])
    params = (np.zeros(3), means, np.stack([np.eye(2)] * 3))
    for _ in range(steps):
        value, gradient = both(params)
        params = tuple(p - 0.1 * g for p, g in zip(params, gradient))
    return (value, *params)
