"""The wind that carries smoke into a given picture: a solver of the incompressible equations, differentiated."""

import autograd.numpy as np
from autograd import value_and_grad

n = 12
rows, columns = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
smoke = np.exp(-((rows - 4.0) ** 2 + (columns - 4.0) ** 2) / 6.0)
wanted = np.exp(-((rows - 6.0) ** 2 + (columns - 7.0) ** 2) / 6.0)


def projected(vx, vy):
    divergence = -0.5 * (np.roll(vx, -1, 1) - np.roll(vx, 1, 1) + np.roll(vy, -1, 0) - np.roll(vy, 1, 0))
    p = np.zeros((n, n))
    for _ in range(6):
        p = (divergence + np.roll(p, 1, 1) + np.roll(p, -1, 1) + np.roll(p, 1, 0) + np.roll(p, -1, 0)) / 4.0
    return vx - 0.5 * (np.roll(p, -1, 1) - np.roll(p, 1, 1)), vy - 0.5 * (np.roll(p, -1, 0) - np.roll(p, 1, 0))


def carried(f, vx, vy):
    y, x = rows - vy, columns - vx
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    down, right = y - top, x - left
    top, bottom, left_, right_ = top % n, (top + 1) % n, left % n, (left + 1) % n
    return (1 - right) * ((1 - down) * f[top, left_] + down * f[bottom, left_]) + right * (
        (1 - down) * f[top, right_] + down * f[bottom, right_]
    )


def simulated(f, vx, vy):
    for _ in range(4):
        vx, vy = projected(carried(vx, vx, vy), carried(vy, vx, vy))
        f = carried(f, vx, vy)
    return f


def loss(wind, f):
    return np.mean((simulated(f, wind[0], wind[1]) - wanted) ** 2)


both = value_and_grad(loss)


def main(steps=20):
    wind = 0.05 * np.random.RandomState(21).randn(2, n, n)
    for _ in range(steps):
        value, gradient = both(wind, smoke)
        wind = wind - 5.0 * gradient
    return value, wind
