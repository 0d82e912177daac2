"""``python -m bench.sums [NAMES]``: whether the rows of a profile add up to the time of a call.

Functions of all kinds, from two numbers to a volume, are profiled three times each. What is printed is the sum of
dispatch and rows over the measured whole, which should be within 0.95 to 1.05; it is measured, and nothing makes it so.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import staticbp as bp
from examples import mnist
from staticbp.inspection.profile import duration

LEAST, MOST = 0.95, 1.05

Array = np.ndarray[Any, Any]


def scalar(x: float, y: float) -> Array:
    return x * y + np.sin(x)


def misfit(w: Array, X: Array, y: Array) -> Array:
    r = X @ w - y
    return np.sum(np.log1p(r * r))


def elementwise(x: Array) -> Array:
    return np.sum(np.tanh(x))


def layers(W: Array, V: Array, X: Array) -> Array:
    return np.sum(np.tanh(np.tanh(X @ W) @ V))


def recurrence(W: Array, h: Array, xs: Array) -> Array:
    return np.sum(bp.fold(lambda h, x: np.tanh(W @ h + x), h, xs) ** 2)


def newton(a: Array) -> Array:
    return np.sum(bp.while_loop(lambda x: np.any(abs(x * x - a) > 1e-9 * a), lambda x: 0.5 * (x + a / x), a))


def likelihood(scale: float, X: Array, y: Array) -> Array:
    distances = np.sum((X[:, None, :] - X[None, :, :]) ** 2, axis=-1)
    factor = np.linalg.cholesky(np.exp(-distances / scale) + 0.1 * np.eye(len(y)))
    return 0.5 * np.sum(np.linalg.solve(factor, y) ** 2) + np.sum(np.log(np.diag(factor)))


def power(x: Array) -> Array:
    return np.sum(np.abs(np.fft.fft(x)) ** 2)


def diffusion(u: Array) -> Array:
    inner = u[1:-1, 1:-1, 1:-1]
    around = u[2:, 1:-1, 1:-1] + u[:-2, 1:-1, 1:-1] + u[1:-1, 2:, 1:-1] + u[1:-1, :-2, 1:-1]
    return inner + 0.1 * (around + u[1:-1, 1:-1, 2:] + u[1:-1, 1:-1, :-2] - 6 * inner)


def for_all_sizes(X: Array) -> Callable[..., Any]:
    """The gradient of a function of any number of rows: it has been called with two."""

    @bp.grad
    def spread(X: Array) -> Array:
        return np.sum(np.tanh(X - X.mean(0)) ** 2)

    for rows in (100, 200):
        spread(X[:rows])
    return spread


def functions() -> Mapping[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    """What is profiled, and its arguments."""
    rng = np.random.default_rng(0)
    net = mnist.random_network(rng, (784, 300, 100, 10), "float64")
    table = rng.normal(size=(2000, 50))
    rows = rng.normal(size=(500, 30))
    return {
        "net_err": (mnist.net_err.value_and_grad, (net, rng.uniform(size=784), np.eye(10)[3])),
        "misfit": (bp.grad(misfit), (rng.normal(size=30), rng.normal(size=(5000, 30)), rng.normal(size=5000))),
        "elementwise": (bp.grad(elementwise), (rng.normal(size=1_000_000),)),
        "scan": (bp.grad(recurrence), (rng.normal(size=(100, 100)) / 10, np.zeros(100), rng.normal(size=(200, 100)))),
        "while": (bp.compile(newton), (rng.uniform(1, 2, 10_000),)),
        "gp": (bp.grad(likelihood, (0, 1)), (1.0, rng.normal(size=(200, 3)), rng.normal(size=200))),
        "vmap": (bp.vmap(bp.grad(misfit), (None, 0, 0)), (rng.normal(size=30), rows[:, None, :], rows[:, :1])),
        "sizes": (for_all_sizes(table), (table,)),
        "fft": (bp.grad(power), (rng.normal(size=4096),)),
        "volume": (bp.compile(diffusion), (rng.normal(size=(256, 256, 256)),)),
        "layers": (
            bp.grad(layers, (0, 1)),
            (rng.normal(size=(784, 300)), rng.normal(size=(300, 100)), rng.normal(size=(128, 784))),
        ),
        "scalar": (bp.grad(scalar), (1.0, 2.0)),
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.sums", description="Whether profiles add up to the whole.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which functions; default: all")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each profile (default: 1)")
    args = parser.parse_args(argv)
    outside = 0
    for name, (function, arguments) in functions().items():
        if args.names and name not in args.names:
            continue
        profiles = [bp.profile(function, *arguments, seconds=args.seconds) for _ in range(3)]
        shares = [1 - found.unaccounted / found.whole for found in profiles]
        outside += sum(not LEAST <= share <= MOST for share in shares)
        sums = " ".join(f"{share:.3f}" for share in shares)
        print(f"{name:12} {duration(profiles[-1].whole):>8}  {sums}", flush=True)
    print(f"{outside} outside {LEAST} to {MOST}")
    return int(outside > 0)


if __name__ == "__main__":
    sys.exit(main())
