"""A neural network learns to read handwritten digits, one sample at a time.

    python examples/mnist.py                # on the part of MNIST that comes with staticbp
    python examples/mnist.py DATA_DIR       # on the four files of MNIST (or their like) in a directory
    python examples/mnist.py --hidden 250 --dtype float32 --plot learning.png
    python examples/mnist.py --save net.safetensors, and later --load net.safetensors to go on

First the network and its training, which docs/tutorial.md walks through; then data, printing and plots.
"""

import argparse
import itertools
import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

import staticbp as bp
from staticbp import datasets

Array = np.ndarray[Any, Any]


@bp.record
class Layer:
    weights: Array  # (outputs, inputs)
    biases: Array  # (outputs,)


@bp.record
class Network:
    layers: list[Layer]


def run_layer(layer: Layer, x: Array) -> Array:
    return layer.weights @ x + layer.biases


def run_network(net: Network, x: Array) -> Array:
    """From 784 pixels to 10 probabilities, one for each digit."""
    *hidden, last = net.layers
    for layer in hidden:
        x = bp.special.expit(run_layer(layer, x))
    return bp.special.softmax(run_layer(last, x))


def cross_entropy(target: Array, result: Array) -> Array:
    return -np.log(result) @ target


@bp.differentiable
def net_err(net: Network, x: Array, target: Array) -> Array:
    return cross_entropy(target, run_network(net, x))


def mean_err(net: Network, xs: Array, targets: Array) -> Array:
    """The mean error over a minibatch."""
    return np.mean(bp.vmap(net_err, in_axes=(None, 0, 0))(net, xs, targets))


def train_step(net: Network, x: Array, target: Array, rate: float) -> Network:
    """Go downhill on the error of one sample, or of a minibatch of them."""
    err = net_err if x.ndim == 1 else mean_err
    return net - rate * bp.grad(err)(net, x, target)


@bp.compile(static_argnames=("minibatch",))
def train(net: Network, xs: Array, targets: Array, rate: float, minibatch: int = 1) -> Network:
    """Train on sample after sample: a single call of compiled code, the loop included."""

    def step(net: Network, sample: tuple[Array, Array]) -> Network:
        return train_step(net, *sample, rate)

    if minibatch == 1:
        return bp.fold(step, net, (xs, targets))
    count, rest = divmod(len(xs), minibatch)
    full = count * minibatch
    groups = tuple(a[:full].reshape(count, minibatch, a.shape[1]) for a in (xs, targets))
    net = bp.fold(step, net, groups)
    return step(net, (xs[full:], targets[full:])) if rest else net


@bp.compile
def read_digits(net: Network, xs: Array) -> Array:
    """What the network takes each image for: the digit it finds most probable."""
    return np.argmax(bp.vmap(run_network, in_axes=(None, 0))(net, xs), axis=1)


def test_net(net: Network, xs: Array, targets: Array) -> float:
    """The share of the images that the network misreads."""
    return float(np.mean(read_digits(net, xs) != np.argmax(targets, axis=1)))


def random_network(rng: np.random.Generator, sizes: Sequence[int], dtype: str) -> Network:
    """Weights and biases uniform between -0.5 and 0.5."""

    def uniform(*shape: int) -> Array:
        return rng.uniform(-0.5, 0.5, shape).astype(dtype)

    return Network([Layer(uniform(n_out, n_in), uniform(n_out)) for n_in, n_out in itertools.pairwise(sizes)])


# ---- Data, printing and plots -----------------------------------------------------------------------------


class Samples(NamedTuple):
    xs: Array  # (n, 784), between 0 and 1
    targets: Array  # (n, 10), one-hot


def load_mnist(directory: str | None, dtype: str) -> tuple[Samples, Samples]:
    def samples(images: Array, labels: Array) -> Samples:
        return Samples(images.reshape(len(images), -1).astype(dtype) / 255, np.eye(10, dtype=dtype)[labels])

    data = datasets.mnist(directory)
    return samples(data.train_images, data.train_labels), samples(data.test_images, data.test_labels)


class Progress(NamedTuple):
    """How far the network has come; the errors are shares between 0 and 1."""

    samples: int
    training_error: float
    validation_error: float


def main(argv: Sequence[str] | None = None) -> list[Progress]:
    args = parse(argv)
    rng = np.random.default_rng(args.seed)
    training, test = load_mnist(args.data, args.dtype)
    print("Loaded data.")
    net = random_network(rng, [training.xs.shape[1], *args.hidden, training.targets.shape[1]], args.dtype)
    if args.load:
        net = bp.load(args.load, like=net)
        print(f"Loaded {args.load}: it misreads {test_net(net, *test):.2%} of the test images.")
    history: list[Progress] = []
    seen = 0

    def advance(done: int, _: int) -> None:
        bar.update(seen + done * args.minibatch - bar.n)

    # The bar is drawn on a terminal only (disable=None); its write() prints anywhere, and keeps out of its way.
    with (
        tqdm(total=args.epochs * len(training.xs), unit=" samples", leave=False, disable=None) as bar,
        bp.progress(advance),
    ):
        for epoch in range(1, args.epochs + 1):
            bar.write(f"[Epoch {epoch}]")
            order = rng.permutation(len(training.xs))
            for number, first in enumerate(range(0, len(order), args.batch), start=1):
                bar.write(f"(Batch {number})")
                batch = Samples(*(a[order[first : first + args.batch]] for a in training))
                start = time.perf_counter()
                net = train(net, *batch, args.rate, minibatch=args.minibatch)
                seconds = time.perf_counter() - start
                seen += len(batch.xs)
                bar.update(seen - bar.n)
                history.append(Progress(seen, test_net(net, *batch), test_net(net, *test)))
                bar.write(f"Trained on {len(batch.xs)} points in {seconds:.2f}s.")
                bar.write(f"Training error: {history[-1].training_error:.2%}")
                bar.write(f"Validation error: {history[-1].validation_error:.2%}")
    if args.save:
        bp.save(args.save, net)
        print(f"Saved {args.save}")
    if args.plot:
        plot(args.plot, history, net, test)
        print(f"Drew {args.plot}")
    return history


def plot(path: str, history: Sequence[Progress], net: Network, test: Samples) -> None:
    """Draw the learning curves, and beside them digits that the network misreads."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  (slow to import, and only who plots has to have it)

    figure = plt.figure(figsize=(12, 5), layout="constrained")
    left, right = figure.subfigures(1, 2)
    axes = left.subplots()
    samples, training, validation = np.array(history).T
    axes.plot(samples, 100 * training, "o-", label="training")
    axes.plot(samples, 100 * validation, "o-", label="validation")
    axes.set(xlabel="samples", ylabel="error / %", ylim=(0, None))
    axes.legend()

    read, true = read_digits(net, test.xs), np.argmax(test.targets, axis=1)
    misread = np.flatnonzero(read != true)
    right.suptitle(f"{len(misread)} of {len(true)} misread: what they are → what they were taken for")
    cells = right.subplots(5, 8).ravel()
    for cell in cells:
        cell.axis("off")
    for cell, i in zip(cells, misread, strict=False):
        cell.imshow(test.xs[i].reshape(28, 28), cmap="gray_r")
        cell.set_title(f"{true[i]} → {read[i]}", fontsize="medium")
    figure.savefig(path)
    plt.close(figure)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    def positive(text: str) -> int:
        if (number := int(text)) < 1:
            raise argparse.ArgumentTypeError(f"{number} is less than 1")
        return number

    parser = argparse.ArgumentParser(description="Train a neural network on MNIST.")
    add = parser.add_argument
    add("data", nargs="?", metavar="DATA_DIR", help="directory of the MNIST files (else: the embedded part)")
    add("--hidden", type=positive, nargs="*", default=[300, 100], metavar="N", help="sizes of hidden layers")
    add("--rate", type=float, default=0.02, help="learning rate (%(default)s)")
    add("--batch", type=positive, default=5000, help="samples between two tests (%(default)s)")
    add("--minibatch", type=positive, default=1, help="samples in a step (%(default)s)")
    add("--epochs", type=positive, default=2, help="times to go through the samples (%(default)s)")
    add("--dtype", choices=["float64", "float32"], default="float64", help="of all numbers (%(default)s)")
    add("--seed", type=int, default=0, help="for the first weights and the order of the samples (%(default)s)")
    add("--save", metavar="FILE", help="save the trained network (in the format safetensors)")
    add("--load", metavar="FILE", help="begin with a saved network of the same sizes")
    add("--plot", metavar="FILE", help="draw the learning curves and misread digits")
    return parser.parse_args(argv)


if __name__ == "__main__":
    try:
        main()
    except (bp.errors.StaticbpError, OSError) as error:
        sys.exit(str(error))
