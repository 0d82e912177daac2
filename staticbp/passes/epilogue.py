"""An update by a product, ``W - rate * (D.T @ X)``, becomes one call that adds the product to W in place.

The product is then never stored.  BLAS takes the factor and the matrix to add to as `alpha` and `beta`.  A product
that is added transposed is made the other way round: ``(A @ B).T`` is ``B.T @ A.T``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from staticbp.core.schedule import Apply, Buffer, Call, Const, Expr, Load, Local, Loop, Ref, Stmt, Store, loop_index
from staticbp.core.traverse import children, walk
from staticbp.passes.access import footprint


@dataclass(frozen=True, slots=True)
class Update:
    """``matrix[i, j] += factor * product[i, j]``, or ``[j, i]``: the store that does it, and the loops it stands in."""

    store: Store
    nest: Loop
    inner: Loop
    matrix: Buffer
    factor: Expr | None  # None is one
    negative: bool
    transposed: bool


def absorb_updates(block: list[Stmt]) -> None:
    """Let products that are only added to a matrix be added by the call that makes them."""
    for call in [stmt for stmt in block if isinstance(stmt, Call) and stmt.kernel == "blas.gemm"]:
        update = _update_by(block, call)
        if update is not None and _may_move(block, call, update):
            _absorb(block, call, update)


def _update_by(block: Sequence[Stmt], call: Call) -> Update | None:
    """The update that the result of a product is used for, if it is used for nothing else."""
    left, right, product = (arg for arg in call.args if isinstance(arg, Ref))
    if len(call.args) > 5 or product.prefix or product.buffer.role != "workspace":
        return None
    readers = [s for s in block if s is not call and product.buffer in footprint([s], {}).reads]
    writers = [s for s in block if product.buffer in footprint([s], {}).writes]
    if len(readers) != 1 or len(writers) != 1 or not isinstance(readers[0], Loop):
        return None
    nest = readers[0]
    for inner in nest.body:
        if not isinstance(inner, Loop) or inner.sequential:
            continue
        for store in inner.body:
            if isinstance(store, Store) and (found := _match(store, nest, inner, product.buffer)) is not None:
                only = sum(product.buffer in footprint([s], {}).reads for s in walk(nest.body) if not children(s)) == 1
                return found if only and left.buffer is not found.matrix is not right.buffer else None
    return None


def _match(store: Store, nest: Loop, inner: Loop, product: Buffer) -> Update | None:
    """Read ``m[i, j] = m[i, j] - factor * product[i, j]`` and its like."""
    expr, place = store.expr, store.index
    if not isinstance(expr, Apply) or expr.template not in ("{0} - {1}", "{0} + {1}") or len(place) != 2:
        return None
    if expr.args[0] != Load(store.buffer, place) or place != (loop_index(nest.index), loop_index(inner.index)):
        return None
    added = expr.args[1]
    is_scaled = isinstance(added, Apply) and added.template == "{0} * {1}"
    for transposed in (False, True):
        element = Load(product, place[::-1] if transposed else place)
        if store.buffer.aval.shape != (product.aval.shape[::-1] if transposed else product.aval.shape):
            continue
        factor: Expr | None = None
        if isinstance(added, Apply) and is_scaled and element in added.args:
            factor = added.args[0] if added.args[1] == element else added.args[1]
        elif added != element:
            continue
        if factor is None or _is_known_before(factor, nest):
            is_negative = expr.template == "{0} - {1}"
            return Update(store, nest, inner, store.buffer, factor, is_negative, transposed)
    return None


def _is_known_before(factor: Expr, nest: Loop) -> bool:
    """Whether a factor is a scalar that does not change within the loops."""
    if isinstance(factor, Local):
        return factor.name not in footprint([nest], {}).defines
    return isinstance(factor, Const) or (isinstance(factor, Load) and factor.index == ())


def _may_move(block: Sequence[Stmt], call: Call, update: Update) -> bool:
    """Whether the product may be made just before the loops, and the loops can do without the update."""
    start, end = block.index(call), block.index(update.nest)
    between = footprint(block[start + 1 : end], {})
    operands = {ref.buffer for ref in call.reads}
    touches = sum(
        update.matrix in footprint([s], {}).reads or update.matrix in footprint([s], {}).writes
        for s in walk(update.nest.body)
        if not children(s)
    )
    return start < end and not operands & between.writes.keys() and touches == 1


def _absorb(block: list[Stmt], call: Call, update: Update) -> None:
    dtype = update.matrix.aval.dtype
    factor: Expr = update.factor if update.factor is not None else Const(dtype.type(1))
    if update.negative:
        factor = (
            Const(dtype.type(-factor.value.item())) if isinstance(factor, Const) else Apply("-{0}", (factor,), dtype)
        )
    left, right, _ = (arg for arg in call.args if isinstance(arg, Ref))
    matrix = Ref(update.matrix)
    flags = [arg for arg in call.args[3:] if isinstance(arg, bool)]
    flags += [False] * (2 - len(flags))
    if update.transposed:
        left, right, flags = right, left, [not flag for flag in reversed(flags)]
    merged = Call(
        call.kernel,
        (left, right, matrix, *flags, factor, Const(dtype.type(1))),
        reads=(left, right, matrix),
        writes=(matrix,),
        src=tuple(dict.fromkeys((*call.src, *update.store.src))),
        adjoint=call.adjoint,
    )
    block.remove(call)
    block.insert(block.index(update.nest), merged)
    update.inner.body.remove(update.store)
    if not update.inner.body:
        update.nest.body.remove(update.inner)
    if not update.nest.body:
        block.remove(update.nest)
