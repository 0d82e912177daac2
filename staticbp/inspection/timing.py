"""How long each part of a call takes: measured in a copy of the compiled code with a clock between its parts.

The parts are loop nests and kernel calls.  A loop of whole steps, a scan say, is one part at first; when its steps
turn out to take long enough for the readings of a clock not to matter, it is opened, and their parts are timed.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from staticbp.compilation import Compilation
from staticbp.core import shape as shapes
from staticbp.core.aval import INT64, Aval
from staticbp.core.schedule import Buffer, Call, If, Loop, Ref, Reshape, Schedule, Stmt, While
from staticbp.core.traverse import children
from staticbp.inspection.cost import has_steps
from staticbp.passes.effort import effort
from staticbp.runtime.dispatch import Slices
from staticbp.runtime.load import compile_module
from staticbp.runtime.memory import Arenas
from staticbp.runtime.spec import Spec, parameters_of

READINGS = 25  # of the clock, that an opened loop's parts take at least: more than 4 % of the time is never the clock's
BATCH = 5e-4  # seconds: shorter calls are timed several at a time
LEAST, MOST = 5, 2_000  # batches
WORTH_TELLING = 2e-6  # seconds
LONG = 20_000  # elements that the body of a `while` visits, for its steps to be worth a clock

_BEAT = '''"""What a reading of the clock takes."""

from staticbp.runtime import clock


def beat(laps, count):
    for i in range(count):
        clock.lap(laps, 0)
        clock.lap(laps, 1)
        clock.lap(laps, 2)
    return 0
'''


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some statements that follow one another, and what was measured of them: in one call, and how often they ran."""

    statements: tuple[Stmt, ...]
    seconds: float = 0.0
    count: float = 0.0

    @property
    def opens(self) -> bool:
        """Whether there are parts inside."""
        (stmt, *others) = self.statements
        return not others and _holds_parts(stmt)


@dataclass(frozen=True, slots=True)
class Clock:
    """How long a tick is, and the ticks that a reading takes."""

    tick: float
    reading: float


@cache
def clock() -> Clock:
    """The clock of this process, held against Python's."""
    types = (Spec(np.int64, 1, array=True), Spec(np.int64, 0, array=False))
    beat = compile_module(_BEAT, {"beat": types})["beat"]
    laps = np.zeros(7, np.int64)
    beat(laps, 1)
    readings, lengths = [], []
    for _ in range(9):
        first, start = laps[0].item(), time.perf_counter()
        while (elapsed := time.perf_counter() - start) < 2e-3:
            pass
        beat(laps, 1)
        lengths.append(elapsed / max(1, laps[0].item() - first))
        laps[1:] = 0
        beat(laps, 500)
        readings.append(laps[3].item() / laps[4].item())
    return Clock(statistics.median(lengths), min(readings))


class Clocked:
    """The copy of a compilation with a clock between its parts, ready to be called.

    Parameters
    ----------
    compilation : Compilation
        What is compiled.
    leaves : sequence
        The arguments as compiled code takes them; donated ones are written to.
    """

    def __init__(self, compilation: Compilation, leaves: Sequence[Any]) -> None:
        opened: set[int] = set()
        while True:
            schedule, self._parts = _with_clocks(compilation.schedule, opened)
            self._call, self._laps = _callable(compilation.with_schedule(schedule), leaves)
            self._found: list[Any] = []
            self._released: list[float] = []
            self._call()
            for _ in range(LEAST):
                self()
            further = {id(part.statements[0]) for part in self.parts if part.opens and _is_worth_a_look(part)}
            if not further:
                self._found.clear()
                self._released.clear()
                return
            opened |= further

    def __call__(self, times: int = 1) -> None:
        """Run it so many times in a row, and remember what the clocks say of the mean."""
        self._laps[:] = 0
        self._released += [self._call() for _ in range(times)]
        self._found.append(self._laps[1:].reshape(-1, 2) / times)

    @property
    def release(self) -> float:
        """The seconds that it takes to give large results back to the system: no part does, nor an empty function."""
        seconds = statistics.median(self._released)
        return seconds if seconds >= WORTH_TELLING else 0.0

    @property
    def parts(self) -> list[Part]:
        """The parts in the order of the code: the median of all runs.

        Medians of parts sum to less than the median of the whole, where what disturbs comes in bursts; so they say how
        that is shared out.
        """
        found = np.array(self._found, float)
        counts = np.median(found[:, :, 1], axis=0)
        each = (found[:, :, 0] - clock().reading * found[:, :, 1]) * clock().tick
        seconds = np.median(each, axis=0)
        seconds *= np.median(each.sum(axis=1)) / max(1e-12, seconds.sum())
        return [
            replace(part, seconds=max(0.0, float(total)), count=float(count))
            for part, total, count in zip(self._parts, seconds, counts, strict=True)
        ]


def _holds_parts(stmt: Stmt) -> bool:
    return isinstance(stmt, If | While) or (isinstance(stmt, Loop) and not stmt.grain and has_steps(stmt))


def _is_worth_a_look(part: Part) -> bool:
    """Whether the parts of a loop or branch take much longer than the readings of a clock between them."""
    if not part.count:
        return False
    (stmt,) = part.statements
    if isinstance(stmt, While):
        return effort(stmt.body) >= LONG and part.seconds > 0
    steps = shapes.static(stmt.extent) if isinstance(stmt, Loop) else 1
    readings = max(len([*_groups(block)]) for block in children(stmt)) + 1
    return part.seconds / part.count / max(1, steps) >= READINGS * readings * clock().reading * clock().tick


# ---- the copy with clocks ---------------------------------------------------------------------------------------


def _groups(block: Sequence[Stmt]) -> Iterator[list[Stmt]]:
    """The statements that are timed together: each loop, branch and call, and what stands in between."""
    for alone, group in itertools.groupby(block, lambda stmt: isinstance(stmt, Loop | Call | If | While)):
        together = list(group)
        yield from ([stmt] for stmt in together) if alone else [together]


class _Clocks:
    """Puts readings of the clock behind the parts of a schedule."""

    def __init__(self, laps: Buffer, opened: set[int]) -> None:
        self.laps = Ref(laps)
        self.opened = opened
        self.parts: list[Part] = []

    def reading(self, number: int) -> Call:
        """``clock.lap(laps, number)``."""
        return Call("clock.lap", (self.laps, number), reads=(self.laps,), writes=(self.laps,))

    def block(self, block: Sequence[Stmt]) -> list[Stmt]:
        """The statements of a block, with clocks."""
        made: list[Stmt] = []
        for group in _groups(block):
            if id(group[0]) in self.opened:
                made.append(self.inside(group[0]))
            elif all(isinstance(stmt, Reshape) for stmt in group):
                made += group  # no code comes of it
            else:
                self.parts.append(Part(tuple(group)))
                made += [*group, self.reading(len(self.parts) - 1)]
        return made

    def inside(self, stmt: Stmt) -> Stmt:
        """A loop or branch with clocks in its blocks."""
        match stmt:
            case Loop(body=body):
                return replace(stmt, body=self.block(body))
            case While(head=head, body=body):
                return replace(stmt, head=self.block(head), body=self.block(body))
            case If(then=then, orelse=orelse):
                return replace(stmt, then=self.block(then), orelse=self.block(orelse))
            case _:
                raise AssertionError(f"nothing to open: {stmt!r}")


def _with_clocks(schedule: Schedule, opened: set[int]) -> tuple[Schedule, list[Part]]:
    """The schedule with one more result, the laps; and its parts."""
    taken = {buffer.name for buffer in schedule.buffers()}
    wished = itertools.chain(["laps"], (f"laps_{n}" for n in itertools.count(2)))
    name = next(wish for wish in wished if wish not in taken)
    laps = Buffer(name, Aval((1,), INT64), "result")
    clocks = _Clocks(laps, opened)
    body = [clocks.reading(-1), *clocks.block(schedule.body)]
    laps.aval = Aval((1 + 2 * len(clocks.parts),), INT64)
    return replace(schedule, results=[*schedule.results, laps], body=body), clocks.parts


# ---- measuring --------------------------------------------------------------------------------------------------


def _callable(compilation: Compilation, leaves: Sequence[Any]) -> tuple[Callable[[], float], Any]:
    """What runs the code with clocks on these leaves, and tells how long letting go of the results takes; the laps."""
    frame, schedule = compilation.frame, compilation.schedule
    entries = {schedule.name: parameters_of(compilation.convention)}
    function = compile_module(compilation.source, entries, release_gil=compilation.releases_gil)[schedule.name]
    constants = [constant.current() for constant in compilation.captured]
    run = Slices(compilation.long_loops).running(function) if compilation.long_loops else function
    inputs = [*leaves, *constants]
    *kinds, counts = [(shapes.static_shape(spec.shape or (), "profile"), spec.dtype) for spec in frame.results]
    work = [Arenas().take(shapes.static(frame.workspace, "profile"))] if frame.workspace else []
    laps = np.empty(*counts)

    def call() -> float:
        results = [np.empty(*kind) for kind in kinds]  # in fresh memory, as always
        run(*inputs, *results, laps, *work)
        start = time.perf_counter()
        del results
        return time.perf_counter() - start

    return call, laps


def per_call(whole: Callable[[], object], hollow: Callable[[], object], clocked: Clocked, budget: float) -> list[float]:
    """The median time of a call of `whole` and of `hollow`, in seconds.

    They are called in turn, in batches, and `clocked` with them: what else the machine does meets all alike.
    """
    whole()
    once = _batch(whole, 1)
    number = max(1, min(MOST, int(BATCH / max(1e-9, once))))
    found: list[tuple[float, float]] = []
    end = time.perf_counter() + budget
    while len(found) < LEAST or (len(found) < MOST and time.perf_counter() < end):
        whole()  # what came before may have let threads fall asleep, and caches fill with something else
        first = _batch(whole, number)
        clocked(number)
        found.append((first, _batch(hollow, number)))
    return [statistics.median(times) for times in zip(*found, strict=True)]


def in_turn(calls: Sequence[Callable[[], object]], budget: float) -> list[float]:
    """The median time of each call, in seconds; they are called in turn, in batches.

    Parameters
    ----------
    calls : sequence of callable
        What is called.
    budget : float
        The seconds that it may take, about.
    """
    numbers = []
    for call in calls:
        call()
        numbers.append(max(1, min(MOST, int(BATCH / max(1e-9, _batch(call, 1))))))
    found: list[list[float]] = []
    end = time.perf_counter() + budget
    while len(found) < LEAST or (len(found) < MOST and time.perf_counter() < end):
        found.append([_batch(call, number) for call, number in zip(calls, numbers, strict=True)])
    return [statistics.median(times) for times in zip(*found, strict=True)]


def _batch(call: Callable[[], object], number: int) -> float:
    start = time.perf_counter()
    for _ in range(number):
        call()
    return (time.perf_counter() - start) / number
