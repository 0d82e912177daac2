"""A yardstick: the eight matrix products of a minibatch step through NumPy's OpenBLAS, into arrays at hand."""

import numpy as np

from bench.workload import Job


def minibatch(inputs, variant):
    w1, _, w2, _, w3, _ = inputs.net
    x = inputs.batches()[0][0]
    h, g, z = (np.zeros((len(x), len(w)), x.dtype) for w in (w1, w2, w3))
    w1_bar, w2_bar, w3_bar = (np.empty_like(w) for w in (w1, w2, w3))
    d2, d1 = np.empty_like(g), np.empty_like(h)

    def run():
        np.matmul(x, w1.T, out=h)
        np.matmul(h, w2.T, out=g)
        np.matmul(g, w3.T, out=z)
        np.matmul(z, w3, out=d2)
        np.matmul(g, w2, out=d1)
        np.matmul(z.T, g, out=w3_bar)
        np.matmul(g.T, h, out=w2_bar)
        np.matmul(h.T, x, out=w1_bar)

    return Job(run, None)
