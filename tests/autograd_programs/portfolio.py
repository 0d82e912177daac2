"""Weights of a portfolio by a softmax, for most return to its risk and costs."""

import autograd.numpy as np
from autograd import value_and_grad

rng = np.random.RandomState(41)
returns = 0.001 + 0.02 * rng.randn(250, 10)
before = np.full(10, 0.1)


def objective(scores):
    e = np.exp(scores - np.max(scores))
    weights = e / np.sum(e)
    daily = np.dot(returns, weights)
    costs = 0.002 * np.sum(np.sqrt((weights - before) ** 2 + 1e-8))
    downside = np.sqrt(np.mean(np.minimum(daily, 0.0) ** 2))
    return -(np.mean(daily) - costs / 250) / (np.std(daily) + downside)


both = value_and_grad(objective)


def main(steps=20):
    scores = 0.1 * np.arange(10.0)
    for _ in range(steps):
        value, gradient = both(scores)
        scores = scores - 2.0 * gradient
    return value, scores
