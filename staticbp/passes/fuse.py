"""Loop fusion: a new loop joins an earlier loop of the same extent wherever that keeps every value.

Two loops may become one when, for each array that one of them writes and the other touches, there is an axis that
both index with exactly their loop index: then iteration `i` of the second needs nothing but iteration `i` of the
first.  A loop may move up past statements that it does not depend on.
"""

from __future__ import annotations

from collections.abc import Mapping

from staticbp.core import shape as shapes
from staticbp.core.recording import RECORDING, decided
from staticbp.core.schedule import Accumulate, Affine, Buffer, Const, Index, Let, Loop, Stmt, Store, Update
from staticbp.core.traverse import source_lines, walk
from staticbp.passes.access import Footprint, Place, footprint, independent

REACH = 12  # how many statements a loop may move up
# Arrays in one fused loop, some of which become registers: beyond, checks for overlap cost more than is saved.
MOST_BUFFERS = 16


def insert(
    block: list[Stmt],
    stmt: Stmt,
    becomes: Mapping[Buffer, Buffer],
    nested: bool = False,
    fence: Stmt | None = None,
) -> None:
    """Append `stmt` to `block`, fused into an earlier loop where that is legal and shares memory traffic.

    What only prepares the loop, such as the start value of a running reduction, moves ahead together with it.
    Loops at one depth have one index, so that bodies can be put together as they are.  Those of a body that is being
    put together with another one are `nested`.  Nothing goes to where the statement `fence` is, or before it.
    """
    refusal: tuple[Loop, str] | None = None
    if isinstance(stmt, Loop):
        moving = footprint([stmt], becomes)
        company: list[tuple[Stmt, Footprint]] = []
        for position in range(len(block) - 1, max(-1, len(block) - 1 - REACH), -1):
            earlier = block[position]
            if earlier is fence:
                break
            before = footprint([earlier], becomes)
            free = all(independent(before, found) for _, found in company)
            if free and isinstance(earlier, Loop) and _shares(before, moving):
                reason = _obstacle(earlier, stmt, becomes)
                if reason is None:
                    _note("fused", stmt, earlier, "", nested)
                    ahead = [other for other, _ in reversed(company)]
                    block[position + 1 :] = [other for other in block[position + 1 :] if other not in ahead]
                    block[position:position] = ahead
                    for inner in stmt.body:
                        insert(earlier.body, inner, becomes, nested=True)
                    earlier.adjoint = earlier.adjoint and stmt.adjoint
                    return
                refusal = refusal or (earlier, reason)
            if isinstance(earlier, Loop) and earlier.sliced:
                break  # what was before may be over when the function is taken up again
            if free and independent(before, moving):
                continue
            if not _prepares(earlier):
                break
            company.append((earlier, before))
        if refusal is not None:
            _note("apart", stmt, *refusal, nested)
    block.append(stmt)


def _note(kind: str, loop: Loop, other: Loop, reason: str, nested: bool) -> None:
    """Tell whoever asks what was done with a loop."""
    if RECORDING.decisions is not None and not nested:
        reason = f"{_made_by(other)}: {reason}" if reason else _made_by(other)
        decided(kind, _made_by(loop), reason, next(iter(source_lines(loop)), None), loop.adjoint)


def _made_by(loop: Loop) -> str:
    """What a loop gives values to."""
    made = (stmt.name if isinstance(stmt, Let | Update) else _written(stmt) for stmt in walk(loop.body))
    return ", ".join(dict.fromkeys(name for name in made if name)) or "nothing"


def _written(stmt: Stmt) -> str:
    return stmt.buffer.name if isinstance(stmt, Store | Accumulate) else ""


def _prepares(stmt: Stmt) -> bool:
    """Whether a statement only gives a local scalar its value, or fills an array with a constant."""
    if isinstance(stmt, Loop):
        return all(_prepares(inner) for inner in stmt.body)
    return isinstance(stmt, Let) or (isinstance(stmt, Store) and isinstance(stmt.expr, Const))


def _shares(first: Footprint, second: Footprint) -> bool:
    """Whether two loops touch common memory, so that fusing them saves something, and not too much of it."""
    common = (first.reads.keys() | first.writes.keys()) & (second.reads.keys() | second.writes.keys())
    everything = first.reads.keys() | first.writes.keys() | second.reads.keys() | second.writes.keys()
    return bool(common) and len(everything) <= MOST_BUFFERS


def _obstacle(first: Loop, second: Loop, becomes: Mapping[Buffer, Buffer]) -> str | None:
    """Why two loops stay apart; None when they may become one."""
    if first.sequential or second.sequential or first.reverse != second.reverse:
        return "its steps are those of a scan, one after the other"
    if first.index != second.index or not shapes.same((first.extent,), (second.extent,)):
        return f"it has {first.extent} steps, not {second.extent}"
    one, two = footprint(first.body, becomes), footprint(second.body, becomes)
    if common := one.defines & (two.uses | two.defines) or two.defines & one.uses:
        return f"{', '.join(sorted(common))} is not complete before its end"
    for integers in one.checks.keys() & two.trusts.keys():
        if not _meet_on_an_axis([*one.checks[integers], *two.trusts[integers]], first.index):
            return "indexes are checked before any is used"
    for buffer in one.writes.keys() | two.writes.keys():
        touched_first, touched_second = one.touched(buffer), two.touched(buffer)
        if touched_first and touched_second and not _meet_on_an_axis([*touched_first, *touched_second], first.index):
            return f"step {first.index} would need more of {buffer.name} than step {first.index} gives"
    for loop in (first, second):
        if spread := _spread(loop):
            return f"its steps add to places of {spread.name} that they share, which takes a loop of its own"
    return None


def _spread(loop: Loop) -> Buffer | None:
    """What the steps of a loop add to at places that depend on the loops within too, as a convolution does.

    Such steps wait for one another, and so would all that is computed with them.
    """
    for stmt in walk(loop.body):
        if isinstance(stmt, Accumulate) and any(_is_shared(index, loop.index) for index in stmt.index):
            return stmt.buffer
    return None


def _is_shared(index: Index, name: str) -> bool:
    return isinstance(index, Affine) and len(index.terms) > 1 and any(term == name for term, _ in index.terms)


def _meet_on_an_axis(touched: list[Place], index: str) -> bool:
    rank = min(len(place) for place in touched)
    return any(all(_is_exactly(place[axis], index) for place in touched) for axis in range(rank))


def _is_exactly(index: Index, name: str) -> bool:
    return isinstance(index, Affine) and index.single == name
