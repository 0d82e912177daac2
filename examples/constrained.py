"""Parameters that stay what they are: a positive factor, shares that sum to 1, a rotation.

    python examples/constrained.py
    python examples/constrained.py --degrees 90 --plot constrained.png

A wire in space is a mixture of three known curves, in unknown shares, turned and enlarged.  Gradient descent finds
shares, rotation and factor from noisy points of the wire.  Each of them is a type of its own, which keeps free
numbers and says what they mean, so that no step can leave what is allowed.
"""

import argparse
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import staticbp as bp

Array = np.ndarray[Any, Any]

# ---- three numeric types ------------------------------------------------------------------------------------


@bp.register(leaves=lambda number: number.log, make=lambda log: Positive(log))
class Positive:
    """A number greater than 0, kept by its logarithm; it multiplies like any other."""

    def __init__(self, log: Any) -> None:
        self.log = log

    @staticmethod
    def of(value: float) -> "Positive":
        return Positive(np.log(value))

    @property
    def value(self) -> Any:
        return np.exp(self.log)

    def __mul__(self, other: Any) -> Any:
        return self.value * other

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"Positive.of({self.value:.4f})"


@bp.record
class Shares:
    """Numbers from 0 to 1 that sum to 1, kept as they are before a softmax."""

    logits: Array

    @staticmethod
    def even(count: int) -> "Shares":
        return Shares(np.zeros(count))

    @property
    def value(self) -> Any:
        return bp.special.softmax(self.logits)


@bp.record
class Rotation:
    """A rotation of space, kept as its axis times its angle."""

    vector: Array  # (3,)

    @staticmethod
    def about(axis: Sequence[float], degrees: float) -> "Rotation":
        return Rotation(np.deg2rad(degrees) * np.asarray(axis) / np.linalg.norm(axis))

    @property
    def matrix(self) -> Any:
        """Rodrigues' formula, 1 + sin(a)/a K + (1 - cos(a))/a² K², with series where a is close to 0."""
        x, y, z = self.vector
        zero = 0.0 * x
        cross = np.stack([np.stack([zero, -z, y]), np.stack([z, zero, -x]), np.stack([-y, x, zero])])
        square = self.vector @ self.vector
        small = square < 1e-6
        angle = np.sqrt(np.where(small, 1.0, square))  # never the root of 0, which has no slope
        first = np.where(small, 1 - square / 6, np.sin(angle) / angle)
        second = np.where(small, 0.5 - square / 24, (1 - np.cos(angle)) / angle**2)
        return np.eye(3) + first * cross + second * (cross @ cross)


# ---- the wire -----------------------------------------------------------------------------------------------


@bp.record
class Wire:
    factor: Positive
    shares: Shares
    rotation: Rotation


def curves(count: int) -> Array:
    """A trefoil knot, a tilted ellipse and a wave on a circle: (3, count, 3)."""
    t = np.linspace(0, 2 * np.pi, count)
    knot = np.stack([np.sin(t) + 2 * np.sin(2 * t), np.cos(t) - 2 * np.cos(2 * t), -np.sin(3 * t)], axis=1) / 2
    ellipse = np.stack([2 * np.cos(t), np.sin(t), np.cos(t)], axis=1)
    wave = np.stack([np.cos(t), np.sin(t), np.sin(4 * t)], axis=1)
    return np.stack([knot, ellipse, wave])


def points_of(wire: Wire, curves: Array) -> Array:
    mixture = np.einsum("k,knd->nd", wire.shares.value, curves)
    return wire.factor * (mixture @ wire.rotation.matrix.T)


def distance(wire: Wire, curves: Array, points: Array) -> Array:
    """The mean squared distance from the points where they should be."""
    return np.mean(np.sum((points_of(wire, curves) - points) ** 2, axis=1))


class History(NamedTuple):
    """The wire before each step, and its distance then."""

    wires: Wire
    distances: Array


@bp.compile(static_argnames=("steps",))
def fit(wire: Wire, curves: Array, points: Array, rate: float, steps: int) -> tuple[Wire, History]:
    """Gradient descent, on the free numbers: the arithmetic of records is that of their leaves."""

    def step(wire: Wire, _: None) -> tuple[Wire, History]:
        value, slope = bp.value_and_grad(distance)(wire, curves, points)
        return wire - rate * slope, History(wire, value)

    return bp.scan(step, wire, None, length=steps)


# ---- printing and plots -------------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> tuple[Wire, Wire, History]:
    args = parse(argv)
    rng = np.random.default_rng(args.seed)
    true = Wire(Positive.of(1.7), Shares(np.log([0.5, 0.3, 0.2])), Rotation.about((1, -2, 1), args.degrees))
    start = Wire(Positive.of(1.0), Shares.even(3), Rotation(np.zeros(3)))
    known = curves(args.points)
    observed = points_of(true, known) + args.noise * rng.normal(size=(args.points, 3))
    found, history = fit(start, known, observed, args.rate, steps=args.steps)

    print("  step  distance  factor  shares               turned by")
    for step in (0, 1, 3, 10, 30, 100, 300, 1000):
        if step < args.steps:
            print(row(f"{step:6}", history.distances[step], at(history.wires, step)))
    print(row(f"{args.steps:6}", distance(found, known, observed), found))
    print(row("  true", distance(true, known, observed), true))
    matrix = found.rotation.matrix
    print(f"Shares sum to {found.shares.value.sum():.12f}; R @ R.T - 1 is at most {off(matrix):.0e}.")
    if args.plot:
        plot(args.plot, known, observed, true, history)
        print(f"Drew {args.plot}")
    return true, found, history


def at(wires: Wire, step: int) -> Wire:
    """One of the wires that a scan has put side by side."""
    return bp.tree.map(lambda leaf: leaf[step], wires)


def row(name: str, distance: Any, wire: Wire) -> str:
    shares = " ".join(f"{share:.4f}" for share in wire.shares.value)
    degrees = np.rad2deg(np.linalg.norm(wire.rotation.vector))
    return f"{name}  {distance:8.5f}  {wire.factor.value:6.4f}  {shares}  {degrees:8.3f}°"


def off(matrix: Array) -> float:
    return float(np.max(np.abs(matrix @ matrix.T - np.eye(3))))


def plot(path: str, known: Array, observed: Array, true: Wire, history: History) -> None:
    """Draw the wire at three moments above, and the parameters over the steps below."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  (slow to import, and only who plots has to have it)

    figure = plt.figure(figsize=(11, 7.5), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[1.5, 1])
    steps = len(history.distances)
    for place, step in enumerate((0, min(12, steps // 2), steps - 1)):
        axes = above.add_subplot(1, 3, place + 1, projection="3d")
        axes.scatter(*observed.T, s=5, color="0.55", label="observed")
        axes.plot(*points_of(at(history.wires, step), known).T, lw=2.5, color="C3", label="found")
        axes.set_title(("at the start", f"after {step} steps", "at the end")[place])
        axes.set(xticklabels=[], yticklabels=[], zticklabels=[], box_aspect=(1, 1, 1))
    axes.legend(loc="upper right")

    left, middle, right = below.subplots(1, 3)
    shares = np.array([at(history.wires, step).shares.value for step in range(steps)])
    for k, name in enumerate(("knot", "ellipse", "wave")):
        left.plot(shares[:, k], color=f"C{k}", label=name)
        left.axhline(true.shares.value[k], color=f"C{k}", ls=":")
    left.set(title="shares", ylim=(0, 1), xlabel="step", xscale="symlog")
    left.legend(ncols=3, fontsize="small")
    middle.plot(history.wires.factor.value, color="C4")
    middle.axhline(true.factor.value, color="C4", ls=":")
    middle.set(title="factor", ylim=(0, None), xlabel="step", xscale="symlog")
    target = true.rotation.matrix
    turns = [np.trace(target.T @ at(history.wires, step).rotation.matrix) for step in range(steps)]
    right.plot(np.rad2deg(np.arccos(np.clip((np.array(turns) - 1) / 2, -1, 1))), color="C5")
    right.set(title="degrees from the true rotation", ylim=(0, None), xlabel="step", xscale="symlog")
    for axes in (left, middle, right):
        axes.set_xlim(0, steps)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fit a factor, shares and a rotation.")
    add = parser.add_argument
    add("--degrees", type=float, default=75.0, help="how far the wire is turned (%(default)s)")
    add("--noise", type=float, default=0.05, help="of the observed points (%(default)s)")
    add("--points", type=int, default=200, metavar="N", help="points of the wire (%(default)s)")
    add("--rate", type=float, default=0.05, help="learning rate (%(default)s)")
    add("--steps", type=int, default=1000, metavar="N", help="of gradient descent (%(default)s)")
    add("--seed", type=int, default=0, help="for the noise (%(default)s)")
    add("--plot", metavar="FILE", help="draw the wire at three moments, and the way of the parameters")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
