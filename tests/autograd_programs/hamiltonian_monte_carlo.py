"""Samples of a banana-shaped density by leapfrog steps along its gradient."""

import autograd.numpy as np
from autograd import grad


def log_density(q):
    return -0.5 * (q[0] ** 2 / 4.0 + (q[1] + 0.25 * q[0] ** 2 - 1.0) ** 2 + np.sum(q[2:] ** 2))


gradient = grad(log_density)


def main(steps=20):
    rng = np.random.RandomState(19)
    q, kept = np.zeros(4), []
    for _ in range(steps):
        p, start = rng.randn(4), q
        before = log_density(q) - 0.5 * np.dot(p, p)
        p = p + 0.05 * gradient(q)
        for _ in range(9):
            q = q + 0.1 * p
            p = p + 0.1 * gradient(q)
        q = q + 0.1 * p
        p = p + 0.05 * gradient(q)
        after = log_density(q) - 0.5 * np.dot(p, p)
        q = q if np.log(rng.rand()) < after - before else start
        kept.append(q)
    return np.array(kept)
