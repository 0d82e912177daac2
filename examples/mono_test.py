"""Functions of numbers that are all of one type: values, derivatives of any order, and the program made for them.

    python examples/mono_test.py
    python examples/mono_test.py --plot tower.png    # a function and four derivatives of it

The first part is what the program of this name in the first release of Haskell's `backprop` prints: the value of
(x·y + y)·z at (2, 3, 4), and its gradient. The second is the session with `ad` in the post on micrograd's moons.
"""

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import staticbp as bp

Array = np.ndarray[Any, Any]


@bp.differentiable
def test(xyz: list[Any]) -> Any:
    x, y, z = xyz
    xy = x * y
    xyy = xy + y
    return xyy * z


def sum_of_two(xy: list[Any]) -> Any:
    x, y = xy
    return x * y + np.sin(x)


def product(xyz: list[Any]) -> Any:
    x, y, z = xyz
    return x * y * z


@bp.differentiable
def pulse(x: Any) -> Any:
    """A function of one number that has derivatives of every order."""
    return np.exp(-x * x) * np.sin(4 * x)


def derivatives(function: Callable[[Any], Any], order: int) -> list[Callable[[Any], Any]]:
    """The function, its derivative, the derivative of that, and so on: Haskell's `diffs`, up to an order."""
    tower = [function]
    for _ in range(order):
        tower.append(bp.grad(tower[-1]))
    return tower


class Report(NamedTuple):
    """What was printed, as numbers."""

    value: float
    gradient: list[float]
    gradients: list[list[float]]  # of the two functions of the session
    tower: list[float]


def plain(numbers: Sequence[Any]) -> list[float]:
    return [float(number) for number in numbers]


def main(argv: Sequence[str] | None = None) -> Report:
    args = parse(argv)
    print("(x·y + y)·z at (2, 3, 4), and its gradient:")
    for number in (np.float64, np.float32):
        value, gradient = test.value_and_grad([number(2), number(3), number(4)])
        print(f"{number.__name__}: {value:g}, [{', '.join(f'{slope:g}' for slope in gradient)}]")
    print("\nThe gradients of x·y + sin x at (1, 2) and of x·y·z at (1, 2, 3):")
    gradients = [plain(bp.grad(sum_of_two)([1.0, 2.0])), plain(bp.grad(product)([1.0, 2.0, 3.0]))]
    print(*gradients, sep="\n")

    print("\nThe program that computes value and gradient:\n")
    print(test.value_and_grad.inspect([2.0, 3.0, 4.0]).source)

    print("\nexp(-x²)·sin(4x) at 0, and its first four derivatives:")
    tower = [float(derivative(0.0)) + 0.0 for derivative in derivatives(pulse, 4)]
    print(tower)
    if args.plot:
        plot(args.plot)
        print(f"Drew {args.plot}")
    value, gradient = test.value_and_grad([2.0, 3.0, 4.0])
    return Report(float(value), plain(gradient), gradients, tower)


def plot(path: str) -> None:
    """Draw the function and its derivatives, each divided by the largest value that it takes."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  (slow to import, and only who plots has to have it)

    xs = np.linspace(-2.5, 2.5, 501)
    figure, axes = plt.subplots(figsize=(10, 4.2), layout="constrained")
    names = ["f", "f′", "f″", "f‴", "f⁗"]
    for place, (name, derivative) in enumerate(zip(names, derivatives(pulse, 4), strict=True)):
        ys = bp.vmap(derivative)(xs)
        size = float(np.max(np.abs(ys)))
        color = plt.get_cmap("viridis")(0.85 * place / 4)
        axes.axhline(-2.2 * place, color="0.85", linewidth=0.8)
        axes.fill_between(xs, -2.2 * place, ys / size - 2.2 * place, color=color, alpha=0.25, linewidth=0)
        axes.plot(xs, ys / size - 2.2 * place, color=color, linewidth=1.8)
        axes.text(-2.45, 0.35 - 2.2 * place, f"{name}, up to {size:.3g}", color=color)
    axes.set(xlabel="x", yticks=[], xlim=(xs[0], xs[-1]), title="f(x) = exp(-x²)·sin(4x) and its derivatives")
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Values and derivatives of functions of one numeric type.")
    parser.add_argument("--plot", metavar="FILE", help="draw a function and four derivatives of it")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
