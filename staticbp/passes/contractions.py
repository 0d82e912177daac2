"""Products that are others: a sum over a batch of outer products is one product, one of a single row is less."""

from __future__ import annotations

from staticbp.core.graph import Atom, Eqn
from staticbp.ops.arithmetic import mul
from staticbp.ops.linear import broadcast, reshape
from staticbp.ops.products import matmul, matvec, outer, vecdot, vecmat
from staticbp.ops.reduce import reduce_sum
from staticbp.ops.shape import transpose
from staticbp.passes.rewrite import Rewriter, Rules

CONTRACTIONS = Rules()


@CONTRACTIONS.on(reduce_sum)
def sum_of_outer_products(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``sum_b x[b,:,None] y[b,None,:] = x.T @ y``: no array of all the products is made, nor one row at a time."""
    made = at.made_by(eqn.ins[0], outer)
    if made is None or eqn.params["axes"] != (0,) or eqn.ins[0].aval.ndim != 3:
        return None
    x, y = made.ins
    return at.emit(matmul, at.emit(transpose, x, perm=(1, 0)), y)


@CONTRACTIONS.on(matmul)
def product_with_one_row_or_column(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``(m, 1) @ (1, n)`` is an outer product; ``(m, k) @ (k, 1)`` and ``(1, k) @ (k, n)`` are those with a vector."""
    (a, b), out = eqn.ins, eqn.outs[0].aval.shape
    *leading, m, n = out
    k = a.aval.shape[-1]
    if k == 1:
        return at.emit(outer, at.emit(reshape, a, shape=(*leading, m)), at.emit(reshape, b, shape=(*leading, n)))
    if n == 1:
        return at.emit(reshape, at.emit(matvec, a, at.emit(reshape, b, shape=(*leading, k))), shape=out)
    if m == 1:
        return at.emit(reshape, at.emit(vecmat, at.emit(reshape, a, shape=(*leading, k)), b), shape=out)
    return None


@CONTRACTIONS.on(matvec, vecmat)
def product_of_row_or_column(at: Rewriter, eqn: Eqn) -> Atom | None:
    """A matrix of one row or column is a vector, and what it makes of another is a number or a multiple."""
    a, x = eqn.ins if eqn.op is matvec else reversed(eqn.ins)
    *leading, size = eqn.outs[0].aval.shape
    summed = x.aval.shape[-1]
    if size == 1:
        row = at.emit(reshape, a, shape=(*leading, summed))
        return at.emit(reshape, at.emit(vecdot, row, x), shape=(*leading, size))
    if summed == 1:
        factor = at.emit(reshape, x, shape=tuple(leading))
        repeated = at.emit(broadcast, factor, shape=(*leading, size), dims=tuple(range(len(leading))))
        return at.emit(mul, at.emit(reshape, a, shape=(*leading, size)), repeated)
    return None
