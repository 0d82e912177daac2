"""Convolution by shifted slices, a maximum over patches, and a softmax."""

import autograd.numpy as np
from autograd import grad
from autograd.scipy.special import logsumexp

rng = np.random.RandomState(14)
images = rng.rand(8, 12, 12)
labels = np.eye(3)[rng.randint(3, size=8)]


def convolved(x, filters):
    size = filters.shape[1]
    width = x.shape[1] - size + 1
    total = 0.0
    for i in range(size):
        for j in range(size):
            total = total + x[:, None, i : i + width, j : j + width] * filters[None, :, i, j, None, None]
    return total


def pooled(x):
    n, channels, rows, columns = x.shape
    return np.max(x.reshape((n, channels, rows // 2, 2, columns // 2, 2)), axis=(3, 5))


def loss(params):
    filters, W, b = params
    features = np.maximum(pooled(convolved(images, filters)), 0.0)
    scores = np.dot(features.reshape((8, -1)), W) + b
    return -np.mean(np.sum(labels * (scores - logsumexp(scores, axis=1, keepdims=True)), axis=1))


gradient = grad(loss)


def main(steps=20):
    init = np.random.RandomState(15)
    params = (0.5 * init.randn(4, 3, 3), 0.1 * init.randn(100, 3), np.zeros(3))
    for _ in range(steps):
        params = tuple(p - 0.1 * g for p, g in zip(params, gradient(params)))
    return (loss(params), *params)
