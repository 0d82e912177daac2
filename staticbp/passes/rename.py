"""The statements of a kernel, with its loop indexes and local scalars called as in the function they become part of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from staticbp.core.schedule import Affine, Call, Expr, Let, Local, Loop, Operand, Ref, Stmt, Update
from staticbp.core.traverse import children, map_exprs, rewrite


def rename_locals(block: Sequence[Stmt], loop_names: Sequence[str], fresh: Callable[[str], str]) -> None:
    """Give loops the index of their depth, so that they fuse, and local scalars names that are free."""
    _rename(block, loop_names, fresh, {}, {})


def _rename(
    block: Sequence[Stmt],
    loop_names: Sequence[str],
    fresh: Callable[[str], str],
    indexes: Mapping[str, str],
    scalars: dict[str, str],
) -> None:
    def change(expr: Expr) -> Expr | None:
        if isinstance(expr, Affine):
            return expr.renamed(indexes)
        return Local(scalars.get(expr.name, expr.name), expr.dtype) if isinstance(expr, Local) else None

    def placed(ref: Ref) -> Ref:
        return Ref(ref.buffer, tuple(a.renamed(indexes) for a in ref.prefix), ref.transposed)

    def operand(arg: Operand) -> Operand:
        return placed(arg) if isinstance(arg, Ref) else arg

    for stmt in block:
        map_exprs(stmt, lambda expr: rewrite(expr, change))
        inner = indexes
        match stmt:
            case Let(name=name) | Update(name=name):
                if name not in scalars:
                    scalars[name] = fresh(name)
                stmt.name = scalars[name]
            case Call():
                stmt.args = tuple(operand(arg) for arg in stmt.args)
                stmt.reads = tuple(placed(ref) for ref in stmt.reads)
                stmt.writes = tuple(placed(ref) for ref in stmt.writes)
            case Loop(index=index):
                stmt.index = loop_names[len(indexes)]
                inner = {**indexes, index: stmt.index}
        for body in children(stmt):
            _rename(body, loop_names, fresh, inner, scalars)
