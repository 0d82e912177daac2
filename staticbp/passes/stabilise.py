"""Stabilisation: formulas that overflow where the answer is finite become those that do not.

The one place where a value may differ from NumPy's: it is finite, or more exact, where NumPy's is infinite, NaN or
rounded away.  Runs before differentiation, so that derivatives are those of the better formula.  The rules that
applied are reported with the user's line; every line below is one of them.

========================== ====================================================================================
``softmax``                e^x / sum e^x = e^(x-m) / sum e^(x-m), with m the maximum, which counts as a constant
``softmax_by_reciprocal``  (1 / sum e^x) e^x = e^x / sum e^x
``logsumexp``              log sum e^x = m + log sum e^(x-m)
``log_softmax``            x - log sum e^x = (x - m) - log sum e^(x-m)
``constant_logsumexp``     m + log sum e^(x-m), as it stands, with m a constant
``constant_log_softmax``   (x - m) - log sum e^(x-m), as it stands, with m a constant
``log_of_mean_exp``        log (sum e^x / n) = log sum e^x - log n
``log_of_exp``             log e^x = x
``log_with_exp``           log (e^x / y) = x - log y;  log (e^x y) = x + log y;  log (y / e^x) = log y - x
``log_of_expit``           log expit(x) = -log(e^-x + 1)
``log_of_complement``      log (1 - expit(x)) = -log(e^x + 1)
``log_add_exp``            log (e^x + e^y) without the exponentials, and log (a + e^x) for numbers a
``log_one_plus``           log (1 + x) = log1p(x);  log (1 - x) = log1p(-x)
``log_of_moved``           log x[i] = (log x)[i] where that brings a logarithm together with an exponential
``expm1_of``               e^x - 1 = expm1(x)
``expit_of``               1 / (1 + e^-x) = expit(x);  e^x / (1 + e^x) = expit(x);  y / (1 + e^-x) = y expit(x)
``tanh_of``                (e^x - 1) / (e^x + 1) = tanh(x / 2);  (e^x - e^-x) / (e^x + e^-x) = tanh(x)
========================== ====================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from staticbp.core.graph import Atom, Eqn, Graph, Lit
from staticbp.core.primitive import Primitive
from staticbp.core.recording import RECORDING, decided
from staticbp.ops.arithmetic import add, div, mul, neg, sub, where
from staticbp.ops.compare import isfinite
from staticbp.ops.control import stop_gradient
from staticbp.ops.index import gather
from staticbp.ops.linear import broadcast, reshape
from staticbp.ops.math import exp, expm1, log, log1p, tanh
from staticbp.ops.reduce import reduce_max, reduce_sum
from staticbp.ops.shape import slice, transpose
from staticbp.ops.special import expit, logaddexp
from staticbp.passes import simplify
from staticbp.passes.rewrite import Note, Rewriter, Rule, Rules, either, filled, is_number, same

STABILISE = Rules()


def stabilise(graph: Graph, notes: list[Note] | None = None) -> Graph:
    """`graph` with formulas that overflow or cancel in the form that does not; `notes` says which did."""
    if any(out.aval.is_complex for eqn in graph.eqns for out in eqn.outs):
        return graph  # what holds for real numbers need not for others: log(exp(z)) is z in a strip only
    applied: list[Note] = []
    result = Rewriter(graph, rules, applied).run()
    if notes is not None or RECORDING.decisions is not None:
        formulas = {rule.__name__: str(rule.__doc__) for rule in STABILISE}
        found = [note for note in dict.fromkeys(applied) if note.rule in formulas]
        for note in found:
            decided("stabilised", note.rule, formulas[note.rule].strip("`. "), note.src)
        if notes is not None:
            notes.extend(found)
    return result


def rules(op: Primitive) -> Sequence[Rule]:
    """The rules for equations of `op`; what they make is simplified on the way."""
    known = _BY_OP.get(op)
    if known is None:
        known = _BY_OP[op] = (*STABILISE.of(op), *simplify.rules(op))
    return known


_BY_OP: dict[Primitive, Sequence[Rule]] = {}

# ---- softmax and its logarithm --------------------------------------------------------------------------------


def _kept(rank: int, axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(axis for axis in range(rank) if axis not in axes)


def _total_of(at: Rewriter, total: Atom, part: Atom) -> Eqn | None:
    """The equation of the sum whose result, repeated to the shape of `part`, is `total`."""
    spread = at.made_by(total, broadcast)
    summed = None if spread is None else at.made_by(spread.ins[0], reduce_sum)
    if spread is None or summed is None or summed.ins[0].aval.shape != part.aval.shape:
        return None
    return summed if spread.params["dims"] == _kept(part.aval.ndim, summed.params["axes"]) else None


class Shift(NamedTuple):
    """``shifted = x - top``, with `top` the maximum of `x` over `axes`; whether that is a constant for derivatives."""

    shifted: Atom
    x: Atom
    top: Atom
    axes: tuple[int, ...]
    constant: bool


def _shift(at: Rewriter, shifted: Atom, axes: tuple[int, ...]) -> Shift | None:
    """How `shifted` is something less its maximum over `axes`."""
    difference = at.made_by(shifted, sub)
    spread = None if difference is None else at.made_by(difference.ins[1], broadcast)
    if difference is None or spread is None or spread.params["dims"] != _kept(shifted.aval.ndim, axes):
        return None
    constant = False
    top = at.made_by(spread.ins[0], stop_gradient, where, reduce_max)
    while top is not None and top.op is not reduce_max:
        constant |= top.op is stop_gradient
        top = at.made_by(top.ins[1] if top.op is where else top.ins[0], stop_gradient, where, reduce_max)
    if top is None or top.params["axes"] != axes or not same(top.ins[0], difference.ins[0]):
        return None
    return Shift(shifted, top.ins[0], spread.ins[0], axes, constant)


def _spread(at: Rewriter, part: Atom, like: Atom, axes: tuple[int, ...]) -> Atom:
    return at.emit(broadcast, part, shape=like.aval.shape, dims=_kept(like.aval.ndim, axes))


def _top(at: Rewriter, x: Atom, axes: tuple[int, ...]) -> Atom | None:
    """The maximum over `axes`, a constant for derivatives; None when there is nothing to take it of."""
    if not axes or any(x.aval.shape[axis] == 0 for axis in axes):
        return None
    return at.emit(stop_gradient, at.emit(reduce_max, x, axes=axes))


def _finite_top(at: Rewriter, x: Atom, axes: tuple[int, ...]) -> Atom | None:
    """The same, zero where it is infinite: the logarithm of a sum of zeros is minus infinity, not NaN."""
    top = _top(at, x, axes)
    if top is None:
        return None
    return at.emit(where, at.emit(isfinite, top), top, filled(0, top.aval))


@STABILISE.on(div)
def softmax(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``e^x / sum e^x = e^(x-m) / sum e^(x-m)``."""
    weights, total = eqn.ins
    x, summed = at.under(exp, weights), _total_of(at, total, weights)
    if x is None or summed is None or not same(summed.ins[0], weights):
        return None
    axes = summed.params["axes"]
    shift = _shift(at, x, axes)
    if shift is None:
        top = _top(at, x, axes)
    elif shift.constant:
        return None
    else:
        x, top = shift.x, at.emit(stop_gradient, shift.top)
    if top is None:
        return None
    shifted = at.emit(exp, at.emit(sub, x, _spread(at, top, x, axes)))
    return at.emit(div, shifted, _spread(at, at.emit(reduce_sum, shifted, axes=axes), x, axes))


@STABILISE.on(mul)
def softmax_by_reciprocal(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``(1 / sum e^x) e^x = e^x / sum e^x``."""
    for weights, scale in either(eqn):
        spread = at.made_by(scale, broadcast)
        reciprocal = None if spread is None else at.made_by(spread.ins[0], div)
        if spread is None or reciprocal is None or not is_number(reciprocal.ins[0], 1):
            continue
        summed = at.made_by(reciprocal.ins[1], reduce_sum)
        if at.under(exp, weights) is None or summed is None or not same(summed.ins[0], weights):
            continue
        if spread.params["dims"] == _kept(weights.aval.ndim, summed.params["axes"]):
            total = _spread(at, reciprocal.ins[1], weights, summed.params["axes"])
            return at.emit(div, weights, total)
    return None


@STABILISE.on(log)
def logsumexp(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``log sum e^x = m + log sum e^(x-m)``."""
    summed = at.made_by(eqn.ins[0], reduce_sum)
    x = None if summed is None else at.under(exp, summed.ins[0])
    if summed is None or x is None:
        return None
    axes = summed.params["axes"]
    top = None if _shift(at, x, axes) is not None else _finite_top(at, x, axes)
    if top is None:
        return None
    shifted = at.emit(exp, at.emit(sub, x, _spread(at, top, x, axes)))
    return at.emit(add, at.emit(log, at.emit(reduce_sum, shifted, axes=axes)), top)


@STABILISE.on(add)
def constant_logsumexp(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``m + log sum e^(x-m)``, with m a constant."""
    for top, logarithm in either(eqn):
        shift = _shift_within(at, logarithm)
        if shift is not None and not shift.constant and same(shift.top, top):
            shift = shift._replace(top=at.emit(stop_gradient, top))
            return at.emit(add, shift.top, _log_sum(at, shift)[1])
    return None


@STABILISE.on(sub)
def constant_log_softmax(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``(x - m) - log sum e^(x-m)``, with m a constant."""
    shifted, spread = eqn.ins[0], at.made_by(eqn.ins[1], broadcast)
    shift = None if spread is None else _shift_within(at, spread.ins[0])
    if spread is None or shift is None or shift.constant or not same(shift.shifted, shifted):
        return None
    if spread.params["dims"] != _kept(shifted.aval.ndim, shift.axes):
        return None
    shifted, logarithm = _log_sum(at, shift._replace(top=at.emit(stop_gradient, shift.top)))
    return at.emit(sub, shifted, _spread(at, logarithm, shifted, shift.axes))


def _shift_within(at: Rewriter, logarithm: Atom) -> Shift | None:
    """The shift in ``log sum e^(x-m)``."""
    total = at.under(log, logarithm)
    summed = None if total is None else at.made_by(total, reduce_sum)
    shifted = None if summed is None else at.under(exp, summed.ins[0])
    return None if summed is None or shifted is None else _shift(at, shifted, summed.params["axes"])


def _log_sum(at: Rewriter, shift: Shift) -> tuple[Atom, Atom]:
    """``x - m`` and ``log sum e^(x-m)``."""
    shifted = at.emit(sub, shift.x, _spread(at, shift.top, shift.x, shift.axes))
    return shifted, at.emit(log, at.emit(reduce_sum, at.emit(exp, shifted), axes=shift.axes))


@STABILISE.on(sub)
def log_softmax(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``x - (m + log sum e^(x-m)) = (x - m) - log sum e^(x-m)``."""
    x, spread = eqn.ins[0], at.made_by(eqn.ins[1], broadcast)
    whole = None if spread is None else at.made_by(spread.ins[0], add)
    if spread is None or whole is None:
        return None
    for logarithm, top in either(whole):
        shift = _shift_within(at, logarithm)
        if shift is None or not same(shift.top, top) or not same(shift.x, x):
            continue
        if spread.params["dims"] == _kept(x.aval.ndim, shift.axes):
            return at.emit(sub, shift.shifted, _spread(at, logarithm, x, shift.axes))
    return None


# ---- logarithms -----------------------------------------------------------------------------------------------


@STABILISE.on(log)
def log_of_mean_exp(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``log (sum e^x / n) = log sum e^x - log n``."""
    scaled = at.made_by(eqn.ins[0], div, mul)
    if scaled is None:
        return None
    pairs = either(scaled) if scaled.op is mul else (scaled.ins,)
    for total, number in pairs:
        summed = at.made_by(total, reduce_sum)
        if isinstance(number, Lit) and number.value.item() > 0 and summed is not None and at.under(exp, summed.ins[0]):
            return at.emit(sub if scaled.op is div else add, at.emit(log, total), at.emit(log, number))
    return None


@STABILISE.on(log)
def log_of_exp(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``log e^x = x``."""
    return at.under(exp, eqn.ins[0])


@STABILISE.on(log)
def log_with_exp(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``log (e^x / y) = x - log y``; ``log (e^x y) = x + log y``; ``log (y / e^x) = log y - x``."""
    inner = at.made_by(eqn.ins[0], div, mul)
    if inner is None:
        return None
    left, right = inner.ins
    x = at.under(exp, left)
    if x is not None:
        return at.emit(sub if inner.op is div else add, x, at.emit(log, right))
    x = at.under(exp, right)
    return None if x is None else at.emit(sub if inner.op is div else add, at.emit(log, left), x)


@STABILISE.on(log)
def log_of_expit(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``log expit(x) = -log(e^-x + 1)``."""
    x = at.under(expit, eqn.ins[0])
    return None if x is None else at.emit(neg, at.emit(logaddexp, at.emit(neg, x), filled(0, x.aval)))


@STABILISE.on(log, log1p)
def log_of_complement(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``log (1 - expit(x)) = -log(e^x + 1)``."""
    rest = _complement(at, eqn.ins[0]) if eqn.op is log else at.under(neg, eqn.ins[0])
    x = None if rest is None else at.under(expit, rest)
    return None if x is None else at.emit(neg, at.emit(logaddexp, x, filled(0, x.aval)))


@STABILISE.on(log, log1p)
def log_add_exp(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``log (e^x + e^y) = logaddexp(x, y)``; ``log (a + e^x) = logaddexp(x, log a)``."""
    if eqn.op is log1p:
        x = at.under(exp, eqn.ins[0])
        return None if x is None else at.emit(logaddexp, x, filled(0, x.aval))
    inner = at.made_by(eqn.ins[0], add)
    if inner is None:
        return None
    for exponential, other in either(inner):
        x, y = at.under(exp, exponential), at.under(exp, other)
        if x is not None and y is not None:
            return at.emit(logaddexp, *(at.under(exp, a) or a for a in inner.ins))
        if x is not None and isinstance(other, Lit) and other.value.item() > 0:
            return at.emit(logaddexp, x, filled(np.log(other.value), x.aval))
    return None


@STABILISE.on(log)
def log_one_plus(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``log (1 + x) = log1p(x)``; ``log (1 - x) = log1p(-x)``."""
    inner = at.made_by(eqn.ins[0], add)
    if inner is not None:
        for one, x in either(inner):
            if is_number(one, 1):
                return at.emit(log1p, x)
    rest = _complement(at, eqn.ins[0])
    return None if rest is None else at.emit(log1p, at.emit(neg, rest))


@STABILISE.on(log)
def log_of_moved(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``log x[i] = (log x)[i]``, where x is made with an exponential."""
    moves: list[Eqn] = []
    source = eqn.ins[0]
    while (move := at.made_by(source, slice, gather, reshape, transpose)) is not None:
        moves.append(move)
        source = move.ins[0]
    inner = at.made_by(source, exp, expit, div, mul)
    if not moves or inner is None:
        return None
    if inner.op in (div, mul) and not any(at.under(exp, a) for a in inner.ins):
        return None
    moved = at.emit(log, source)
    for move in reversed(moves):
        moved = at.emit(move.op, moved, *move.ins[1:], **move.params)
    return moved


def _complement(at: Rewriter, atom: Atom) -> Atom | None:
    """The x of ``1 - x``."""
    inner = at.made_by(atom, sub)
    return inner.ins[1] if inner is not None and is_number(inner.ins[0], 1) else None


# ---- exponentials ---------------------------------------------------------------------------------------------


@STABILISE.on(sub, add)
def expm1_of(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``e^x - 1 = expm1(x)``; ``1 - e^x = -expm1(x)``."""
    left, right = eqn.ins
    one = 1 if eqn.op is sub else -1
    x, y = at.under(exp, left), at.under(exp, right)
    if x is not None and is_number(right, one):
        return at.emit(expm1, x)
    if y is not None and is_number(left, one):
        return at.emit(neg, at.emit(expm1, y)) if eqn.op is sub else at.emit(expm1, y)
    return None


def _one_plus_exp(at: Rewriter, atom: Atom) -> Atom | None:
    """The u of ``1 + e^u``."""
    inner = at.made_by(atom, add)
    if inner is not None:
        for one, term in either(inner):
            if is_number(one, 1):
                return at.under(exp, term)
    return None


@STABILISE.on(div)
def tanh_of(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``(e^x - 1) / (e^x + 1) = tanh(x / 2)``; ``(e^x - e^-x) / (e^x + e^-x) = tanh(x)``."""
    above, below = eqn.ins
    if (opposite := at.under(neg, above)) is not None:
        positive = tanh_of(at, replace(eqn, ins=(opposite, below)))
        return None if positive is None else at.emit(neg, positive)
    u, x = at.under(expm1, above), _one_plus_exp(at, below)
    if u is not None and x is not None and same(u, x):
        return at.emit(tanh, _half(at, x))
    difference, total = at.made_by(above, sub), at.made_by(below, add)
    if difference is None or total is None:
        return None
    x, y = (at.under(exp, a) for a in difference.ins)
    if x is None or y is None or not (_opposite(at, x, y) or _opposite(at, y, x)):
        return None
    terms = [at.under(exp, a) for a in total.ins]
    matched = any(a is not None and b is not None and same(a, x) and same(b, y) for a, b in (terms, terms[::-1]))
    return at.emit(tanh, x) if matched else None


def _opposite(at: Rewriter, x: Atom, y: Atom) -> bool:
    """Whether x = -y is plain to see."""
    inner = at.under(neg, x)
    return inner is not None and same(inner, y)


def _half(at: Rewriter, x: Atom) -> Atom:
    """``x / 2``, by half the factor when `x` is a multiple."""
    inner = at.made_by(x, mul)
    if inner is not None:
        for factor, y in either(inner):
            if isinstance(factor, Lit):
                return at.emit(mul, filled(factor.value.item() / 2, factor.aval), y)
    return at.emit(mul, filled(0.5, x.aval), x)


@STABILISE.on(div)
def expit_of(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``1 / (1 + e^-x) = expit(x)``; ``e^x / (1 + e^x) = expit(x)``; ``y / (1 + e^-x) = y expit(x)``."""
    above, below = eqn.ins
    u = _one_plus_exp(at, below)
    if u is None:
        return None
    v = at.under(exp, above)
    if v is not None and same(u, v):
        return at.emit(expit, u)
    return at.emit(mul, above, at.emit(expit, at.emit(neg, u)))
