"""From random search to gradients: the small steps of the Hacker's Guide to Neural Networks.

    python examples/hackers_guide.py                      # every figure of the guide
    python examples/hackers_guide.py --plot search.png    # and how far search and gradient get in 100 steps

It follows the third of the '10 Days of Grad', which follows Karpathy: how to make x·y larger without and with its
gradient, derivatives from pairs of numbers, and at last a neuron with the gradients of all five of its numbers.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

import staticbp as bp

Array = np.ndarray[Any, Any]

START = (-2.0, 3.0)
NEURON = [1.0, 2.0, -3.0, -1.0, 3.0]  # a, b, c, x, y


# ---- Making x·y larger --------------------------------------------------------------------------------------


def forward_multiply_gate(x: float, y: float) -> float:
    return x * y


class Found(NamedTuple):
    """Two numbers and their product; arrays of them for a way through the plane."""

    x: Any
    y: Any
    out: Any


@bp.compile
def local_search(start: Found, tweaks: Array) -> tuple[Found, Found]:
    """Try a small random change after the other, and keep each that helps; also where that led, try by try."""

    def search_step(best: Found, tweak: Array) -> tuple[Found, Found]:
        x_try, y_try = best.x + tweak[0], best.y + tweak[1]
        tried = Found(x_try, y_try, forward_multiply_gate(x_try, y_try))
        best = bp.tree.map(lambda new, old: np.where(tried.out > best.out, new, old), tried, best)
        return best, best

    return bp.scan(search_step, start, tweaks)


@bp.compile
def follow_gradient(start: Found, step_size: float, steps: Array) -> tuple[Found, Found]:
    """Change both numbers in proportion to what each of them does for the product."""

    def gradient_step(here: Found, _: Any) -> tuple[Found, Found]:
        x_bar, y_bar = bp.grad(forward_multiply_gate, argnums=(0, 1))(here.x, here.y)
        x, y = here.x + step_size * x_bar, here.y + step_size * y_bar
        there = Found(x, y, forward_multiply_gate(x, y))
        return there, there

    return bp.scan(gradient_step, start, steps)


# ---- Derivatives from pairs of numbers ------------------------------------------------------------------------


@dataclass(frozen=True)
class Dual:
    """A number, and how fast it changes. Each operation knows the rule for both, and that is all there is to it."""

    value: float
    change: float = 0.0

    def __add__(self, other: "Dual") -> "Dual":
        return Dual(self.value + other.value, self.change + other.change)

    def __mul__(self, other: "Dual") -> "Dual":
        return Dual(self.value * other.value, self.value * other.change + self.change * other.value)

    def __neg__(self) -> "Dual":
        return Dual(-self.value, -self.change)

    def __truediv__(self, other: "Dual") -> "Dual":
        change = (other.value * self.change - self.value * other.change) / other.value**2
        return Dual(self.value / other.value, change)


def dual_exp(x: Dual) -> Dual:
    return Dual(math.exp(x.value), x.change * math.exp(x.value))


def dual_sigmoid(x: Dual) -> Dual:
    return Dual(1.0) / (Dual(1.0) + dual_exp(-x))


def dual_neuron(a: Dual, b: Dual, c: Dual, x: Dual, y: Dual) -> Dual:
    return dual_sigmoid(a * x + b * y + c)


def change_one(numbers: Sequence[float], which: int) -> list[Dual]:
    """The numbers as duals, of which one changes at the rate of 1 and the others stand still."""
    return [Dual(number, float(i == which)) for i, number in enumerate(numbers)]


# ---- The same with staticbp -----------------------------------------------------------------------------------


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


@bp.differentiable
def neuron(abcxy: list[float]) -> Any:
    a, b, c, x, y = abcxy
    return sigmoid(a * x + b * y + c)


# ---- Printing and plot ----------------------------------------------------------------------------------------


class Report(NamedTuple):
    """What was printed, as numbers."""

    searches: list[Found]  # where each search ended
    climbed: Found  # where as many steps along the gradient ended
    by_hand: list[Dual]
    by_jvp: list[Dual]
    gradient: list[float]


def plain(found: Found) -> Found:
    return Found(*(float(number) for number in found))


def main(argv: Sequence[str] | None = None) -> Report:
    args = parse(argv)
    rng = np.random.default_rng(args.seed)
    out = forward_multiply_gate(*START)
    print(f"x·y at {START} is {out}.")

    print(f"\nRandom local search: {args.tries} tries of ±{args.tweak}, {args.searches} times.")
    start = Found(*START, -math.inf)
    tweaks = rng.uniform(-args.tweak, args.tweak, (args.searches, args.tries, 2))
    walks = [local_search(start, tweak) for tweak in tweaks]
    searches = [plain(best) for best, _ in walks]
    for best in searches:
        print(f"{tuple(best)}")

    print(f"\nThe gradient: {args.tries} steps of {args.tweak} times the gradient.")
    climbed, climb = follow_gradient(Found(*START, out), args.tweak, np.arange(args.tries))
    climbed = plain(climbed)
    print(f"{tuple(climbed)}")
    gained = np.mean([best.out for best in searches]) - out
    by_try, by_step = gained / args.tries, (climbed.out - out) / args.tries
    print(f"A try gains {by_try:.4f} on average, a step along the gradient {by_step:.4f}.")

    print("\nThe neuron with pairs of numbers: its value, and its derivative with respect to one of the five.")
    by_hand = [dual_neuron(*change_one(NEURON, which)) for which in range(5)]
    by_jvp = []
    for which, (name, pair) in enumerate(zip("abcxy", by_hand, strict=True)):
        value, change = bp.jvp(neuron, (NEURON,), (np.eye(5)[which].tolist(),))
        by_jvp.append(Dual(float(value), float(change)))
        print(f"d/d{name} by hand {pair.value, pair.change}, by jvp {by_jvp[-1].value, by_jvp[-1].change}")

    gradient = [float(slope) for slope in neuron.grad(NEURON)]
    print("\nThe neuron with staticbp: its value, and all five derivatives at once.")
    print(f"{float(neuron(NEURON))}\n{gradient}")
    if args.plot:
        plot(args.plot, [walk for _, walk in walks], climb)
        print(f"Drew {args.plot}")
    return Report(searches, climbed, by_hand, by_jvp, gradient)


def plot(path: str, walks: Sequence[Found], climb: Found) -> None:
    """Draw where the searches and the gradient went, and how large the product became on the way."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  (slow to import, and only who plots has to have it)

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    x, y = np.meshgrid(np.linspace(-2.2, 0.8, 200), np.linspace(1.2, 3.2, 200))
    shades = left.contourf(x, y, x * y, levels=np.arange(-7, 3), cmap="PuBuGn", extend="both")
    left.contour(shades, levels=[0.0], colors="black", linewidths=1)
    for axes, climbed, searched in [
        (left, (climb.x, climb.y), [(walk.x, walk.y) for walk in walks]),
        (right, (np.arange(len(climb.out)) + 1, climb.out), [(np.arange(len(w.out)) + 1, w.out) for w in walks]),
    ]:
        axes.plot(*climbed, color="tab:red", linewidth=2.5, label="along the gradient")
        for search in searched:
            axes.plot(*search, color="tab:blue", linewidth=1.2)
        axes.plot([], [], color="tab:blue", label="random local search")
    left.plot(*START, "o", color="black")
    left.annotate(f"({START[0]:g}, {START[1]:g})", START, (6, 6), textcoords="offset points")
    left.set(xlabel="x", ylabel="y", title="x·y, and where they go")
    figure.colorbar(shades, ax=left)
    right.axhline(math.prod(START), color="black", linewidth=0.8, linestyle=":")
    right.set(xlabel="steps", ylabel="x·y", title="what they gain")
    right.legend(loc="upper left")
    figure.savefig(path, dpi=90)
    plt.close(figure)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    def positive(text: str) -> int:
        if (number := int(text)) < 1:
            raise argparse.ArgumentTypeError(f"{number} is less than 1")
        return number

    parser = argparse.ArgumentParser(description="Random search, dual numbers and gradients of small functions.")
    add = parser.add_argument
    add("--tries", type=positive, default=100, help="changes that a search tries (%(default)s)")
    add("--tweak", type=float, default=0.01, help="how large they are at most (%(default)s)")
    add("--searches", type=positive, default=5, help="searches (%(default)s)")
    add("--seed", type=int, default=0, help="for the random changes (%(default)s)")
    add("--plot", metavar="FILE", help="draw the ways of the searches and of the gradient")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
