"""The conductivity of a rod, from its temperature at the end."""

import autograd.numpy as np
from autograd import grad

x = np.linspace(0.0, 1.0, 30)
initial = np.sin(np.pi * x)


def final_temperature(conductivity):
    u = initial
    between = 0.5 * (conductivity[1:] + conductivity[:-1])
    for _ in range(20):
        flux = between * np.diff(u)
        u = u + 0.2 * np.concatenate([np.zeros(1), np.diff(flux), np.zeros(1)])
    return u


measured = final_temperature(0.5 + 0.4 * np.exp(-30 * (x - 0.4) ** 2))


def loss(log_conductivity):
    k = np.exp(log_conductivity)
    return np.sum((final_temperature(k) - measured) ** 2) + 1e-4 * np.sum(np.diff(log_conductivity) ** 2)


gradient = grad(loss)


def main(steps=20):
    log_conductivity = np.log(0.5) * np.ones(30)
    for _ in range(steps):
        log_conductivity = log_conductivity - 1.0 * gradient(log_conductivity)
    return loss(log_conductivity), log_conductivity
