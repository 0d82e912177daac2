"""Values that a loop both writes and reads in the same iteration stay in a local scalar.

A store followed by loads of the same element becomes ``h_i = ...; h[i] = h_i``; the store itself goes when the
array is only workspace and nobody else reads it, and then the array goes too.
"""

from __future__ import annotations

from collections.abc import Sequence

from staticbp.core.schedule import (
    Accumulate,
    Affine,
    Buffer,
    Call,
    Const,
    Expr,
    If,
    Index,
    Let,
    Load,
    Local,
    Loop,
    Reshape,
    Schedule,
    Stmt,
    Store,
    Update,
)
from staticbp.core.text import Names
from staticbp.core.traverse import children, exprs, loads, map_exprs, rewrite, walk
from staticbp.passes.access import footprint, locals_in, root


def keep_in_registers(schedule: Schedule, names: Names) -> None:
    """Forward stores to loads in every block, then drop stores and buffers that nobody reads."""
    _forward(schedule.body, names)
    _drop_unread(schedule)


def is_resumed(block: Sequence[Stmt]) -> bool:
    """Whether a block may be left and taken up again: its local scalars are lost then."""
    return any(isinstance(stmt, Loop) and stmt.sliced for stmt in block)


def _forward(block: list[Stmt], names: Names) -> None:
    position, lasting = 0, not is_resumed(block)
    while position < len(block):
        stmt = block[position]
        if isinstance(stmt, Store) and lasting:
            local = _forward_one(block, position, stmt, names)
            if local is not None:
                block.insert(position, Let(local.name, stmt.expr, src=stmt.src, adjoint=stmt.adjoint))
                stmt.expr, stmt.src = local, ()
                position += 1
        for inner in children(stmt):
            _forward(inner, names)
        position += 1


def _forward_one(block: list[Stmt], position: int, store: Store, names: Names) -> Local | None:
    """Replace later loads of the stored element in this block; the local that then holds it, if there were any."""
    readers: list[Stmt] = []
    settled = set(locals_in(store.expr)) if isinstance(store.expr, Local) else set()
    for stmt in block[position + 1 :]:
        found = footprint([stmt], {})
        overwritten = root(store.buffer, {}) in found.writes or bool(settled & found.defines)
        if overwritten and children(stmt):
            break
        if _loads_of(stmt, store):
            readers.append(stmt)
        if overwritten:
            break
    if not readers:
        return None
    if isinstance(store.expr, Local):
        local = store.expr
    elif isinstance(store.expr, Const):
        local = None
    else:
        local = Local(names.fresh(_local_name(store)), store.buffer.aval.dtype)
    value: Expr = store.expr if local is None else local
    for stmt in readers:
        _replace_loads(stmt, store, value)
    return None if local is store.expr else local


def _local_name(store: Store) -> str:
    """``h_i`` for ``h[i]``, ``h_0`` for ``h[0]``, ``h_value`` for an array without axes."""
    plain = [c for c in store.index if isinstance(c, Affine)]
    letters = "".join(c.single or str(c.offset) for c in plain if c.single or c.is_constant)
    return f"{store.buffer.name}_{letters or 'value'}"


def _matches(expr: Expr, store: Store) -> bool:
    return isinstance(expr, Load) and expr.buffer is store.buffer and expr.index == store.index


def _loads_of(stmt: Stmt, store: Store) -> bool:
    if any(_matches(load, store) for expr in exprs(stmt) for load in loads(expr)):
        return True
    return any(
        _loads_of(inner, store)
        for block in children(stmt)
        for inner in block
        if not (isinstance(stmt, Loop) and _bound(stmt.index, store.index))
    )


def _bound(name: str, index: tuple[Index, ...]) -> bool:
    return any(isinstance(c, Affine) and any(n == name for n, _ in c.terms) for c in index)


def _replace_loads(stmt: Stmt, store: Store, value: Expr) -> None:
    def change(expr: Expr) -> Expr | None:
        return value if _matches(expr, store) else None

    map_exprs(stmt, lambda expr: rewrite(expr, change))
    for block in children(stmt):
        for inner in block:
            _replace_loads(inner, store, value)


# ---- dead stores --------------------------------------------------------------------------------------------


def _drop_unread(schedule: Schedule) -> None:
    """Drop local scalars and workspace that nobody reads, and views that nobody looks through."""
    removed = True
    while removed:
        read, written, called = _touched(schedule.body)
        kept = read | called
        dead = {b for b in schedule.temporaries if b not in (kept | written if b.role == "view" else kept)}
        used = {name for stmt in walk(schedule.body) for expr in exprs(stmt) for name in locals_in(expr)}
        removed = _remove(schedule.body, dead, used)
    schedule.temporaries = [b for b in schedule.temporaries if b in kept | written]


def _touched(body: Sequence[Stmt]) -> tuple[set[Buffer], set[Buffer], set[Buffer]]:
    """The buffers that are read, those that are stored to, and those that kernels write.

    What is only read to be stored into itself, elsewhere, is not read.
    """
    read: set[Buffer] = set()
    written: set[Buffer] = set()
    called: set[Buffer] = set()
    for stmt in walk(body):
        own = stmt.buffer if isinstance(stmt, Store) else None
        for expr in exprs(stmt):
            read.update(load.buffer for load in loads(expr) if load.buffer is not own)
        match stmt:
            case Store(buffer=buffer) | Accumulate(buffer=buffer):
                written.add(buffer)
            case Reshape(ref=ref):
                read.add(ref.buffer)
            case Call(reads=reads, writes=writes):
                read.update(ref.buffer for ref in reads)
                called.update(ref.buffer for ref in writes)
    return read, written, called


def _remove(body: list[Stmt], dead: set[Buffer], used: set[str]) -> bool:
    """Remove what writes or shows dead buffers, unused scalars, and loops left empty; whether there was any."""
    removed = False
    for stmt in list(body):
        match stmt:
            case Store(buffer=buffer) | Accumulate(buffer=buffer) | Reshape(view=buffer):
                gone = buffer in dead
            case Let(name=name) | Update(name=name):
                gone = name not in used
            case _:
                for block in children(stmt):
                    removed |= _remove(block, dead, used)
                gone = isinstance(stmt, Loop | If) and not any(children(stmt))
        if gone:
            body.remove(stmt)
            removed = True
    return removed
