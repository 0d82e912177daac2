"""Constant folding: what is known while compiling is computed then.

A literal is one number that fills a shape, so elementwise operations on literals are one evaluation by NumPy,
operations that move elements about change only the shape, and a sum is a product with the count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.graph import Atom, Eqn, Graph, Lit
from staticbp.core.lowering import Choose
from staticbp.core.primitive import Primitive
from staticbp.ops.families import Elementwise
from staticbp.ops.linear import broadcast, cast, reshape
from staticbp.ops.products import matmul, matvec, outer, vecdot, vecmat
from staticbp.ops.reduce import reduce_all, reduce_any, reduce_max, reduce_min, reduce_prod, reduce_sum
from staticbp.ops.shape import concatenate, embed, slice, transpose
from staticbp.passes.rewrite import Note, Rewriter, Rule, Rules, filled, of_numbers


def fold(graph: Graph, notes: list[Note] | None = None) -> Graph:
    """`graph` with the equations between literals evaluated."""
    return Rewriter(graph, rules).run()


def rules(op: Primitive) -> Sequence[Rule]:
    """The folding rules for equations of `op`."""
    known = _BY_OP.get(op)
    if known is None:
        own = (elementwise_of_literals,) if isinstance(op, Elementwise) else FOLD.of(op)
        known = _BY_OP[op] = (nothing_at_all, *own)
    return known


_BY_OP: dict[Primitive, Sequence[Rule]] = {}


def nothing_at_all(at: Rewriter, eqn: Eqn) -> Atom | None:
    """An array without elements is one filled with any number."""
    if len(eqn.outs) > 1 or 0 not in eqn.outs[0].aval.shape or _can_fail(eqn):
        return None
    return filled(0, eqn.outs[0].aval)


def _can_fail(eqn: Eqn) -> bool:
    """Whether an equation checks its operands at run time, whatever becomes of its result."""
    lowering = eqn.op.lowering
    if isinstance(lowering, Choose):
        lowering = lowering.pick([a.aval for a in eqn.ins], eqn.params)
    return getattr(lowering, "check", None) is not None or bool(getattr(lowering, "failure", ""))


def literals(eqn: Eqn) -> list[Lit] | None:
    """The operands of an equation when all of them are literals."""
    found: list[Lit] = []
    for atom in eqn.ins:
        if not isinstance(atom, Lit):
            return None
        found.append(atom)
    return found


@of_numbers
def elementwise_of_literals(at: Rewriter, eqn: Eqn) -> Atom | None:
    """f(a, b) of numbers a and b is a number."""
    operands = literals(eqn)
    if operands is None:
        return None
    try:
        with np.errstate(all="ignore"):
            (value,) = eqn.op.evaluate([lit.value for lit in operands], eqn.params)
    except ValueError:  # an integer to a negative power: what NumPy refuses is not ours to compute
        return None
    value = np.asarray(value)
    aval = eqn.outs[0].aval
    return filled(value[()], aval) if value.dtype == aval.dtype and not value.ndim else None


FOLD = Rules()
FOLD.on(cast)(elementwise_of_literals)


@FOLD.on(broadcast, reshape, transpose, slice)
def rearranged_literal(at: Rewriter, eqn: Eqn) -> Atom | None:
    """One number that fills a shape fills another."""
    operand, out = eqn.ins[0], eqn.outs[0].aval
    return filled(operand.value, out) if isinstance(operand, Lit) else None


@FOLD.on(embed)
def embedded_zeros(at: Rewriter, eqn: Eqn) -> Atom | None:
    """Zeros within zeros are zeros; minus zeros are not."""
    (operand,) = eqn.ins
    if isinstance(operand, Lit) and operand == filled(0, operand.aval):
        return filled(0, eqn.outs[0].aval)
    return None


@FOLD.on(concatenate)
def joined_literals(at: Rewriter, eqn: Eqn) -> Atom | None:
    """Parts all filled with the same number are an array filled with it."""
    parts = literals(eqn)
    if parts is None or len({part.key()[0] for part in parts}) != 1:
        return None
    return filled(parts[0].value, eqn.outs[0].aval)


@FOLD.on(reduce_sum)
def sum_of_literal(at: Rewriter, eqn: Eqn) -> Atom | None:
    """The sum of n numbers a is n a, and 0 for none."""
    operand = eqn.ins[0]
    count = _count(operand.aval, eqn.params["axes"])
    if not isinstance(operand, Lit) or count is None:
        return None
    return filled(_times(count, operand.value), eqn.outs[0].aval)


@FOLD.on(reduce_prod)
def product_of_literal(at: Rewriter, eqn: Eqn) -> Atom | None:
    """The product of n numbers a is a ** n."""
    operand = eqn.ins[0]
    count = _count(operand.aval, eqn.params["axes"])
    if not isinstance(operand, Lit) or count is None:
        return None
    with np.errstate(all="ignore"):
        return filled(np.power(operand.value, operand.aval.dtype.type(count)), eqn.outs[0].aval)


@FOLD.on(reduce_max, reduce_min, reduce_any, reduce_all)
def extreme_of_literal(at: Rewriter, eqn: Eqn) -> Atom | None:
    """The largest of numbers that are all the same is that number."""
    operand = eqn.ins[0]
    if not isinstance(operand, Lit) or not _count(operand.aval, eqn.params["axes"]):
        return None
    return filled(operand.value, eqn.outs[0].aval)


@FOLD.on(vecdot, matvec, vecmat, matmul, outer)
def product_of_literals(at: Rewriter, eqn: Eqn) -> Atom | None:
    """Each element of a product of constants a and b over n terms is n a b."""
    operands = literals(eqn)
    if operands is None or eqn.outs[0].aval.dtype.kind == "b":
        return None
    x, y = operands
    summed = 1 if eqn.op is outer else x.aval.shape[-1]
    if not isinstance(summed, int):
        return None
    with np.errstate(all="ignore"):
        return filled(_times(summed, np.multiply(x.value, y.value)), eqn.outs[0].aval)


def _count(aval: Aval, axes: Sequence[int]) -> int | None:
    """How many elements are combined into one; None when that is not known."""
    count = shapes.size(aval.shape[axis] for axis in axes)
    return count if isinstance(count, int) else None


def _times(count: int, value: Any) -> Any:
    """`count` times a number in its own arithmetic: integers wrap around, no infinity is nothing."""
    if count == 0:
        return 0
    with np.errstate(all="ignore"):
        if value.dtype.kind == "f":
            return value.dtype.type(np.float64(value) * count)
        return np.multiply(value, np.asarray(count).astype(value.dtype))
