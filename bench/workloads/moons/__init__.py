"""A step of gradient descent for the network of examples/moons.py, 2-16-16-1: mean hinge loss and L2, ReLU."""

import itertools
from typing import NamedTuple

import numpy as np

from bench.workload import Array

SIZES = (2, 16, 16, 1)
ALPHA = 1e-4  # how much large weights and biases are disliked
RATE = 0.5
STEPS = 50  # in a run, each a call from Python
COMPARED_AFTER = 5


class Inputs(NamedTuple):
    """Weights (outputs, inputs) and biases alternate in ``net``; labels are -1 or 1."""

    points: Array
    labels: Array
    net: list[Array]


def inputs(dtype: str, points: int) -> Inputs:
    rng = np.random.default_rng(0)
    angles, labels = rng.uniform(0, np.pi, points), rng.choice([-1.0, 1.0], points)
    upper = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    lower = np.stack([1 - np.cos(angles), 0.5 - np.sin(angles)], axis=-1)
    moons = np.where(labels[:, None] < 0, upper, lower) + 0.1 * rng.standard_normal((points, 2))
    net = []
    for n_in, n_out in itertools.pairwise(SIZES):
        net += [rng.uniform(-1, 1, (n_out, n_in)).astype(dtype), np.zeros(n_out, dtype)]
    return Inputs(moons.astype(dtype), labels.astype(dtype), net)
