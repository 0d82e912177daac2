"""What is done with a product goes into the call that makes it.

An update, ``W - rate * (D.T @ X)``, becomes one call that adds the product to W in place, and a product that is only
put elsewhere is made there.  It is then never stored aside.  BLAS takes the factor and the matrix to add to as `alpha`
and `beta`.  A product that is wanted transposed is made the other way round: ``(A @ B).T`` is ``B.T @ A.T``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from staticbp.core.schedule import Apply, Buffer, Call, Const, Expr, Load, Local, Loop, Ref, Stmt, Store, loop_index
from staticbp.core.shape import same
from staticbp.core.traverse import children, walk
from staticbp.ops.products import without_defaults
from staticbp.passes.access import footprint


@dataclass(frozen=True, slots=True)
class Update:
    """``matrix[i, j] = kept * matrix[i, j] + factor * product[i, j]``, or ``[j, i]``: the store, and its two loops."""

    store: Store
    nest: Loop
    inner: Loop
    matrix: Buffer
    kept: bool  # one, else zero
    factor: Expr | None  # None is one
    negative: bool
    transposed: bool


def absorb_updates(block: list[Stmt]) -> None:
    """Let products that are only added to a matrix, or put into it, go there by the call that makes them."""
    calls = [stmt for stmt in block if isinstance(stmt, Call) and stmt.kernel == "blas.gemm"]
    users = _Users(block if calls else ())
    for call in calls:
        update = _update_by(users, call)
        if update is not None and _may_move(block, call, update):
            users.forget(call, update.nest)
            users.add(_absorb(block, call, update), *([update.nest] if update.nest.body else []))


class _Users:
    """The statements of a block that read a buffer, and those that write it."""

    def __init__(self, block: Iterable[Stmt]) -> None:
        self.readers: defaultdict[Buffer, list[Stmt]] = defaultdict(list)
        self.writers: defaultdict[Buffer, list[Stmt]] = defaultdict(list)
        self.add(*block)

    def add(self, *stmts: Stmt) -> None:
        """Take in statements."""
        for stmt, users in self._entries(stmts):
            users.append(stmt)

    def forget(self, *stmts: Stmt) -> None:
        """Leave out statements, which are still as they were when they were taken in."""
        for stmt, users in self._entries(stmts):
            users.remove(stmt)

    def _entries(self, stmts: Iterable[Stmt]) -> Iterator[tuple[Stmt, list[Stmt]]]:
        for stmt in stmts:
            touched = footprint([stmt], {})
            yield from ((stmt, self.readers[buffer]) for buffer in touched.reads)
            yield from ((stmt, self.writers[buffer]) for buffer in touched.writes)


def _update_by(users: _Users, call: Call) -> Update | None:
    """The update that the result of a product is used for, if it is used for nothing else."""
    left, right, product = (arg for arg in call.args if isinstance(arg, Ref))
    if len(call.args) > 5 or product.prefix or product.buffer.role != "workspace":
        return None
    readers = [stmt for stmt in users.readers[product.buffer] if stmt is not call]
    if len(readers) != 1 or len(users.writers[product.buffer]) != 1 or not isinstance(readers[0], Loop):
        return None
    nest = readers[0]
    for inner in nest.body:
        if not isinstance(inner, Loop) or inner.sequential:
            continue
        for store in inner.body:
            if isinstance(store, Store) and (found := _match(store, nest, inner, product.buffer)) is not None:
                only = sum(product.buffer in footprint([s], {}).reads for s in walk(nest.body) if not children(s)) == 1
                turns = found.transposed and len(right.shape) == 1  # a packed matrix multiplies from the right only
                apart = left.buffer is not found.matrix is not right.buffer
                return found if only and apart and not turns else None
    return None


def _match(store: Store, nest: Loop, inner: Loop, product: Buffer) -> Update | None:
    """Read ``m[i, j] = m[i, j] - factor * product[i, j]``, ``m[i, j] = factor * product[i, j]`` and their like."""
    place, shape = store.index, (nest.extent, inner.extent)
    if place != (loop_index(nest.index), loop_index(inner.index)) or not same(store.buffer.aval.shape, shape):
        return None
    kept, negative, term = _terms(store)
    is_scaled = isinstance(term, Apply) and term.template == "{0} * {1}"
    for transposed in (False, True):
        element = Load(product, place[::-1] if transposed else place)
        if not same(product.aval.shape, shape[::-1] if transposed else shape):
            continue
        factor: Expr | None = None
        if isinstance(term, Apply) and is_scaled and element in term.args:
            factor = term.args[0] if term.args[1] == element else term.args[1]
        elif term != element:
            continue
        if factor is None or _is_known_before(factor, nest, kept=kept):
            return Update(store, nest, inner, store.buffer, kept, factor, negative, transposed)
    return None


def _terms(store: Store) -> tuple[bool, bool, Expr]:
    """Whether a store keeps what was there, whether it takes something away from it, and what it adds."""
    expr = store.expr
    if isinstance(expr, Apply) and expr.template in ("{0} - {1}", "{0} + {1}"):
        if expr.args[0] == Load(store.buffer, store.index):
            return True, expr.template == "{0} - {1}", expr.args[1]
    elif isinstance(expr, Apply) and expr.template == "-{0}":
        return False, True, expr.args[0]
    return False, False, expr


def _is_known_before(factor: Expr, nest: Loop, *, kept: bool) -> bool:
    """Whether a factor is a scalar that does not change within the loops.

    Where nothing is kept it has to be known not to be zero: BLAS would not look at operands that may be NaN.
    """
    if not kept:
        return isinstance(factor, Const) and bool(factor.value)
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


def _absorb(block: list[Stmt], call: Call, update: Update) -> Call:
    """Replace the product and the update by one call."""
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
    options = [*flags, factor, Const(dtype.type(int(update.kept)))]
    if not update.kept and factor == Const(dtype.type(1)):
        options = list(without_defaults(flags))
    merged = Call(
        call.kernel,
        (left, right, matrix, *options),
        reads=(left, right, *((matrix,) if update.kept else ())),
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
    return merged
