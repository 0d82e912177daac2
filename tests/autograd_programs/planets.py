"""Forces of gravity as the gradient of a potential, and the step of Verlet."""

import autograd.numpy as np
from autograd import grad

masses = np.array([1.0, 1e-3, 3e-4, 5e-5])
i, j = np.triu_indices(4, 1)


def potential(x):
    separations = np.linalg.norm(x[i] - x[j], axis=1)
    return -np.sum(masses[i] * masses[j] / separations)


gradient = grad(potential)


def main(steps=20):
    x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.6], [-2.3, 0.0]])
    v = np.array([[0.0, 0.0], [0.0, 1.0], [-0.79, 0.0], [0.0, -0.66]])
    acceleration = -gradient(x) / masses[:, None]
    for _ in range(steps):
        v = v + 0.01 * acceleration
        x = x + 0.02 * v
        acceleration = -gradient(x) / masses[:, None]
        v = v + 0.01 * acceleration
    return x, v, potential(x)
