"""The bottom of Rosenbrock's valley in 1,000 dimensions, by Newton's method without a matrix.

    python examples/rosenbrock.py
    python examples/rosenbrock.py --plot rosenbrock.png    # the way of all coordinates to 1, and of the value to 0
    python examples/rosenbrock.py --jax                    # beside JAX, where it is installed

SciPy's Newton-CG asks for products of the Hessian with a vector; a product costs little more than a gradient, and the
matrix of a million elements is never there.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize

import staticbp as bp

Array = np.ndarray[Any, Any]


def rosenbrock(x: Array) -> Array:
    """A valley with steep sides that winds to its only bottom, where all coordinates are 1."""
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


class Report(NamedTuple):
    """What was found, and how."""

    x: Array
    value: float
    steps: int
    products: int
    path: list[Array]  # the point after each step


def descend(start: Array, steps: int) -> Report:
    """From `start` down, in so many steps at most."""
    path = [start]
    found = bp.optimize.minimize(
        rosenbrock, start, method="Newton-CG", callback=path.append, options={"xtol": 1e-8, "maxiter": steps}
    )
    return Report(found.x, float(found.fun), found.nit, found.nhev, path)


def main(argv: Sequence[str] | None = None) -> Report:
    args = parse(argv)
    start = np.resize([-1.2, 1.0], args.size)
    print(f"Rosenbrock's function of {args.size} numbers is {rosenbrock(start):.1f} where the way begins.")
    report, seconds = timed(lambda: descend(start, args.steps))
    print(f"After {report.steps} steps and {report.products} products with the Hessian it is {report.value:.1e},")
    print(f"and no number is farther than {np.max(np.abs(report.x - 1)):.1e} from 1: {seconds:.2f}s, once compiled.")
    if args.jax:
        value, seconds = timed(lambda: descend_by_jax(start, args.steps))
        print(f"By JAX's derivatives it comes to {value:.1e} in {seconds:.2f}s.")
    if args.plot:
        plot(args.plot, report)
        print(f"Drew {args.plot}")
    return report


def timed(job: Callable[[], Any]) -> tuple[Any, float]:
    """The result of a job, and how long it takes when it has been done before."""
    job()
    begin = time.perf_counter()
    result = job()
    return result, time.perf_counter() - begin


def descend_by_jax(start: Array, steps: int) -> float:
    """The same solver, with the same derivatives by JAX."""
    import jax  # noqa: PLC0415  (only who asks for it has to have it)
    import jax.numpy as jnp  # noqa: PLC0415

    jax.config.update("jax_enable_x64", True)

    def function(x: Any) -> Any:
        return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    value_and_grad = jax.jit(jax.value_and_grad(function))
    product = jax.jit(lambda x, p: jax.jvp(jax.grad(function), (x,), (p,))[1])

    def fun(x: Array) -> tuple[float, Array]:
        value, slope = value_and_grad(x)
        return float(value), np.asarray(slope)

    found = minimize(
        fun,
        start,
        jac=True,
        hessp=lambda x, p: np.asarray(product(x, p)),
        method="Newton-CG",
        options={"xtol": 1e-8, "maxiter": steps},
    )
    return float(found.fun)


def plot(path: str, report: Report) -> None:
    """Draw all coordinates over the steps, and the value beneath."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  (slow to import, and only who plots has to have it)

    points = np.array(report.path)
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(9, 5.4), sharex=True, layout="constrained", gridspec_kw={"height_ratios": [3, 2]}
    )
    extent = (0, len(points), points.shape[1], 0)
    shades = above.imshow(points.T, aspect="auto", cmap="YlGnBu", vmin=0, vmax=1, extent=extent)
    figure.colorbar(shades, ax=above, label="coordinate")
    above.set(ylabel="number of the coordinate", title=f"{points.shape[1]} coordinates on their way to 1")
    below.semilogy([rosenbrock(point) for point in points], color="crimson")
    below.set(xlabel="step", ylabel="value", xlim=(0, len(points)))
    below.grid(alpha=0.3)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    def at_least(least: int) -> Callable[[str], int]:
        def number(text: str) -> int:
            if (value := int(text)) < least:
                raise argparse.ArgumentTypeError(f"{value} is less than {least}")
            return value

        return number

    parser = argparse.ArgumentParser(description="Rosenbrock's function of many numbers, minimised by Newton-CG.")
    add = parser.add_argument
    add("--size", type=at_least(2), default=1000, help="how many numbers (%(default)s)")
    add("--steps", type=at_least(1), default=10_000, help="the most steps (%(default)s)")
    add("--plot", metavar="FILE", help="draw the way down")
    add("--jax", action="store_true", help="time JAX as well, if it is installed")
    add("--fast", action="store_true", help="20 numbers: to see whether everything works")
    args = parser.parse_args(argv)
    if args.fast:
        args.size = min(args.size, 20)
    return args


if __name__ == "__main__":
    main()
