"""The shape in which a hanging net of springs is at rest."""

import autograd.numpy as np
from autograd import value_and_grad

rest = np.array([[float(i), -float(j)] for j in range(4) for i in range(6)])
pairs = [(6 * j + i, 6 * j + i + 1) for j in range(4) for i in range(5)]
pairs += [(6 * j + i, 6 * (j + 1) + i) for j in range(3) for i in range(6)]
left, right = np.array(pairs).T
masses = np.ones(24)
held = rest[:6]


def energy(free):
    nodes = np.concatenate([held, free])
    lengths = np.sqrt(np.sum((nodes[left] - nodes[right]) ** 2, axis=1))
    return 5.0 * np.sum((lengths - 0.9) ** 2) + 0.5 * np.sum(masses * nodes[:, 1])


both = value_and_grad(energy)


def main(steps=20):
    free = rest[6:]
    for _ in range(steps):
        value, force = both(free)
        free = free - 0.03 * force
    return value, free
