"""Hares and lynxes: the rates of Lotka and Volterra's equations from noisy counts, through Runge and Kutta's rule."""

import autograd.numpy as np
from autograd import value_and_grad


def field(z, rates):
    a, b, c, d = rates
    return np.array([a * z[0] - b * z[0] * z[1], c * z[0] * z[1] - d * z[1]])


def path(rates, z, count=12, dt=0.2):
    points = [z]
    for _ in range(count):
        k1 = field(z, rates)
        k2 = field(z + 0.5 * dt * k1, rates)
        k3 = field(z + 0.5 * dt * k2, rates)
        k4 = field(z + dt * k3, rates)
        z = z + dt / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
        points.append(z)
    return np.stack(points)


start = np.array([1.0, 0.5])
true_rates = np.array([1.2, 0.9, 0.8, 1.0])
observed = path(true_rates, start) + 0.02 * np.random.RandomState(20).randn(13, 2)


def loss(log_rates):
    return np.mean((path(np.exp(log_rates), start) - observed) ** 2)


both = value_and_grad(loss)


def main(steps=20):
    log_rates = np.zeros(4)
    for _ in range(steps):
        value, gradient = both(log_rates)
        log_rates = log_rates - 0.2 * gradient
    return value, log_rates
