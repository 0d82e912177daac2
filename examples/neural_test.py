"""A small network learns a shape in the plane: two discs, from single points and whether they are inside.

    python examples/neural_test.py
    python examples/neural_test.py --plot discs.png

The network is that of the first release of Haskell's `backprop`: two layers, the logistic function on both, and the
squared error. The shape is printed in characters, as the network sees it while it learns.
"""

import argparse
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

import staticbp as bp

Array = np.ndarray[Any, Any]

CENTERS = np.array([[0.33, 0.33], [-0.33, -0.33]])
RADIUS = 0.33


@bp.record
class Layer:
    weights: Array  # (outputs, inputs)
    biases: Array  # (outputs,)


def logistic(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def run_network(net: list[Layer], x: Array) -> Array:
    """How likely it finds that a point is in the shape, between 0 and 1."""
    for layer in net:
        x = logistic(layer.weights @ x + layer.biases)
    return x


def squared_error(net: list[Layer], x: Array, target: Array) -> Array:
    err = run_network(net, x) - target
    return err @ err


@bp.compile
def train(net: list[Layer], xs: Array, targets: Array, rate: float) -> list[Layer]:
    """One step downhill for each point."""

    def step(net: list[Layer], sample: tuple[Array, Array]) -> list[Layer]:
        slope = bp.grad(squared_error)(net, *sample)
        return bp.tree.map(lambda leaf, leaf_bar: leaf - rate * leaf_bar, net, slope)

    return bp.fold(step, net, (xs, targets))


@bp.compile
def run_on_all(net: list[Layer], xs: Array) -> Array:
    return bp.vmap(run_network, in_axes=(None, 0))(net, xs)[:, 0]


def random_network(rng: np.random.Generator, sizes: Sequence[int]) -> list[Layer]:
    return [
        Layer(rng.uniform(-1, 1, (n_out, n_in)), rng.uniform(-1, 1, n_out)) for n_in, n_out in itertools.pairwise(sizes)
    ]


def is_inside(xs: Array) -> Array:
    """Which of the points are in one of the two discs."""
    distances = np.linalg.norm(xs[:, None, :] - CENTERS, axis=2)
    return np.any(distances <= RADIUS, axis=1)


# ---- Printing and plot ----------------------------------------------------------------------------------------


class Report(NamedTuple):
    """How well a network does after so many points; the accuracy is a share between 0 and 1."""

    samples: int
    accuracy: float


def main(argv: Sequence[str] | None = None) -> list[Report]:
    args = parse(argv)
    rng = np.random.default_rng(args.seed)
    net = random_network(rng, [2, args.hidden, 1])
    test = rng.uniform(-1, 1, (2000, 2))
    reports: list[Report] = []
    networks = []
    each = max(args.samples // args.reports, 1)
    # The bar is drawn on a terminal only (disable=None).
    with tqdm(total=each * args.reports, unit=" points", leave=False, disable=None) as bar:
        for number in range(args.reports + 1):
            if number:
                xs = rng.uniform(-1, 1, (each, 2))
                net = train(net, xs, is_inside(xs)[:, None].astype(float), args.rate)
                bar.update(each)
            right = np.mean((run_on_all(net, test) > 0.5) == is_inside(test))
            reports.append(Report(number * each, float(right)))
            networks.append(net)
            if number in (0, args.reports // 4, args.reports):
                bar.write(f"After {number * each} points, right on {right:.1%} of {len(test)}:\n{picture(net)}")
    if args.plot:
        plot(args.plot, reports, networks)
        print(f"Drew {args.plot}")
    return reports


def grid(columns: int, rows: int) -> Array:
    """Points of the square from top left to bottom right."""
    x, y = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(1, -1, rows))
    return np.stack([x.ravel(), y.ravel()], axis=1)


def picture(net: list[Layer], columns: int = 51, rows: int = 21) -> str:
    shades = np.array(list(" .-=#"))
    z = run_on_all(net, grid(columns, rows)).reshape(rows, columns)
    return "\n".join("".join(line).rstrip() for line in shades[np.minimum((z * 5).astype(int), 4)])


def plot(path: str, reports: Sequence[Report], networks: Sequence[list[Layer]]) -> None:
    """Draw what the network makes of the square, at some moments, and how often it is right."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  (slow to import, and only who plots has to have it)

    last = len(networks) - 1
    moments = sorted({0, last // 8, last // 4, last})
    figure = plt.figure(figsize=(12, 4.6), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[3, 1.6])
    for axes, moment in zip(upper.subplots(1, len(moments)), moments, strict=True):
        z = run_on_all(networks[moment], grid(120, 120)).reshape(120, 120)
        shades = axes.imshow(z, extent=(-1, 1, -1, 1), cmap="magma", vmin=0, vmax=1, interpolation="bilinear")
        for center in CENTERS:
            axes.add_patch(plt.Circle(center, RADIUS, fill=False, color="white", linestyle="--", linewidth=1))
        axes.set(xticks=[], yticks=[], title=f"after {reports[moment].samples:,} points")
    upper.colorbar(shades, ax=upper.axes, label="inside?", shrink=0.9)
    below = lower.subplots()
    samples, right = np.array(reports).T
    below.plot(samples, 100 * right, ".-", color="0.2")
    below.set(xlabel="points", ylabel="right / %", xlim=(0, samples[-1]))
    figure.savefig(path, dpi=90)
    plt.close(figure)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    def positive(text: str) -> int:
        if (number := int(text)) < 1:
            raise argparse.ArgumentTypeError(f"{number} is less than 1")
        return number

    parser = argparse.ArgumentParser(description="Train a small network on the shape of two discs.")
    add = parser.add_argument
    add("--hidden", type=positive, default=12, help="neurons of the hidden layer (%(default)s)")
    add("--rate", type=float, default=0.3, help="learning rate (%(default)s)")
    add("--samples", type=positive, default=400_000, help="points to learn from (%(default)s)")
    add("--reports", type=positive, default=40, help="times to stop and test (%(default)s)")
    add("--seed", type=int, default=0, help="for the first weights and the points (%(default)s)")
    add("--plot", metavar="FILE", help="draw the shape as the network sees it")
    add("--fast", action="store_true", help="learn from 20,000 points only")
    args = parser.parse_args(argv)
    if args.fast:
        args.samples = min(args.samples, 20_000)
    return args


if __name__ == "__main__":
    main()
