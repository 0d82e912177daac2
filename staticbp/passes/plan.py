"""The memory plan: every workspace buffer gets its place in one arena, by when it is alive."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass

from staticbp.core import shape as shapes
from staticbp.core.schedule import Buffer, Expr, If, Loop, Reshape, Schedule, Stmt, While
from staticbp.core.traverse import children, loads
from staticbp.passes.access import footprint, root

ALIGNMENT = 64  # bytes: a cache line, and the widest vector


@dataclass(slots=True)
class Lifetime:
    """The statements, in order of the text, between which a buffer holds something; and its size in whole lines."""

    buffer: Buffer
    first: int
    last: int
    nbytes: int


def plan(schedule: Schedule) -> None:
    """Give the workspace buffers their offsets, first fit, the largest first; note the arena's size."""
    alive = lifetimes(schedule)
    placed: list[tuple[int, int, int, int]] = []  # (start, end, first, last), by start
    for life in sorted(alive, key=lambda item: (-item.nbytes, item.first, item.buffer.name)):
        offset = 0
        for start, end, first, last in placed:
            if first <= life.last and life.first <= last:
                if offset + life.nbytes <= start:
                    break
                offset = max(offset, end)
        life.buffer.offset = offset
        insort(placed, (offset, offset + life.nbytes, life.first, life.last))
    schedule.workspace = max((end for _, end, _, _ in placed), default=0)
    schedule.lower_bound = _largest_sum(alive)


def _lines(buffer: Buffer) -> int:
    """The size of a buffer, rounded up to whole cache lines, of which even an empty array has one."""
    count = shapes.static(buffer.aval.size, "a workspace buffer")
    return max(1, -(-count * buffer.aval.dtype.itemsize // ALIGNMENT)) * ALIGNMENT


def lifetimes(schedule: Schedule) -> list[Lifetime]:
    """When each workspace buffer is alive.

    A buffer that is touched both inside and outside a loop lives through the whole of it, as does any that is touched
    in a loop that threads share: they may be at different steps at one time.
    """
    counter = 0

    def visit(block: Sequence[Stmt], loops: tuple[Loop | While, ...]) -> None:
        nonlocal counter
        for stmt in block:
            counter += 1
            start[id(stmt)] = counter
            if not children(stmt) and not isinstance(stmt, Reshape):
                found = footprint([stmt], {})
                for buffer in found.reads.keys() | found.writes.keys():
                    uses.setdefault(root(buffer, {}), []).append((counter, loops))
            around = (*loops, stmt) if isinstance(stmt, Loop | While) else loops
            if isinstance(stmt, If):
                note_reads(stmt.test, loops)
            for number, inner in enumerate(children(stmt)):
                if number and isinstance(stmt, While):  # between head and body
                    counter += 1
                    note_reads(stmt.test, around)
                visit(inner, around)
            end[id(stmt)] = counter

    def note_reads(test: Expr, loops: tuple[Loop | While, ...]) -> None:
        for load in loads(test):
            uses.setdefault(root(load.buffer, {}), []).append((counter, loops))

    start: dict[int, int] = {}
    end: dict[int, int] = {}
    uses: dict[Buffer, list[tuple[int, tuple[Loop | While, ...]]]] = {}
    visit(schedule.body, ())
    alive: list[Lifetime] = []
    for buffer in schedule.temporaries:
        if buffer.role != "workspace" or buffer not in uses:
            continue
        places = uses[buffer]
        together = _common_prefix([loops for _, loops in places])
        common = next((n for n, loop in enumerate(together) if isinstance(loop, Loop) and loop.grain), len(together))
        first, last = places[0][0], places[0][0]
        for position, loops in places:
            outermost = loops[common] if len(loops) > common else None
            first = min(first, start[id(outermost)] if outermost is not None else position)
            last = max(last, end[id(outermost)] if outermost is not None else position)
        alive.append(Lifetime(buffer, first, last, _lines(buffer)))
    return alive


def _common_prefix(chains: Sequence[tuple[Loop | While, ...]]) -> tuple[Loop | While, ...]:
    shortest = min(chains, key=len)
    for depth, loop in enumerate(shortest):
        if any(chain[depth] is not loop for chain in chains):
            return shortest[:depth]
    return shortest


def _largest_sum(alive: Sequence[Lifetime]) -> int:
    """The largest sum of sizes of what is alive at one time: no plan needs less."""
    changes = [(life.first, 1, life.nbytes) for life in alive] + [(life.last, 2, -life.nbytes) for life in alive]
    total = best = 0
    for _, _, change in sorted(changes, key=lambda c: (c[0], c[1])):
        total += change
        best = max(best, total)
    return best
