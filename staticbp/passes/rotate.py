"""One pass over a matrix where a loop made two: the update of one step and the first product of the next.

A loop that trains one sample at a time multiplies a matrix by the sample, and at the end of the step updates the
matrix in place.  The next step's product wants each row right after it has been updated, while it is still in
the nearest cache: so the product of the first step is taken before the loop, and that of every further step in
the loop that updates the rows.

Both go along a row of the samples for each row of the matrix, and NumPy's arrays begin anywhere: half or all of the
vectors in such a row may lie in two cache lines.  So the two rows are put first where a line begins.

What a step begins with is now the activation of that product, and a product of the next layer's matrix.  The
activation of the next step can be computed as soon as the first layer's update is done, ahead of the second's, which
then takes that product along: and so on from layer to layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from staticbp.core import shape as shapes
from staticbp.core.aval import INT64, Aval
from staticbp.core.schedule import (
    Affine,
    Apply,
    Buffer,
    Call,
    Const,
    Expr,
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
from staticbp.core.traverse import children, exprs, map_exprs, rewrite, walk
from staticbp.passes.access import footprint
from staticbp.passes.carry import substitute
from staticbp.passes.nests import loops
from staticbp.passes.shared import Shared

SUM = "vm.radd({0}, {1})"
MANY_ROWS = 64  # of a matrix: what all of them are multiplied by is worth being copied


def share_passes(block: list[Stmt], step: str, extent: Dim, carries: Sequence[Buffer], shared: Shared) -> list[Stmt]:
    """Move products of carried matrices into the loops that update them; what must now run before the loop."""
    ahead: list[Stmt] = []
    for call in [stmt for stmt in block if isinstance(stmt, Call)]:
        update = _shareable(block, call, carries)
        if update is None:
            continue
        before = block[: block.index(call)]
        if _takes_a_sample(block, call, step):
            following = Apply("min({0}, {1})", (loop_index(step) + 1, Affine(extent + (-1))), INT64)
            block.remove(call)
            ahead.append(_first(call, step))
            _append_product(update, call, (following,), shared)
            _copy_rows(block, update, call, [loop_index(step), following], shared)
        elif _is_tall(call) and _may_run_early(block, before, call, update, step, carries):
            del block[: len(before) + 1]
            ahead += [*before, call]
            _append_product(update, _run_early(block, before, call, update, shared), (), shared)
    return ahead


def _shareable(block: list[Stmt], call: Call, carries: Sequence[Buffer]) -> Loop | None:
    """The loop that updates the matrix of a product, if the product can be taken there, its vector given."""
    if call.kernel != "blas.gemv" or len(call.args) > 3:  # more are flags: it is transposed
        return None
    (matrix, _, result) = (arg for arg in call.args if isinstance(arg, Ref))
    if matrix.buffer not in carries or matrix.prefix or result.prefix or result.buffer.role != "workspace":
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


def _takes_a_sample(block: list[Stmt], call: Call, step: str) -> bool:
    """Whether the vector of a product is a row of what the loop goes over."""
    (_, row, _) = (arg for arg in call.args if isinstance(arg, Ref))
    return len(row.prefix) == 1 and row.prefix[0].single == step and row.buffer not in footprint(block, {}).writes


def _is_tall(call: Call) -> bool:
    (matrix, *_) = (arg for arg in call.args if isinstance(arg, Ref))
    return isinstance(matrix.shape[0], int) and matrix.shape[0] >= MANY_ROWS


def _may_run_early(
    block: list[Stmt], before: list[Stmt], call: Call, update: Loop, step: str, carries: Sequence[Buffer]
) -> bool:
    """Whether all that leads to a product can be computed for the next step just before an update of this one."""
    (_, row, _) = (arg for arg in call.args if isinstance(arg, Ref))
    made, late = footprint(before, {}), footprint(block[block.index(update) :], {})
    rest = footprint(block[len(before) :], {})
    return (
        row.buffer in made.writes
        and not row.prefix
        and all(isinstance(stmt, Loop) for stmt in before)
        and all(isinstance(stmt, Loop | Let | Update | Store) for stmt in walk(before))
        and not any(step in _indexes(stmt) for stmt in walk(before))
        and all(b.role == "workspace" and b not in carries and b not in rest.writes for b in made.writes)
        and not any(buffer.role == "view" or buffer in late.writes for buffer in made.reads)
        and not made.uses & rest.defines
    )


def _indexes(stmt: Stmt) -> set[str]:
    """The loop indexes in the expressions of a statement."""
    found: set[str] = set()

    def note(expr: Expr) -> None:
        if isinstance(expr, Affine):
            found.update(name for name, _ in expr.terms)

    for expr in exprs(stmt):
        rewrite(expr, note)
    return found


def _run_early(block: list[Stmt], before: list[Stmt], call: Call, update: Loop, shared: Shared) -> Call:
    """Compute what leads to the next step's product before an update, aside; the product of that."""
    (matrix, row, result) = (arg for arg in call.args if isinstance(arg, Ref))
    aside = {buffer: shared.buffer(f"{buffer.name}_next", buffer.aval) for buffer in footprint(before, {}).writes}
    position = block.index(update)
    block[position:position] = [_with_buffers(stmt, aside) for stmt in before]
    for buffer, other in aside.items():
        place = [loop_index(name) for name, _ in zip(shared.loop_names, buffer.aval.shape, strict=False)]
        block += loops(place, buffer.aval.shape, [Store(buffer, tuple(place), Load(other, tuple(place)))])
    vector = Ref(aside[row.buffer])
    return replace(call, args=(matrix, vector, result), reads=(matrix, vector))


def _with_buffers(stmt: Stmt, buffers: Mapping[Buffer, Buffer]) -> Stmt:
    """A copy of a statement that works on other buffers."""
    copy = _copied(stmt)
    for buffer, other in buffers.items():
        substitute(copy, buffer, Ref(other))
    return copy


def _copied(stmt: Stmt) -> Stmt:
    return replace(stmt, body=list(map(_copied, stmt.body))) if isinstance(stmt, Loop) else replace(stmt)


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


def _append_product(update: Loop, call: Call, following: tuple[Index, ...], shared: Shared) -> None:
    """Sum up ``matrix[i, :] @ x_next`` as the rows are updated; the last step's sum is not used."""
    (matrix, row, result) = (arg for arg in call.args if isinstance(arg, Ref))
    inner = _inner(update, matrix)
    assert inner is not None
    dtype = matrix.dtype
    running = Local(shared.names.fresh(f"{result.buffer.name}_next"), dtype)
    store = next(s for s in inner.body if isinstance(s, Store) and s.buffer is matrix.buffer)
    if isinstance(store.expr, Local):
        value = store.expr
    else:
        value = Local(shared.names.fresh(f"{matrix.buffer.name}_{update.index}{inner.index}"), dtype)
        position = inner.body.index(store)
        inner.body.insert(position, Let(value.name, store.expr, src=store.src, adjoint=store.adjoint))
        store.expr, store.src = value, ()
    element = Load(row.buffer, (*following, loop_index(inner.index)))
    inner.body.append(Update(running.name, SUM, Apply("{0} * {1}", (value, element), dtype)))
    position = update.body.index(inner)
    update.body.insert(position + 1, Store(result.buffer, (loop_index(update.index),), running))
    update.body.insert(position, Let(running.name, Const(dtype.type(0)), src=call.src))


def _copy_rows(block: list[Stmt], update: Loop, call: Call, steps: Sequence[Index], shared: Shared) -> None:
    """Let an update of many rows read this step's sample and the next from memory that begins at a cache line."""
    (matrix, row, _) = (arg for arg in call.args if isinstance(arg, Ref))
    columns = matrix.shape[1]
    inner = _inner(update, matrix)
    if inner is None or not _is_tall(call):
        return
    copies: dict[Expr, Buffer] = {}

    def copied(expr: Expr) -> Expr | None:
        if not isinstance(expr, Load) or expr not in places:
            return None
        if expr not in copies:
            name = f"{row.buffer.name}_{'row' if expr == places[0] else 'next'}"
            copies[expr] = shared.buffer(name, Aval((columns,), row.dtype))
        return Load(copies[expr], (loop_index(inner.index),))

    places = [Load(row.buffer, (step, loop_index(inner.index))) for step in steps]
    for stmt in inner.body:
        map_exprs(stmt, lambda expr: rewrite(expr, copied))
    element = (loop_index(inner.index),)
    stores: list[Stmt] = [Store(copy, element, load) for load, copy in copies.items()]
    block.insert(block.index(update), Loop(inner.index, columns, stores, src=call.src))
