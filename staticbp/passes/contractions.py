"""Sums of products that are products: what a sum over a batch of outer products comes to."""

from __future__ import annotations

from staticbp.core.graph import Atom, Eqn
from staticbp.ops.products import matmul, outer
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
