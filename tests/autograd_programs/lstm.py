"""Long short-term memory that learns to add up the first numbers of a sequence."""

import autograd.numpy as np
from autograd import value_and_grad

rng = np.random.RandomState(17)
sequences = rng.rand(10, 16, 1)
targets = np.sum(sequences[:3], axis=0)


def sigmoid(x):
    return 0.5 * (np.tanh(x / 2.0) + 1.0)


def loss(params):
    hidden = np.repeat(params["hidden"], 16, axis=0)
    cell = np.repeat(params["cell"], 16, axis=0)
    for x in sequences:
        joined = np.hstack((x, hidden, np.ones((16, 1))))
        change = np.tanh(np.dot(joined, params["change"]))
        forget = sigmoid(np.dot(joined, params["forget"]))
        ingate = sigmoid(np.dot(joined, params["ingate"]))
        outgate = sigmoid(np.dot(joined, params["outgate"]))
        cell = cell * forget + ingate * change
        hidden = outgate * np.tanh(cell)
    return np.mean((np.dot(hidden, params["predict"]) - targets) ** 2)


both = value_and_grad(loss)


def main(steps=20):
    init = np.random.RandomState(18)
    gates = ("change", "forget", "ingate", "outgate")
    params = {name: 0.2 * init.randn(8, 6) for name in gates}
    params.update(hidden=np.zeros((1, 6)), cell=0.1 * init.randn(1, 6), predict=0.2 * init.randn(6, 1))
    for _ in range(steps):
        value, slopes = both(params)
        params = {name: params[name] - 0.2 * slopes[name] for name in params}
    return (value, *[params[name] for name in sorted(params)])
