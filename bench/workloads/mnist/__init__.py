"""The network 784-300-100-10 on MNIST: logistic layers, softmax, cross entropy, plain gradient descent.

The jobs: ``minibatch`` and ``samples`` train in a loop, ``calls`` calls one step for each sample, ``gradient`` is the
value and the gradient of the mean error of a minibatch, ``forward`` the probabilities that the network gives.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bench.workload import Array

RATE = 0.02


class Inputs(NamedTuple):
    """Weights (outputs, inputs) and biases alternate in ``net``; ``targets`` is one-hot, ``labels`` the same."""

    xs: Array
    targets: Array
    labels: Array
    net: list[Array]
    minibatch: int

    def batches(self) -> tuple[Array, Array]:
        """The samples as (steps, minibatch, ...)."""
        xs, targets = (a.reshape(-1, self.minibatch, a.shape[1]) for a in (self.xs, self.targets))
        return xs, targets

    def first(self, count: int) -> "Inputs":
        """The same with no more samples than that."""
        return self._replace(xs=self.xs[:count], targets=self.targets[:count], labels=self.labels[:count])

    def few(self) -> int:
        """After how many samples trained networks are compared."""
        return min(len(self.xs), 100 if self.minibatch == 1 else 4 * self.minibatch)


def inputs(
    dtype: str, samples: int, minibatch: int = 1, hidden: Sequence[int] = (300, 100), data: str | None = None
) -> Inputs:
    """Samples from a directory of the MNIST files, or from the part of them that comes with staticbp."""
    from staticbp.datasets import mnist  # noqa: PLC0415  (the process that makes the inputs needs it, the others not)

    images, labels, *_ = mnist(data)
    chosen = np.arange(samples // minibatch * minibatch) % len(images)  # more than there are: from the beginning
    xs = images.reshape(len(images), -1)[chosen].astype(dtype) / 255
    targets = np.eye(10, dtype=dtype)[labels[chosen]]
    rng = np.random.default_rng(0)
    sizes = itertools.pairwise([xs.shape[1], *hidden, targets.shape[1]])
    shapes = [shape for n_in, n_out in sizes for shape in ((n_out, n_in), (n_out,))]
    net = [rng.uniform(-0.5, 0.5, shape).astype(dtype) for shape in shapes]
    return Inputs(xs, targets, labels[chosen].astype(np.int64), net, minibatch)
