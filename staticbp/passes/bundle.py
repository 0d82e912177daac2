"""Scalars that a loop treats alike are carried as one array.

A state of many leaves, a record of sixty numbers each of which a step changes by the same formula, would make a
loop of sixty copies of that formula.  Here they become the elements of an array, and the copies one elementwise
operation: a loop over the elements in generated code, which is shorter, sooner compiled, and vectorised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from staticbp.core.aval import Aval
from staticbp.core.graph import Atom, Eqn, Graph, Lit, Var
from staticbp.core.lowering import Scalar
from staticbp.core.primitive import Primitive
from staticbp.ops.control import scan
from staticbp.ops.linear import broadcast, reshape
from staticbp.ops.shape import concatenate, slice
from staticbp.passes.rewrite import Note, filled

FEWEST = 16  # carries worth an array: fewer are carried in registers
DEEPEST = 100  # operations from what a step starts from to what it ends with


def bundle(graph: Graph, notes: list[Note] | None = None) -> Graph:
    """`graph` with the scalars that a scan carries and treats alike as elements of arrays."""
    eqns: list[Eqn] = []
    for eqn in graph.eqns:
        made = _bundled(eqn) if eqn.op is scan and eqn.params["n_carry"] >= FEWEST else None
        eqns += [eqn] if made is None else made
    return graph if len(eqns) == len(graph.eqns) else graph.with_eqns(eqns)


def _bundled(eqn: Eqn) -> list[Eqn] | None:
    """The equations in place of a scan; None when there is nothing to bundle."""
    groups = _alike(eqn)
    while groups:
        bundler = Bundler(eqn, groups)
        try:
            return bundler.equations()
        except Apart as apart:
            groups = [group for group in groups if group is not apart.group]
    return None


class Apart(Exception):
    """The carries of a group are not treated alike after all."""

    def __init__(self, group: list[int]) -> None:
        super().__init__()
        self.group = group


def _alike(eqn: Eqn) -> list[list[int]]:
    """The numbers of scalar carries of one type that are computed by formulas of one form."""
    body: Graph = eqn.params["body"]
    n_consts, n_carry = eqn.params["n_consts"], eqn.params["n_carry"]
    kinds: dict[Any, int] = {}
    of: dict[Atom, int] = {}

    def kind(*what: Any) -> int:
        return kinds.setdefault(what, len(kinds))

    for position, var in enumerate(body.invars):
        carried = n_consts <= position < n_consts + n_carry
        of[var] = kind("carry" if carried else "input", var.aval)
    for inner in body.eqns:
        operands = [kind("number", a.key()) if isinstance(a, Lit) else of[a] for a in inner.ins]
        params = tuple((name, repr(value)) for name, value in sorted(inner.params.items()))
        form = kind(inner.op, params, *operands) if _is_scalar(inner) else kind("value", inner.outs[0].aval)
        of.update((out, form) for out in inner.outs)
    groups: dict[tuple[int, Aval], list[int]] = {}
    for i, out in enumerate(body.outs[:n_carry]):
        aval = body.invars[n_consts + i].aval
        if not aval.shape and not aval.weak and isinstance(out, Var) and out.aval == aval:
            groups.setdefault((of[out], aval), []).append(i)
    return [group for group in groups.values() if len(group) >= FEWEST]


def _is_scalar(eqn: Eqn) -> bool:
    """Whether an equation applies an elementwise operation to single numbers."""
    return isinstance(eqn.op.lowering, Scalar) and not any(atom.aval.shape for atom in (*eqn.ins, *eqn.outs))


def _stem(names: Sequence[str]) -> str:
    """What names have in common: ``c`` of ``c_0``, ``c_1``, ..."""
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in alike).rstrip("_0123456789") or names[0]


class Bundler:
    """A scan taken apart and put together with its groups of carries as arrays."""

    def __init__(self, eqn: Eqn, groups: Sequence[list[int]]) -> None:
        self.eqn = eqn
        self.body: Graph = eqn.params["body"]
        self.groups = groups
        self.n_consts: int = eqn.params["n_consts"]
        self.carried = self.body.invars[self.n_consts : self.n_consts + eqn.params["n_carry"]]
        self.inputs = set(self.body.invars)
        self.scalars = {out: inner for inner in self.body.eqns for out in inner.outs}
        self.definitions: dict[Var, Eqn] = {}  # of what is new, and of the single numbers that are still asked for
        self.elements: dict[Var, tuple[Var, int]] = {}  # which number is an element of which array
        self.arrays = [self._array([self.carried[i] for i in group]) for group in groups]
        self._made: dict[tuple[Atom, ...], Atom] = {}
        self._open: set[Atom] = set()  # members of the bundles that are being made
        self._group = groups[0]

    def _array(self, members: Sequence[Var]) -> Var:
        array = Var(Aval((len(members),), members[0].aval.dtype), _stem([var.name for var in members]))
        self.elements.update((var, (array, i)) for i, var in enumerate(members))
        return array

    def equations(self) -> list[Eqn]:
        """The loop with arrays, what it starts from ahead of it, and its single results behind it."""
        n_carry = len(self.carried)
        outs: dict[int, Atom] = {}
        for group in self.groups:
            self._group = group
            outs[group[0]] = self._vector(tuple(self.body.outs[i] for i in group), 0)
        arrays = {group[0]: array for group, array in zip(self.groups, self.arrays, strict=True)}
        gone = {i for group in self.groups for i in group[1:]}
        kept = [i for i in range(n_carry) if i not in gone]
        invars = [
            *self.body.invars[: self.n_consts],
            *(arrays.get(i, self.carried[i]) for i in kept),
            *self.body.invars[self.n_consts + n_carry :],
        ]
        body_outs = [*(outs.get(i, self.body.outs[i]) for i in kept), *self.body.outs[n_carry:]]
        body = Graph(self.body.name, tuple(invars), self._in_order(invars, body_outs), tuple(body_outs))
        ahead: list[Eqn] = []
        behind: list[Eqn] = []
        inits: list[Atom] = []
        results: list[Var] = []
        starts = self.eqn.ins[self.n_consts :]
        for i in kept:
            array = arrays.get(i)
            if array is None:
                inits.append(starts[i])
                results.append(self.eqn.outs[i])
                continue
            group = next(group for group in self.groups if group[0] == i)
            result = Var(array.aval, array.name)
            inits.append(self._joined([starts[k] for k in group], array, ahead))
            results.append(result)
            for position, k in enumerate(group):
                behind += self._element(self.eqn.outs[k], result, position)
        loop = replace(
            self.eqn,
            outs=(*results, *self.eqn.outs[n_carry:]),
            ins=(*self.eqn.ins[: self.n_consts], *inits, *starts[n_carry:]),
            params={**self.eqn.params, "body": body, "n_carry": len(kept)},
        )
        return [*ahead, loop, *behind]

    # -- numbers to arrays --------------------------------------------------------------------------------
    def _vector(self, atoms: tuple[Atom, ...], depth: int) -> Atom:
        """The array of some numbers."""
        made = self._made.get(atoms)
        if made is None:
            made = self._made[atoms] = self._bundle(atoms, depth)
        return made

    def _bundle(self, atoms: tuple[Atom, ...], depth: int) -> Atom:
        first, aval = atoms[0], Aval((len(atoms),), atoms[0].aval.dtype)
        if isinstance(first, Lit):
            if all(isinstance(atom, Lit) and atom.value.tobytes() == first.value.tobytes() for atom in atoms):
                return filled(first.value, aval)
            raise Apart(self._group)
        if all(atom is first for atom in atoms):
            return self._define(broadcast, [first], first.name, shape=aval.shape, dims=())
        if all(atom in self.elements or atom in self.inputs for atom in atoms):
            return self._parts(atoms)
        eqns = [self.scalars.get(atom) if isinstance(atom, Var) else None for atom in atoms]
        like = eqns[0]
        if like is None or depth > DEEPEST or not _is_scalar(like) or self._open.intersection(atoms):
            raise Apart(self._group)
        if any(e is None or e.op is not like.op or repr(e.params) != repr(like.params) for e in eqns):
            raise Apart(self._group)
        self._open.update(atoms)
        columns = zip(*(eqn.ins for eqn in eqns if eqn is not None), strict=True)
        operands = [self._vector(tuple(column), depth + 1) for column in columns]
        self._open.difference_update(atoms)
        out = self._define(like.op, operands, like.outs[0].name, **like.params)
        self.definitions[out] = replace(self.definitions[out], src=like.src, adjoint=like.adjoint)
        for i, atom in enumerate(atoms):
            if isinstance(atom, Var):
                self.elements.setdefault(atom, (out, i))
        return out

    def _parts(self, atoms: Sequence[Atom]) -> Atom:
        """Elements of arrays side by side, and single numbers between them."""
        stretches: list[tuple[Atom, int, int]] = []  # an array, the first of its elements, and the one behind the last
        for atom in atoms:
            array, position = self.elements.get(atom, (atom, 0)) if isinstance(atom, Var) else (atom, 0)
            if stretches and array is not atom and stretches[-1][0] is array and stretches[-1][2] == position:
                stretches[-1] = (array, stretches[-1][1], position + 1)
            else:
                stretches.append((array, position, position + 1))
        parts: list[Atom] = []
        for array, start, stop in stretches:
            name = getattr(array, "name", "part")
            if not array.aval.shape:
                parts.append(self._define(reshape, [array], name, shape=(1,)))
            elif array.aval.shape == (stop - start,):
                parts.append(array)
            else:
                parts.append(self._define(slice, [array], name, starts=(start,), steps=(1,), shape=(stop - start,)))
        if len(parts) == 1:
            return parts[0]
        return self._define(concatenate, parts, f"{_stem([getattr(p, 'name', '') for p in parts])}_beside", axis=0)

    def _define(self, op: Primitive, ins: Sequence[Atom], name: str, **params: Any) -> Var:
        eqn = self._equation(op, ins, name, **params)
        self.definitions[eqn.outs[0]] = eqn
        return eqn.outs[0]

    def _equation(self, op: Primitive, ins: Sequence[Atom], name: str, **params: Any) -> Eqn:
        (aval,) = op.avals([a.aval for a in ins], params)
        return Eqn((Var(aval, name),), op, tuple(ins), params, self.eqn.src, self.eqn.adjoint)

    # -- arrays to numbers --------------------------------------------------------------------------------
    def _element(self, number: Var, array: Var, position: int) -> list[Eqn]:
        """The equations that make `number` an element of `array`."""
        part = self._equation(slice, [array], number.name, starts=(position,), steps=(1,), shape=(1,))
        alone = replace(part, outs=(number,), op=reshape, ins=part.outs, params={"shape": ()})
        return [part, alone]

    def _joined(self, atoms: Sequence[Atom], array: Var, ahead: list[Eqn]) -> Atom:
        """An array of numbers, ahead of the loop."""
        if all(isinstance(atom, Lit) and atom == atoms[0] for atom in atoms) and isinstance(atoms[0], Lit):
            return filled(atoms[0].value, array.aval)
        parts = [self._equation(reshape, [a], getattr(a, "name", array.name), shape=(1,)) for a in atoms]
        whole = self._equation(concatenate, [part.outs[0] for part in parts], array.name, axis=0)
        ahead += [*parts, whole]
        return whole.outs[0]

    def _in_order(self, invars: Sequence[Var], outs: Sequence[Atom]) -> tuple[Eqn, ...]:
        """The equations that the new body needs, each after those of its operands."""
        ordered: list[Eqn] = []
        done: set[Atom] = set(invars)
        entered: set[Var] = set()
        pending: list[Atom] = list(reversed(outs))
        while pending:
            atom = pending.pop()
            if isinstance(atom, Lit) or atom in done:
                continue
            eqn = self._definition(atom)
            waiting = [a for a in eqn.ins if isinstance(a, Var) and a not in done]
            if not waiting:
                ordered.append(eqn)
                done.update(eqn.outs)
            elif atom in entered:  # one of the bundle's numbers depends on another of them
                raise Apart(self._group)
            else:
                entered.add(atom)
                pending += [atom, *reversed(waiting)]
        return tuple(ordered)

    def _definition(self, var: Var) -> Eqn:
        if var not in self.definitions and var in self.elements:
            array, position = self.elements[var]
            part, alone = self._element(var, array, position)
            self.definitions[part.outs[0]], self.definitions[var] = part, alone
        return self.definitions.get(var) or self.scalars[var]
