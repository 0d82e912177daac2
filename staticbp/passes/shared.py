"""What the lowering of a graph shares with that of the bodies in it, and of the functions that it calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from staticbp.core.aval import Aval
from staticbp.core.graph import Graph
from staticbp.core.schedule import Buffer, Failure, Schedule
from staticbp.core.text import STATUS, Names
from staticbp.ops.call import call


class Functions:
    """The functions that a graph calls, each lowered when it is first met, and what the statuses of all mean.

    Parameters
    ----------
    graph : Graph
        What is lowered.
    lower : callable
        ``lower(body, name, functions)``: the schedule of a graph under a name.
    """

    def __init__(self, graph: Graph, lower: Callable[[Graph, str, Functions], Schedule]) -> None:
        names = Names({graph.name})
        self.failures: list[Failure] = []
        self.lowered: dict[Graph, Schedule] = {}
        self._lower = lower
        self._names = {body: names.fresh(body.name) for body in dict.fromkeys(_called(graph))}

    @property
    def names(self) -> set[str]:
        """What they are called, and what holds the status of one is."""
        return {*self._names.values(), STATUS} if self._names else set()

    def of(self, body: Graph) -> Schedule:
        """The function of a graph."""
        if body not in self.lowered:
            self.lowered[body] = self._lower(body, self._names[body], self)
        return self.lowered[body]


def _called(graph: Graph) -> Iterator[Graph]:
    for eqn in graph.eqns:
        for body in eqn.subgraphs():
            yield from _called(body)
            if eqn.op is call:
                yield body


@dataclass(slots=True)
class Shared:
    """What the lowering of a graph shares with those of the bodies in it."""

    names: Names
    loop_names: Sequence[str]
    step_names: Sequence[str]
    functions: Functions
    temporaries: list[Buffer] = field(default_factory=list)
    becomes: dict[Buffer, Buffer] = field(default_factory=dict)  # a carry's next value -> the carry

    @property
    def failures(self) -> list[Failure]:
        """What statuses mean."""
        return self.functions.failures

    def buffer(self, name: str, aval: Aval, role: str = "workspace") -> Buffer:
        """A fresh buffer."""
        made = Buffer(self.names.fresh(name), aval.strong(), role)
        self.temporaries.append(made)
        return made
