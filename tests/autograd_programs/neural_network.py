"""A classifier of several layers, its parameters a list of pairs, trained by Adam."""

import autograd.numpy as np
from autograd import grad
from autograd.scipy.special import logsumexp

rng = np.random.RandomState(10)
images = rng.rand(64, 30)
labels = np.eye(5)[rng.randint(5, size=64)]
sizes = [30, 24, 16, 5]


def log_probabilities(params, inputs):
    for W, b in params:
        outputs = np.dot(inputs, W) + b
        inputs = np.tanh(outputs)
    return outputs - logsumexp(outputs, axis=1, keepdims=True)


def objective(params):
    penalty = sum(np.sum(W**2) + np.sum(b**2) for W, b in params)
    return 0.01 * penalty - np.sum(log_probabilities(params, images) * labels)


gradient = grad(objective)


def main(steps=20):
    init = np.random.RandomState(11)
    params = [(0.1 * init.randn(m, n), 0.1 * init.randn(n)) for m, n in zip(sizes[:-1], sizes[1:])]
    first = [[np.zeros_like(p) for p in layer] for layer in params]
    second = [[np.zeros_like(p) for p in layer] for layer in params]
    for step in range(1, steps + 1):
        updated = []
        for n, (layer, slopes) in enumerate(zip(params, gradient(params))):
            for k, g in enumerate(slopes):
                first[n][k] = 0.9 * first[n][k] + 0.1 * g
                second[n][k] = 0.999 * second[n][k] + 0.001 * g**2
            rates = [0.01 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)] * 2
            moves = (r * m / (np.sqrt(v) + 1e-8) for r, m, v in zip(rates, first[n], second[n]))
            updated.append(tuple(p - move for p, move in zip(layer, moves)))
        params = updated
    return (objective(params), *[p for layer in params for p in layer])
