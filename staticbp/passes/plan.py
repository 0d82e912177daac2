"""The memory plan: every workspace buffer gets its place in one arena, by when it is alive.

Buffers of symbolic sizes lie behind the others.  Where one of them ends is known at run time only, so they share
places: one that fits into another whatever the sizes, and lives at other times, lies in its place.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass

from staticbp.core import shape as shapes
from staticbp.core.schedule import Buffer, Expr, If, Loop, Reshape, Schedule, Stmt, While
from staticbp.core.shape import Dim
from staticbp.core.traverse import children, loads
from staticbp.passes.access import footprint, root

ALIGNMENT = 64  # bytes: a cache line, and the widest vector
WORTHWHILE = 65_536  # bytes: what a buffer has at least that lies where others lie at other times, whatever their size


@dataclass(slots=True)
class Lifetime:
    """The statements, in order of the text, between which a buffer holds something; and its size in whole lines."""

    buffer: Buffer
    first: int
    last: int
    nbytes: Dim

    def overlaps(self, other: Lifetime) -> bool:
        """Whether both are alive at some time."""
        return self.first <= other.last and other.first <= self.last


Known = tuple[Lifetime, int]


@dataclass(frozen=True, slots=True)
class _Fixed:
    """A place that is known now."""

    start: int
    end: int
    life: Lifetime


def plan(schedule: Schedule) -> None:
    """Give the workspace buffers their offsets, first fit, the largest first; note the arena's size."""
    alive = lifetimes(schedule)
    known = [(life, life.nbytes) for life in alive if isinstance(life.nbytes, int)]
    schedule.lower_bound = _largest_sum(known)
    if len(known) < len(alive):
        _place_all(known, [life for life in alive if not isinstance(life.nbytes, int)], schedule)
    else:
        schedule.workspace = _place_known(known, 0)


def _place_known(alive: Sequence[Known], base: Dim) -> int:
    """Give buffers whose sizes are known their offsets, counted from `base`; how much room they take."""
    placed: list[_Fixed] = []  # by start
    for life, nbytes in sorted(alive, key=lambda item: (-item[1], item[0].first, item[0].buffer.name)):
        offset = 0
        for other in placed:
            if other.life.overlaps(life):
                if offset + nbytes <= other.start:
                    break
                offset = max(offset, other.end)
        life.buffer.offset = shapes.total((base, offset))
        insort(placed, _Fixed(offset, offset + nbytes, life), key=lambda place: (place.start, place.end))
    return max((place.end for place in placed), default=0)


# ---- symbolic sizes -----------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class _Room:
    """A place that buffers of symbolic sizes share, each at its time."""

    nbytes: Dim
    tenants: list[Lifetime]

    def overlaps(self, life: Lifetime) -> bool:
        """Whether somebody lies there at a time when another buffer is alive."""
        return any(life.overlaps(tenant) for tenant in self.tenants)


def _place_all(known: Sequence[Known], symbolic: Sequence[Lifetime], schedule: Schedule) -> None:
    """Give buffers of known and of symbolic sizes their offsets.

    What is known comes first, then what is not.  Only the largest of what is known, a gradient of weights say, lies
    with those rooms at the end in which nobody is at its time: so fewer lines of the cache are written to.
    """
    schedule.padding = max(shapes.granule(life.nbytes, ALIGNMENT) for life in symbolic)
    rooms = _rooms(symbolic)
    late = _beside_rooms(known, rooms)
    beside = [room for room in rooms if late and not any(room.overlaps(life) for life, _ in late)]
    end = _place_rooms(
        [room for room in rooms if room not in beside], _place_known([k for k in known if k not in late], 0)
    )
    schedule.workspace = shapes.total((_place_rooms(beside, end), _place_known(late, end)))


def _place_rooms(rooms: Sequence[_Room], base: Dim) -> Dim:
    """Give the tenants of rooms, which lie one behind the other from `base` on, their offsets; where the last ends."""
    for room in rooms:
        for tenant in room.tenants:
            tenant.buffer.offset = base
        base = shapes.total((base, room.nbytes))
    return base


def _rooms(symbolic: Sequence[Lifetime]) -> list[_Room]:
    """Rooms for buffers of symbolic sizes; those that are likely the largest come first."""
    rooms: list[_Room] = []
    for life in sorted(symbolic, key=lambda item: (-shapes.typical(item.nbytes), item.first, item.buffer.name)):
        nbytes = shapes.padded(life.nbytes, ALIGNMENT)
        fitting = (room for room in rooms if shapes.at_least(room.nbytes, nbytes) and not room.overlaps(life))
        room = next(fitting, None)
        if room is None:
            rooms.append(_Room(nbytes, [life]))
        else:
            room.tenants.append(life)
    return rooms


def _beside_rooms(known: Sequence[Known], rooms: Sequence[_Room]) -> list[Known]:
    """The largest buffers of known size, as many as leave rooms in which nobody is at the time of any of them."""
    chosen: list[Known] = []
    free = list(rooms)
    for item in sorted(known, key=lambda item: (-item[1], item[0].first, item[0].buffer.name)):
        left = [room for room in free if not room.overlaps(item[0])]
        if item[1] >= WORTHWHILE and left and (not chosen or len(left) == len(free)):
            chosen.append(item)
            free = left
    return chosen


def _bytes(buffer: Buffer) -> Dim:
    """The size of a buffer; if that is known, rounded up to whole cache lines, of which even an empty array has one."""
    count = shapes.size((buffer.aval.size, buffer.aval.dtype.itemsize))
    return max(1, -(-count // ALIGNMENT)) * ALIGNMENT if isinstance(count, int) else count


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
        alive.append(Lifetime(buffer, first, last, _bytes(buffer)))
    return alive


def _common_prefix(chains: Sequence[tuple[Loop | While, ...]]) -> tuple[Loop | While, ...]:
    shortest = min(chains, key=len)
    for depth, loop in enumerate(shortest):
        if any(chain[depth] is not loop for chain in chains):
            return shortest[:depth]
    return shortest


def _largest_sum(alive: Sequence[Known]) -> int:
    """The largest sum of sizes of what is alive at one time: no plan needs less."""
    changes = [(life.first, 1, nbytes) for life, nbytes in alive] + [(life.last, 2, -nbytes) for life, nbytes in alive]
    total = best = 0
    for _, _, change in sorted(changes, key=lambda c: (c[0], c[1])):
        total += change
        best = max(best, total)
    return best
