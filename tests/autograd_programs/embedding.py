"""Points in the plane whose neighbours are those of points in many dimensions (t-SNE)."""

import autograd.numpy as np
from autograd import grad

rng = np.random.RandomState(30)
data = np.vstack([rng.randn(10, 8) + centre for centre in (0.0, 4.0, -4.0)])
squares = np.sum((data[:, None] - data[None]) ** 2, axis=-1)
P = np.exp(-squares / 10.0) * (1 - np.eye(30))
P = P / np.sum(P)
P = np.maximum(0.5 * (P + P.T), 1e-12)


def divergence(y):
    gram = np.dot(y, y.T)
    norms = np.diag(gram)
    affinity = (1.0 - np.eye(30)) / (1.0 + norms[:, None] + norms[None, :] - 2.0 * gram)
    Q = np.maximum(affinity / np.sum(affinity), 1e-12)
    return np.sum(P * (np.log(P) - np.log(Q)))


gradient = grad(divergence)


def main(steps=20):
    y = 0.1 * np.random.RandomState(31).randn(30, 2)
    for _ in range(steps):
        y = y - 5.0 * gradient(y)
    return divergence(y), y
