"""Rosenbrock's valley, descended by the Hessian's products with vectors."""

import autograd.numpy as np
from autograd import grad, value_and_grad


def valley(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


gradient = grad(valley)
product = grad(lambda x, v: np.dot(gradient(x), v))  # the Hessian times v
both = value_and_grad(valley)


def main(steps=20):
    x = np.linspace(-1.0, 1.5, 10)
    for _ in range(steps):
        g = gradient(x)
        # A few steps of conjugate gradients for the direction of Newton.
        d, r = np.zeros(10), -g
        p, rr = r, np.dot(r, r)
        for _ in range(5):
            Hp = product(x, p) + 10.0 * p
            a = rr / np.dot(p, Hp)
            d, r = d + a * p, r - a * Hp
            rr, before = np.dot(r, r), rr
            p = r + rr / before * p
        x = x + d
    return both(x), x
