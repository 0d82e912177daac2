"""Sums over all steps of a loop, taken out of it: what is left may be shared out among threads.

A layer's derivative is computed element by element, and added up by columns for the biases::

    for i: for j:                         for i: for j:
        d_ij = e[i, j] * slope(z[i, j])       d[i, j] = e[i, j] * slope(z[i, j])
        d[i, j] = d_ij                    for i: for j:
        b[j] += d_ij                          b[j] += d[i, j]

Only what is stored anyway is read again, and in the same order, so that every sum is what it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from staticbp.core.schedule import Accumulate, Affine, Buffer, Let, Load, Local, Loop, Stmt, Store, Update
from staticbp.core.traverse import exprs, loads, walk
from staticbp.passes.access import locals_in, root


def without_sums(loop: Loop) -> tuple[Loop, Loop] | None:
    """A loop without its sums over all steps, and the loop that makes these after it; None when that cannot be."""
    sums = {id(stmt) for stmt in walk(loop.body) if isinstance(stmt, Accumulate) and not _is_apart(stmt, loop.index)}
    body = [stmt for stmt in walk(loop.body) if id(stmt) not in sums]
    written = Counter(root(stmt.buffer, {}) for stmt in body if isinstance(stmt, Store | Accumulate))
    behind = _Behind(sums, written).of(loop, (), {})
    rest = _rest(loop, sums)
    if behind is None or rest is None or len([s for s in walk(behind.body) if isinstance(s, Accumulate)]) < len(sums):
        return None
    totals = {root(stmt.buffer, {}) for stmt in walk(behind.body) if isinstance(stmt, Accumulate)}
    touched = written.keys() | {root(load.buffer, {}) for stmt in body for load in _loads(stmt)}
    return None if totals & touched else (rest, behind)


def _is_apart(stmt: Accumulate | Store, index: str) -> bool:
    """Whether each step of the loop has an element of its own."""
    return any(isinstance(part, Affine) and part.single == index for part in stmt.index)


def _loads(stmt: Stmt) -> Iterator[Load]:
    for expr in exprs(stmt):
        yield from loads(expr)


def _rest(loop: Loop, sums: set[int]) -> Loop | None:
    """The loop without the sums."""
    kept = [_rest(stmt, sums) if isinstance(stmt, Loop) else stmt for stmt in loop.body if id(stmt) not in sums]
    body = _without_names([stmt for stmt in kept if stmt is not None])
    return replace(loop, body=body) if body else None


def _without_names(body: list[Stmt]) -> list[Stmt]:
    """A value that is only stored, right behind, needs no name."""
    uses = Counter(name for stmt in walk(body) for expr in exprs(stmt) for name in locals_in(expr))
    kept: list[Stmt] = []
    for stmt in body:
        before = kept[-1] if kept else None
        if isinstance(stmt, Store) and isinstance(before, Let) and _is_only(before, stmt) and uses[before.name] == 1:
            kept[-1] = replace(stmt, expr=before.expr, src=before.src or stmt.src)
        else:
            kept.append(stmt)
    return kept


def _is_only(value: Let, store: Store) -> bool:
    return isinstance(store.expr, Local) and store.expr.name == value.name


class _Behind:
    """Finds the loop of the sums; `written` counts the statements that write to each array."""

    def __init__(self, sums: set[int], written: Counter[Buffer]) -> None:
        self.sums = sums
        self.written = written

    def of(self, loop: Loop, around: tuple[str, ...], known: dict[str, Load]) -> Loop | None:
        """The sums in a loop within others, which add what is found in memory; `known` is where locals lie there."""
        around, known = (*around, loop.index), dict(known)
        body: list[Stmt] = []
        for stmt in loop.body:
            match stmt:
                case Loop():
                    inner = self.of(stmt, around, known)
                    body += [inner] if inner is not None else []
                    for other in walk(stmt.body):
                        self._forget(other, known)
                case Store(expr=Local(name=name)) if all(_is_apart(stmt, index) for index in around):
                    if self.written[root(stmt.buffer, {})] == 1:
                        known[name] = Load(stmt.buffer, stmt.index)
                case Accumulate() if id(stmt) in self.sums:
                    value = known.get(stmt.expr.name) if isinstance(stmt.expr, Local) else stmt.expr
                    if isinstance(value, Load) and self._lasts(value, known) and not self._is_private(stmt):
                        body.append(replace(stmt, expr=value))
                case _:
                    self._forget(stmt, known)
        return replace(loop, body=body) if body else None

    def _lasts(self, value: Load, known: dict[str, Load]) -> bool:
        """Whether an element is after the loop what it is within."""
        return value in known.values() or not any(self.written[root(load.buffer, {})] for load in loads(value))

    def _is_private(self, stmt: Accumulate) -> bool:
        """Whether the place depends on what only the loop knows."""
        moving = any(self.written[root(load.buffer, {})] for part in stmt.index for load in loads(part))
        return moving or any(True for part in stmt.index for _ in locals_in(part))

    def _forget(self, stmt: Stmt, known: dict[str, Load]) -> None:
        if isinstance(stmt, Let | Update):
            known.pop(stmt.name, None)
