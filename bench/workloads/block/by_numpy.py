"""The derivatives by hand, backwards through the block."""

import numpy as np

from bench.workload import Job


def normalised(x):
    off = x - np.mean(x, axis=-1, keepdims=True)
    scale = 1 / np.sqrt(np.mean(off * off, axis=-1, keepdims=True) + 1e-5)
    return off * scale, scale


def normalised_back(bar, n, scale):
    return scale * (bar - np.mean(bar, axis=-1, keepdims=True) - n * np.mean(bar * n, axis=-1, keepdims=True))


def slopes(query, key, value, up, down, x):
    width, heads, size = query.shape
    flat = [weights.reshape(width, width) for weights in (query, key, value)]
    n, _ = normalised(x)
    q, k, v = ((n @ weights).reshape(-1, heads, size).transpose(1, 0, 2) for weights in flat)
    scores = q @ k.transpose(0, 2, 1) / np.sqrt(size)
    shares = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    shares /= np.sum(shares, axis=-1, keepdims=True)
    y = x + (shares @ v).transpose(1, 0, 2).reshape(x.shape)
    m, scale = normalised(y)
    h = np.tanh(m @ up)
    out = y + h @ down

    out_bar = 2 * out / out.size
    h_bar = (out_bar @ down.T) * (1 - h * h)
    y_bar = out_bar + normalised_back(h_bar @ up.T, m, scale)
    heads_bar = y_bar.reshape(-1, heads, size).transpose(1, 0, 2)
    shares_bar = heads_bar @ v.transpose(0, 2, 1)
    scores_bar = shares * (shares_bar - np.sum(shares_bar * shares, axis=-1, keepdims=True)) / np.sqrt(size)
    bars = scores_bar @ k, scores_bar.transpose(0, 2, 1) @ q, shares.transpose(0, 2, 1) @ heads_bar
    weights_bar = [(n.T @ bar.transpose(1, 0, 2).reshape(x.shape)).reshape(query.shape) for bar in bars]
    return (*weights_bar, m.T @ h_bar, h.T @ out_bar)


def gradient(inputs):
    return Job(lambda: slopes(*inputs), lambda: slopes(*inputs))
