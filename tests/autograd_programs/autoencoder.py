"""Data through a narrow layer and back; the decoder is the transpose of the encoder."""

import autograd.numpy as np
from autograd import value_and_grad

rng = np.random.RandomState(12)
data = np.dot(rng.randn(100, 3), rng.randn(3, 20)) + 0.05 * rng.randn(100, 20)


def reconstruction(params):
    h = np.tanh(np.dot(data, params["W"]) + params["b"])
    return np.dot(h, params["W"].T) + params["c"]


def loss(params):
    return np.mean(np.sum((reconstruction(params) - data) ** 2, axis=1)) + 0.1 * np.sum(np.abs(params["W"]))


both = value_and_grad(loss)


def main(steps=20):
    params = {"W": 0.1 * np.random.RandomState(13).randn(20, 4), "b": np.zeros(4), "c": np.zeros(20)}
    for _ in range(steps):
        value, gradient = both(params)
        params = {key: params[key] - 0.01 * gradient[key] for key in params}
    return value, params["W"], params["b"], params["c"]
