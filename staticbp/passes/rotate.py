"""One pass over a matrix where a loop made two: the update of one step and the first product of the next.

A loop that trains one sample at a time multiplies a matrix by the sample, and at the end of the step updates the
matrix in place.  The next step's product wants each row right after it has been updated, while it is still in
the nearest cache: so the product of the first step is taken before the loop, and that of every further step in
the loop that updates the rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from staticbp.core import shape as shapes
from staticbp.core.aval import INT64
from staticbp.core.schedule import (
    Affine,
    Apply,
    Buffer,
    Call,
    Const,
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
from staticbp.core.text import Names
from staticbp.core.traverse import children
from staticbp.passes.access import footprint

SUM = "vm.radd({0}, {1})"


def share_passes(block: list[Stmt], step: str, extent: Dim, carries: Sequence[Buffer], names: Names) -> list[Stmt]:
    """Move products of carried matrices into the loops that update them; what must now run before the loop."""
    ahead: list[Stmt] = []
    for call in [stmt for stmt in block if isinstance(stmt, Call)]:
        update = _shareable(block, call, step, carries)
        if update is not None:
            block.remove(call)
            ahead.append(_first(call, step))
            _append_product(update, call, step, extent, names)
    return ahead


def _shareable(block: list[Stmt], call: Call, step: str, carries: Sequence[Buffer]) -> Loop | None:
    """The loop that updates the matrix of a product, if the product can be taken there."""
    if call.kernel != "blas.gemv" or len(call.args) > 3:  # more are flags: it is transposed
        return None
    (matrix, row, result) = (arg for arg in call.args if isinstance(arg, Ref))
    if matrix.buffer not in carries or matrix.prefix or result.prefix or result.buffer.role != "workspace":
        return None
    if len(row.prefix) != 1 or row.prefix[0].single != step:
        return None
    everywhere = footprint(block, {})
    if row.buffer in everywhere.writes:
        return None
    position = block.index(call)
    writers = [p for p, stmt in enumerate(block) if matrix.buffer in footprint([stmt], {}).writes]
    if len(writers) != 1 or writers[0] < position:
        return None
    update = block[writers[0]]
    if any(result.buffer in _touched(stmt) for stmt in (*block[:position], *block[writers[0] + 1 :])):
        return None
    if sum(result.buffer in footprint([stmt], {}).writes for stmt in block) != 1:
        return None
    inner = _inner(update, matrix) if isinstance(update, Loop) else None
    if not isinstance(update, Loop) or inner is None or not _done_with(result.buffer, update, inner):
        return None
    return update


def _done_with(result: Buffer, update: Loop, inner: Loop) -> bool:
    """Whether row `i` of the update needs no element of the product but the i-th, and that not after `inner`."""
    position = update.body.index(inner)
    reads = footprint(update.body[: position + 1], {}).reads.get(result, [])
    later = footprint(update.body[position + 1 :], {})
    return all(index == (loop_index(update.index),) for index in reads) and result not in later.reads


def _touched(stmt: Stmt) -> set[Buffer]:
    found = footprint([stmt], {})
    return {*found.reads, *found.writes}


def _inner(update: Loop, matrix: Ref) -> Loop | None:
    """The loop over columns in which a loop over rows updates the whole matrix."""
    rows, columns = matrix.shape
    if not shapes.same((update.extent,), (rows,)) or update.sequential:
        return None
    for inner in update.body:
        if (
            isinstance(inner, Loop)
            and shapes.same((inner.extent,), (columns,))
            and not any(children(stmt) for stmt in inner.body)
        ):
            place: tuple[Index, ...] = (loop_index(update.index), loop_index(inner.index))
            stores = [s for s in inner.body if isinstance(s, Store) and s.buffer is matrix.buffer]
            if len(stores) == 1 and stores[0].index == place:
                return inner
    return None


def _first(call: Call, step: str) -> Call:
    """The product of the first step."""

    def at_start(ref: Ref) -> Ref:
        start = tuple(Affine(0) if component.single == step else component for component in ref.prefix)
        return Ref(ref.buffer, start, ref.transposed)

    return Call(
        call.kernel,
        tuple(at_start(arg) if isinstance(arg, Ref) else arg for arg in call.args),
        tuple(map(at_start, call.reads)),
        call.writes,
        src=call.src,
        adjoint=call.adjoint,
    )


def _append_product(update: Loop, call: Call, step: str, extent: Dim, names: Names) -> None:
    """Sum up ``matrix[i, :] @ x_next`` as the rows are updated; the last step's sum is not used."""
    (matrix, row, result) = (arg for arg in call.args if isinstance(arg, Ref))
    inner = _inner(update, matrix)
    assert inner is not None
    dtype = matrix.dtype
    following = Apply("min({0}, {1})", (loop_index(step) + 1, Affine(extent + (-1))), INT64)
    running = Local(names.fresh(f"{result.buffer.name}_next"), dtype)
    store = next(s for s in inner.body if isinstance(s, Store) and s.buffer is matrix.buffer)
    if isinstance(store.expr, Local):
        value = store.expr
    else:
        value = Local(names.fresh(f"{matrix.buffer.name}_{update.index}{inner.index}"), dtype)
        position = inner.body.index(store)
        inner.body.insert(position, Let(value.name, store.expr, src=store.src, adjoint=store.adjoint))
        store.expr, store.src = value, ()
    element = Load(row.buffer, (following, loop_index(inner.index)))
    inner.body.append(Update(running.name, SUM, Apply("{0} * {1}", (value, element), dtype)))
    position = update.body.index(inner)
    update.body.insert(position + 1, Store(result.buffer, (loop_index(update.index),), running))
    update.body.insert(position, Let(running.name, Const(dtype.type(0)), src=call.src))
