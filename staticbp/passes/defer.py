"""Products that the steps of a loop only add up: one large product behind the loop instead.

Reverse mode adds up, step by step, what it finds for an array that the loop reads: ``W_bar += outer(d, x)``, an array
read and written in each step for little work.  The rows of `d` and `x` of all steps make the same sum at once,
``D.T @ X``, and many are there already, kept for reverse mode or given to the loop.  Sums of rows that such a product
reads follow it.

Rows are kept for that only where they are smaller than the sum, and no more than the loop has already: so memory
stays what it was but for a factor, in loops that keep little (`checkpoint`) too.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.graph import Atom, Eqn, Graph, Var
from staticbp.core.primitive import Primitive
from staticbp.core.recording import decided
from staticbp.core.shape import Dim, Shape
from staticbp.ops.arithmetic import add, neg, sub
from staticbp.ops.control import scan
from staticbp.ops.linear import reshape
from staticbp.ops.products import matmul, outer
from staticbp.ops.reduce import reduce_sum
from staticbp.ops.shape import transpose
from staticbp.passes.dce import dce
from staticbp.passes.loops import Carry, Loop, Row
from staticbp.passes.rewrite import Note, is_number, replaced, substituted

# Elements from which on a sum is made behind the loop: a smaller one stays in the nearest cache.
SMALLEST = 512
# Rows in a step up to which: a product of more does enough with what it has read, and finds its factors in the cache.
FEW_ROWS = 8


def defer(graph: Graph, notes: list[Note] | None = None) -> Graph:
    """`graph` with the products that its scans only add up made behind them."""
    if not any(eqn.op is scan for eqn in graph.eqns):
        return graph
    eqns: list[Eqn] = []
    atoms: dict[Var, Atom] = {}
    for eqn in graph.eqns:
        eqn = substituted(eqn, atoms)
        if eqn.op is scan and eqn.params["length"] > 1:
            sums = Sums(eqn)
            eqns += sums.equations()
            atoms.update(sums.loop.results)
        else:
            eqns.append(eqn)
    return graph.with_eqns(eqns, replaced(graph.outs, atoms)) if atoms else graph


@dataclass
class Term:
    """What each step adds, or subtracts: ``left.T @ right`` of two variables of the body, or the sum of one's rows.

    They have `count` rows in each step.
    """

    factors: tuple[Var, ...]
    count: Dim
    eqn: Eqn
    negative: bool

    @property
    def is_product(self) -> bool:
        """Whether there are two factors."""
        return len(self.factors) == 2


class Sums:
    """A scan, and the sums over its steps that are made behind it."""

    def __init__(self, eqn: Eqn) -> None:
        self.loop = loop = Loop(eqn, set(), {})
        self.made_by = {out: made for made in loop.eqns for out in made.outs}
        self.readers = Counter(a for made in loop.eqns for a in made.ins if isinstance(a, Var))
        self.readers.update(carry.out for carry in loop.carry if isinstance(carry.out, Var))
        self.readers.update(row.out for row in loop.ys if isinstance(row.out, Var))
        self.constants = {entry.var for entry in loop.consts}
        self.rows: dict[Var, Atom] = {x.var: x.outer for x in loop.xs}
        self.rows.update((y.out, y.result) for y in loop.ys if isinstance(y.out, Var))
        self.room = sum(_size(var) for var in self.rows)
        self.multiplied: set[Var] = set()  # what the products read
        self.behind: list[Eqn] = []

    def equations(self) -> list[Eqn]:
        """The equations in place of the scan: itself, if there is nothing to be done behind it."""
        found = [(carry, self._terms(carry)) for carry in self.loop.carry]
        sums = [(carry, terms) for carry, terms in found if terms]
        for carry, terms in sums:
            if all(term.is_product for term in terms) and self._pays(carry, terms):
                self._make_behind(carry, terms)
        for carry, terms in sums:  # of the rest, what only adds up what is kept now
            if carry in self.loop.carry and all(a in self.multiplied for term in terms for a in term.factors):
                self._make_behind(carry, terms)
        if not self.loop.changed:
            return [self.loop.eqn]
        return [*map(_without_unneeded, self.loop.finished()), *self.behind]

    # -- what is added up -----------------------------------------------------------------------------------
    def _terms(self, carry: Carry) -> list[Term] | None:
        """What each step adds to a carry that is read for nothing else; None if that is no such sum."""
        if carry.var.aval.dtype.kind != "f" or self.readers[carry.var] != 1:
            return None
        pending: list[tuple[Atom, bool]] = [(carry.out, False)]
        terms: list[Term] = []
        n_carried = 0
        while pending:
            atom, negative = pending.pop()
            made = self.made_by.get(atom) if isinstance(atom, Var) else None
            if atom is carry.var and not negative:
                n_carried += 1
            elif made is not None and made.op in (add, sub, neg) and self.readers[made.outs[0]] == 1:
                first, *second = made.ins
                pending += [(first, negative ^ (made.op is neg)), *((a, negative ^ (made.op is sub)) for a in second)]
            elif made is not None and (term := self._term(made, negative)) is not None:
                terms.append(term)
            else:
                return None
        return terms if n_carried == 1 else None

    def _term(self, eqn: Eqn, negative: bool) -> Term | None:
        if eqn.op is outer and eqn.outs[0].aval.ndim == 2:
            left, right = eqn.ins
            return self._product_of(left, right, 1, eqn, negative)
        if eqn.op is matmul and eqn.outs[0].aval.ndim == 2:
            left, right = eqn.ins
            turned = self.made_by.get(left) if isinstance(left, Var) else None
            if turned is None or turned.op is not transpose:
                return None
            return self._product_of(turned.ins[0], right, right.aval.shape[0], eqn, negative)
        source, n_summed = (eqn.ins[0], len(eqn.params["axes"])) if _sums_rows(eqn) else (eqn.outs[0], 0)
        if not isinstance(source, Var):
            return None
        return Term((source,), shapes.size(source.aval.shape[:n_summed]), eqn, negative)

    def _product_of(self, left: Atom, right: Atom, count: Dim, eqn: Eqn, negative: bool) -> Term | None:
        x, y = self._unshaped(left), self._unshaped(right)
        return None if x is None or y is None else Term((x, y), count, eqn, negative)

    def _unshaped(self, atom: Atom) -> Var | None:
        """The variable of the body whose elements, in their order, are those of a factor; None for constants."""
        while isinstance(atom, Var) and atom not in self.rows:
            made = self.made_by.get(atom)
            if made is None or made.op is not reshape:
                break
            (atom,) = made.ins
        return atom if isinstance(atom, Var) and atom not in self.constants else None

    def _pays(self, carry: Carry, terms: list[Term]) -> bool:
        """Whether what must be kept is less than what no step touches any more, and the loop has kept as much."""
        if any(shapes.typical(term.count) > FEW_ROWS for term in terms):
            return False
        factors = {factor for term in terms for factor in term.factors}
        new = sum(_size(factor) for factor in factors if factor not in self.rows)
        return _size(carry.var) >= SMALLEST and new <= _size(carry.var) and new <= self.room

    # -- the sum behind the loop ----------------------------------------------------------------------------
    def _make_behind(self, carry: Carry, terms: list[Term]) -> None:
        total: Atom | None = None if is_number(carry.init, 0) else carry.init
        for term in terms:
            part = self._part(term)
            if total is not None:
                total = self._emit(sub if term.negative else add, (total, part), term.eqn)
            else:
                total = self._emit(neg, (part,), term.eqn) if term.negative else part
        assert isinstance(total, Var)  # there are terms
        total.name = carry.result.name
        reason = "the products of all steps are one" if terms[0].is_product else "its terms are kept for a product"
        decided("behind", total.name, reason, terms[0].eqn.src, self.loop.eqn.adjoint)
        self.loop.carry.remove(carry)
        self.loop.results[carry.result] = total
        self.loop.changed = True

    def _part(self, term: Term) -> Var:
        """The sum of a term over all steps."""
        self.multiplied |= set(term.factors)
        out = term.eqn.outs[0].aval.shape
        if not term.is_product:
            rows = self._stacked(term.factors[0], (term.count, *out), term.eqn)
            return self._emit(reduce_sum, (rows,), term.eqn, axes=(0,))
        left, right = (
            self._stacked(factor, (term.count, columns), term.eqn)
            for factor, columns in zip(term.factors, out, strict=True)
        )
        return self._emit(matmul, (self._emit(transpose, (left,), term.eqn, perm=(1, 0)), right), term.eqn)

    def _stacked(self, var: Var, step: Shape, eqn: Eqn) -> Atom:
        """The rows that a variable has in all steps, below one another; in each step it is of the shape `step`."""
        rows, shape = self._kept(var), (step[0] * self.loop.eqn.params["length"], *step[1:])
        return rows if shapes.same(rows.aval.shape, shape) else self._emit(reshape, (rows,), eqn, shape=shape)

    def _kept(self, var: Var) -> Atom:
        """The array of what a variable is in each step, which the loop leaves behind if it does not yet."""
        if var not in self.rows:
            result = Var(Aval((self.loop.eqn.params["length"], *var.aval.shape), var.aval.dtype), var.name)
            self.loop.ys.append(Row(var, result))
            self.rows[var] = result
            self.room -= _size(var)
        return self.rows[var]

    def _emit(self, op: Primitive, ins: tuple[Atom, ...], eqn: Eqn, **params: Any) -> Var:
        (aval,) = op.avals([a.aval for a in ins], params)
        out = Var(aval, eqn.outs[0].name)
        self.behind.append(Eqn((out,), op, ins, params, eqn.src, eqn.adjoint or self.loop.eqn.adjoint))
        return out


def _without_unneeded(eqn: Eqn) -> Eqn:
    return replace(eqn, params={**eqn.params, "body": dce(eqn.params["body"])}) if eqn.op is scan else eqn


def _sums_rows(eqn: Eqn) -> bool:
    """Whether an operation is a sum over the leading axes of its operand."""
    return eqn.op is reduce_sum and tuple(sorted(eqn.params["axes"])) == tuple(range(len(eqn.params["axes"])))


def _size(var: Var) -> int:
    return shapes.typical(shapes.size(var.aval.shape))
