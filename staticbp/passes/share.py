"""An expression that occurs twice in one iteration is computed once, in a local with the user's name for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from staticbp.core.schedule import (
    Affine,
    Apply,
    Expr,
    Let,
    Load,
    Loop,
    Schedule,
    Stmt,
    Update,
)
from staticbp.core.schedule import Local as LocalScalar
from staticbp.core.text import Names
from staticbp.core.traverse import children, exprs, loads, map_exprs, rewrite, walk
from staticbp.passes.access import footprint, locals_in, root
from staticbp.passes.registers import is_resumed


def share_expressions(schedule: Schedule, names: Names) -> None:
    """Give repeated expressions locals of their own, block by block."""
    _share(schedule.body, names, suffix="")


def _share(block: list[Stmt], names: Names, suffix: str) -> None:
    for stmt in block:
        for inner in children(stmt):
            _share(inner, names, suffix + stmt.index if isinstance(stmt, Loop) and not stmt.sequential else suffix)
    if is_resumed(block):
        return
    while chosen := _repeated(block):
        wished = {part: f"{part.name}_{suffix}" if suffix else str(part.name) for part, _ in chosen}
        free = {part: names.fresh(wished[part]) for part, _ in reversed(chosen)}
        for part, position in chosen:
            local = LocalScalar(free[part], part.dtype)
            for stmt in block[position:]:
                _replace(stmt, part, local)
            stmt = block[position]
            block.insert(position, Let(local.name, part, src=stmt.src, adjoint=stmt.adjoint))


def _repeated(block: Sequence[Stmt]) -> list[tuple[Apply, int]]:
    """The expressions with a name that occur more than once and always have one value, the largest of them.

    With each goes the statement in which it occurs first; late ones come first.
    """
    settled: dict[str, int] = {}  # local scalar -> the last statement of this block that gives it a value
    first: dict[Apply, int] = {}
    repeated: dict[Apply, int] = {}
    for position, stmt in enumerate(block):
        settled.update((inner.name, position) for inner in walk([stmt]) if isinstance(inner, Let | Update))
        for expr in exprs(stmt):
            for part in _parts(expr):
                if part in first and part not in repeated:
                    repeated[part] = first[part]
                first.setdefault(part, position)
    chosen = [
        (part, position)
        for part, position in repeated.items()
        if part.name is not None and all(settled.get(name, -1) < position for name in locals_in(part))
    ]
    written = footprint(block, {}).writes if chosen else {}
    chosen = [item for item in chosen if not any(root(load.buffer, {}) in written for load in loads(item[0]))]
    return sorted(_outermost(chosen), key=lambda item: -item[1])


def _parts(expr: Expr) -> Iterator[Apply]:
    """The operations in an expression that are computed in any case, outermost first."""
    if isinstance(expr, Apply):
        yield expr
        if " if " not in expr.template:
            for arg in expr.args:
                yield from _parts(arg)
    elif isinstance(expr, Load):
        for component in expr.index:
            if not isinstance(component, Affine):
                yield from _parts(component)


def _outermost(chosen: Sequence[tuple[Apply, int]]) -> list[tuple[Apply, int]]:
    """Leave out what only occurs inside another chosen expression."""
    inside = {inner for part, _ in chosen for arg in part.args for inner in _parts(arg)}
    return [(part, position) for part, position in chosen if part not in inside]


def _replace(stmt: Stmt, part: Apply, local: LocalScalar) -> None:
    map_exprs(stmt, lambda expr: rewrite(expr, lambda e: local if e == part else None))
    for block in children(stmt):
        for inner in block:
            _replace(inner, part, local)
