"""What a statement touches: the memory and the local scalars it reads and writes, and at which indexes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from staticbp.core.schedule import (
    Accumulate,
    Apply,
    Buffer,
    Call,
    Check,
    Expr,
    Index,
    Let,
    Load,
    Local,
    Reshape,
    Stmt,
    Store,
    Update,
)
from staticbp.core.traverse import children, exprs, loads

Place = tuple[Index, ...]  # an index; shorter than the rank when all that lies behind it is touched


@dataclass(slots=True)
class Footprint:
    """Buffers with the indexes at which they are touched, and names of local scalars.

    `checks` and `trusts` say which integers, in memory or in a local scalar, are held to their bounds as indexes,
    and which are used as such: not before they have been checked.
    """

    reads: dict[Buffer, list[Place]] = field(default_factory=dict)
    writes: dict[Buffer, list[Place]] = field(default_factory=dict)
    uses: set[str] = field(default_factory=set)
    defines: set[str] = field(default_factory=set)
    checks: dict[Buffer | str, list[Place]] = field(default_factory=dict)
    trusts: dict[Buffer | str, list[Place]] = field(default_factory=dict)

    def touched(self, buffer: Buffer) -> list[Place]:
        """All indexes at which `buffer` is read or written."""
        return [*self.reads.get(buffer, []), *self.writes.get(buffer, [])]


def root(buffer: Buffer, becomes: Mapping[Buffer, Buffer]) -> Buffer:
    """The memory a buffer stands for: what a view shows, and the carry that a next carry may replace."""
    while True:
        if buffer in becomes:
            buffer = becomes[buffer]
        elif buffer.of is not None:
            buffer = buffer.of.buffer
        else:
            return buffer


def locals_in(expr: Expr) -> Iterator[str]:
    """The local scalars an expression reads."""
    if isinstance(expr, Local):
        yield expr.name
    elif isinstance(expr, Apply):
        for arg in expr.args:
            yield from locals_in(arg)
    elif isinstance(expr, Load):
        for component in expr.index:
            yield from locals_in(component)


def footprint(stmts: Sequence[Stmt], becomes: Mapping[Buffer, Buffer]) -> Footprint:
    """What a sequence of statements touches."""
    found = Footprint()
    for stmt in stmts:
        _gather(stmt, becomes, found)
    return found


def _gather(stmt: Stmt, becomes: Mapping[Buffer, Buffer], found: Footprint) -> None:
    for expr in exprs(stmt):
        found.uses.update(locals_in(expr))
        for load in loads(expr):
            _note(found.reads, load.buffer, load.index, becomes)
            _note_integers(found.trusts, load.index, becomes)
    match stmt:
        case Check(ok=ok):
            _note_integers(found.checks, (ok,), becomes)
        case Let(name=name):
            found.defines.add(name)
        case Update(name=name):
            found.defines.add(name)
            found.uses.add(name)
        case Store(buffer=buffer, index=index):
            _note(found.writes, buffer, index, becomes)
            _note_integers(found.trusts, index, becomes)
        case Accumulate(buffer=buffer, index=index):
            _note(found.writes, buffer, index, becomes)
            _note(found.reads, buffer, index, becomes)
            _note_integers(found.trusts, index, becomes)
        case Call(reads=reads, writes=writes):
            for ref in reads:
                _note(found.reads, ref.buffer, ref.prefix, becomes)
            for ref in writes:
                _note(found.writes, ref.buffer, ref.prefix, becomes)
        case Reshape(view=view, ref=ref):
            _note(found.reads, ref.buffer, ref.prefix, becomes)
            _note(found.writes, view, (), becomes)
        case _:
            pass
    for block in children(stmt):
        for inner in block:
            _gather(inner, becomes, found)


def _note(
    into: dict[Buffer, list[Place]] | dict[Buffer | str, list[Place]],
    buffer: Buffer,
    index: Place,
    becomes: Mapping[Buffer, Buffer],
) -> None:
    base = root(buffer, becomes)
    # Through a view the axes are others, so nothing is known of the index.
    plain = buffer is base or (buffer in becomes and buffer.of is None)
    into.setdefault(base, []).append(index if plain else ())


def _note_integers(into: dict[Buffer | str, list[Place]], parts: Place, becomes: Mapping[Buffer, Buffer]) -> None:
    for part in parts:
        for name in locals_in(part):
            into.setdefault(name, []).append(())
        for load in loads(part):
            _note(into, load.buffer, load.index, becomes)


def independent(first: Footprint, second: Footprint) -> bool:
    """Whether two statements may change places."""
    if first.defines & (second.uses | second.defines) or second.defines & first.uses:
        return False
    if first.checks.keys() & second.trusts.keys() or second.checks.keys() & first.trusts.keys():
        return False
    return not any(b in second.reads or b in second.writes for b in first.writes) and not any(
        b in first.reads for b in second.writes
    )
