"""How the weather of Lorenz depends on where it began, through 10,000 steps of a loop.

    python examples/lorenz.py
    python examples/lorenz.py --plot lorenz.png    # the attractor, and how fast small differences grow along it

The model of three numbers is followed in steps of Runge and Kutta by `bp.fori_loop`; derivatives of the last state with
respect to the first one and to the three constants go through the loop, forwards and backwards.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import staticbp as bp

Array = np.ndarray[Any, Any]


@bp.record
class Constants:
    prandtl: float = 10.0
    rayleigh: float = 28.0
    aspect: float = 8 / 3


def flow(state: Array, c: Constants) -> Array:
    """The equations of Lorenz."""
    x, y, z = state
    return np.stack([c.prandtl * (y - x), x * (c.rayleigh - z) - y, x * y - c.aspect * z])


def advance(state: Array, c: Constants, dt: float) -> Array:
    """One step of the fourth order."""
    k1 = flow(state, c)
    k2 = flow(state + dt / 2 * k1, c)
    k3 = flow(state + dt / 2 * k2, c)
    k4 = flow(state + dt * k3, c)
    return state + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def forecast(state: Array, c: Constants, dt: float, steps: int) -> Array:
    """Where it goes in so many steps."""
    return bp.fori_loop(0, steps, lambda _, state: advance(state, c, dt), state)


@bp.compile(static_argnames=("steps",))
def forwards(state: Array, c: Constants, dt: float, steps: int) -> tuple[Array, Constants]:
    """The derivatives of the last state, by tangents that are carried along."""
    return bp.jacfwd(lambda state, c: forecast(state, c, dt, steps), argnums=(0, 1))(state, c)


@bp.compile(static_argnames=("steps",))
def backwards(state: Array, c: Constants, dt: float, steps: int) -> tuple[Array, Constants]:
    """The same by cotangents, in a loop back over all the states."""
    return bp.jacrev(lambda state, c: forecast(state, c, dt, steps), argnums=(0, 1))(state, c)


@bp.compile(static_argnames=("steps",))
def track(state: Array, c: Constants, dt: float, steps: int) -> tuple[Array, Array]:
    """All states, and the derivatives of each with respect to the first."""

    def step(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        state, slopes = carry
        move = lambda direction: bp.jvp(lambda s: advance(s, c, dt), (state,), (direction,))[1]  # noqa: E731
        after = (advance(state, c, dt), bp.vmap(move, in_axes=1, out_axes=1)(slopes))
        return after, after

    return bp.scan(step, (state, np.eye(3)), None, length=steps)[1]


class Report(NamedTuple):
    """The derivatives of the last state with respect to the first one and to the constants, in both modes."""

    forward: tuple[Array, Constants]
    backward: tuple[Array, Constants]
    difference: float  # between the two, relative to the largest


def main(argv: Sequence[str] | None = None) -> Report:
    args = parse(argv)
    start, constants = np.array([1.0, 1.0, 20.0]), Constants()
    given = (start, constants, args.dt)
    last = bp.compile(forecast, static_argnames=("steps",))(*given, steps=args.steps)
    print(f"After {args.steps} steps, at time {args.steps * args.dt:g}: {last[0]:.6f} {last[1]:.6f} {last[2]:.6f}")
    forward, seconds = timed(lambda: forwards(*given, steps=args.steps))
    backward, seconds_back = timed(lambda: backwards(*given, steps=args.steps))
    largest = max(float(np.max(np.abs(leaf))) for leaf in bp.tree.leaves(forward))
    pairs = zip(bp.tree.leaves(forward), bp.tree.leaves(backward), strict=True)
    difference = max(float(np.max(np.abs(a - b))) for a, b in pairs) / largest
    print("Derivatives of x, y, z with respect to")
    for name, column in zip("xyz", forward[0].T, strict=True):
        print(f"  {name:10}" + "".join(f"{number:14.4f}" for number in column))
    for name in ("prandtl", "rayleigh", "aspect"):
        print(f"  {name:10}" + "".join(f"{number:14.4f}" for number in getattr(forward[1], name)))
    print(f"Forwards they take {1000 * seconds:.1f} ms, backwards {1000 * seconds_back:.1f} ms;", end=" ")
    print(f"the two agree to {difference:.0e}.")
    if args.plot:
        plot(args.plot, *track(*given, steps=args.steps), args.dt)
        print(f"Drew {args.plot}")
    return Report(forward, backward, difference)


def timed(job: Callable[[], Any]) -> tuple[Any, float]:
    """The result of a job, and the shortest of five times after it has been compiled."""
    result, seconds = job(), []
    for _ in range(5):
        begin = time.perf_counter()
        result = job()
        seconds.append(time.perf_counter() - begin)
    return result, min(seconds)


def plot(path: str, states: Array, slopes: Array, dt: float) -> None:
    """Draw the states, coloured by how much they depend on the first, and beside them that dependence over time."""
    import matplotlib.colors as colors  # noqa: PLC0415  (slow to import, and only who plots has to have it)
    import matplotlib.pyplot as plt  # noqa: PLC0415

    growth = np.linalg.norm(slopes, ord=2, axis=(1, 2))
    times = dt * np.arange(1, len(states) + 1)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(11, 4.6), layout="constrained", gridspec_kw={"width_ratios": [3, 2]}
    )
    shades = left.scatter(states[:, 0], states[:, 2], c=growth, s=2, cmap="inferno", norm=colors.LogNorm())
    figure.colorbar(shades, ax=left, label="largest growth of a small difference at the start")
    left.set(xlabel="x", ylabel="z", title=f"{len(states)} steps from one place", facecolor="0.93")
    right.semilogy(times, growth, color="crimson", linewidth=1)
    right.semilogy(times, np.exp(0.9056 * times), "k:", linewidth=1, label="exp(0.9056·t): the Lyapunov exponent")
    right.set(xlabel="time", title="small differences grow")
    right.legend(loc="lower right")
    right.grid(alpha=0.3)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    def positive(text: str) -> int:
        if (number := int(text)) < 1:
            raise argparse.ArgumentTypeError(f"{number} is less than 1")
        return number

    parser = argparse.ArgumentParser(description="Sensitivities of the Lorenz system.")
    add = parser.add_argument
    add("--steps", type=positive, default=10_000, help="to follow the system (%(default)s)")
    add("--dt", type=float, default=0.002, help="length of a step (%(default)s)")
    add("--plot", metavar="FILE", help="draw the attractor and the growth of differences")
    add("--fast", action="store_true", help="500 steps: to see whether everything works")
    args = parser.parse_args(argv)
    if args.fast:
        args.steps = min(args.steps, 500)
    return args


if __name__ == "__main__":
    main()
