"""The next letter of a text, by a plain recurrent network."""

import autograd.numpy as np
from autograd import grad
from autograd.scipy.special import logsumexp

text = "to be or not to be that is the question "
letters = sorted(set(text))
one_hot = np.eye(len(letters))[[letters.index(c) for c in text]]


def loss(params):
    h, total = params["start"], 0.0
    for now, following in zip(one_hot[:-1], one_hot[1:]):
        h = np.tanh(np.dot(now, params["in"]) + np.dot(h, params["change"]) + params["bias"])
        scores = np.dot(h, params["out"])
        total = total - np.sum(following * (scores - logsumexp(scores)))
    return total / (len(one_hot) - 1)


gradient = grad(loss)


def main(steps=20):
    rng, n, m = np.random.RandomState(16), len(letters), 12
    params = {
        "start": np.zeros(m),
        "in": 0.3 * rng.randn(n, m),
        "change": 0.3 * rng.randn(m, m),
        "bias": np.zeros(m),
        "out": 0.3 * rng.randn(m, n),
    }
    for _ in range(steps):
        slopes = gradient(params)
        params = {name: params[name] - 0.1 * slopes[name] for name in params}
    return (loss(params), *[params[name] for name in sorted(params)])
