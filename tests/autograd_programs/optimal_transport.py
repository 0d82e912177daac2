"""Points that move so that a cloud takes the shape of another: Sinkhorn's algorithm, and the gradient through it."""

import autograd.numpy as np
from autograd import grad
from autograd.scipy.special import logsumexp

rng = np.random.RandomState(23)
cloud = rng.randn(20, 2)
angles = np.linspace(0.0, 2 * np.pi, 25, endpoint=False)
ring = 2.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
log_mass, log_mass_of_ring = -np.log(20.0) * np.ones(20), -np.log(25.0) * np.ones(25)


def distance(points, blur=0.3, rounds=10):
    cost = np.sum((points[:, None, :] - ring[None, :, :]) ** 2, axis=-1)
    f, g = np.zeros(20), np.zeros(25)
    for _ in range(rounds):
        f = -blur * logsumexp((g[None, :] - cost) / blur + log_mass_of_ring[None, :], axis=1)
        g = -blur * logsumexp((f[:, None] - cost) / blur + log_mass[:, None], axis=0)
    return np.mean(f) + np.mean(g)


def main(steps=20):
    points = cloud
    for _ in range(steps):
        points = points - 2.0 * grad(distance)(points)
    return distance(points), points
