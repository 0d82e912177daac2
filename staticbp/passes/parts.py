"""Sums over all steps of a loop that threads share: each part of the steps has sums of its own, which are added up.

A loss and its derivative are often one loop, of which the loss is a sum over everything::

    for i: for j:                         for i:                        # shared
        d[i, j] = 2 * r[i, j]                 total_i = 0
        total += r[i, j] ** 2                 for j:
                                                  d[i, j] = 2 * r[i, j]
                                                  total_i += r[i, j] ** 2
                                              total_parts[i] = total_i
                                          for i: total += total_parts[i]

A part is one step where a step is a loop itself and the sums are scalars; otherwise it is a fixed number of steps, so
that few arrays have to be added up.  How many parts there are hangs on the sizes alone, and so results do not depend
on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.schedule import (
    Accumulate,
    Affine,
    Buffer,
    Const,
    Expr,
    If,
    Let,
    Load,
    Local,
    Loop,
    Stmt,
    Store,
    Update,
    expr_dtype,
    loop_index,
)
from staticbp.core.shape import Dim
from staticbp.core.text import Names
from staticbp.core.traverse import exprs, loads, map_exprs, rewrite, walk
from staticbp.passes.access import locals_in, root
from staticbp.passes.nests import loops as nested

MOST_PARTS = 16
FEWEST_PARTS = 4


@dataclass(frozen=True, slots=True)
class InParts:
    """A loop over parts, what adds up their sums after it, and the memory in which these are meanwhile."""

    loop: Loop
    behind: Loop
    buffers: list[Buffer]


def in_parts(loop: Loop, names: Names, indexes: Sequence[str], most: int) -> InParts | None:
    """A loop with sums over all its steps, as one over at most so many parts of them.

    `indexes` are the names that loops go by.  None when there is no such sum, when one is read or written to in another
    way, or when the steps cannot be divided.
    """
    sums = _sums(loop)
    if sums is None:
        return None
    if any(isinstance(stmt, Loop) for stmt in loop.body) and not any(isinstance(s, Accumulate) for s in sums):
        return _written(loop, sums, loop.index, loop.extent, names, indexes)
    count = _divisor(loop.extent, most)
    return None if count is None else _written(loop, sums, names.fresh("part"), count, names, indexes)


def _divisor(extent: Dim, most: int) -> int | None:
    """The largest number of parts of one size that there can be."""
    if not isinstance(extent, int):
        return None
    counts = range(min(most, MOST_PARTS, extent // 2), FEWEST_PARTS - 1, -1)
    return next((count for count in counts if extent % count == 0), None)


def _sums(loop: Loop) -> list[Update | Accumulate] | None:
    """The statements of a loop that add to what outlives its steps, if that is all that is done with it."""
    stmts = list(walk(loop.body))
    own = {stmt.name for stmt in stmts if isinstance(stmt, Let)}
    found: list[Update | Accumulate] = []
    for stmt in stmts:
        if not isinstance(stmt, Let | Store | Update | Accumulate | Loop | If):
            return None
        if isinstance(stmt, Update | Accumulate) and not _is_of_step(stmt, loop.index, own):
            found.append(stmt)
    scalars = [stmt.name for stmt in found if isinstance(stmt, Update)]
    arrays = [root(stmt.buffer, {}) for stmt in found if isinstance(stmt, Accumulate)]
    others = {name for stmt in stmts for expr in exprs(stmt) for name in locals_in(expr)}
    touched = {root(load.buffer, {}) for stmt in stmts for expr in exprs(stmt) for load in loads(expr)}
    touched |= {root(s.buffer, {}) for s in stmts if isinstance(s, Store | Accumulate) and s not in found}
    alone = others.isdisjoint(scalars) and touched.isdisjoint(arrays)
    once = len(set(scalars)) == len(scalars) and len(set(arrays)) == len(arrays)
    return found if found and alone and once and all(map(_is_sum, found)) else None


def _is_of_step(stmt: Update | Accumulate, index: str, own: set[str]) -> bool:
    """Whether a step of the loop adds to something of its own."""
    if isinstance(stmt, Update):
        return stmt.name in own
    return any(isinstance(part, Affine) and part.single == index for part in stmt.index)


def _is_sum(stmt: Update | Accumulate) -> bool:
    """Whether the order of what is added does not matter, and where it is added does not depend on the sizes."""
    static = isinstance(stmt, Update) or shapes.is_static(stmt.buffer.aval.shape)
    exact = stmt.combine == "{0} + {1}" and expr_dtype(stmt.expr).kind == "i"
    return static and (exact or stmt.combine == "vm.radd({0}, {1})")


def _written(
    loop: Loop, sums: Sequence[Update | Accumulate], index: str, count: Dim, names: Names, indexes: Sequence[str]
) -> InParts:
    """The loop in so many parts."""
    part = loop_index(index)
    used = {stmt.index for stmt in walk([loop]) if isinstance(stmt, Loop)}
    free = [name for name in indexes if name not in used]
    ahead: list[Stmt] = []
    after: list[Stmt] = []
    behind: list[Stmt] = []
    kept: list[Buffer] = []
    own: dict[int, Update | Accumulate] = {}
    for stmt in sums:
        zero = Const(expr_dtype(stmt.expr).type(0))
        if isinstance(stmt, Update):
            name = stmt.name.removesuffix("_total")
            local = Local(names.fresh(f"{name}_part"), zero.dtype)
            place = Buffer(names.fresh(f"{name}_parts"), Aval((count,), zero.dtype), "workspace")
            ahead.append(Let(local.name, zero, adjoint=stmt.adjoint))
            after.append(Store(place, (part,), local, adjoint=stmt.adjoint))
            behind.append(replace(stmt, expr=Load(place, (part,)), src=()))
            own[id(stmt)] = replace(stmt, name=local.name)
        else:
            aval = stmt.buffer.aval
            place = Buffer(
                names.fresh(f"{stmt.buffer.name}_parts"), Aval((count, *aval.shape), aval.dtype), "workspace"
            )
            inner = tuple(map(loop_index, free[: aval.ndim]))
            clear = Store(place, (part, *inner), zero, adjoint=stmt.adjoint)
            added = replace(stmt, index=inner, expr=Load(place, (part, *inner)), src=())
            ahead += nested(inner, aval.shape, [clear])
            behind += nested(inner, aval.shape, [added])
            own[id(stmt)] = replace(stmt, buffer=place, index=(part, *stmt.index))
        kept.append(place)
    body = _copied(loop.body, own, lambda expr: None)
    if index != loop.index:
        assert isinstance(loop.extent, int)
        assert isinstance(count, int)
        size = loop.extent // count
        steps = {loop.index: loop_index(loop.index) + part * size}
        body = [replace(loop, extent=size, body=_copied(body, {}, lambda expr: _moved(expr, steps)))]
    adjoint = all(stmt.adjoint for stmt in sums)
    return InParts(
        replace(loop, index=index, extent=count, body=[*ahead, *body, *after]),
        Loop(index, count, behind, adjoint=adjoint),
        kept,
    )


def _moved(expr: Expr, steps: Mapping[str, Affine]) -> Expr | None:
    """An index in other terms."""
    if not isinstance(expr, Affine):
        return None
    total = Affine(expr.offset)
    for name, coefficient in expr.terms:
        total = total + steps.get(name, loop_index(name)) * coefficient
    return total


def _copied(block: Sequence[Stmt], instead: Mapping[int, Stmt], change: Callable[[Expr], Expr | None]) -> list[Stmt]:
    """Statements anew, some of them others, with their expressions changed."""
    made: list[Stmt] = []
    for stmt in block:
        copy = replace(instead.get(id(stmt), stmt))
        map_exprs(copy, lambda expr: rewrite(expr, change))
        match copy:
            case Loop():
                copy.body = _copied(copy.body, instead, change)
            case If():
                copy.then, copy.orelse = (_copied(arm, instead, change) for arm in (copy.then, copy.orelse))
        made.append(copy)
    return made
