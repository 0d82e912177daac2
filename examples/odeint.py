"""Differential equations, and a derivative that is another one: built on the public interface alone.

    python examples/odeint.py
    python examples/odeint.py --plot odeint.png    # a predator and its prey, and how their numbers depend on a rate

`odeint(flow, start, times, *parameters)` follows ``y' = flow(y, t, *parameters)`` by the method of Dormand and Prince,
in steps as long as the error allows.  Its gradient does not go back through those steps.  By the adjoint method
(L. S. Pontryagin et al., 1962; R. T. Q. Chen et al., "Neural Ordinary Differential Equations", 2018) the cotangent
``a`` of the state obeys an equation of its own, followed backwards in time,

    a' = -(d flow / d y)^T a,        and the cotangent of the parameters is the integral of (d flow / d parameters)^T a.

So the memory does not grow with the number of steps.

(`staticbp.scipy.integrate.odeint`, for vectors, differentiates the steps that were taken instead: there the slopes are
those of what was computed, and forward mode and second derivatives come with it.)
"""

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import staticbp as bp

Array = np.ndarray[Any, Any]
Flow = Callable[..., Any]

# Dormand and Prince, "A family of embedded Runge-Kutta formulae", 1980: nodes, stages, the result, and its error.
NODES = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0)
STAGES = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
)
RESULT = (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84)
ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)


def follow(flow: Callable[[Array, float], Array], y: Array, begin: float, end: float, tolerance: float) -> Array:
    """The state at `end` of what is `y` at `begin`: a vector, in steps that may go either way in time."""

    def combined(weights: Sequence[float], slopes: Sequence[Array]) -> Array:
        return sum(w * k for w, k in zip(weights, slopes, strict=True) if w)

    def going(state: tuple[float, Array, float]) -> bool:
        t, _, h = state
        return np.abs(end - t) > 1e-14 * (np.abs(end) + np.abs(begin)) + 0.0 * h

    def step(state: tuple[float, Array, float]) -> tuple[float, Array, float]:
        t, y, h = state
        last = np.abs(h) >= np.abs(end - t)
        h = np.where(last, end - t, h)
        slopes: list[Array] = []
        for node, weights in zip(NODES, STAGES, strict=True):
            slopes.append(flow(y + h * combined(weights, slopes) if weights else y, t + node * h))
        after = y + h * combined(RESULT, slopes)
        error = h * combined(ERROR, [*slopes, flow(after, t + h)])
        size = np.sqrt(np.mean((error / (tolerance * (1.0 + np.maximum(np.abs(y), np.abs(after))))) ** 2))
        good = size <= 1.0
        grown = h * np.clip(0.9 * np.maximum(size, 1e-10) ** -0.2, 0.2, 10.0)
        return np.where(good, np.where(last, end, t + h), t), np.where(good, after, y), grown

    return bp.while_loop(going, step, (begin, y, 0.01 * (end - begin)))[1]


def solution(flow: Flow, tolerance: float, start: Any, times: Array, parameters: tuple[Any, ...]) -> Any:
    """The states at all times, the first of which is that of the start."""
    vector, unravel = bp.tree.ravel(start)

    def slope(y: Array, t: float) -> Array:
        return bp.tree.ravel(flow(unravel(y), t, *parameters))[0]

    def onward(y: Array, pair: tuple[float, float]) -> tuple[Array, Array]:
        after = follow(slope, y, pair[0], pair[1], tolerance)
        return after, after

    _, later = bp.scan(onward, vector, (times[:-1], times[1:]))
    return bp.vmap(unravel)(np.concatenate([vector[None], later]))


# The flow and the tolerance are not differentiated: what the flow depends on is among the parameters.
solved = bp.custom_vjp(solution, nondiff_argnums=(0, 1))


def forward(flow: Flow, tolerance: float, start: Any, times: Array, parameters: tuple[Any, ...]) -> tuple[Any, Any]:
    states = solved(flow, tolerance, start, times, parameters)
    return states, (states, times, parameters)


def backward(flow: Flow, tolerance: float, saved: Any, cotangents: Any) -> tuple[Any, Array, Any]:
    """From the last time to the first, the state, its cotangent and that of the parameters as one equation."""
    states, times, parameters = saved
    first = bp.tree.map(lambda x: x[0], states)
    _, unravel = bp.tree.ravel(first)
    numbers, unravel_parameters = bp.tree.ravel(parameters)
    flatten = bp.vmap(lambda state: bp.tree.ravel(state)[0])
    ys, bars = flatten(states), flatten(cotangents)

    def slope(y: Array, t: float, numbers: Array) -> Array:
        return bp.tree.ravel(flow(unravel(y), t, *unravel_parameters(numbers)))[0]

    def joint(state: tuple[Array, Array, Array], t: float) -> tuple[Array, Array, Array]:
        y, a, _ = state
        rate, pull = bp.vjp(lambda y, numbers: slope(y, t, numbers), y, numbers)
        y_bar, number_bars = pull(a)
        return rate, -y_bar, -number_bars

    def back(carry: tuple[Array, Array], row: tuple[Array, Array, float, float]) -> tuple[tuple[Array, Array], float]:
        a, total = carry
        y, bar, before, now = row
        a = a + bar
        packed, unpack = bp.tree.ravel((y, a, total))
        reached = follow(lambda v, t: bp.tree.ravel(joint(unpack(v), t))[0], packed, now, before, tolerance)
        _, earlier, more = unpack(reached)
        return (earlier, more), bar @ slope(y, now, numbers)

    rows = (ys[1:], bars[1:], times[:-1], times[1:])
    (a, total), time_bars = bp.scan(back, (np.zeros_like(ys[0]), np.zeros_like(numbers)), rows, reverse=True)
    first_bar = -(a @ slope(ys[0], times[0], numbers))  # a later start leaves less time
    return unravel(a + bars[0]), np.concatenate([first_bar[None], time_bars]), unravel_parameters(total)


solved.defvjp(forward, backward)


def odeint(flow: Flow, start: Any, times: Array, *parameters: Any, tolerance: float = 1e-8) -> Any:
    """The solution of ``y' = flow(y, t, *parameters)`` from ``y(times[0]) = start``, at all times.

    States and parameters are any structures of floats.  Derivatives flow to the start, the times and the parameters.
    """
    return solved(flow, tolerance, start, times, parameters)


# ---- an example: a predator and its prey (A. J. Lotka, 1925; V. Volterra, 1926) ----------------------------------


@bp.record
class Rates:
    growth: float = 1.1  # of the prey
    eaten: float = 0.4
    fed: float = 0.1
    death: float = 0.4  # of the predator


def lotka_volterra(y: Array, t: float, rates: Rates) -> Array:
    """How fast the numbers of both change."""
    prey, predator = y
    return np.stack(
        [rates.growth * prey - rates.eaten * prey * predator, rates.fed * prey * predator - rates.death * predator]
    )


@bp.differentiable
def distance(rates: Rates, start: Array, times: Array, seen: Array) -> float:
    """How far the numbers are from those that were counted."""
    return np.mean((odeint(lotka_volterra, start, times, rates) - seen) ** 2)


class Report(NamedTuple):
    """The true rates, those that the fit began with, and what it came to."""

    true: Rates
    guess: Rates
    fitted: Rates
    before: float
    after: float


def main(argv: Sequence[str] | None = None) -> Report:
    args = parse(argv)
    true, guess, start = Rates(), Rates(1.0, 0.5, 0.12, 0.5), np.array([10.0, 5.0])
    times = np.linspace(0.0, args.until, args.count)
    counted = bp.compile(lambda start, times, rates: odeint(lotka_volterra, start, times, rates))
    seen = counted(start, times, true) + args.noise * np.random.default_rng(0).normal(size=(args.count, 2))
    found = bp.optimize.minimize(distance, guess, (start, times, seen), method="BFGS")
    report = Report(true, guess, found.x, float(distance(guess, start, times, seen)), float(found.fun))
    print(f"Rates fitted to {args.count} counts by {found.njev} gradients: the misfit came from", end=" ")
    print(f"{report.before:.3g} to {report.after:.3g}.")
    for name in ("growth", "eaten", "fed", "death"):
        print(f"{name:8}" + "".join(f"{getattr(rates, name):9.4f}" for rates in (true, guess, found.x)))
    memory = distance.grad.inspect(true, start, times, seen).memory.workspace
    print(f"The gradient takes {memory / 1000:.0f} kB, however many steps there are.")
    if args.plot:
        fine = np.linspace(0.0, args.until, 400)
        slopes = bp.jacrev(lambda rates: counted(start, fine[::8], rates))(found.x)
        plot(args.plot, (times, seen), (fine, counted(start, fine, found.x)), (fine[::8], slopes.growth))
        print(f"Drew {args.plot}")
    return report


def plot(path: str, seen: tuple[Array, Array], fitted: tuple[Array, Array], slopes: tuple[Array, Array]) -> None:
    """Draw what was counted and what was fitted, and below how both depend on the growth of the prey."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  (slow to import, and only who plots has to have it)

    figure, (above, below) = plt.subplots(2, 1, figsize=(9, 6), layout="constrained", sharex=True)
    for column, name, colour in ((0, "prey", "seagreen"), (1, "predator", "crimson")):
        above.plot(fitted[0], fitted[1][:, column], color=colour, label=name)
        above.plot(seen[0], seen[1][:, column], ".", color=colour)
        below.plot(slopes[0], slopes[1][:, column], color=colour)
    above.set(title="counted and fitted", ylabel="number")
    above.legend()
    below.set(title="their derivatives with respect to the growth of the prey", xlabel="time")
    below.grid(alpha=0.3)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    def several(text: str) -> int:
        if (number := int(text)) < 2:
            raise argparse.ArgumentTypeError(f"{number} is less than 2")
        return number

    parser = argparse.ArgumentParser(description="Differential equations with the adjoint method.")
    add = parser.add_argument
    add("--count", type=several, default=40, help="how often they were counted (%(default)s)")
    add("--until", type=float, default=20.0, help="the last time (%(default)s)")
    add("--noise", type=float, default=0.1, help="of a count (%(default)s)")
    add("--plot", metavar="FILE", help="draw numbers and their derivatives")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
