"""Loops: a scan carries, reads and keeps only what it must, and computes once what every step has in common.

What a step cannot change is a constant of the loop; what nobody asks for is not computed; what a loop would repeat
is computed before it; a loop of one step is that step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from staticbp.core.aval import Aval
from staticbp.core.graph import Atom, Eqn, Graph, Lit, Var
from staticbp.core.lowering import IndexMap, Pieces, View
from staticbp.core.primitive import Primitive
from staticbp.ops.control import scan
from staticbp.ops.linear import broadcast, cast, reshape
from staticbp.ops.shape import transpose
from staticbp.passes.rewrite import Note, filled, replaced, same, substituted


def loops(graph: Graph, notes: list[Note] | None = None) -> Graph:
    """`graph` with each scan reduced to what is needed of it."""
    if not any(eqn.op is scan for eqn in graph.eqns):
        return graph
    used = {a for eqn in graph.eqns for a in eqn.ins if isinstance(a, Var)}
    used.update(a for a in graph.outs if isinstance(a, Var))
    eqns: list[Eqn] = []
    atoms: dict[Var, Atom] = {}
    definitions: dict[Var, Eqn] = {}
    for eqn in graph.eqns:
        eqn = substituted(eqn, atoms)
        if eqn.op is scan:
            loop = Loop(eqn, used, definitions)
            loop.reduce()
            made = loop.finished()
            atoms.update(loop.results)
        else:
            made = [eqn]
        for new in made:
            eqns.append(new)
            definitions.update((out, new) for out in new.outs)
    if len(eqns) == len(graph.eqns) and all(new is old for new, old in zip(eqns, graph.eqns, strict=True)):
        return graph
    return graph.with_eqns(eqns, replaced(graph.outs, atoms))


@dataclass
class Input:
    """A variable of the body that stands for `outer`: a constant of the loop, or rows of an array."""

    var: Var
    outer: Atom


@dataclass
class Carry:
    """What a step hands to the next: `var` in the body, `init` before the first step, `out` after each."""

    var: Var
    init: Atom
    out: Atom
    result: Var


@dataclass
class Row:
    """What a step leaves behind: `out` in the body, a row of `result`."""

    out: Atom
    result: Var


class Loop:
    """A scan taken apart.  `ahead` are equations to be computed before it, `results` what takes its results' place."""

    def __init__(self, eqn: Eqn, used: set[Var], definitions: dict[Var, Eqn]) -> None:
        body, n_consts, n_carry = eqn.params["body"], eqn.params["n_consts"], eqn.params["n_carry"]
        n_loop = n_consts + n_carry
        inputs = list(zip(body.invars, eqn.ins, strict=True))
        self.eqn = eqn
        self.body: Graph = body
        self.eqns: list[Eqn] = list(body.eqns)
        self.consts = [Input(var, outer) for var, outer in inputs[:n_consts]]
        carried = zip(inputs[n_consts:n_loop], body.outs[:n_carry], eqn.outs[:n_carry], strict=True)
        self.carry = [Carry(var, init, out, result) for (var, init), out, result in carried]
        self.xs = [Input(var, outer) for var, outer in inputs[n_loop:]]
        self.ys = [Row(out, result) for out, result in zip(body.outs[n_carry:], eqn.outs[n_carry:], strict=True)]
        self.ahead: list[Eqn] = []
        self.results: dict[Var, Atom] = {}
        self._used = used
        self._definitions = definitions
        self._settled: dict[Var, Atom] = {}  # variables of the body that turned out to be something else
        self.changed = False

    # -- the reductions -----------------------------------------------------------------------------------
    def reduce(self) -> None:
        """Apply all reductions once; what one of them makes possible is found the next time round."""
        self._settle_inputs()
        self._settle_carry()
        if self._settled:
            self._substitute()
        if self.eqn.params["length"] in (0, 1):
            return
        self._hoist()
        self._settle_rows()
        self._drop_unneeded()

    def _settle_inputs(self) -> None:
        """Numbers are put in where they are used; equal inputs become one, equal rows a constant."""
        for x in list(self.xs):
            source = self._source(x.outer, broadcast)
            if source is not None and 0 not in source.params["dims"]:
                dims = tuple(d - 1 for d in source.params["dims"])
                self.xs.remove(x)
                self._compute_within(x.var, source, shape=x.var.aval.shape, dims=dims)
        for entry in list(self.consts):
            source = self._source(entry.outer, broadcast, transpose)
            if source is not None:
                self.consts.remove(entry)
                self._compute_within(entry.var, source, **source.params)
        for inputs in (self.consts, self.xs):
            first: dict[Any, Var] = {}
            for entry in list(inputs):
                outer, aval = entry.outer, entry.var.aval
                if isinstance(outer, Lit):
                    self._settled[entry.var] = filled(outer.value, aval)
                elif (earlier := first.setdefault((outer, aval), entry.var)) is not entry.var:
                    self._settled[entry.var] = earlier
                else:
                    continue
                inputs.remove(entry)

    def _source(self, outer: Atom, *ops: Primitive) -> Eqn | None:
        """The equation ahead of the loop that makes an operand, if it is one of the given operations."""
        made = self._definitions.get(outer) if isinstance(outer, Var) else None
        return made if made is not None and made.op in ops else None

    def _compute_within(self, var: Var, source: Eqn, **params: Any) -> None:
        """Repeat or transpose in the body, where it costs nothing, rather than ahead of the loop."""
        (operand,) = source.ins
        inner = Var(operand.aval.strong(), getattr(operand, "name", var.name))
        self.consts.append(Input(inner, operand))
        self.eqns.insert(0, Eqn((var,), source.op, (inner,), params, source.src, source.adjoint))
        self.changed = True

    def _settle_carry(self) -> None:
        """A carry that no step changes is a constant; so is one that starts as what each step makes it."""
        outer_of = {entry.var: entry.outer for entry in self.consts}
        for carry in list(self.carry):
            out = self._settled.get(carry.out, carry.out) if isinstance(carry.out, Var) else carry.out
            if isinstance(out, Lit):
                unchanged = isinstance(carry.init, Lit) and out.key()[0] == carry.init.key()[0]
            else:
                unchanged = out is carry.var or (out in outer_of and same(outer_of[out], carry.init))
            if not unchanged:
                continue
            self.carry.remove(carry)
            self.results[carry.result] = self._as(carry.init, carry.result.aval, carry.result.name)
            if isinstance(carry.init, Lit):
                self._settled[carry.var] = filled(carry.init.value, carry.var.aval)
            else:
                self.consts.append(Input(carry.var, carry.init))
                outer_of[carry.var] = carry.init
            self.changed = True

    def _substitute(self) -> None:
        self.changed = True
        settled = self._settled
        self.eqns = [substituted(eqn, settled) for eqn in self.eqns]
        for carry in self.carry:
            carry.out = settled.get(carry.out, carry.out) if isinstance(carry.out, Var) else carry.out
        for row in self.ys:
            row.out = settled.get(row.out, row.out) if isinstance(row.out, Var) else row.out

    def _hoist(self) -> None:
        """Move what is the same in every step, and costs anything, ahead of the loop."""
        outer_of: dict[Var, Atom] = {entry.var: entry.outer for entry in self.consts}
        fixed = set(outer_of)
        costly: set[Var] = set()
        fixed_eqns: list[Eqn] = []
        for eqn in self.eqns:
            if all(isinstance(a, Lit) or a in fixed for a in eqn.ins) and eqn.ins:
                fixed.update(eqn.outs)
                fixed_eqns.append(eqn)
                if not _is_free(eqn.op) or any(a in costly for a in eqn.ins):
                    costly.update(eqn.outs)
        if not costly:
            return
        wanted = set(costly)
        for eqn in reversed(fixed_eqns):
            if any(out in wanted for out in eqn.outs):
                wanted.update(a for a in eqn.ins if isinstance(a, Var))
        moved = [eqn for eqn in fixed_eqns if any(out in wanted for out in eqn.outs)]
        gone = set(map(id, moved))
        self._inline(moved, outer_of)
        self.eqns = [eqn for eqn in self.eqns if id(eqn) not in gone]
        needed = {a for eqn in self.eqns for a in eqn.ins} | {c.out for c in self.carry} | {y.out for y in self.ys}
        for eqn in moved:
            self.consts += [Input(out, outer_of[out]) for out in eqn.outs if out in needed]
        self.changed = True

    def _settle_rows(self) -> None:
        """Rows that are all the same, or rows of an array that came in, or left behind twice, need no loop."""
        outer_of = {entry.var: entry.outer for entry in self.consts}
        rows_of = {entry.var: entry.outer for entry in self.xs}
        first: dict[Var, Var] = {}
        for row in list(self.ys):
            out, aval = row.out, row.result.aval
            if isinstance(out, Lit):
                self.results[row.result] = filled(out.value, aval)
            elif out in rows_of and rows_of[out].aval == aval:
                self.results[row.result] = rows_of[out]
            elif out in outer_of:
                dims = tuple(range(1, len(aval.shape)))
                self.results[row.result] = self._before(
                    broadcast, outer_of[out], row.result.name, shape=aval.shape, dims=dims
                )
            elif (earlier := first.setdefault(out, row.result)) is not row.result:
                self.results[row.result] = earlier
                self._used.add(earlier)
            else:
                continue
            self.ys.remove(row)
            self.changed = True

    def _drop_unneeded(self) -> None:
        """Leave out carries, rows and inputs on which no used result depends."""
        made_by = {out: eqn for eqn in self.eqns for out in eqn.outs}
        carry_of = {carry.var: carry for carry in self.carry}
        kept_rows = [row for row in self.ys if row.result in self._used]
        pending: list[Atom] = [row.out for row in kept_rows]
        pending += [carry.out for carry in self.carry if carry.result in self._used]
        needed: set[Var] = set()
        while pending:
            atom = pending.pop()
            if isinstance(atom, Lit) or atom in needed:
                continue
            needed.add(atom)
            if atom in made_by:
                needed.update(made_by[atom].outs)
                pending += made_by[atom].ins
            elif atom in carry_of:
                pending.append(carry_of[atom].out)
        parts = (self.ys, self.carry, self.consts, self.xs, self.eqns)
        before = [len(part) for part in parts]
        self.ys = kept_rows
        self.carry = [c for c in self.carry if c.result in self._used or c.var in needed]
        self.consts = [entry for entry in self.consts if entry.var in needed]
        self.xs = [entry for entry in self.xs if entry.var in needed]
        self.eqns = [eqn for eqn in self.eqns if any(out in needed for out in eqn.outs)]
        after = [len(part) for part in (self.ys, self.carry, self.consts, self.xs, self.eqns)]
        self.changed |= before != after

    # -- putting it together again ------------------------------------------------------------------------
    def finished(self) -> list[Eqn]:
        """The equations in place of the loop."""
        length = self.eqn.params["length"]
        if length == 0:
            self._skip()
            return self.ahead
        if length == 1:
            self._take_step()
            return self.ahead
        if not self.changed:
            return [self.eqn]
        if not self.carry and not self.ys:
            return self.ahead
        inputs: tuple[Input | Carry, ...] = (*self.consts, *self.carry, *self.xs)
        results: tuple[Carry | Row, ...] = (*self.carry, *self.ys)
        body = Graph(
            self.body.name,
            tuple(entry.var for entry in inputs),
            tuple(self.eqns),
            tuple(entry.out for entry in results),
        )
        params = {**self.eqn.params, "body": body, "n_consts": len(self.consts), "n_carry": len(self.carry)}
        loop = replace(
            self.eqn,
            outs=tuple(entry.result for entry in results),
            ins=(
                *(entry.outer for entry in self.consts),
                *(carry.init for carry in self.carry),
                *(entry.outer for entry in self.xs),
            ),
            params=params,
        )
        return [*self.ahead, loop]

    def _skip(self) -> None:
        """No step at all: the carry is what it was, and there are no rows."""
        for carry in self.carry:
            self.results[carry.result] = self._as(carry.init, carry.result.aval, carry.result.name)
        for row in self.ys:
            self.results[row.result] = filled(0, row.result.aval)

    def _take_step(self) -> None:
        """One step: the body, in place."""
        inner: dict[Var, Atom] = {
            entry.var: self._as(entry.outer, entry.var.aval, entry.var.name) for entry in self.consts
        }
        for carry in self.carry:
            inner[carry.var] = self._as(carry.init, carry.var.aval, carry.var.name)
        for x in self.xs:
            inner[x.var] = self._before(reshape, x.outer, x.var.name, shape=x.var.aval.shape)
        self._inline(self.eqns, inner)

        def outside(atom: Atom) -> Atom:
            return atom if isinstance(atom, Lit) else inner[atom]

        for carry in self.carry:
            self.results[carry.result] = self._as(outside(carry.out), carry.result.aval, carry.result.name)
        for row in self.ys:
            self.results[row.result] = self._before(
                reshape, outside(row.out), row.result.name, shape=row.result.aval.shape
            )

    def _inline(self, eqns: Iterable[Eqn], atoms: dict[Var, Atom]) -> None:
        """Compute equations of the body ahead of the loop, in variables of their own (bodies may be shared)."""
        for eqn in eqns:
            ins = tuple(a if isinstance(a, Lit) else atoms[a] for a in eqn.ins)
            avals = eqn.op.avals([a.aval for a in ins], eqn.params)
            outs = tuple(Var(aval, out.name) for aval, out in zip(avals, eqn.outs, strict=True))
            self.ahead.append(replace(eqn, outs=outs, ins=ins, adjoint=eqn.adjoint or self.eqn.adjoint))
            atoms.update(zip(eqn.outs, outs, strict=True))

    def _before(self, op: Primitive, x: Atom, name: str, **params: Any) -> Atom:
        """The result of an equation ahead of the loop."""
        (aval,) = op.avals([x.aval], params)
        if isinstance(x, Lit):
            return filled(x.value, aval)
        out = Var(aval, name)
        self.ahead.append(Eqn((out,), op, (x,), params, self.eqn.src, self.eqn.adjoint))
        return out

    def _as(self, atom: Atom, aval: Aval, name: str) -> Atom:
        """`atom` in a type that differs from its own in weakness at most."""
        if atom.aval == aval:
            return atom
        return filled(atom.value, aval) if isinstance(atom, Lit) else self._before(cast, atom, name, dtype=aval.dtype)


def _is_free(op: Primitive) -> bool:
    """Whether an operation only says where elements are found, so that computing it ahead saves nothing."""
    return isinstance(op.lowering, IndexMap | View | Pieces)
