"""What is timed and what is promised: workloads, their targets, and the jobs that libraries make of them.

A family of workloads is a package in ``bench/workloads``. It has ``inputs(**settings)``, which makes the numbers that
every library is given, and a module ``by_<library>`` for each library. There a job is a function of the inputs, and
of a variant if the library competes more than once; it does what is not timed and returns a :class:`Job`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


class Job(NamedTuple):
    """One library's version of a workload, ready to run.

    ``run`` does ``steps`` steps and returns when they are done. ``answer`` computes the arrays that are compared with
    everybody else's; without it this is not a contestant but a yardstick, which does a part of the work.
    """

    run: Callable[[], object]
    answer: Callable[[], Sequence[Array]] | None
    steps: int = 1


@dataclass(frozen=True)
class Target:
    """The time of staticbp divided by that of the fastest of some entrants: what it shall be, and where it is going."""

    against: tuple[str, ...]
    reach: float
    aim: float
    says: str  # who these are, in a few words


@dataclass(frozen=True)
class Workload:
    """One row of the benchmark.

    An entrant is named after its library, or ``library, variant``. ``quick`` overrides settings in a quick run.
    ``brief`` says who is given the first so many samples only, having taken long enough by then.
    """

    name: str
    title: str
    family: str
    job: str
    entrants: tuple[str, ...]
    targets: tuple[Target, ...]
    settings: Mapping[str, Any]
    quick: Mapping[str, Any] = field(default_factory=dict)
    brief: Mapping[str, int] = field(default_factory=dict)
    step: str = "call"
    absent: str = ""  # which libraries have no entry, or less to do, and why
    threads: int | None = None  # else as many as there are processors
    sweep: tuple[str, int] | None = None  # it is a point of this curve

    @property
    def dtype(self) -> str:
        return str(self.settings["dtype"])


def library_of(entrant: str) -> str:
    """
    >>> library_of("jax, x @ W")
    'jax'
    """
    return entrant.split(", ")[0]


def variant_of(entrant: str) -> str:
    """
    >>> variant_of("jax, x @ W"), variant_of("jax")
    ('x @ W', '')
    """
    return entrant.partition(", ")[2]


def settings_of(workload: Workload, *, quick: bool = False, **others: Any) -> dict[str, Any]:
    """The settings of a run."""
    return {**workload.settings, **(workload.quick if quick else {}), **others}
