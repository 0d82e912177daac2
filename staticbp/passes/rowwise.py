"""A large product is made some rows at a time, by the loop that goes over its rows.

What follows a product element by element, or row by row, a bias and an activation, the slope that a cotangent is
multiplied by, a softmax, would read back from memory what the product has written there.  Instead the loop becomes one
over the rows of the product: a thread makes some of them, and takes their steps while they are in its cache::

    blas.gemm(x, W, h_matmul)                        for i in blas.gemm_rows(x, W, h, 256):
    for i in threads.range(5120, 53):                    for j in range(64):
        for j in range(64):                                  h[i, j] = vm.tanh(h[i, j] + b[j])
            h[i, j] = vm.tanh(h_matmul[i, j] + b[j])

The product needs no memory of its own where each of its elements is read for the last time by the step that has the
element of a result to write.  All that pays for results that are larger than the caches next to the cores, and for
right operands that stay there: those are read again for each few rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.partition import product_obstacle
from staticbp.core.schedule import (
    Accumulate,
    Buffer,
    Call,
    Load,
    Loop,
    Ref,
    Schedule,
    Stmt,
    Store,
    loop_index,
)
from staticbp.core.traverse import children, exprs, loads, walk
from staticbp.passes.access import footprint, root
from staticbp.passes.carry import substitute

LEAST_RESULT = 2**20  # bytes of a result from which on it is out of the second cache before it is read again
MOST_OPERAND = 2**19  # bytes of a right operand that stays there
AT_A_TIME = 3 * 2**17  # bytes of the rows that are made at a time
FEWEST_ROWS, MOST_ROWS = 32, 256  # for fewer the right operand is copied too often, for more it is copied often enough


def make_rows_where_read(schedule: Schedule) -> None:
    """Let loops make the rows of large products that they go over; those that threads share already."""
    for block in [schedule.body, *(inner for stmt in walk(schedule.body) for inner in children(stmt))]:
        for call in [stmt for stmt in block if isinstance(stmt, Call) and _pays(stmt)]:
            loop = _reader(block, call)
            if loop is not None:
                block.remove(call)
                loop.product, loop.grain = call, _rows_at_a_time(call)
                _put_in_place(schedule, loop, call)


def _pays(call: Call) -> bool:
    """Whether it is a product of a size that pays; of symbolic sizes, whether it is likely to be."""
    if call.kernel != "blas.gemm" or call.writes[0].dtype not in (np.float32, np.float64):
        return False
    _, right, result = (arg for arg in call.args if isinstance(arg, Ref))
    return _bytes(result) >= LEAST_RESULT and _bytes(right) <= MOST_OPERAND


def _bytes(ref: Ref) -> int:
    return shapes.typical(shapes.size(ref.shape)) * ref.dtype.itemsize


def _rows_at_a_time(call: Call) -> int:
    """As many rows as stay in cache, in whole tiles."""
    (result,) = call.writes
    rows = AT_A_TIME // (shapes.typical(result.shape[1]) * result.dtype.itemsize)
    return min(max(rows, FEWEST_ROWS), MOST_ROWS) // 8 * 8


def _reader(block: Sequence[Stmt], call: Call) -> Loop | None:
    """The loop that is the next to touch a product, if it can make it and what is between can be done before."""
    operands = {root(ref.buffer, {}) for ref in call.reads}
    result = root(call.writes[0].buffer, {})
    for stmt in block[block.index(call) + 1 :]:
        touched = footprint([stmt], {})
        if result in touched.reads or result in touched.writes:
            if not isinstance(stmt, Loop) or not stmt.grain or stmt.product is not None:
                return None
            return stmt if product_obstacle(stmt, call) is None else None
        if operands & touched.writes.keys():
            return None
    return None


def _put_in_place(schedule: Schedule, loop: Loop, call: Call) -> None:
    """Make the product in the memory of a result of the loop, if it is not needed beside that."""
    product = call.writes[0].buffer
    own = {id(stmt) for stmt in walk([loop])}
    others = [stmt for stmt in walk(schedule.body) if id(stmt) not in own]
    touched = footprint([stmt for stmt in others if not children(stmt)], {})
    is_used = product in touched.reads or product in touched.writes or any(_reads(stmt, product) for stmt in others)
    if product.role != "workspace" or is_used:
        return
    for inner in loop.body:
        for store in inner.body if isinstance(inner, Loop) else ():
            if isinstance(inner, Loop) and isinstance(store, Store) and _may_hold(loop, call, inner, store):
                substitute(loop, product, Ref(store.buffer))
                schedule.temporaries.remove(product)
                return


def _may_hold(loop: Loop, call: Call, inner: Loop, store: Store) -> bool:
    """Whether what a store writes to can hold the product until then: all of it, which nobody reads any more."""
    product, result = call.writes[0].buffer, store.buffer
    element = (loop_index(loop.index), loop_index(inner.index))
    alike = result.aval.dtype == product.aval.dtype and shapes.same(result.aval.shape, product.aval.shape)
    whole = store.index == element and shapes.same(result.aval.shape, (loop.extent, inner.extent))
    if not alike or not whole or result.of is not None or any(root(ref.buffer, {}) is result for ref in call.reads):
        return False
    steps = list(walk(loop.body))
    behind = steps.index(store) + 1
    return (
        not any(_reads(stmt, result) or (stmt is not store and _writes(stmt, result)) for stmt in steps[:behind])
        and not any(_reads(stmt, product) or _writes(stmt, result) for stmt in steps[behind:])
        and all(load.index == element for stmt in walk(inner.body) for load in _loads(stmt) if load.buffer is product)
    )


def _loads(stmt: Stmt) -> Iterator[Load]:
    for expr in exprs(stmt):
        yield from loads(expr)


def _reads(stmt: Stmt, buffer: Buffer) -> bool:
    changed = isinstance(stmt, Accumulate) and root(stmt.buffer, {}) is buffer
    return changed or any(root(load.buffer, {}) is buffer for load in _loads(stmt))


def _writes(stmt: Stmt, buffer: Buffer) -> bool:
    return isinstance(stmt, Store | Accumulate) and root(stmt.buffer, {}) is buffer
