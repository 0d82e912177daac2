"""Loops whose steps several threads may share: when each step keeps to memory of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from staticbp.core import shape as shapes
from staticbp.core.schedule import (
    Accumulate,
    Affine,
    Apply,
    Buffer,
    Call,
    Expr,
    If,
    Index,
    Let,
    Load,
    Local,
    Loop,
    Ref,
    Stmt,
    Store,
    Update,
    loop_index,
)
from staticbp.core.shape import Dim
from staticbp.core.traverse import exprs, loads, walk


def obstacle(loop: Loop) -> str | None:
    """What keeps the steps of a loop from being taken by several threads at once; None when nothing does.

    Whatever a step writes to, all steps touch at an element, or a row, of their own: along one axis, and always at
    the same distance from the loop's index, or in a part of the axis that is the step's.  Local scalars are set in a
    step before they are read in it.
    """
    if loop.sequential or loop.reverse or loop.sliced:
        return "its steps have an order"
    for stmt in walk(loop.body):
        if not isinstance(stmt, Let | Store | Update | Accumulate | Loop | If):
            return f"it contains a {type(stmt).__name__}"
        if isinstance(stmt, Loop) and (stmt.sequential or stmt.grain):
            return "it contains a loop that is not plain"
    touched, written = _touched(loop.body)
    extents = _extents(loop.body)
    for base in written:
        if not _apart(touched[base], loop.index, extents):
            return f"its steps share {base.name}"
    shared = _read_early(loop.body, set()) & {s.name for s in walk(loop.body) if isinstance(s, Let | Update)}
    return f"its steps share {min(shared)}" if shared else None


def product_obstacle(loop: Loop, product: Call) -> str | None:
    """What keeps the rows of a product from being made as the steps of a loop come to them; None when nothing does.

    Each step touches the row of the result that has its number, and none what the product is made of.  Of the operands
    only the left one is taken by rows.
    """
    left, right, result, *flags = product.args
    if product.kernel != "blas.gemm" or flags not in ([], [False], [False, False], [False, True]):
        return f"{product.kernel} is not a plain product, of whole rows"
    if not (isinstance(left, Ref) and isinstance(right, Ref) and isinstance(result, Ref)):
        return "its operands are not arrays"
    if left.prefix or right.prefix or result.prefix or result.buffer.of is not None:
        return "its operands are parts of arrays"
    if not shapes.same((loop.extent,), result.shape[:1]):
        return f"{result.buffer.name} has another number of rows"
    touched, written = _touched(loop.body)
    row = loop_index(loop.index)
    if any(buffer is not result.buffer or place[0] != row for buffer, place in touched.get(result.buffer, ())):
        return f"its steps share {result.buffer.name}"
    changed = {_base(left.buffer), _base(right.buffer)} & {*written, result.buffer}
    return f"it writes to {min(base.name for base in changed)}" if changed else None


def _base(buffer: Buffer) -> Buffer:
    """The memory that a view shows."""
    while buffer.of is not None:
        buffer = buffer.of.buffer
    return buffer


def _touched(body: Sequence[Stmt]) -> tuple[dict[Buffer, list[tuple[Buffer, Sequence[Index]]]], list[Buffer]]:
    """Where memory is touched, through which buffer and at which index; and which memory is written to."""
    touched: dict[Buffer, list[tuple[Buffer, Sequence[Index]]]] = {}
    written: list[Buffer] = []
    for stmt in walk(body):
        for expr in exprs(stmt):
            for load in loads(expr):
                touched.setdefault(_base(load.buffer), []).append((load.buffer, load.index))
        if isinstance(stmt, Store | Accumulate):
            touched.setdefault(_base(stmt.buffer), []).append((stmt.buffer, stmt.index))
            written.append(_base(stmt.buffer))
    return touched, written


def _extents(body: Sequence[Stmt]) -> dict[str, Dim]:
    """The indexes of the loops in a block, each with what it stays below."""
    found: dict[str, Dim] = {}
    for stmt in walk(body):
        if isinstance(stmt, Loop):
            known = found.get(stmt.index, stmt.extent)
            found[stmt.index] = known if shapes.at_least(known, stmt.extent) else stmt.extent
    return found


def _apart(places: Sequence[tuple[Buffer, Sequence[Index]]], index: str, extents: Mapping[str, Dim]) -> bool:
    """Whether along some axis all places lie at one distance from a loop's index, or in the stretch that it begins."""
    buffer, first = places[0]
    if any(other is not buffer for other, _ in places):  # through views the axes are others
        return False
    return any(
        isinstance(part, Affine) and _follows(part, index, extents) and all(place[axis] == part for _, place in places)
        for axis, part in enumerate(first)
    )


def _follows(part: Affine, index: str, extents: Mapping[str, Dim]) -> bool:
    """Whether ``8 * i + j`` is another for each `i`, as it is while `j` stays below 8."""
    terms = dict(part.terms)
    stride = abs(terms.pop(index, 0))
    reach = 0  # how far the indexes of inner loops go
    for name, coefficient in terms.items():
        extent = extents.get(name)
        if not isinstance(extent, int):
            return False
        reach += abs(coefficient) * (extent - 1)
    return stride > reach


def _read_early(block: Sequence[Stmt], known: set[str]) -> set[str]:
    """The local scalars that a block may read before it has set them; `known` gains those that it sets."""
    early: set[str] = set()
    for stmt in block:
        early |= {name for expr in exprs(stmt) for name in _locals(expr)} - known
        match stmt:
            case Let(name=name):
                known.add(name)
            case Update(name=name) if name not in known:
                early.add(name)
            case Loop(body=body):
                early |= _read_early(body, set(known))
            case If(then=then, orelse=orelse):
                arms = set(known), set(known)
                early |= _read_early(then, arms[0]) | _read_early(orelse, arms[1])
                known |= arms[0] & arms[1]
            case _:
                pass
    return early


def _locals(expr: Expr) -> Iterator[str]:
    if isinstance(expr, Local):
        yield expr.name
    elif isinstance(expr, Apply | Load):
        for part in expr.args if isinstance(expr, Apply) else expr.index:
            yield from _locals(part)
