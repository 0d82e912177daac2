"""The greeks of an option to third order, by derivatives of its price, against the closed forms.

    python examples/black_scholes.py
    python examples/black_scholes.py --plot greeks.png    # all of them over the price of the share

A greek is a derivative of the price with respect to one quantity after the other.  Nobody works one out here: each is
named by its quantities, and all of them, for all prices of the share, are one call of compiled code.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

import staticbp as bp

Array = np.ndarray[Any, Any]


@bp.record
class Option:
    """A European call, by the quantities that its price depends on."""

    spot: Any  # what the share costs
    strike: Any  # what it may be bought for
    time: Any  # how long until then, in years
    rate: Any  # interest
    volatility: Any


def cdf(x: Any) -> Any:
    """The normal distribution."""
    return 0.5 * bp.special.erfc(-x / np.sqrt(2))


def price(call: Option) -> Any:
    """The formula of Black and Scholes."""
    width = call.volatility * np.sqrt(call.time)
    d1 = (np.log(call.spot / call.strike) + (call.rate + call.volatility**2 / 2) * call.time) / width
    return call.spot * cdf(d1) - call.strike * np.exp(-call.rate * call.time) * cdf(d1 - width)


def derivative(function: Callable[[Option], Any], quantity: str) -> Callable[[Option], Any]:
    """With respect to one quantity."""

    def slope(call: Option) -> Any:
        return bp.diff(lambda x: function(bp.replace(call, **{quantity: x})))(getattr(call, quantity))

    return slope


GREEKS = {
    "delta": ["spot"],
    "vega": ["volatility"],
    "rho": ["rate"],
    "theta": ["time"],
    "gamma": ["spot", "spot"],
    "vanna": ["spot", "volatility"],
    "charm": ["spot", "time"],
    "vomma": ["volatility", "volatility"],
    "veta": ["volatility", "time"],
    "speed": ["spot", "spot", "spot"],
    "zomma": ["spot", "spot", "volatility"],
    "color": ["spot", "spot", "time"],
    "ultima": ["volatility", "volatility", "volatility"],
}


def greeks(call: Option) -> dict[str, Any]:
    """All of them; time runs towards the day of the option, so what it takes away counts as negative."""
    found = {name: reduce(derivative, quantities, price)(call) for name, quantities in GREEKS.items()}
    return {name: -value if "time" in GREEKS[name] else value for name, value in found.items()}


@bp.compile
def greeks_over(spots: Array, call: Option) -> dict[str, Array]:
    """The greeks for each price of the share."""
    return bp.vmap(lambda spot: greeks(bp.replace(call, spot=spot)))(spots)


def closed_forms(call: Option) -> dict[str, Any]:
    """As the textbooks have them."""
    s, k, t, r, v = call.spot, call.strike, call.time, call.rate, call.volatility
    width = v * np.sqrt(t)
    d1 = (np.log(s / k) + (r + v * v / 2) * t) / width
    d2 = d1 - width
    density = np.exp(-d1 * d1 / 2) / np.sqrt(2 * np.pi)
    gamma, vega, discounted = density / (s * width), s * density * np.sqrt(t), k * np.exp(-r * t) * cdf(d2)
    bend = (2 * r * t - d2 * width) / (2 * t * width)
    return {
        "delta": cdf(d1),
        "vega": vega,
        "rho": t * discounted,
        "theta": -s * density * v / (2 * np.sqrt(t)) - r * discounted,
        "gamma": gamma,
        "vanna": -density * d2 / v,
        "charm": -density * bend,
        "vomma": vega * d1 * d2 / v,
        "veta": vega * (r * d1 / width - (1 + d1 * d2) / (2 * t)),
        "speed": -gamma / s * (d1 / width + 1),
        "zomma": gamma * (d1 * d2 - 1) / v,
        "color": gamma * (1 / (2 * t) + d1 * bend),
        "ultima": -vega / v**2 * (d1 * d2 * (1 - d1 * d2) + d1 * d1 + d2 * d2),
    }


class Report(NamedTuple):
    """The greeks over the prices of the share, and how far they are from the closed forms, relative to the largest."""

    spots: Array
    found: dict[str, Array]
    errors: dict[str, float]


def main(argv: Sequence[str] | None = None) -> Report:
    args = parse(argv)
    call = Option(100.0, 100.0, args.time, args.rate, args.volatility)
    spots = np.linspace(50, 150, args.points)
    greeks_over(spots, call)  # compiles
    begin = time.perf_counter()
    found = greeks_over(spots, call)
    seconds = time.perf_counter() - begin
    right = closed_forms(bp.replace(call, spot=spots))
    at_the_money = bp.compile(greeks)(call)
    errors = {name: float(np.max(np.abs(found[name] - right[name])) / np.max(np.abs(right[name]))) for name in GREEKS}
    print(f"{'':8}{'with respect to':32}{'at the money':>16}{'largest error':>16}")
    for name, quantities in GREEKS.items():
        print(f"{name:8}{', '.join(quantities):32}{at_the_money[name]:16.8f}{errors[name]:16.1e}")
    print(f"{len(GREEKS)} greeks at {len(spots)} prices take {1e6 * seconds:.0f} µs.")
    report = Report(spots, found, errors)
    if args.plot:
        plot(args.plot, report)
        print(f"Drew {args.plot}")
    return report


def plot(path: str, report: Report) -> None:
    """Draw every greek over the price of the share."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  (slow to import, and only who plots has to have it)

    figure, rows = plt.subplots(3, 5, figsize=(12, 6), sharex=True, layout="constrained")
    colors = {1: "tab:blue", 2: "tab:orange", 3: "crimson"}
    for axes in rows.ravel()[len(GREEKS) :]:
        axes.axis("off")
    for axes, (name, quantities) in zip(rows.ravel(), GREEKS.items(), strict=False):
        axes.plot(report.spots, report.found[name], color=colors[len(quantities)])
        axes.axhline(0, color="black", linewidth=0.5)
        axes.axvline(100, color="black", linewidth=0.5, linestyle=":")
        axes.set_title(f"{name}: {', '.join(quantities)}", fontsize=8)
        axes.tick_params(labelsize=7)
    figure.supxlabel("price of the share", fontsize=9)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    def positive(text: str) -> float:
        if not (number := float(text)) > 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return number

    parser = argparse.ArgumentParser(description="The greeks of a call option, to third order.")
    add = parser.add_argument
    add("--time", type=positive, default=0.5, help="until the day of the option, in years (%(default)s)")
    add("--rate", type=float, default=0.03, help="interest (%(default)s)")
    add("--volatility", type=positive, default=0.2, help="of the share (%(default)s)")
    add("--points", type=int, default=201, help="prices of the share (%(default)s)")
    add("--plot", metavar="FILE", help="draw the greeks")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
