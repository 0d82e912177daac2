"""The memory plan: every workspace buffer gets its place in one arena, by when it is alive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from staticbp.core import shape as shapes
from staticbp.core.schedule import (
    Buffer,
    Loop,
    Reshape,
    Schedule,
    Stmt,
)
from staticbp.core.traverse import children
from staticbp.passes.access import footprint, root

ALIGNMENT = 64  # bytes: a cache line, and the widest vector


@dataclass(slots=True)
class Lifetime:
    """The statements, in order of the text, between which a buffer holds something."""

    buffer: Buffer
    first: int
    last: int

    @property
    def nbytes(self) -> int:
        """The size of the buffer, rounded up to whole cache lines, of which even an empty array has one."""
        count = shapes.static(self.buffer.aval.size, "a workspace buffer")
        return max(1, -(-count * self.buffer.aval.dtype.itemsize // ALIGNMENT)) * ALIGNMENT


def plan(schedule: Schedule) -> None:
    """Give the workspace buffers their offsets, first fit, the largest first; note the arena's size."""
    alive = lifetimes(schedule)
    placed: list[tuple[int, Lifetime]] = []
    for life in sorted(alive, key=lambda item: (-item.nbytes, item.first, item.buffer.name)):
        taken = sorted(
            (offset, offset + other.nbytes)
            for offset, other in placed
            if other.first <= life.last and life.first <= other.last
        )
        offset = 0
        for start, end in taken:
            if offset + life.nbytes <= start:
                break
            offset = max(offset, end)
        life.buffer.offset = offset
        placed.append((offset, life))
    # An array without elements is cut out of the arena too, so the arena must be there.
    schedule.workspace = max((offset + max(life.nbytes, 1) for offset, life in placed), default=0)
    schedule.lower_bound = _largest_sum(alive)


def lifetimes(schedule: Schedule) -> list[Lifetime]:
    """When each workspace buffer is alive.

    A buffer that is touched both inside and outside a loop lives through the whole of it.
    """
    counter = 0

    def visit(block: Sequence[Stmt], loops: tuple[Loop, ...]) -> None:
        nonlocal counter
        for stmt in block:
            counter += 1
            start[id(stmt)] = counter
            if not children(stmt) and not isinstance(stmt, Reshape):
                found = footprint([stmt], {})
                for buffer in found.reads.keys() | found.writes.keys():
                    uses.setdefault(root(buffer, {}), []).append((counter, loops))
            for inner in children(stmt):
                visit(inner, (*loops, stmt) if isinstance(stmt, Loop) else loops)
            end[id(stmt)] = counter

    start: dict[int, int] = {}
    end: dict[int, int] = {}
    uses: dict[Buffer, list[tuple[int, tuple[Loop, ...]]]] = {}
    visit(schedule.body, ())
    alive: list[Lifetime] = []
    for buffer in schedule.temporaries:
        if buffer.role != "workspace" or buffer not in uses:
            continue
        places = uses[buffer]
        common = len(_common_prefix([loops for _, loops in places]))
        first, last = places[0][0], places[0][0]
        for position, loops in places:
            outermost = loops[common] if len(loops) > common else None
            first = min(first, start[id(outermost)] if outermost is not None else position)
            last = max(last, end[id(outermost)] if outermost is not None else position)
        alive.append(Lifetime(buffer, first, last))
    return alive


def _common_prefix(chains: Sequence[tuple[Loop, ...]]) -> tuple[Loop, ...]:
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
