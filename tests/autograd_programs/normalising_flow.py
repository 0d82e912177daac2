"""Planar layers that bend a normal distribution towards a ring."""

import autograd.numpy as np
from autograd import grad

noise = np.random.RandomState(38).randn(100, 2)


def log_ring(z):
    return -0.5 * ((np.sqrt(np.sum(z**2, axis=1)) - 2.0) / 0.4) ** 2


def loss(layers):
    z, log_jacobian = noise, np.zeros(100)
    for u, w, b in layers:
        h = np.tanh(np.dot(z, w) + b)
        slope = np.outer(1.0 - h**2, w)
        log_jacobian = log_jacobian + np.log(np.abs(1.0 + np.dot(slope, u)))
        z = z + np.outer(h, u)
    return -np.mean(log_ring(z) + log_jacobian)


gradient = grad(loss)


def main(steps=20):
    init = np.random.RandomState(39)
    layers = [(0.1 * init.randn(2), init.randn(2), 0.0) for _ in range(4)]
    for _ in range(steps):
        slopes = gradient(layers)
        layers = [tuple(p - 0.05 * g for p, g in zip(layer, s)) for layer, s in zip(layers, slopes)]
    return (loss(layers), *[p for layer in layers for p in layer])
