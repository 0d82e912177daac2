"""Seven atoms under Lennard and Jones's potential: forces, the way to rest, and how they swing about it."""

import autograd.numpy as np
from autograd import grad, hessian, jacobian

atoms = 1.1 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], dtype=float)
atoms = atoms + 0.05 * np.random.RandomState(26).randn(7, 3)
first, second = np.triu_indices(7, 1)


def energy(flat):
    places = np.reshape(flat, (7, 3))
    apart = np.linalg.norm(places[first] - places[second], axis=1)
    return np.sum(4.0 * ((1.0 / apart) ** 12 - (1.0 / apart) ** 6))


def swing(flat):
    return np.linalg.eigh(hessian(energy)(flat))[0][-1]


def main(steps=20):
    flat, speed = atoms.ravel(), np.zeros(21)
    for _ in range(steps):
        speed = 0.8 * speed - 0.002 * grad(energy)(flat)
        flat = flat + speed
    stiffness = jacobian(grad(energy))(flat)
    return energy(flat), flat, np.sum(stiffness**2), swing(flat), grad(swing)(flat)
