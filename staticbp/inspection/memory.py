"""The memory that a call takes: its arguments and results, and what lies in the workspace at which time."""

from __future__ import annotations

from functools import cached_property

from staticbp.core import shape as shapes
from staticbp.core.schedule import Buffer, Schedule
from staticbp.inspection.table import quantity
from staticbp.passes.plan import Lifetime, lifetimes
from staticbp.runtime.spec import LARGE

COLUMNS = 60  # of the picture of the lifetimes


class Memory:
    """The memory of a call, in bytes.

    Attributes
    ----------
    workspace : int
        The size of the workspace, which a call in flight has to itself and leaves to the next.
    lower_bound : int
        The largest sum of what is alive at one time; no plan needs less.
    arguments, constants, results : int
        The sizes of what comes in, of captured arrays, and of what goes out.
    kept : int
        What of the results and the workspace is large, 8 MiB or more, and goes to later calls when nobody has it any
        more, instead of to the system; `release_memory` gives it back.
    lifetimes : list of Lifetime
        For each buffer in the workspace its size, its offset and the statements between which it is alive.
    """

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    @property
    def workspace(self) -> int:
        """The size of the workspace."""
        return shapes.static(self._schedule.workspace, "memory")

    @property
    def lower_bound(self) -> int:
        """The largest sum of live sizes."""
        return self._schedule.lower_bound

    @property
    def arguments(self) -> int:
        """The size of all arguments."""
        return sum(map(_nbytes, self._schedule.arguments))

    @property
    def constants(self) -> int:
        """The size of all captured arrays."""
        return sum(map(_nbytes, self._schedule.constants))

    @property
    def results(self) -> int:
        """The size of all results."""
        return sum(map(_nbytes, self._schedule.results))

    @property
    def kept(self) -> int:
        """The size of large results, and of a large workspace."""
        sizes = [*map(_nbytes, self._schedule.results), self.workspace]
        return sum(size for size in sizes if size >= LARGE)

    @cached_property
    def lifetimes(self) -> list[Lifetime]:
        """What is in the workspace, by offset."""
        return sorted(lifetimes(self._schedule), key=lambda life: (life.buffer.offset or 0, life.first))

    def __str__(self) -> str:
        lines = [
            f"workspace  {quantity(self.workspace)}B, at least {quantity(self.lower_bound)}B",
            f"arguments  {quantity(self.arguments)}B",
            f"captured   {quantity(self.constants)}B",
            f"results    {quantity(self.results)}B",
        ]
        if self.kept:
            lines.append(f"kept       {quantity(self.kept)}B, for later calls")
        if self.lifetimes:
            last = max(life.last for life in self.lifetimes)
            width = max(len(life.buffer.name) for life in self.lifetimes)
            lines += ["", "in the workspace, from the first statement to the last:"]
            for life in self.lifetimes:
                size = quantity(shapes.static(life.nbytes, "memory"))
                lines.append(f"{life.buffer.name:{width}}  {_bar(life, last)}  {size}B at {life.buffer.offset}")
        return "\n".join(lines)

    __repr__ = __str__


def _bar(life: Lifetime, last: int) -> str:
    """When a buffer is alive, as a line of the picture."""
    start, end = (min(COLUMNS - 1, (place - 1) * COLUMNS // last) for place in (life.first, life.last))
    return "." * start + "#" * (end - start + 1) + "." * (COLUMNS - 1 - end)


def _nbytes(buffer: Buffer) -> int:
    return shapes.static(buffer.aval.size, "memory") * buffer.aval.dtype.itemsize
