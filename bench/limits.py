"""The least that a workload must do, and how long this machine takes for that at best.

Two figures for each: multiplications and additions in matrix products, at the rate of a large product by OpenBLAS
on all threads, and bytes that cannot stay where they are. What is transcendental, latent or in Python is not in them:
they are a floor, not an estimate.
"""

import itertools
import statistics
from collections.abc import Mapping
from typing import NamedTuple

from bench.results import OURS, Result
from bench.workload import Workload

PRODUCT, COPY, PASS = "openblas, product", "memory, copy", "memory, weights in cache"
WEIGHTS = 150 * 784  # of the pass; both cores make one at the same time


class Rates(NamedTuple):
    """Of one dtype: operations and bytes a second, and weights a second that are read and written in cache."""

    flops: float
    bytes: float
    weights: float


class Floor(NamedTuple):
    """``bound`` is the longer of the two times, ``by`` says which."""

    flops: float
    bytes: float
    bound: float
    by: str
    ours: float


def rates(result: Result, cores: int) -> Rates | None:
    """From the result of the workload ``machine-<dtype>``."""
    medians = {name: statistics.median(times) for name, times in result.times.items()}
    if not {PRODUCT, COPY, PASS} <= set(medians):
        return None
    side, size = result.settings["side"], result.settings["megabytes"] * 2**20
    return Rates(2 * side**3 / medians[PRODUCT], 2 * size / medians[COPY], cores * WEIGHTS / medians[PASS])


def layers(settings: Mapping[str, object]) -> list[tuple[int, int]]:
    hidden = settings.get("hidden", (300, 100))
    assert isinstance(hidden, list | tuple)
    sizes = [784, *hidden, 10]
    return list(itertools.pairwise(sizes))


def floor(workload: Workload, result: Result, machine: Rates) -> Floor | None:
    """None where the floor says nothing: a recurrence waits for itself, a call for Python."""
    settings, width = result.settings, 4 if workload.dtype == "float32" else 8
    times = result.times.get(OURS)
    if not times:
        return None
    flops = moved = seconds = 0.0
    if workload.family == "mnist":
        batch = settings.get("minibatch", 1)
        weights = [m * n for m, n in layers(settings)]
        products = sum(weights)
        if workload.job != "forward":  # and the gradient in each weight, and in each layer's input but the first's
            products += sum(weights) + sum(weights[1:])
        flops = 2.0 * batch * products
        seconds = flops / machine.flops
        if workload.job in ("samples", "calls"):
            moved = 2.0 * width * sum(weights)
            passes = sum(weights) / machine.weights
            return Floor(flops, moved, max(seconds, passes), "flops" if seconds > passes else "cache", best(times))
    elif workload.family == "volume":
        moved = 2.0 * width * settings["side"] ** 3
    elif workload.family == "elementwise":
        moved = 2.0 * width * settings["size"]
    else:
        return None
    moving = moved / machine.bytes
    return Floor(flops, moved, max(seconds, moving), "flops" if seconds > moving else "bytes", best(times))


def best(times: list[float]) -> float:
    return statistics.median(times)
