"""The curvature of a network's loss: its whole Hessian before and after training, and what it looks like.

    python examples/curvature.py
    python examples/curvature.py --plot curvature.png     # the matrix, and its eigenvalues
    python examples/curvature.py --jax                    # the same matrix by JAX, where it is installed

The network is micrograd's, of 337 numbers, with tanh in place of ReLU so that there is curvature everywhere.  Its
Hessian is forward mode over reverse mode: one call of compiled code for all 113,569 elements.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import staticbp as bp

Array = np.ndarray[Any, Any]

SIZES = [2, 16, 16, 1]


@bp.record
class Layer:
    weights: Array  # (outputs, inputs)
    biases: Array  # (outputs,)


def call_network(layers: list[Layer], x: Array) -> Array:
    *hidden, last = layers
    for layer in hidden:
        x = np.tanh(layer.weights @ x + layer.biases)
    return (last.weights @ x + last.biases)[0]


def init_network(rng: np.random.Generator) -> list[Layer]:
    return [Layer(rng.uniform(-1, 1, (n, m)) / np.sqrt(m), np.zeros(n)) for m, n in itertools.pairwise(SIZES)]


_, unravel = bp.tree.ravel(init_network(np.random.default_rng(0)))


@bp.differentiable
def loss(numbers: Array, points: Array, labels: Array) -> Array:
    """The mean logistic loss, with a little weight decay."""
    scores = bp.vmap(call_network, in_axes=(None, 0))(unravel(numbers), points)
    return np.mean(np.logaddexp(0, -labels * scores)) + 1e-4 * numbers @ numbers


hessian = bp.hessian(loss)


def make_moons(rng: np.random.Generator, count: int, noise: float = 0.1) -> tuple[Array, Array]:
    """Points of two half circles that interlock, and -1 or 1 for the upper or lower one."""
    angles, labels = rng.uniform(0, np.pi, count), rng.choice([-1.0, 1.0], count)
    upper = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    points = np.where(labels[:, None] < 0, upper, np.array([1.0, 0.5]) - upper)
    return points + noise * rng.standard_normal(points.shape), labels


class Report(NamedTuple):
    """The network's numbers and the Hessian of its loss before and after training."""

    numbers: tuple[Array, Array]
    hessians: tuple[Array, Array]


def main(argv: Sequence[str] | None = None) -> Report:
    args = parse(argv)
    rng = np.random.default_rng(args.seed)
    start, _ = bp.tree.ravel(init_network(rng))
    data = make_moons(rng, args.points)
    found = bp.optimize.minimize(loss, start, data, method="L-BFGS-B", options={"maxiter": args.steps})
    print(f"{start.size} numbers; training takes the loss from {loss(start, *data):.4f} to {found.fun:.4f}.")
    matrices = []
    for name, numbers in [("before", start), ("after", found.x)]:
        matrix, seconds = timed(lambda numbers=numbers: hessian(numbers, *data))
        values = np.linalg.eigvalsh(matrix)
        print(
            f"Curvatures {name} training: {values[0]:.4f} to {values[-1]:.4f}, "
            f"{np.sum(values > 0.01 * values[-1])} of them above a hundredth of the largest."
        )
        matrices.append(matrix)
    print(f"All {matrix.size:,} second derivatives take {1000 * seconds:.1f} ms.")
    if args.jax:
        (theirs, seconds), ours = timed_jax_hessian(found.x, *data), matrices[1]
        print(f"JAX takes {1000 * seconds:.1f} ms; the largest difference is {np.max(np.abs(theirs - ours)):.1e}.")
    report = Report((start, found.x), (matrices[0], matrices[1]))
    if args.plot:
        plot(args.plot, report)
        print(f"Drew {args.plot}")
    return report


def timed(job: Callable[[], Array]) -> tuple[Array, float]:
    """The result of a job, and the shortest of five times after it has been compiled."""
    result, seconds = job(), []
    for _ in range(5):
        begin = time.perf_counter()
        result = job()
        seconds.append(time.perf_counter() - begin)
    return result, min(seconds)


def timed_jax_hessian(numbers: Array, points: Array, labels: Array) -> tuple[Array, float]:
    """The same by jax.hessian."""
    import jax  # noqa: PLC0415  (only who asks for it has to have it)
    import jax.numpy as jnp  # noqa: PLC0415

    jax.config.update("jax_enable_x64", True)

    def loss(numbers: Any) -> Any:
        x, first = points.T, 0
        for m, n in itertools.pairwise(SIZES):
            weights = numbers[first : first + n * m].reshape(n, m)
            biases = numbers[first + n * m : first + n * m + n]
            scores = weights @ x + biases[:, None]
            x, first = jnp.tanh(scores), first + n * m + n
        return jnp.mean(jnp.logaddexp(0, -labels * scores[0])) + 1e-4 * numbers @ numbers

    compiled = jax.jit(jax.hessian(loss))
    return timed(lambda: np.asarray(compiled(numbers)))


def plot(path: str, report: Report) -> None:
    """Draw the matrix after training, and the eigenvalues before and after."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  (slow to import, and only who plots has to have it)

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
    matrix = report.hessians[1]
    limit = np.percentile(np.abs(matrix), 98)
    shades = left.imshow(matrix, cmap="RdBu_r", vmin=-limit, vmax=limit)
    figure.colorbar(shades, ax=left)
    ends = np.cumsum([n * m + n for m, n in itertools.pairwise(SIZES)])
    for end in ends[:-1]:
        left.axhline(end - 0.5, color="black", linewidth=0.6)
        left.axvline(end - 0.5, color="black", linewidth=0.6)
    middles = np.array([0, *ends[:-1]]) + np.diff([0, *ends]) / 2
    left.set(title="second derivatives after training, layer by layer", xticks=middles, yticks=middles)
    left.set_xticklabels(["first", "second", "third"])
    left.set_yticklabels(["first", "second", "third"], rotation=90, va="center")
    for matrix, name, color in zip(report.hessians, ["before", "after"], ["0.6", "crimson"], strict=True):
        values = np.linalg.eigvalsh(matrix)[::-1]
        right.plot(np.arange(1, len(values) + 1), values, ".", color=color, label=name, markersize=4)
    right.set(xscale="log", title="eigenvalues, from the largest", xlabel="rank")
    right.set_yscale("symlog", linthresh=1e-3)
    right.axhline(0, color="black", linewidth=0.6)
    right.grid(alpha=0.3)
    right.legend()
    figure.savefig(path, dpi=90)
    plt.close(figure)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    def positive(text: str) -> int:
        if (number := int(text)) < 1:
            raise argparse.ArgumentTypeError(f"{number} is less than 1")
        return number

    parser = argparse.ArgumentParser(description="The Hessian of a network's loss, before and after training.")
    add = parser.add_argument
    add("--points", type=positive, default=200, help="to learn from (%(default)s)")
    add("--steps", type=positive, default=300, help="of training, at most (%(default)s)")
    add("--seed", type=int, default=0, help="for the weights and the points (%(default)s)")
    add("--plot", metavar="FILE", help="draw the matrix and its eigenvalues")
    add("--jax", action="store_true", help="compare with JAX, if it is installed")
    add("--fast", action="store_true", help="20 points, 10 steps: to see whether everything works")
    args = parser.parse_args(argv)
    if args.fast:
        args.points, args.steps = min(args.points, 20), min(args.steps, 10)
    return args


if __name__ == "__main__":
    main()
