"""How long each part of a call takes: measured in a copy of the compiled code with a clock between its parts.

The parts are loop nests and kernel calls.  A loop of whole steps, a scan say, is one part at first; when its steps
turn out to take long enough for the readings of a clock not to matter, it is opened, and their parts are timed.
A call that is itself too short for a clock in it is timed in copies that grow by a part each.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from staticbp.compilation import Compilation
from staticbp.core import shape as shapes
from staticbp.core.schedule import Call, If, Loop, Reshape, Schedule, Stmt, While
from staticbp.core.specialise import specialised_block
from staticbp.core.traverse import children
from staticbp.errors import ArgumentError
from staticbp.inspection.cost import has_steps
from staticbp.passes.effort import effort
from staticbp.runtime.laps import LAPS, ROOM
from staticbp.runtime.load import compile_module
from staticbp.runtime.spec import Spec

READINGS = 25  # of the clock, that an opened loop's parts take at least: more than 4 % of the time is never the clock's
CLOCKS = 1 / 16  # of the time of a call, at most, that is the clock's
COPIES = 24  # of a call too short for that
BATCH = 5e-4  # seconds: shorter calls are timed several at a time
LEAST, MOST = 5, 2_000  # batches
LONG = 20_000  # elements that the body of a `while` visits, for its steps to be worth a clock

BETWEEN = 0  # the number of the interval between the last part of a call and the first of the next

_SOURCE = '''"""The clock, before calls and behind them, and three readings of it in a row."""

from staticbp.runtime import clock


def start():
    clock.lap(-1)
    return 0


def stop():
    clock.lap(0)
    return 0


def beat(count):
    for i in range(count):
        clock.lap(0)
        clock.lap(1)
        clock.lap(2)
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
def _module() -> dict[str, Callable[..., Any]]:
    return compile_module(
        _SOURCE, {"start": [], "stop": [], "beat": [Spec(np.int64, 0, array=False)]}, release_gil=False
    )


@cache
def clock() -> Clock:
    """The clock of this process, held against Python's."""
    beat = _module()["beat"]
    laps = LAPS[:7]
    laps[:] = 0
    beat(1)
    readings, lengths = [], []
    for _ in range(9):
        first, start = laps[0].item(), time.perf_counter()
        while (elapsed := time.perf_counter() - start) < 2e-3:
            pass
        beat(1)
        lengths.append(elapsed / max(1, laps[0].item() - first))
        laps[1:] = 0
        beat(500)
        readings.append(laps[3].item() / laps[4].item())
    return Clock(statistics.median(lengths), min(readings))


Calling = Callable[[Compilation], Callable[[], object]]


class Clocked:
    """The copy of a compilation with a clock between its parts, ready to be called.

    Parameters
    ----------
    compilation : Compilation
        What is compiled.
    calling : callable
        Gives what calls a function in the compiled form that it is given.
    sizes : mapping of str to int
        What the symbols in the compilation stand for.

    Attributes
    ----------
    is_in_the_way : bool
        Whether the readings of the clock take a large part of the time.
    """

    is_in_the_way: bool

    def __init__(self, compilation: Compilation, calling: Calling, sizes: Mapping[str, int]) -> None:
        self._sizes = sizes
        opened: set[int] = set()
        while True:
            clocks = _Clocks(compilation.schedule, opened)
            self._parts = clocks.parts
            self._call = calling(compilation.with_schedule(clocks.schedule))
            self._found: list[Any] = []
            self._call()
            for _ in range(LEAST):
                self()
            further = {id(part.statements[0]) for part in self.parts if part.opens and self._is_worth_a_look(part)}
            if not further:
                self.is_in_the_way = self._readings_take_long()
                self._found.clear()
                return
            opened |= further

    def __call__(self, times: int = 1) -> None:
        """Run it so many times in a row, and remember what the clocks say of the mean."""
        laps = LAPS[1 : 3 + 2 * len(self._parts)]
        laps[:] = 0
        _module()["start"]()
        _repeat(self._call, times)
        _module()["stop"]()  # what comes behind the last call's last part, such as giving its results back, is dispatch
        self._found.append(laps.reshape(-1, 2) / times)

    def _readings_take_long(self) -> bool:
        self._found.clear()
        number = _number(self._call)
        for _ in range(LEAST):
            self(number)
        seconds, counts = self._measured
        readings = sum(counts) * clock().reading * clock().tick
        return readings > CLOCKS * (sum(seconds) + readings)

    @property
    def dispatch(self) -> float:
        """The seconds between the last part of a call and the first of the next."""
        return self._measured[0][BETWEEN]

    @property
    def parts(self) -> list[Part]:
        """The parts in the order of the code."""
        seconds, counts = self._measured
        return [
            replace(part, seconds=total, count=count)
            for part, total, count in zip(self._parts, seconds[1:], counts[1:], strict=True)
        ]

    @property
    def _measured(self) -> tuple[list[float], list[float]]:
        """The seconds of each interval in a call, and how often it occurs."""
        found = np.array(self._found, float)
        counts = found[:, :, 1].mean(axis=0)
        each = (found[:, :, 0] - clock().reading * found[:, :, 1]) * clock().tick
        seconds = each[_fastest(each.sum(axis=1))].mean(axis=0)
        return np.maximum(0.0, seconds).tolist(), counts.tolist()

    def _is_worth_a_look(self, part: Part) -> bool:
        """Whether the parts of a loop or branch take much longer than the readings of a clock between them."""
        if not part.count:
            return False
        (stmt,) = at_sizes(part, self._sizes).statements
        if isinstance(stmt, While):
            return effort(stmt.body) >= LONG and part.seconds > 0
        steps = shapes.static(stmt.extent) if isinstance(stmt, Loop) else 1
        readings = max(len([*_groups(block)]) for block in children(stmt)) + 1
        return part.seconds / part.count / max(1, steps) >= READINGS * readings * clock().reading * clock().tick


def _holds_parts(stmt: Stmt) -> bool:
    return isinstance(stmt, If | While) or (isinstance(stmt, Loop) and not stmt.grain and has_steps(stmt))


class Growing:
    """Copies of a compilation that grow by a part each, the first of which computes nothing: for a short call.

    A part takes what a call takes longer by with it. The parameters are those of `Clocked`.
    """

    def __init__(self, compilation: Compilation, calling: Calling) -> None:
        schedule = compilation.schedule
        self._parts: list[Part] = []
        self._found: list[list[float]] = []
        self._calls = [calling(compilation.with_schedule(replace(schedule, body=[])))]
        body: list[Stmt] = []
        for group in _groups(schedule.body):
            body += group
            if _has_code(group):
                self._parts.append(Part(tuple(group), count=1.0))
                self._calls.append(calling(compilation.with_schedule(replace(schedule, body=[*body]))))

    def __call__(self, times: int = 1) -> None:
        """Run each copy so many times in a row."""
        self._found.append([_batch(call, times) for call in self._calls])

    @property
    def dispatch(self) -> float:
        """The seconds of a call that computes nothing."""
        return float(self._measured[0])

    @property
    def parts(self) -> list[Part]:
        """The parts in the order of the code."""
        added = np.diff(self._measured).tolist()
        return [replace(part, seconds=seconds) for part, seconds in zip(self._parts, added, strict=True)]

    @property
    def _measured(self) -> Any:
        """The seconds of a call of each copy; a larger one takes no less."""
        times = [each[_fastest(each)].mean() for each in np.array(self._found).T]
        return np.maximum.accumulate(times)


def timed(compilation: Compilation, calling: Calling, sizes: Mapping[str, int]) -> Clocked | Growing:
    """The copies of a compilation by which its parts are timed; the parameters are those of `Clocked`."""
    clocked = Clocked(compilation, calling, sizes)
    few = len([*_groups(compilation.schedule.body)]) < COPIES
    return Growing(compilation, calling) if few and clocked.is_in_the_way else clocked


def at_sizes(part: Part, sizes: Mapping[str, int]) -> Part:
    """The part with numbers in the place of symbols."""
    return replace(part, statements=tuple(specialised_block(part.statements, sizes)))


# ---- the copy with clocks ---------------------------------------------------------------------------------------


def _groups(block: Sequence[Stmt]) -> Iterator[list[Stmt]]:
    """The statements that are timed together: each loop, branch and call, and what stands in between."""
    for alone, group in itertools.groupby(block, lambda stmt: isinstance(stmt, Loop | Call | If | While)):
        together = list(group)
        yield from ([stmt] for stmt in together) if alone else [together]


def _has_code(group: Sequence[Stmt]) -> bool:
    return not all(isinstance(stmt, Reshape) for stmt in group)


class _Clocks:
    """Puts readings of the clock before and behind the parts of a schedule: `opened` ones are taken apart."""

    def __init__(self, schedule: Schedule, opened: set[int]) -> None:
        self.opened = opened
        self.parts: list[Part] = []
        self.schedule = replace(schedule, body=[self.reading(BETWEEN), *self.block(schedule.body)])
        if len(self.parts) >= ROOM:
            raise ArgumentError(f"{schedule.name} has {len(self.parts)} loops and calls, too many to time each")

    def reading(self, number: int) -> Call:
        """``clock.lap(number)``."""
        return Call("clock.lap", (number,), reads=(), writes=())

    def block(self, block: Sequence[Stmt]) -> list[Stmt]:
        """The statements of a block, with clocks."""
        made: list[Stmt] = []
        for group in _groups(block):
            if id(group[0]) in self.opened:
                made.append(self.inside(group[0]))
            elif _has_code(group):
                self.parts.append(Part(tuple(group)))
                made += [*group, self.reading(len(self.parts))]
            else:
                made += group
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


# ---- measuring --------------------------------------------------------------------------------------------------


def _fastest(times: Any) -> Any:
    """Which of some times are the shortest quarter: in the others the machine has done something else as well."""
    return np.argsort(times)[: -(-len(times) // 4)]


def per_call(whole: Callable[[], object], copies: Clocked | Growing, budget: float) -> float:
    """The time of a call of `whole`, in seconds.

    It is called in batches, and its copies in turn with it: what else the machine does meets all alike.
    """
    number = _number(whole)
    found: list[float] = []
    end = time.perf_counter() + budget
    while len(found) < LEAST or (len(found) < MOST and time.perf_counter() < end):
        whole()  # what came before may have let threads fall asleep, and caches fill with something else
        found.append(_batch(whole, number))
        copies(number)
    times = np.array(found)
    return float(times[_fastest(times)].mean())


def in_turn(calls: Sequence[Callable[[], object]], budget: float) -> list[float]:
    """The median time of each call, in seconds; they are called in turn, in batches.

    Parameters
    ----------
    calls : sequence of callable
        What is called.
    budget : float
        The seconds that it may take, about.
    """
    numbers = [_number(call) for call in calls]
    found: list[list[float]] = []
    end = time.perf_counter() + budget
    while len(found) < LEAST or (len(found) < MOST and time.perf_counter() < end):
        found.append([_batch(call, number) for call, number in zip(calls, numbers, strict=True)])
    return [statistics.median(times) for times in zip(*found, strict=True)]


def _number(call: Callable[[], object]) -> int:
    """How many calls are timed together."""
    call()
    return max(1, min(MOST, int(BATCH / max(1e-9, _batch(call, 1)))))


def _batch(call: Callable[[], object], number: int) -> float:
    start = time.perf_counter()
    _repeat(call, number)
    return (time.perf_counter() - start) / number


def _repeat(call: Callable[[], object], number: int) -> None:
    """Call it so many times in a row: whatever is timed is called from here, by the same bytes of Python."""
    for _ in range(number):
        call()
