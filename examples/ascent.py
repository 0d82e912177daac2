"""Climbing to a peak of 0.5·cos(x/2) + sin(y/4), step by step along the gradient.

    python examples/ascent.py                     # the first five points
    python examples/ascent.py --steps 30 --plot ascent.png

The five points are those of the post that trains micrograd's moons with Haskell's `ad`, to the last digit.
"""

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

import staticbp as bp

Array = np.ndarray[Any, Any]
Point = list[Any]  # of x and y: numbers, or arrays of them


@bp.differentiable
def height(point: Point) -> Any:
    x, y = point
    return 0.5 * np.cos(x / 2) + np.sin(y / 4)


@bp.compile(static_argnames=("count",))
def climb(start: Point, gamma: float, count: int) -> Point:
    """The start and the points after it, `count` in all: a single call of compiled code."""

    def step(point: Point, _: None) -> tuple[Point, Point]:
        uphill = bp.grad(height)(point)
        return bp.tree.map(lambda x, dx: x + gamma * dx, point, uphill), point

    return bp.scan(step, start, None, length=count)[1]


def main(argv: Sequence[str] | None = None) -> list[list[float]]:
    args = parse(argv)
    xs, ys = climb([-3 * np.pi, np.pi], args.gamma, count=args.steps)
    points = [[float(x), float(y)] for x, y in zip(xs, ys, strict=True)]
    for point in points:
        print(point)
    if args.plot:
        plot(args.plot, points)
        print(f"Drew {args.plot}")
    return points


def plot(path: str, points: Sequence[Sequence[float]]) -> None:
    """Draw the hills, and the way up."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  (slow to import, and only who plots has to have it)

    figure, (map_axes, side) = plt.subplots(
        1, 2, figsize=(10, 4.4), layout="constrained", gridspec_kw={"width_ratios": [3, 2]}
    )
    x, y = np.meshgrid(np.linspace(-16, 6, 300), np.linspace(-3, 13, 300))
    z = height([x, y])
    shades = map_axes.contourf(x, y, z, levels=np.linspace(-1.5, 1.5, 16), cmap="gist_earth")
    map_axes.contour(shades, colors="black", linewidths=0.3)
    figure.colorbar(shades, ax=map_axes)
    xs, ys = np.array(points).T
    map_axes.plot(xs, ys, "o-", color="crimson", markersize=4, linewidth=1.5)
    map_axes.plot(xs[0], ys[0], "o", color="white", markeredgecolor="crimson", markersize=8)
    map_axes.annotate("(-3π, π)", (xs[0], ys[0]), (8, -14), textcoords="offset points", color="white")
    map_axes.plot(-4 * np.pi, 2 * np.pi, "k^", markersize=8)
    map_axes.annotate("peak", (-4 * np.pi, 2 * np.pi), (8, 4), textcoords="offset points")
    map_axes.set(xlabel="x", ylabel="y", title="0.5·cos(x/2) + sin(y/4)")
    side.plot(height([xs, ys]), "o-", color="crimson", markersize=4)
    side.axhline(1.5, color="black", linewidth=0.8, linestyle=":")
    side.set(xlabel="steps", ylabel="height", title="less and less steep")
    figure.savefig(path, dpi=90)
    plt.close(figure)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    def positive(text: str) -> int:
        if (number := int(text)) < 1:
            raise argparse.ArgumentTypeError(f"{number} is less than 1")
        return number

    parser = argparse.ArgumentParser(description="Gradient ascent on 0.5·cos(x/2) + sin(y/4) from (-3π, π).")
    add = parser.add_argument
    add("--gamma", type=float, default=4.0, help="length of a step, in gradients (%(default)s)")
    add("--steps", type=positive, default=5, help="points to go through (%(default)s)")
    add("--plot", metavar="FILE", help="draw the way up")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
