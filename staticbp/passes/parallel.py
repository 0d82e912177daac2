"""Large loops are shared out among threads, whose number is known when the code runs only.

A loop is worth it when it takes several times as long as a thread must get to do, its *grain*.  Sums over all steps
are made by one thread, in a loop of their own if the rest is worth it, or by parts whose number hangs on the sizes
alone: results do not depend on how many threads there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from staticbp.core import shape as shapes
from staticbp.core.partition import obstacle
from staticbp.core.schedule import (
    Accumulate,
    Apply,
    Expr,
    If,
    Let,
    Load,
    Loop,
    Schedule,
    Stmt,
    Store,
    Update,
    While,
    expr_dtype,
)
from staticbp.core.text import Names
from staticbp.core.traverse import children, exprs, walk
from staticbp.passes.access import locals_in, root
from staticbp.passes.distribute import without_sums
from staticbp.passes.parts import FEWEST_PARTS, MOST_PARTS, InParts, in_parts

GRAIN = 10_000.0  # ns: what a thread is given at least
GRAIN_BETWEEN = 3_000.0  # of a loop that writes to temporaries only, which both cores had in their caches just before
LIKELY = 128  # steps that a loop over a symbolic size may well have; with fewer it is a plain loop when it runs
LITTLE = 8  # adding up the sums of parts takes at most one in so many parts of the time
OPERATION = 0.0125  # ns a byte: an addition in a vectorised loop
_COSTLY = {"vm.": 14, " / ": 4, " // ": 8, " % ": 8, " ** ": 20}  # additions that an operation takes the time of
_CHEAP = ("vm.radd", "vm.rmax", "vm.rmin", "vm.maximum", "vm.minimum", "vm.abs")


def share_out(schedule: Schedule, names: Names, indexes: Sequence[str]) -> None:
    """Mark the loops that threads share; `indexes` are the names that loops go by."""
    _share_out(schedule.body, schedule, names, indexes)


def _share_out(block: list[Stmt], schedule: Schedule, names: Names, indexes: Sequence[str]) -> None:
    for stmt in list(block):
        if isinstance(stmt, Loop):
            shared, *behind = _parts(stmt)
            grain = _grain(shared)
            steps = stmt.extent if isinstance(stmt.extent, int) else LIKELY
            if 2 * grain <= steps and obstacle(shared) is None and not _is_read_behind(stmt, schedule):
                shared.grain = grain
                place = block.index(stmt)
                block[place : place + 1] = [shared, *behind]
                continue
            parts = _in_parts(stmt, schedule, names, indexes)
            if parts is not None:
                place = block.index(stmt)
                block[place : place + 1] = [parts.loop, parts.behind]
                schedule.temporaries += parts.buffers
                continue
        for inner in children(stmt):
            _share_out(inner, schedule, names, indexes)


def _in_parts(loop: Loop, schedule: Schedule, names: Names, indexes: Sequence[str]) -> InParts | None:
    """A loop over parts with sums of their own, where adding these up is little beside the rest."""
    steps = loop.extent if isinstance(loop.extent, int) else LIKELY
    time = steps * _time(loop.body)
    if time < FEWEST_PARTS * GRAIN or obstacle(loop) is None:
        return None
    found = in_parts(loop, names, indexes, int(min(time / GRAIN, MOST_PARTS)))
    if found is None or obstacle(found.loop) is not None or _is_read_behind(loop, schedule, found.loop):
        return None
    if LITTLE * _time([found.behind]) > time:
        return None
    found.loop.grain = _grain(found.loop)
    return found


def _parts(loop: Loop) -> Sequence[Loop]:
    """The loop; or what of it can be shared and takes most of its time, and the loop of the sums behind it."""
    parts = without_sums(loop) if obstacle(loop) is not None else None
    return (loop,) if parts is None or _time(parts[0].body) < 2 * _time(parts[1].body) else parts


def _grain(loop: Loop) -> int:
    """How many steps take the time of a grain: a round number."""
    written = [root(stmt.buffer, {}) for stmt in walk(loop.body) if isinstance(stmt, Store | Accumulate)]
    grain = GRAIN_BETWEEN if all(buffer.role == "workspace" for buffer in written) else GRAIN
    steps = grain / max(_time(loop.body), 1e-3)
    if steps < 10:
        return max(1, math.ceil(steps))
    unit: int = 10 ** (int(math.log10(steps)) - 1)
    return math.ceil(steps / unit) * unit


def _time(block: Sequence[Stmt]) -> float:
    """Roughly how long statements take, in ns."""
    total = 0.0
    for stmt in block:
        match stmt:
            case Loop(extent=extent, body=body):
                total += shapes.typical(extent) * _time(body)
            case If(then=then, orelse=orelse):
                total += max(_time(then), _time(orelse))
            case Let() | Update() | Store() | Accumulate():
                total += OPERATION * expr_dtype(stmt.expr).itemsize * (1 + sum(map(_cost, exprs(stmt))))
            case While():
                return math.inf
            case _:
                pass
    return total


def _cost(expr: Expr) -> int:
    if isinstance(expr, Load):
        return 1 + sum(map(_cost, expr.index))
    if not isinstance(expr, Apply):
        return 0
    own = 1
    if not expr.template.startswith(_CHEAP):
        own = max((cost for text, cost in _COSTLY.items() if text in expr.template), default=1)
    return own + sum(map(_cost, expr.args))


def _is_read_behind(loop: Loop, schedule: Schedule, instead: Loop | None = None) -> bool:
    """Whether a local scalar that a loop sets, or the one that takes its place, is read outside of it."""
    own = {id(stmt) for stmt in walk(loop.body)}
    names = {stmt.name for stmt in walk((instead or loop).body) if isinstance(stmt, Let | Update)}
    return bool(names) and any(names.intersection(_uses(stmt)) for stmt in walk(schedule.body) if id(stmt) not in own)


def _uses(stmt: Stmt) -> Iterator[str]:
    if isinstance(stmt, Update):
        yield stmt.name
    for expr in exprs(stmt):
        yield from locals_in(expr)
