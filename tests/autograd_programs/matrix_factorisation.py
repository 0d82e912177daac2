"""Ratings from few factors, where most of the ratings are not known."""

import autograd.numpy as np
from autograd import value_and_grad

rng = np.random.RandomState(32)
ratings = np.dot(rng.rand(30, 3), rng.rand(3, 20))
who, what = np.nonzero(rng.rand(30, 20) < 0.3)
known = ratings[who, what]


def loss(people, things, average):
    predicted = np.sum(people[who] * things[what], axis=1) + average
    return np.sum((predicted - known) ** 2) + 0.01 * (np.sum(people**2) + np.sum(things**2))


both = value_and_grad(loss, (0, 1, 2))


def main(steps=20):
    init = np.random.RandomState(33)
    params = (0.3 * init.randn(30, 3), 0.3 * init.randn(20, 3), 0.0)
    for _ in range(steps):
        value, gradient = both(*params)
        params = tuple(p - 0.01 * g for p, g in zip(params, gradient))
    return (value, *params)
