"""In-place updates: the next value of a loop's carry is written over the carry where nobody can see it."""

from __future__ import annotations

from staticbp.core.schedule import (
    Accumulate,
    Affine,
    Buffer,
    Call,
    Expr,
    Index,
    Let,
    Load,
    Local,
    Loop,
    Ref,
    Reshape,
    Stmt,
    Store,
)
from staticbp.core.traverse import children, exprs, loads, map_exprs, rewrite, walk
from staticbp.passes.access import footprint, independent, root


def update_in_place(block: list[Stmt], ahead: Buffer, carry: Ref) -> bool:
    """Let `ahead`, the next value of `carry`, be written straight into it, if every reader has read before.

    Allowed when `ahead` is written by one statement of the block; nothing after it touches the carry, nothing
    before it touches `ahead`; and within it each element of the carry is read, at the same index, before its
    successor is written.
    """
    base = root(carry.buffer, {})
    writers = [p for p, stmt in enumerate(block) if ahead in footprint([stmt], {}).writes]
    if len(writers) != 1 or any(isinstance(s, Reshape) and s.ref.buffer is ahead for s in walk(block)):
        return False
    (position,) = writers
    if any(_touches(stmt, base) for stmt in block[position + 1 :]):
        return False
    if any(ahead in footprint([stmt], {}).reads for stmt in block[:position]):
        return False
    if not _reads_before_writes(block[position], ahead, carry, base):
        return False
    for stmt in block:
        substitute(stmt, ahead, carry)
    return True


def insert_early(block: list[Stmt], ahead: Let) -> None:
    """Append `ahead`, or put it where the memory that it reads can be overwritten sooner."""
    position = len(block)
    found = footprint([ahead], {})
    if found.reads:
        while position and independent(footprint([block[position - 1]], {}), found):
            position -= 1
    block.insert(position, ahead)


def assign(block: list[Stmt], carry: Local, ahead: Let) -> None:
    """Let the scalar `ahead` be the next value of `carry`: computed into it where nobody reads the old one any more."""
    later = block[block.index(ahead) + 1 :]
    if any(carry.name in footprint([stmt], {}).uses for stmt in later):
        block.append(Let(carry.name, Local(ahead.name, carry.dtype), adjoint=ahead.adjoint))
    else:
        ahead.name = carry.name


def _touches(stmt: Stmt, base: Buffer) -> bool:
    found = footprint([stmt], {})
    return base in found.reads or base in found.writes


def _reads_before_writes(stmt: Stmt, ahead: Buffer, carry: Ref, base: Buffer) -> bool:
    if not _touches(stmt, base):
        return True
    written: list[tuple[Index, ...]] = []
    for inner in walk([stmt]):
        if isinstance(inner, Call | Reshape) and _touches(inner, base):
            return False
        for expr in exprs(inner):
            for load in loads(expr):
                if root(load.buffer, {}) is not base:
                    continue
                if load.buffer is not carry.buffer or written:
                    return False
        if isinstance(inner, Store) and inner.buffer is ahead:
            written.append(carry.at(inner.index))
        elif isinstance(inner, Accumulate) and inner.buffer is ahead:
            return False
    if len(written) != 1 or _repeats(stmt, ahead):
        return False
    return all(
        load.index == written[0]
        for inner in walk([stmt])
        for expr in exprs(inner)
        for load in loads(expr)
        if load.buffer is carry.buffer
    )


def _repeats(stmt: Stmt, ahead: Buffer) -> bool:
    """Whether an element of `ahead` is written in more than one iteration of a loop."""
    if not isinstance(stmt, Loop):
        return False
    for inner in walk(stmt.body):
        if isinstance(inner, Store) and inner.buffer is ahead:
            named = {name for part in inner.index if isinstance(part, Affine) for name, _ in part.terms}
            if stmt.index not in named:
                return True
    return any(_repeats(inner, ahead) for inner in stmt.body)


def substitute(stmt: Stmt, buffer: Buffer, place: Ref) -> None:
    """Replace a buffer by (a row of) another, everywhere in a statement."""

    def change(expr: Expr) -> Expr | None:
        if isinstance(expr, Load) and expr.buffer is buffer:
            return Load(place.buffer, place.at(tuple(rewrite(c, change) for c in expr.index)))
        return None

    def placed(ref: Ref) -> Ref:
        return Ref(place.buffer, (*place.prefix, *ref.prefix), ref.transposed) if ref.buffer is buffer else ref

    map_exprs(stmt, lambda expr: rewrite(expr, change))
    match stmt:
        case Store() | Accumulate() if stmt.buffer is buffer:
            stmt.buffer, stmt.index = place.buffer, place.at(stmt.index)
        case Call():
            stmt.args = tuple(placed(a) if isinstance(a, Ref) else a for a in stmt.args)
            stmt.reads = tuple(placed(r) for r in stmt.reads)
            stmt.writes = tuple(placed(r) for r in stmt.writes)
        case _:
            pass
    for block in children(stmt):
        for inner in block:
            substitute(inner, buffer, place)
