"""Guards leave the inner loops: what they ask of an index is settled by where a loop begins and ends.

The derivative of slices that are shifted against each other is a sum whose terms are there for some indexes only,
``y[k - 1] if k >= 1 else 0.0``.  Asked of every element, that keeps an inner loop from being vectorised well.  So an
inner loop is cut where the guards on its own index change, into stretches on which they are settled.  The guards on
the indexes around it are asked once for the whole loop: where none of them fails, in the *interior*, it goes
without; at the edges it stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from staticbp.core.aval import BOOL
from staticbp.core.schedule import (
    Accumulate,
    Affine,
    Apply,
    Const,
    Expr,
    If,
    Let,
    Load,
    Loop,
    Schedule,
    Stmt,
    Store,
    Update,
    loop_index,
)
from staticbp.core.traverse import children, exprs, map_exprs, rewrite

SHORT = 16  # an inner loop of fewer steps is unrolled by LLVM, guards and all
MOST_STRETCHES = 4  # into which a loop is cut
LONGEST = 80  # operations in the body of a loop that is written out several times

Range = tuple[int, int]  # the first value of an index, and the one behind the last

_GUARDED = "{1} if {0} else {2}"
_BOTH = "{0} & {1}"


def settle_guards(schedule: Schedule) -> None:
    """Take the guards out of inner loops, wherever that leaves long stretches without."""
    _settle(schedule.body, {})


def _settle(block: list[Stmt], ranges: Mapping[str, Range]) -> None:
    made: list[Stmt] = []
    for stmt in block:
        if isinstance(stmt, Loop) and _is_innermost(stmt):
            for new in _without_guards(stmt, ranges):
                _append(made, new)
            continue
        known = ranges
        if isinstance(stmt, Loop) and isinstance(stmt.extent, int):
            known = {**ranges, stmt.index: (0, stmt.extent)}
        for inner in children(stmt):
            _settle(inner, known)
        made.append(stmt)
    block[:] = made


def _is_innermost(loop: Loop) -> bool:
    return not loop.reverse and all(isinstance(stmt, Let | Store | Update | Accumulate) for stmt in loop.body)


def _append(block: list[Stmt], stmt: Stmt) -> None:
    """Append a statement; a branch that asks what the one before it asked becomes part of that."""
    last = block[-1] if block else None
    if isinstance(stmt, If) and isinstance(last, If) and stmt.test == last.test:
        last.then += stmt.then
        last.orelse += stmt.orelse
        last.adjoint = last.adjoint and stmt.adjoint
    else:
        block.append(stmt)


def _without_guards(loop: Loop, ranges: Mapping[str, Range]) -> list[Stmt]:
    """What takes the place of an inner loop: the loop cut up, or its interior and its edges."""
    conditions = [c for stmt in loop.body for expr in exprs(stmt) for c in _conditions(expr)]
    if not conditions or not isinstance(loop.extent, int) or loop.extent < SHORT or _size(loop.body) > LONGEST:
        return [loop]
    interior = dict(ranges)
    for name, whole in ranges.items():
        first, behind = max(_stretches(conditions, name, whole), key=lambda stretch: stretch[1] - stretch[0])
        if 2 * (behind - first) >= whole[1] - whole[0]:
            interior[name] = (first, behind)
    cut = _cut(loop, conditions, interior)
    asked = [(name, whole, interior[name]) for name, whole in ranges.items() if interior[name] != whole]
    if not asked:
        return cut
    return [If(_inside(asked), cut, [loop], adjoint=loop.adjoint)]


def _cut(loop: Loop, conditions: Sequence[Apply], ranges: Mapping[str, Range]) -> list[Stmt]:
    """A loop as several, on each of which the guards that are settled are left out."""
    assert isinstance(loop.extent, int)
    whole = (0, loop.extent)
    stretches = list(_stretches(conditions, loop.index, whole))
    if len(stretches) > MOST_STRETCHES:
        stretches = list(_around_the_longest(stretches))
    made: list[Stmt] = []
    for first, behind in stretches:
        known = {**ranges, loop.index: (first, behind)}
        alone = behind - first == 1
        index = Affine(first) if alone else loop_index(loop.index) + first
        body = [_settled_copy(stmt, known, loop.index, index) for stmt in loop.body]
        made += body if alone else [replace(loop, extent=behind - first, body=body)]
    return made


def _around_the_longest(stretches: Sequence[Range]) -> Iterator[Range]:
    """The longest stretch, and what lies before and behind it; everything, where that is more than the stretch."""
    start, end = stretches[0][0], stretches[-1][1]
    first, behind = max(stretches, key=lambda stretch: stretch[1] - stretch[0])
    if 2 * (behind - first) < end - start:
        first, behind = start, end
    yield from pairwise(sorted({start, first, behind, end}))


def _settled_copy(stmt: Stmt, ranges: Mapping[str, Range], name: str, index: Affine) -> Stmt:
    """A statement for a stretch of a loop: without the guards that are settled there, and with a new index."""

    def moved(expr: Expr) -> Expr | None:
        if not isinstance(expr, Affine):
            return None
        total = Affine(expr.offset)
        for term, coefficient in expr.terms:
            total = total + (index if term == name else loop_index(term)) * coefficient
        return total

    copy = replace(stmt)
    map_exprs(copy, lambda expr: rewrite(_settled(expr, ranges, stmt.adjoint), moved))
    return copy


def _settled(expr: Expr, ranges: Mapping[str, Range], adjoint: bool) -> Expr:
    """An expression without the guards that are settled; the sign of a zero has no meaning in a derivative."""
    if isinstance(expr, Load):
        return Load(expr.buffer, tuple(_settled(component, ranges, adjoint) for component in expr.index))
    if not isinstance(expr, Apply):
        return expr
    if expr.template == _GUARDED:
        condition, value, other = expr.args
        answer = _answer(condition, ranges)
        if answer is not None:
            return _settled(value if answer else other, ranges, adjoint)
        expr = replace(expr, args=(_open(condition, ranges), value, other))
    args = tuple(_settled(arg, ranges, adjoint) for arg in expr.args)
    if adjoint and expr.template in ("{0} + {1}", "{0} - {1}") and _is_zero(args[1]):
        return args[0]
    if adjoint and expr.template == "{0} + {1}" and _is_zero(args[0]):
        return args[1]
    return replace(expr, args=args)


def _is_zero(expr: Expr) -> bool:
    return isinstance(expr, Const) and expr.dtype.kind in "fc" and bool(expr.value == 0)


# ---- conditions -------------------------------------------------------------------------------------------------


def _conditions(expr: Expr) -> Iterator[Apply]:
    """The comparisons by which the guards in an expression decide."""
    if isinstance(expr, Load):
        for component in expr.index:
            yield from _conditions(component)
    elif isinstance(expr, Apply):
        if expr.template == _GUARDED:
            yield from _comparisons(expr.args[0])
        for arg in expr.args:
            yield from _conditions(arg)


def _comparisons(condition: Expr) -> Iterator[Apply]:
    if isinstance(condition, Apply):
        if condition.template == _BOTH:
            for part in condition.args:
                yield from _comparisons(part)
        elif _bound(condition) is not None:
            yield condition


def _bound(condition: Expr) -> tuple[str, int, bool] | None:
    """What ``i + 1 >= 8`` asks of the index in it: ``("i", 7, True)``, the answer being True from 7 on."""
    if not isinstance(condition, Apply) or condition.template not in ("{0} >= {1}", "{0} < {1}"):
        return None
    left, right = condition.args
    if not isinstance(left, Affine) or not isinstance(right, Affine):
        return None
    difference = left + right * -1  # which is to be at least 0, or less
    if len(difference.terms) != 1 or not isinstance(difference.offset, int):
        return None
    ((name, factor),) = difference.terms
    at_least = condition.template == "{0} >= {1}"
    if factor > 0:
        return name, -(difference.offset // factor), at_least
    return name, difference.offset // -factor + 1, not at_least


def _stretches(conditions: Sequence[Apply], name: str, whole: Range) -> Iterator[Range]:
    """The parts of the range of an index between which an answer changes."""
    bounds = [bound for condition in conditions if (bound := _bound(condition)) is not None]
    cuts = {place for index, place, _ in bounds if index == name and whole[0] < place < whole[1]}
    return pairwise([whole[0], *sorted(cuts), whole[1]])


def _answer(condition: Expr, ranges: Mapping[str, Range]) -> bool | None:
    """Whether a condition holds everywhere in the ranges, or nowhere; None where that depends."""
    if isinstance(condition, Apply) and condition.template == _BOTH:
        answers = [_answer(part, ranges) for part in condition.args]
        return False if False in answers else None if None in answers else True
    bound = _bound(condition)
    if bound is None or bound[0] not in ranges:
        return None
    name, place, from_there_on = bound
    first, behind = ranges[name]
    if first >= place:
        return from_there_on
    return not from_there_on if behind <= place else None


def _open(condition: Expr, ranges: Mapping[str, Range]) -> Expr:
    """What is left to ask of a condition that is not settled."""
    if not isinstance(condition, Apply) or condition.template != _BOTH:
        return condition
    left = [_open(part, ranges) for part in condition.args if not _answer(part, ranges)]
    return left[0] if len(left) == 1 else replace(condition, args=tuple(left))


def _inside(asked: Sequence[tuple[str, Range, Range]]) -> Expr:
    """``1 <= i < 9 and j < 7``: whether indexes are in the second of the two ranges given with them."""
    texts: list[str] = []
    args: list[Expr] = []
    for name, whole, (first, behind) in asked:
        slots = [f"{{{len(args) + n}}}" for n in range(3)]
        if behind == whole[1]:
            texts.append(f"{slots[0]} >= {slots[1]}")
            args += [loop_index(name), Affine(first)]
        elif first == whole[0]:
            texts.append(f"{slots[0]} < {slots[1]}")
            args += [loop_index(name), Affine(behind)]
        else:
            texts.append(f"{slots[0]} <= {slots[1]} < {slots[2]}")
            args += [Affine(first), loop_index(name), Affine(behind)]
    return Apply(" and ".join(texts), tuple(args), BOOL)


def _size(body: Sequence[Stmt]) -> int:
    return sum(_operations(expr) for stmt in body for expr in exprs(stmt))


def _operations(expr: Expr) -> int:
    if isinstance(expr, Load):
        return sum(map(_operations, expr.index))
    return 1 + sum(map(_operations, expr.args)) if isinstance(expr, Apply) else 0
