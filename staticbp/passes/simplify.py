"""Simplification: algebra that holds to the last bit, equation by equation.

Values stay NumPy's to the letter, so nothing here reassociates, ``0 * x`` is kept (x may be infinite), and so is
``x + 0.0`` (it turns -0.0 into 0.0).  Only in equations of a derivative are these two taken for what they mean: a
cotangent of zero is 'nothing flows back', whatever the partial derivative there, and has no sign.

The rules for operations that move elements about are in `moves.py` and `slices.py`; those that change a value for
the better, in `stabilise.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core.graph import Atom, Eqn, Graph, Lit
from staticbp.core.primitive import Primitive
from staticbp.ops.arithmetic import (
    abs,
    add,
    div,
    hypot,
    maximum,
    minimum,
    mul,
    neg,
    power,
    square,
    sub,
    where,
)
from staticbp.ops.compare import equal, logical_and, logical_not, logical_or
from staticbp.ops.control import stop_gradient
from staticbp.ops.families import Elementwise
from staticbp.ops.linear import cast
from staticbp.ops.math import cosh, exp
from staticbp.ops.products import matmul, matvec, outer, vecdot, vecmat
from staticbp.ops.special import expit
from staticbp.passes import fold
from staticbp.passes.assignments import ASSIGNMENTS
from staticbp.passes.contractions import CONTRACTIONS
from staticbp.passes.moves import MOVES, elementwise_of_repeated
from staticbp.passes.rewrite import Note, Rewriter, Rule, Rules, either, filled, is_number, of_numbers, same
from staticbp.passes.slices import SLICES

PRODUCTS = (mul, vecdot, matvec, vecmat, matmul, outer)
SIMPLIFY = Rules()


def simplify(graph: Graph, notes: list[Note] | None = None) -> Graph:
    """`graph` with each equation in its simplest form; what that makes constant is folded on the way."""
    return Rewriter(graph, rules).run()


def rules(op: Primitive) -> Sequence[Rule]:
    """The rules for equations of `op`."""
    known = _BY_OP.get(op)
    if known is None:
        general = (elementwise_of_repeated,) if isinstance(op, Elementwise) or op is cast else ()
        own = (table.of(op) for table in (SIMPLIFY, MOVES, ASSIGNMENTS, SLICES, CONTRACTIONS))
        known = _BY_OP[op] = (*fold.rules(op), *(rule for each in own for rule in each), *general)
    return known


_BY_OP: dict[Primitive, Sequence[Rule]] = {}

# ---- zeros and ones -------------------------------------------------------------------------------------------


@SIMPLIFY.on(mul)
@of_numbers
def times_one(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``1 x = x``; ``-1 x = -x``."""
    for x, factor in either(eqn):
        if is_number(factor, 1):
            return x
        if is_number(factor, -1):
            return at.emit(neg, x)
    return None


@SIMPLIFY.on(*PRODUCTS)
@of_numbers
def times_zero(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``0 x = 0`` for integers, and for what flows back in a derivative."""
    out = eqn.outs[0].aval
    if any(is_number(a, 0) for a in eqn.ins) and (at.adjoint or not out.is_float):
        return filled(0, out)
    return None


@SIMPLIFY.on(div)
@of_numbers
def over_one(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``x / 1 = x``; ``x / -1 = -x``; ``x / 2^n = 2^-n x``; ``0 / x = 0`` in a derivative."""
    x, y = eqn.ins
    if is_number(x, 0) and at.adjoint:
        return filled(0, eqn.outs[0].aval)
    if not isinstance(y, Lit):
        return None
    if is_number(y, 1):
        return x
    if is_number(y, -1):
        return at.emit(neg, x)
    return at.emit(mul, x, filled(1 / y.value.item(), y.aval)) if is_power_of_two(y) else None


@SIMPLIFY.on(add)
@of_numbers
def plus_zero(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``x + 0 = x``, for an x that is never -0.0 or where the sign of zero has no meaning; ``x + -0.0 = x``."""
    for x, term in either(eqn):
        if is_number(term, 0) and (_signless(at, eqn) or _is_minus_zero(term) or never_minus_zero(at, x)):
            return x
    return None


@SIMPLIFY.on(sub)
def minus_zero(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``x - 0 = x``; ``0 - x = -x`` where the sign of zero has no meaning; ``x - x = 0`` for integers."""
    x, y = eqn.ins
    if is_number(y, 0) and (not _is_minus_zero(y) or _signless(at, eqn) or never_minus_zero(at, x)):
        return x
    if is_number(x, 0) and (_is_minus_zero(x) or _signless(at, eqn)):
        return at.emit(neg, y)
    if same(x, y) and not eqn.outs[0].aval.is_float:
        return filled(0, eqn.outs[0].aval)
    return None


def _signless(at: Rewriter, eqn: Eqn) -> bool:
    """Whether the result has no signed zero, or one whose sign has no meaning: that of a cotangent."""
    return at.adjoint or not eqn.outs[0].aval.is_float


def _is_minus_zero(atom: Atom) -> bool:
    return isinstance(atom, Lit) and atom.aval.dtype.kind == "f" and bool(np.signbit(atom.value)) and is_number(atom, 0)


def never_minus_zero(at: Rewriter, atom: Atom, depth: int = 4) -> bool:
    """Whether no element can be -0.0, as far as the equations that lead to `atom` show."""
    if atom.aval.is_complex:  # two zeros, each with a sign
        return False
    if isinstance(atom, Lit):
        return not _is_minus_zero(atom)
    eqn = at.made_by(atom)
    if eqn is None or not depth:
        return False
    if eqn.op in (exp, expit, abs, square, cosh, hypot):
        return True
    if eqn.op is cast:
        return not eqn.ins[0].aval.is_float or never_minus_zero(at, eqn.ins[0], depth - 1)
    if eqn.op is add:  # minus zero is the sum of minus zeros only
        return any(never_minus_zero(at, a, depth - 1) for a in eqn.ins)
    if eqn.op in (sub, mul) and same(*eqn.ins):
        return True
    return eqn.op is sub and never_minus_zero(at, eqn.ins[0], depth - 1)


# ---- signs ----------------------------------------------------------------------------------------------------


@SIMPLIFY.on(neg)
def negated(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``--x = x``; ``-(a x) = (-a) x`` and the like for numbers a; ``-(x - y) = y - x`` in a derivative."""
    inner = at.made_by(eqn.ins[0], neg, mul, div, sub)
    if inner is None:
        return None
    if inner.op is neg:
        return inner.ins[0]
    x, y = inner.ins
    if inner.op is sub:
        return at.emit(sub, y, x) if _signless(at, eqn) else None
    if isinstance(x, Lit):
        return at.emit(inner.op, _minus(x), y)
    if isinstance(y, Lit):
        return at.emit(inner.op, x, _minus(y))
    return None


@SIMPLIFY.on(add)
def plus_negated(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``x + (-y) = x - y``."""
    for x, term in either(eqn):
        y = at.under(neg, term)
        if y is not None:
            return at.emit(sub, x, y)
    return None


@SIMPLIFY.on(sub)
def minus_negated(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``x - (-y) = x + y``."""
    x, term = eqn.ins
    y = at.under(neg, term)
    return None if y is None else at.emit(add, x, y)


@SIMPLIFY.on(*PRODUCTS, div)
def sign_of_product(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``(-x) y = -(x y)``, and so for every product and quotient; ``(-x) a = x (-a)`` for numbers a."""
    x, y = eqn.ins
    inner_x, inner_y = at.under(neg, x), at.under(neg, y)
    if inner_x is not None and inner_y is not None:
        return at.emit(eqn.op, inner_x, inner_y)
    if inner_x is not None:
        if isinstance(y, Lit):
            return at.emit(eqn.op, inner_x, _minus(y))
        return at.emit(neg, at.emit(eqn.op, inner_x, y))
    if inner_y is not None:
        if isinstance(x, Lit):
            return at.emit(eqn.op, _minus(x), inner_y)
        return at.emit(neg, at.emit(eqn.op, x, inner_y))
    return None


@SIMPLIFY.on(square, abs)
def even_function(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``(-x)^2 = x^2``; ``|-x| = |x|``; the same of |x|."""
    x = eqn.ins[0]
    inner = at.under(neg, x)
    if inner is None and x.aval.dtype.kind == "f":
        inner = at.under(abs, x)
    if inner is not None:
        return at.emit(eqn.op, inner)
    return x if eqn.op is abs and at.made_by(x, square, exp, expit) and x.aval.dtype.kind == "f" else None


def _minus(lit: Lit) -> Lit:
    with np.errstate(all="ignore"):
        return filled(np.negative(lit.value), lit.aval)


# ---- factors and powers ---------------------------------------------------------------------------------------


def is_power_of_two(atom: Atom) -> bool:
    """Whether multiplying by `atom` or by its reciprocal is exact: a power of two that is not extreme."""
    if not isinstance(atom, Lit) or atom.aval.dtype.kind != "f":
        return False
    mantissa, exponent = math.frexp(atom.value.item())
    return math.fabs(mantissa) == 0.5 and math.fabs(exponent) <= 64


@SIMPLIFY.on(add)
def doubled(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``x + x = 2 x``, in a derivative: what a product of a thing with itself sends back."""
    x, y = eqn.ins
    return at.emit(mul, filled(2, x.aval), x) if at.adjoint and same(x, y) else None


@SIMPLIFY.on(mul)
@of_numbers
def factors(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``a (b x) = (a b) x`` in a derivative, for numbers a and b one of which is a power of two."""
    if not at.adjoint:
        return None
    for outer_factor, term in either(eqn):
        inner = at.made_by(term, mul)
        if inner is None or not isinstance(outer_factor, Lit):
            continue
        for inner_factor, x in either(inner):
            if isinstance(inner_factor, Lit) and (is_power_of_two(outer_factor) or is_power_of_two(inner_factor)):
                with np.errstate(all="ignore"):
                    product = np.multiply(outer_factor.value, inner_factor.value)
                return at.emit(mul, filled(product, inner_factor.aval), x) if np.isfinite(product) else None
    return None


@SIMPLIFY.on(mul)
def times_reciprocal(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``x (1 / y) = x / y`` in a derivative: one rounding less."""
    if at.adjoint:
        for x, factor in either(eqn):
            inner = at.made_by(factor, div)
            if inner is not None and is_number(inner.ins[0], 1) and not isinstance(inner.ins[1], Lit):
                return at.emit(div, x, inner.ins[1])
    return None


@SIMPLIFY.on(power)
@of_numbers
def small_power(at: Rewriter, eqn: Eqn) -> Atom | None:
    """x^0 = 1, x^1 = x, x^2 and x^3 by multiplication, x^-1 = 1 / x."""
    x, n = eqn.ins
    if is_number(n, 0):
        return filled(1, eqn.outs[0].aval)
    if is_number(n, 1):
        return x
    if is_number(n, 2):
        return at.emit(square, x)
    if is_number(n, 3):
        return at.emit(mul, at.emit(square, x), x)
    return at.emit(div, filled(1, x.aval), x) if is_number(n, -1) and x.aval.is_float else None


# ---- choices --------------------------------------------------------------------------------------------------


@SIMPLIFY.on(where)
def settled(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``where(c, x, x) = x``; ``where(true, x, y) = x``; ``where(false, x, y) = y``."""
    condition, x, y = eqn.ins
    if same(x, y):
        return x
    return (x if condition.value else y) if isinstance(condition, Lit) else None


@SIMPLIFY.on(where)
def chosen_equal(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``where(x == y, y, x) = x`` in a derivative, where zeros have no sign."""
    condition, x, y = eqn.ins
    tested = at.made_by(condition, equal) if at.adjoint else None
    if tested is None:
        return None
    return y if any(same(x, a) and same(y, b) for a, b in either(tested)) else None


@SIMPLIFY.on(where)
def chosen_twice(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``where(not c, x, y) = where(c, y, x)``; ``where(c, where(c, x, _), where(c, _, y)) = where(c, x, y)``."""
    condition, x, y = eqn.ins
    opposite = at.under(logical_not, condition)
    if opposite is not None:
        return at.emit(where, opposite, y, x)
    first, second = at.made_by(x, where), at.made_by(y, where)
    first = first if first is not None and same(first.ins[0], condition) else None
    second = second if second is not None and same(second.ins[0], condition) else None
    if first is None and second is None:
        return None
    return at.emit(where, condition, x if first is None else first.ins[1], y if second is None else second.ins[2])


@SIMPLIFY.on(where)
@of_numbers
def chosen_truth(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``where(c, true, false) = c``; ``where(c, false, true) = not c``."""
    condition, x, y = eqn.ins
    if eqn.outs[0].aval.dtype.kind != "b" or not isinstance(x, Lit) or not isinstance(y, Lit):
        return None
    return condition if x.value else at.emit(logical_not, condition)


@SIMPLIFY.on(maximum, minimum, logical_and, logical_or)
def of_itself(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``max(x, x) = x``, and so on."""
    x, y = eqn.ins
    return x if same(x, y) else None


@SIMPLIFY.on(logical_and, logical_or)
@of_numbers
def with_known_truth(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``x and true = x``; ``x and false = false``; the other way round for or."""
    for x, known in either(eqn):
        if isinstance(known, Lit):
            return x if bool(known.value) == (eqn.op is logical_and) else known
    return None


@SIMPLIFY.on(logical_not)
def not_not(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``not not x = x``."""
    return at.under(logical_not, eqn.ins[0])


# ---- conversions ----------------------------------------------------------------------------------------------


@SIMPLIFY.on(cast)
def converted(at: Rewriter, eqn: Eqn) -> Atom | None:
    """A conversion to the dtype at hand does nothing; a lossless one on the way to another is skipped."""
    (x,) = eqn.ins
    if x.aval == eqn.outs[0].aval:
        return x
    inner = at.under(cast, x)
    if inner is None or not is_lossless(inner.aval.dtype, x.aval.dtype):
        return None
    return inner if inner.aval == eqn.outs[0].aval else at.emit(cast, inner, dtype=eqn.params["dtype"])


def is_lossless(source: np.dtype[Any], target: np.dtype[Any]) -> bool:
    """Whether `target` has every value of `source` (NumPy's 'safe' says so of int64 in float64, which is not so)."""
    if source.kind in "iu" and target.kind == "f":
        return bool(source.itemsize * 8 <= np.finfo(target).nmant + 1)
    return bool(np.can_cast(source, target, "safe"))


@SIMPLIFY.on(stop_gradient)
def stopped_twice(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``stop_gradient(stop_gradient(x)) = stop_gradient(x)``."""
    (x,) = eqn.ins
    return x if at.made_by(x, stop_gradient) else None
