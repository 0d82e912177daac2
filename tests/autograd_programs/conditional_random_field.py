"""Labels of a sequence that depend on their neighbours, by the likelihood of the whole."""

import autograd.numpy as np
from autograd import grad
from autograd.scipy.special import logsumexp

rng = np.random.RandomState(26)
features = rng.randn(25, 6)
tags = rng.randint(3, size=25)


def loss(params):
    weights, moves = params
    scores = np.dot(features, weights)
    path = np.sum(scores[np.arange(25), tags]) + np.sum(moves[tags[:-1], tags[1:]])
    alpha = scores[0]
    for row in scores[1:]:
        alpha = row + logsumexp(alpha[:, None] + moves, axis=0)
    return logsumexp(alpha) - path


gradient = grad(loss)


def main(steps=20):
    weights, moves = np.zeros((6, 3)), np.zeros((3, 3))
    for _ in range(steps):
        d_weights, d_moves = gradient((weights, moves))
        weights, moves = weights - 0.05 * d_weights, moves - 0.05 * d_moves
    return loss((weights, moves)), weights, moves
