"""How a loop keeps some of its carries, so that reverse mode can start from them: `ops.iteration.While` says which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from staticbp.core.aval import BOOL, INT64
from staticbp.core.schedule import Affine, Apply, Const, Expr, If, Index, Let, Load, Local, Loop, Ref, Stmt, Store
from staticbp.core.shape import Shape
from staticbp.passes.nests import loops

Indexes = Callable[[Shape], tuple[Affine, ...]]  # extents -> an index for each of the loops over them
Reader = Callable[[int, Sequence[Affine]], Expr]  # (number of the carry, index) -> its element


@dataclass(frozen=True, slots=True)
class Counters:
    """The steps a loop has taken, how many of them lie between two rows, and the rows that are taken."""

    steps: Local | Ref
    stride: Local | Ref
    rows: Local | Ref

    def counting(self) -> Stmt:
        """What counts a step."""
        return _assign(self.steps, _sum(_value(self.steps), _number(1)))

    def keeping(self, kept: Sequence[Ref], carries: Reader, slots: int, indexes: Indexes) -> Stmt:
        """The carry becomes a row if it is its turn; if no row is free, every other one is given up first.

        Nothing is left behind then: row ``2 j`` becomes row ``j``, and stands where it would have stood with the
        doubled stride.
        """
        steps, stride, rows = _value(self.steps), _value(self.stride), _value(self.rows)
        half: list[Stmt] = []
        row: list[Stmt] = []
        for number, ref in enumerate(kept):
            first, *rest = indexes((slots // 2, *ref.shape[1:]))
            source = Load(ref.buffer, ref.at((first * 2, *rest)))
            moved = Store(ref.buffer, ref.at((first, *rest)), source)
            for stmt in loops((first, *rest), (slots // 2, *ref.shape[1:]), [moved]):
                if isinstance(stmt, Loop):
                    stmt.sequential = True
                half.append(stmt)
            index = indexes(ref.shape[1:])
            row += loops(index, ref.shape[1:], [Store(ref.buffer, ref.at((rows, *index)), carries(number, index))])
        full = Apply("{0} == {1}", (rows, _number(slots)), BOOL)
        half.append(_assign(self.rows, _number(slots // 2)))
        half.append(_assign(self.stride, Apply("{0} * {1}", (stride, _number(2)), INT64)))
        due = Apply("{0} == {1}", (steps, Apply("{0} * {1}", (rows, stride), INT64)), BOOL)
        return If(due, [If(full, half, []), *row, _assign(self.rows, _sum(rows, _number(1)))], [])


def _value(place: Local | Ref) -> Local | Load:
    return place if isinstance(place, Local) else Load(place.buffer, place.at(()))


def _assign(place: Local | Ref, expr: Expr) -> Stmt:
    return Let(place.name, expr) if isinstance(place, Local) else Store(place.buffer, place.at(()), expr)


def _number(number: int) -> Const:
    return Const(np.int64(number))


def _sum(left: Index, right: Index) -> Expr:
    return Apply("{0} + {1}", (left, right), INT64)
