"""Networks as deep as a list is long: one recursive type, one function, and any depth is compiled for itself.

    python examples/mnist_extensible.py    # four networks, of none to three hidden layers
    python examples/mnist_extensible.py --hidden 300,100 --hidden 64,64,64,64
    python examples/mnist_extensible.py --plot depth.png    # learning curves, and what the first layers look for

A network is a layer and a smaller network, or an output layer and nothing more, as in the follow-up to the tutorial of
Haskell's backprop.  Which of the two it is belongs to its type, all the way down: `match` decides while a function is
traced, and a loop over the samples is compiled for each list of sizes.
"""

from __future__ import annotations

import argparse
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
class Output:
    layer: Layer


@bp.record
class Hidden:
    layer: Layer
    rest: Network


Network = Output | Hidden


def run_layer(layer: Layer, x: Array) -> Array:
    return layer.weights @ x + layer.biases


def run_network(net: Network, x: Array) -> Array:
    """From 784 pixels to 10 probabilities, one for each digit."""
    match net:
        case Output(layer):
            return bp.special.softmax(run_layer(layer, x))
        case Hidden(layer, rest):
            return run_network(rest, bp.special.expit(run_layer(layer, x)))


def net_err(net: Network, x: Array, target: Array) -> Array:
    return -np.log(run_network(net, x)) @ target


@bp.compile
def train(net: Network, xs: Array, targets: Array, rate: float) -> Network:
    """Train on sample after sample: a single call of compiled code, the loop included."""

    def step(net: Network, sample: tuple[Array, Array]) -> Network:
        return net - rate * bp.grad(net_err)(net, *sample)

    return bp.fold(step, net, (xs, targets))


@bp.compile
def read_digits(net: Network, xs: Array) -> Array:
    return np.argmax(bp.vmap(run_network, in_axes=(None, 0))(net, xs), axis=1)


def random_network(rng: np.random.Generator, n_in: int, hidden: Sequence[int], n_out: int) -> Network:
    """Weights and biases of about 1/√inputs: those of a long network would drown in each other if they were larger."""

    def layer(size: int) -> Layer:
        scale = n_in**-0.5
        weights = scale * rng.standard_normal((size, n_in), np.float32)
        return Layer(weights, scale * rng.standard_normal(size, np.float32))

    if not hidden:
        return Output(layer(n_out))
    first, *others = hidden
    return Hidden(layer(first), random_network(rng, first, others, n_out))


def sizes(net: Network) -> list[int]:
    """What the network says of its own depth."""
    n_out, n_in = net.layer.weights.shape
    return [n_in, *(sizes(net.rest) if isinstance(net, Hidden) else [n_out])]


# ---- Data, printing and plots -----------------------------------------------------------------------------


class Samples(NamedTuple):
    xs: Array  # (n, 784), between 0 and 1
    targets: Array  # (n, 10), one-hot


class Outcome(NamedTuple):
    """How one network has learnt: the share of test images misread after each epoch, from before the first."""

    net: Network
    errors: list[float]
    seconds: float


def load_mnist(directory: str | None, count: int | None) -> tuple[Samples, Samples]:
    def samples(images: Array, labels: Array) -> Samples:
        return Samples(
            images[:count].reshape(-1, 784).astype(np.float32) / 255, np.eye(10, dtype=np.float32)[labels[:count]]
        )

    data = datasets.mnist(directory)
    return samples(data.train_images, data.train_labels), samples(data.test_images, data.test_labels)


def test_net(net: Network, samples: Samples) -> float:
    return float(np.mean(read_digits(net, samples.xs) != np.argmax(samples.targets, axis=1)))


def main(argv: Sequence[str] | None = None) -> list[Outcome]:
    args = parse(argv)
    training, test = load_mnist(args.data, args.samples)
    outcomes = []
    # The bar is drawn on a terminal only (disable=None); its write() prints anywhere, and keeps out of its way.
    with tqdm(total=len(args.hidden) * args.epochs, unit=" epochs", leave=False, disable=None) as bar:
        for hidden in args.hidden:
            rng = np.random.default_rng(args.seed)
            net = random_network(rng, training.xs.shape[1], hidden, training.targets.shape[1])
            shape = " - ".join(map(str, sizes(net)))
            errors, seconds = [test_net(net, test)], []
            for _ in range(args.epochs):
                order = rng.permutation(len(training.xs))
                begin = time.perf_counter()
                net = train(net, training.xs[order], training.targets[order], args.rate)
                seconds.append(time.perf_counter() - begin)
                errors.append(test_net(net, test))
                bar.update()
            count = sum(leaf.size for leaf in bp.tree.leaves(net))
            bar.write(f"{shape}: {count:,} numbers; {errors[-1]:.2%} of the test images misread.")
            outcomes.append(Outcome(net, errors, min(seconds)))
            bar.write(f"  An epoch of {len(training.xs)} samples takes {outcomes[-1].seconds:.2f}s.")
    if args.plot:
        plot(args.plot, outcomes)
        print(f"Drew {args.plot}")
    return outcomes


def plot(path: str, outcomes: Sequence[Outcome]) -> None:
    """Draw the learning curves, and beside them the weights of neurons in the first layers."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  (slow to import, and only who plots has to have it)

    figure = plt.figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[2, 3])
    axes = left.subplots()
    for outcome in outcomes:
        label = " - ".join(map(str, sizes(outcome.net)))
        axes.plot(100 * np.array(outcome.errors), "o-", markersize=4, label=label)
    axes.set(xlabel="epochs", ylabel="test images misread / %", yscale="log")
    axes.legend(fontsize="small")
    axes.grid(alpha=0.3, which="both")
    right.suptitle("what eight neurons of each first layer look for", fontsize="medium")
    rows = right.subplots(len(outcomes), 8, squeeze=False)
    for row, outcome in zip(rows, outcomes, strict=True):
        for cell in row:
            cell.axis("off")
        for cell, weights in zip(row, outcome.net.layer.weights, strict=False):
            limit = np.abs(weights).max()
            cell.imshow(weights.reshape(28, 28), cmap="RdBu_r", vmin=-limit, vmax=limit)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    def positive(text: str) -> int:
        if (number := int(text)) < 1:
            raise argparse.ArgumentTypeError(f"{number} is less than 1")
        return number

    def several(text: str) -> list[int]:
        return [positive(part) for part in text.split(",") if part]

    parser = argparse.ArgumentParser(description="Networks of several depths read digits.")
    add = parser.add_argument
    add("data", nargs="?", metavar="DATA_DIR", help="directory of the MNIST files (else: the embedded part)")
    add(
        "--hidden",
        type=several,
        action="append",
        metavar="N,N,...",
        help="sizes of the hidden layers of a network; may be given several times ('' is none)",
    )
    add("--rate", type=float, default=0.05, help="learning rate (%(default)s)")
    add("--epochs", type=positive, default=8, help="times to go through the samples (%(default)s)")
    add("--samples", type=positive, help="how many of the samples to take (all)")
    add("--seed", type=int, default=0, help="for the first weights and the order of the samples (%(default)s)")
    add("--plot", metavar="FILE", help="draw the learning curves and the first layers")
    add("--fast", action="store_true", help="one epoch of 500 samples: to see whether everything works")
    args = parser.parse_args(argv)
    args.hidden = args.hidden or [[], [100], [100, 50], [100, 50, 25]]
    if args.fast:
        args.epochs, args.samples = 1, min(args.samples or 500, 500)
    return args


if __name__ == "__main__":
    try:
        main()
    except (bp.errors.StaticbpError, OSError) as error:
        sys.exit(str(error))
