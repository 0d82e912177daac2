"""A curve by Chebyshev polynomials, with a penalty on its bends."""

import autograd.numpy as np
from autograd import grad

x = np.linspace(-1.0, 1.0, 80)
y = np.sin(4 * x) + 0.3 * x


def curve(coefficients, x):
    before, now = np.ones_like(x), x
    total = coefficients[0] * before + coefficients[1] * now
    for c in coefficients[2:]:
        before, now = now, 2 * x * now - before
        total = total + c * now
    return total


def loss(coefficients):
    f = curve(coefficients, x)
    bends = f[2:] - 2 * f[1:-1] + f[:-2]
    return np.mean((f - y) ** 2) + 10.0 * np.sum(bends**2)


gradient = grad(loss)


def main(steps=20):
    coefficients = np.zeros(9)
    for _ in range(steps):
        coefficients = coefficients - 0.05 * gradient(coefficients)
    return loss(coefficients), coefficients
