"""One epoch of training on MNIST, sample by sample, as a single compiled call: staticbp's fold, JAX's scan.

JAX is given its carry to overwrite, and competes twice: with the weights as ``W @ x`` wants them, as staticbp has
them, and as ``x @ W`` does. Gradients and weights after a short training are compared before anything is timed.
"""

import argparse
import itertools
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.rounds import Contestant, compete, table
from staticbp.datasets import mnist  # imports nothing of the compiler

RATE = 0.02
COMPARED_AFTER = 100  # samples

CONTESTANTS = {
    "staticbp": ("bench.contestants.samples_staticbp",),
    "jax, W @ x": ("bench.contestants.samples_jax",),
    "jax, x @ W": ("bench.contestants.samples_jax", "--transposed"),
}
TOLERANCES = {"float64": 1e-10, "float32": 1e-4}


class Setting(NamedTuple):
    """The same in each process; weights and biases alternate."""

    xs: np.ndarray[Any, Any]
    targets: np.ndarray[Any, Any]
    start: list[np.ndarray[Any, Any]]


def setting(args: argparse.Namespace) -> Setting:
    images, labels, *_ = mnist(args.data)
    chosen = np.arange(args.samples) % len(images)  # more than there are: once more from the beginning
    xs = images.reshape(len(images), -1)[chosen].astype(args.dtype) / 255
    targets = np.eye(10, dtype=args.dtype)[labels[chosen]]
    rng = np.random.default_rng(0)
    sizes = itertools.pairwise([xs.shape[1], *args.hidden, targets.shape[1]])
    shapes = [shape for n_in, n_out in sizes for shape in ((n_out, n_in), (n_out,))]
    return Setting(xs, targets, [rng.uniform(-0.5, 0.5, shape).astype(args.dtype) for shape in shapes])


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the contestants are told too."""
    parser.add_argument("--data", metavar="DIR", help="directory of the MNIST files (else: the embedded part)")
    parser.add_argument("--samples", type=int, default=60_000, help="in an epoch (%(default)s)")
    parser.add_argument("--hidden", type=int, nargs="*", default=[300, 100], help="sizes of hidden layers")
    parser.add_argument("--dtype", choices=sorted(TOLERANCES), default="float64", help="(%(default)s)")


def agree(answers: dict[str, str], tolerance: float) -> None:
    """Stop unless all contestants have the same gradient, and the same weights after a few steps."""
    own, *others = answers
    expected = np.load(answers[own])
    for other in others:
        found = np.load(answers[other])
        for leaf in expected.files:
            scale = np.abs(expected[leaf]).max()
            gap = np.abs(expected[leaf] - found[leaf]).max() / scale
            if not gap <= tolerance:
                raise SystemExit(f"{own} and {other} differ by {gap:.1e} of the largest element in {leaf}")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.mnist_samples", description=__doc__)
    arguments(parser)
    parser.add_argument("--rounds", type=int, default=5, help="(%(default)s)")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="staticbp-bench-") as directory:
        told = [f"--samples={args.samples}", f"--dtype={args.dtype}", "--hidden", *map(str, args.hidden)]
        told += [f"--data={args.data}"] if args.data else []
        starts = [
            partial(Contestant, name, [*command, *told, f"--answer={Path(directory, str(number))}.npz"])
            for number, (name, command) in enumerate(CONTESTANTS.items())
        ]
        times = compete(starts, args.rounds, partial(agree, tolerance=TOLERANCES[args.dtype]))
    net = "-".join(map(str, [784, *args.hidden, 10]))
    title = f"{args.samples} samples one by one, {net}, {args.dtype}: µs a sample"
    print(table(title, times, scale=1e6 / args.samples, unit="µs"))


if __name__ == "__main__":
    main()
