"""Large loops are shared out among threads, whose number is known when the code runs only.

A loop is worth it when it takes several times as long as a thread must get to do, its *grain*.  Sums over all steps
stay with one thread, in a loop of their own if the rest is worth it: results do not depend on how many there are.
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
from staticbp.core.traverse import children, exprs, walk
from staticbp.passes.access import locals_in
from staticbp.passes.distribute import without_sums

GRAIN = 10_000.0  # ns: what a thread is given at least
LIKELY = 128  # steps that a loop over a symbolic size may well have; with fewer it is a plain loop when it runs
OPERATION = 0.0125  # ns a byte: an addition in a vectorised loop
_COSTLY = {"vm.": 14, " / ": 4, " // ": 8, " % ": 8, " ** ": 20}  # additions that an operation takes the time of
_CHEAP = ("vm.radd", "vm.rmax", "vm.rmin", "vm.maximum", "vm.minimum", "vm.abs")


def share_out(schedule: Schedule) -> None:
    """Mark the loops that threads share."""
    _share_out(schedule.body, schedule)


def _share_out(block: list[Stmt], schedule: Schedule) -> None:
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
        for inner in children(stmt):
            _share_out(inner, schedule)


def _parts(loop: Loop) -> Sequence[Loop]:
    """The loop; or what of it can be shared and takes most of its time, and the loop of the sums behind it."""
    parts = without_sums(loop) if obstacle(loop) is not None else None
    return (loop,) if parts is None or _time(parts[0].body) < 2 * _time(parts[1].body) else parts


def _grain(loop: Loop) -> int:
    """How many steps take the time of a grain: a round number."""
    steps = GRAIN / max(_time(loop.body), 1e-3)
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


def _is_read_behind(loop: Loop, schedule: Schedule) -> bool:
    """Whether a local scalar that a loop sets is read outside of it."""
    own = {id(stmt) for stmt in walk(loop.body)}
    names = {stmt.name for stmt in walk(loop.body) if isinstance(stmt, Let | Update)}
    return bool(names) and any(names.intersection(_uses(stmt)) for stmt in walk(schedule.body) if id(stmt) not in own)


def _uses(stmt: Stmt) -> Iterator[str]:
    if isinstance(stmt, Update):
        yield stmt.name
    for expr in exprs(stmt):
        yield from locals_in(expr)
