"""Baum and Welch's expectations as the gradient of the forward algorithm."""

import autograd.numpy as np
from autograd import value_and_grad
from autograd.scipy.special import logsumexp

symbols = np.random.RandomState(24).randint(4, size=40)


def log_likelihood(params):
    log_start, log_moves, log_emissions = params
    log_start = log_start - logsumexp(log_start)
    log_moves = log_moves - logsumexp(log_moves, axis=1, keepdims=True)
    log_emissions = log_emissions - logsumexp(log_emissions, axis=1, keepdims=True)
    forward = log_start + log_emissions[:, symbols[0]]
    for symbol in symbols[1:]:
        forward = logsumexp(forward[:, None] + log_moves, axis=0) + log_emissions[:, symbol]
    return logsumexp(forward)


both = value_and_grad(log_likelihood)


def main(steps=20):
    rng = np.random.RandomState(25)
    params = (rng.randn(3), rng.randn(3, 3), rng.randn(3, 4))
    for _ in range(steps):
        value, expected = both(params)
        # The gradient by a logarithm is an expected count, less its share: go a step towards the counts.
        params = tuple(p + 0.05 * e for p, e in zip(params, expected))
    return (value, *params)
