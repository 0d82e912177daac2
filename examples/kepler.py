"""The orbit of a comet, fitted to where it was seen.

    python examples/kepler.py
    python examples/kepler.py --plot kepler.png    # the orbits on the way, and how far they are from what was seen

Where a body is on its ellipse at a time is the solution of Kepler's equation, M = E - e sin(E), which no formula gives.
It is found by Newton's method, in a `bp.while_loop` that takes as many steps as each time needs; the derivatives of the
misfit flow back through all of them.
"""

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import staticbp as bp

Array = np.ndarray[Any, Any]


@bp.record
class Orbit:
    """An ellipse with the sun in one focus, and when the body is nearest to it."""

    axis: float  # the half of the longer axis
    eccentricity: float
    period: float
    nearest: float  # a time
    turn: float  # of the longer axis, in radians


TRUE = Orbit(axis=1.7, eccentricity=0.6, period=2.3, nearest=0.4, turn=0.8)
GUESS = Orbit(axis=1.5, eccentricity=0.4, period=2.25, nearest=0.5, turn=0.6)


def anomaly(mean: float, eccentricity: float) -> float:
    """The eccentric anomaly E with ``mean = E - eccentricity sin(E)``."""

    def misses(state: tuple[float, float]) -> bool:
        return np.abs(state[1]) > 1e-13

    def newton(state: tuple[float, float]) -> tuple[float, float]:
        e = state[0]
        step = (e - eccentricity * np.sin(e) - mean) / (1.0 - eccentricity * np.cos(e))
        return e - step, step

    found, step = bp.while_loop(misses, newton, (mean + eccentricity * np.sin(mean), 1.0))
    return found - step


def place(orbit: Orbit, time: float) -> Array:
    """Where the body is at a time, in the plane of its orbit."""
    turns = (time - orbit.nearest) / orbit.period
    e = anomaly(2 * np.pi * (turns - np.floor(turns + 0.5)), orbit.eccentricity)
    x = orbit.axis * (np.cos(e) - orbit.eccentricity)
    y = orbit.axis * np.sqrt(1 - orbit.eccentricity**2) * np.sin(e)
    cos, sin = np.cos(orbit.turn), np.sin(orbit.turn)
    return np.stack([cos * x - sin * y, sin * x + cos * y])


def residuals(orbit: Orbit, times: Array, seen: Array) -> Array:
    """How far off an orbit is at each time."""
    return bp.vmap(place, in_axes=(None, 0))(orbit, times) - seen


@bp.differentiable
def misfit(orbit: Orbit, times: Array, seen: Array) -> float:
    """The mean of the squares."""
    return np.mean(residuals(orbit, times, seen) ** 2)


class Report(NamedTuple):
    """The orbits on the way, the last of which fits."""

    orbits: list[Orbit]
    times: Array
    seen: Array


def observe(count: int, noise: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Times, and where the body was seen then."""
    times = np.sort(rng.uniform(0.0, 5.0, count))
    places = bp.vmap(place, in_axes=(None, 0))(TRUE, times)
    return times, places + noise * rng.normal(size=places.shape)


def main(argv: Sequence[str] | None = None) -> Report:
    args = parse(argv)
    times, seen = observe(args.count, args.noise, np.random.default_rng(args.seed))
    orbits = [GUESS]
    found = bp.optimize.minimize(misfit, GUESS, (times, seen), method="BFGS", callback=orbits.append)
    orbits.append(found.x)
    print(f"{args.count} places were seen, each to {args.noise:g}.  By {found.njev} gradients the misfit came down")
    print(f"from {misfit(GUESS, times, seen):.2g} to {found.fun:.2g}.")
    print(f"{'':14}{'true':>10}{'guessed':>10}{'fitted':>10}")
    for name in ("axis", "eccentricity", "period", "nearest", "turn"):
        print(f"{name:14}" + "".join(f"{getattr(orbit, name):10.4f}" for orbit in (TRUE, GUESS, found.x)))
    report = Report(orbits, times, seen)
    if args.plot:
        plot(args.plot, report)
        print(f"Drew {args.plot}")
    return report


def plot(path: str, report: Report) -> None:
    """Draw the orbits on the way and the places seen, and beside them the misfit."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  (slow to import, and only who plots has to have it)

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
    along: Callable[[Orbit, Array], Array] = bp.vmap(place, in_axes=(None, 0))
    shades = plt.get_cmap("viridis")(np.linspace(0.1, 0.95, len(report.orbits)))
    for orbit, shade in zip(report.orbits, shades, strict=True):
        curve = along(orbit, np.linspace(0.0, orbit.period, 300))
        left.plot(curve[:, 0], curve[:, 1], color=shade, linewidth=1)
    left.plot(*report.seen.T, "k.", markersize=4, label="seen")
    left.plot(0, 0, "o", color="orange", markersize=10, label="the sun")
    left.set(aspect="equal", title="orbits on the way")
    left.legend()
    right.semilogy([misfit(orbit, report.times, report.seen) for orbit in report.orbits], ".-")
    right.set(xlabel="step", title="mean of the squared distances")
    right.grid(alpha=0.3)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    def positive(text: str) -> int:
        if (number := int(text)) < 1:
            raise argparse.ArgumentTypeError(f"{number} is less than 1")
        return number

    parser = argparse.ArgumentParser(description="An orbit fitted through Kepler's equation.")
    add = parser.add_argument
    add("--count", type=positive, default=60, help="how often the body was seen (%(default)s)")
    add("--noise", type=float, default=0.01, help="how exactly, the radius of an error (%(default)s)")
    add("--seed", type=int, default=0, help="of the times and errors (%(default)s)")
    add("--plot", metavar="FILE", help="draw the orbits")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
