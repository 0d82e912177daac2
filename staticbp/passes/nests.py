"""Loop nests, what stands in them, and where in them the user's lines are noted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import INT64
from staticbp.core.graph import SrcLine
from staticbp.core.schedule import Affine, Apply, Expr, Loop, Stmt
from staticbp.core.shape import Dim


def is_one(extent: Dim) -> bool:
    """Whether there is nothing to loop over."""
    return shapes.same((extent,), (1,))


def loops(index: Sequence[Affine], extents: Sequence[Dim], body: list[Stmt]) -> list[Stmt]:
    """Loops around statements; none for a constant index, and nothing at all where an extent is 0."""
    if any(shapes.same((extent,), (0,)) for extent in extents):
        return []
    for i, extent in zip(reversed(index), reversed(extents), strict=True):
        if i.single is not None:
            body = [Loop(i.single, extent, body)]
    return body


def stamp(stmt: Stmt, sources: tuple[SrcLine, ...], adjoint: bool) -> None:
    """Note where a statement, and what stands in it, comes from."""
    if isinstance(stmt, Loop):
        stmt.adjoint = stmt.adjoint or adjoint
        if not any(isinstance(s, Loop) and s.src for s in stmt.body):
            first = True
            for inner in stmt.body:
                if not inner.src:
                    stamp(inner, sources if first else (), adjoint)
                first = False
        return
    stmt.src = stmt.src or sources
    stmt.adjoint = stmt.adjoint or adjoint


def scalar_expression(template: str, args: tuple[Expr, ...], dtype: np.dtype[Any], wish: str) -> Expr:
    """An elementwise operation; a cast is the call of the dtype, or nothing where there is none to do."""
    if template == "cast":
        source = args[0].dtype if not isinstance(args[0], Affine) else INT64
        if source == dtype:
            return args[0]
        name = "bool_" if dtype.kind == "b" else dtype.name
        return Apply(f"np.{name}({{0}})", args, dtype, wish)
    if template == "{0}":
        return args[0]
    if template == "{0} + {1}" and isinstance(args[1], Apply) and args[1].template == "-{0}":
        return Apply("{0} - {1}", (args[0], *args[1].args), dtype, wish)
    return Apply(template, args, dtype, wish)
