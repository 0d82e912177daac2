"""The weights of a small network under their posterior, approximated by independent normals."""

import autograd.numpy as np
import autograd.scipy.stats.norm as norm
from autograd import value_and_grad

inputs = np.concatenate([np.linspace(0, 2, 20), np.linspace(6, 8, 20)])[:, None]
targets = np.cos(inputs) + 0.1 * np.random.RandomState(8).randn(40, 1)
shapes = [(1, 10), (10, 10), (10, 1)]
count = sum((m + 1) * n for m, n in shapes)


def unpacked(weights):
    for m, n in shapes:
        yield weights[:, : m * n].reshape((-1, m, n)), weights[:, m * n : m * n + n].reshape((-1, 1, n))
        weights = weights[:, (m + 1) * n :]


def outputs(weights, x):
    x = np.expand_dims(x, 0)
    for W, b in unpacked(weights):
        result = np.einsum("mnd,mdo->mno", x * np.ones((weights.shape[0], 1, 1)), W) + b
        x = np.sin(result)
    return result


def negative_bound(params, noise):
    mean, log_std = params
    weights = mean + noise * np.exp(log_std)
    log_prior = -5.0 * np.sum(weights**2, axis=1)
    log_likelihood = np.sum(norm.logpdf(targets, outputs(weights, inputs), 0.1), axis=(1, 2))
    return -np.sum(log_std) - np.mean(log_prior + log_likelihood)


both = value_and_grad(negative_bound)


def main(steps=20):
    rng = np.random.RandomState(9)
    mean, log_std = 0.3 * rng.randn(count), -3.0 * np.ones(count)
    for _ in range(steps):
        value, (d_mean, d_log_std) = both((mean, log_std), rng.randn(10, count))
        mean, log_std = mean - 1e-5 * d_mean, log_std - 1e-5 * d_log_std
    return value, mean, log_std
