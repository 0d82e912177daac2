"""A classifier with a kernel: the hinge loss in the space of the kernel."""

import autograd.numpy as np
from autograd import grad

rng = np.random.RandomState(29)
points = rng.randn(60, 2)
signs = np.sign(np.sum(points**2, axis=1) - 1.4)
distances = np.sum((points[:, None, :] - points[None, :, :]) ** 2, axis=-1)


def loss(alpha, bias, log_width):
    K = np.exp(-distances * np.exp(-log_width))
    margins = signs * (np.dot(K, alpha) + bias)
    return np.mean(np.maximum(0.0, 1.0 - margins)) + 0.01 * np.dot(alpha, np.dot(K, alpha))


gradient = grad(loss, (0, 1, 2))


def main(steps=20):
    params = (np.zeros(60), 0.1, 0.0)
    for _ in range(steps):
        params = tuple(p - 0.5 * g for p, g in zip(params, gradient(*params)))
    return (loss(*params), *params)
