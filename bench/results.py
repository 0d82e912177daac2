"""What was measured, and what follows from it: medians, ratios, and whether targets are held."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.workload import Target

OURS = "staticbp"


@dataclass
class Result:
    """One workload: seconds a step in each round, by entrant, and why others are not there."""

    name: str
    times: dict[str, list[float]]
    gaps: dict[str, float] = field(default_factory=dict)  # to the answer by hand
    excluded: dict[str, str] = field(default_factory=dict)  # they disagree, or broke off
    missing: dict[str, str] = field(default_factory=dict)  # they are not installed
    kernels: dict[str, list[str]] = field(default_factory=dict)
    memory: dict[str, dict[str, int | None]] = field(default_factory=dict)
    threads: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Verdict:
    """A target beside what was measured; ``ratio`` is None where there is nothing to compare with."""

    target: Target
    rival: str
    ratio: float | None
    low: float = float("nan")
    high: float = float("nan")

    @property
    def word(self) -> str:
        if self.ratio is None:
            return "not measured"
        return "aim" if self.ratio <= self.target.aim else "held" if self.ratio <= self.target.reach else "NOT HELD"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """The median of the ratios in each round, the least and the greatest.

    >>> ratios([1.0, 2.0, 3.0], [2.0, 2.0, 2.0])
    (1.0, 0.5, 1.5)
    """
    each = [a / b for a, b in zip(ours, theirs, strict=True)]
    return statistics.median(each), min(each), max(each)


def best(times: Mapping[str, Sequence[float]], among: Sequence[str]) -> str:
    """Whose median is the least, of those that were timed; nobody's if none was."""
    there = [name for name in among if times.get(name)]
    return min(there, key=lambda name: statistics.median(times[name]), default="")


def verdict(target: Target, times: Mapping[str, Sequence[float]]) -> Verdict:
    rival = best(times, target.against)
    if not rival or not times.get(OURS):
        return Verdict(target, rival, None)
    return Verdict(target, rival, *ratios(times[OURS], times[rival]))
