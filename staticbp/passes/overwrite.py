"""Assignments to arrays: written into the memory of the array that is assigned to, where nobody wants it as it was.

An equation that overwrites gives a new array; what reads the old one later keeps it alive, and then the new one is a
copy.  Otherwise the new one takes the old one's place, and whatever was to be computed from the old one where it is
read has to be computed before.  A choice between branches that overwrite an operand, or leave it as it is, overwrites.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from staticbp.core.graph import Atom, Eqn, Graph, Lit, Var
from staticbp.core.lowering import Overwrite, View
from staticbp.core.schedule import Accumulate, Affine, Buffer, Expr, Index, Load, Ref, Stmt, Store
from staticbp.core.traverse import loads
from staticbp.ops.branches import cond
from staticbp.ops.checkpoint import afresh
from staticbp.passes.access import root
from staticbp.passes.equations import Equations, Place
from staticbp.passes.inlining import is_only_row, keeps_elements
from staticbp.passes.shared import Shared


class Overwriting(Equations):
    """Lowers equations that write into their first operand."""

    def __init__(
        self,
        shared: Shared,
        graph: Graph,
        block: list[Stmt],
        places: dict[Var, Place],
        depth: int,
        steps: int,
        resumable: bool,
    ) -> None:
        super().__init__(shared, graph, block, places, depth, steps, resumable)
        self.carried: set[Var] = set()  # inputs whose memory may be written to
        self._position = {id(eqn): number for number, eqn in enumerate(self.graph.eqns)}
        self._present = -1  # the position of the equation at hand
        self._returned = {atom for atom in graph.outs if isinstance(atom, Var)}
        self._chosen: dict[int, dict[Var, Var]] = {}  # what choices overwrite

    def _lower(self, eqn: Eqn) -> None:
        self._present = self._position[id(eqn)]
        super()._lower(eqn)

    # -- where results go -----------------------------------------------------------------------------------
    def _fix_reshaped(self) -> None:
        """Where an output is an array that was written to, write to it in the output's memory from the start."""
        for eqn in reversed(self.graph.eqns):
            for out, x in self.overwritten(eqn).items():
                free = out in self.fixed and x in self.defined and x not in self.fixed
                if free and len(self._alike(x)) == 1 and self._dies(x, eqn):
                    self.fixed[x] = self.fixed[out]
        super()._fix_reshaped()

    def write_to_carries(self, carries: Sequence[Place], variables: Sequence[Var]) -> None:
        """Where the next value of a carry is the carry with elements overwritten, let it be so in its memory."""
        self.carried.update(variables)
        for atom, carry, var in zip(self.graph.outs, carries, variables, strict=False):
            if not isinstance(carry, Ref) or self.graph.outs.count(atom) != 1:
                continue
            chain: list[Var] = []
            while isinstance(atom, Var) and atom is not var and atom not in self.fixed:
                x = self._predecessor(atom)
                if x is None:
                    break
                chain.append(atom)
                atom = x
            if atom is var:
                self.fixed |= dict.fromkeys(chain, carry)

    # -- one equation ---------------------------------------------------------------------------------------
    def overwrite(self, eqn: Eqn, lowering: Overwrite) -> None:
        """Write the second operand into the first, or into a copy of it."""
        self._check_indexes(eqn, lowering)
        out, x, values = eqn.outs[0], eqn.ins[0], eqn.ins[1]
        place = self.in_place(eqn, out, x)
        if place is None:
            self.fixed.setdefault(out, Ref(self.shared.buffer(out.name, out.aval)))
            fresh = self.place(out)
            assert isinstance(fresh, Ref)
            place = fresh
            self.copy(x, place, eqn.src)
        else:
            self.places[out] = place
        memory, in_avals = place, [a.aval for a in eqn.ins]
        apart: dict[int, Ref] = {}

        def reader(position: int, index: Sequence[Index]) -> Expr:
            ref = apart.get(position)
            return self.read(eqn.ins[position], index) if ref is None else Load(ref.buffer, ref.at(index))

        def target(index: tuple[Affine, ...]) -> tuple[Index, ...]:
            return memory.at(lowering.target(reader, index, in_avals, eqn.params))

        extents = values.aval.shape
        index = self._indexes(extents)
        for position, atom in enumerate(eqn.ins[1:], start=1):
            if isinstance(atom, Lit):
                continue
            at = index if position == 1 else self._indexes(atom.aval.shape)
            safe = target(index) if position == 1 else None
            if self._is_in_the_way(self.read(atom, at), memory.buffer, safe):
                ref = Ref(self.shared.buffer(atom.name, atom.aval))
                self.copy(atom, ref, eqn.src)
                apart[position] = ref
        self.sources = [eqn.src] if eqn.src is not None else []

        def inner(index: tuple[Affine, ...]) -> list[Stmt]:
            if lowering.combine is None:
                return [Store(memory.buffer, target(index), reader(1, index))]
            return [Accumulate(memory.buffer, target(index), lowering.combine, reader(1, index))]

        for stmt in self.nest(extents, inner):
            self.add(stmt, eqn)

    def _is_in_the_way(self, expr: Expr, buffer: Buffer, at: tuple[Index, ...] | None) -> bool:
        """Whether an expression reads memory that is being written to, elsewhere than where it is written."""
        base = root(buffer, self.shared.becomes)
        return any(
            root(load.buffer, self.shared.becomes) is base and not (load.buffer is buffer and load.index == at)
            for load in loads(expr)
        )

    def in_place(self, eqn: Eqn, out: Var, x: Atom | None) -> Ref | None:
        """The memory of an operand, if nobody wants it as it is after an equation that gives `out`."""
        place = self.places.get(x) if isinstance(x, Var) else None
        if not isinstance(x, Var) or not isinstance(place, Ref) or not self._dies(x, eqn):
            return None
        if self.fixed.get(out, place) != place:
            return None
        self._settle_readers(x)
        self._checked.clear()  # what was found of indexes that may have lain here
        return place

    # -- what is overwritten --------------------------------------------------------------------------------
    def overwritten(self, eqn: Eqn) -> dict[Var, Var]:
        """The results of an equation that are an operand with elements overwritten, and that operand."""
        if eqn.op is cond:
            if id(eqn) not in self._chosen:
                self._chosen[id(eqn)] = self._overwritten_by_all(eqn)
            return self._chosen[id(eqn)]
        x = eqn.ins[0] if isinstance(self.lowerings[id(eqn)], Overwrite) else None
        return {eqn.outs[0]: x} if isinstance(x, Var) else {}

    def _overwritten_by_all(self, eqn: Eqn) -> dict[Var, Var]:
        """The results of a choice that all of its branches make of the same operand so."""
        operands = eqn.ins[1:]
        arms = []
        for branch in eqn.params["branches"]:
            arms.append(type(self)(self.shared, branch, [], {}, self.depth, self.steps, resumable=False))
            arms[-1].carried.update(branch.invars)
        found: dict[Var, Var] = {}
        for n, out in enumerate(eqn.outs):
            for position, x in enumerate(operands):
                if not isinstance(x, Var) or not out.aval.shape or x.aval.strong() != out.aval.strong():
                    continue
                if any(x in self._alike(y) for at, y in enumerate(operands) if at != position and isinstance(y, Var)):
                    continue  # a branch has it under two names
                if all(arm.becomes(arm.graph.invars[position], arm.graph.outs[n]) for arm in arms):
                    found[out] = x
                    break
        return {out: x for out, x in found.items() if list(found.values()).count(x) == 1}

    def becomes(self, x: Var, atom: Atom) -> bool:
        """Whether an output is `x`, or what it becomes as elements of it are overwritten in its memory."""
        earlier: Atom | None = atom
        while isinstance(earlier, Var) and earlier is not x:
            earlier = self._predecessor(earlier)
        return earlier is x

    def _predecessor(self, var: Var) -> Var | None:
        """The variable that `var` is with elements overwritten, if nobody wants it as it was."""
        eqn = self.defined.get(var)
        x = None if eqn is None else self.overwritten(eqn).get(var)
        return x if eqn is not None and x is not None and self._dies(x, eqn) else None

    # -- who reads what -------------------------------------------------------------------------------------
    def _alike(self, x: Var) -> set[Var]:
        """The variables that lie in the memory of `x`: it, what it is a reshape of, and reshapes of those."""
        base = x
        while (eqn := self.defined.get(base)) is not None and self._shows(eqn) and isinstance(eqn.ins[0], Var):
            base = eqn.ins[0]
        found, pending = {base}, [base]
        while pending:
            for reader in self._readers_of(pending.pop()):
                if self._shows(reader) and reader.outs[0] not in found:
                    found.add(reader.outs[0])
                    pending.append(reader.outs[0])
        return found

    def _shows(self, eqn: Eqn) -> bool:
        """Whether the result of an equation is the memory of its operand, seen otherwise."""
        if not isinstance(self.lowerings[id(eqn)], View):
            return False
        shape, seen = eqn.ins[0].aval.shape, eqn.outs[0].aval.shape
        return not keeps_elements(shape, seen) or (is_only_row(shape, seen) and eqn.outs[0] not in self.fixed)

    def _readers_of(self, var: Var) -> Iterator[Eqn]:
        return (reader for reader, _ in self.inlining.readers(var))

    def _dies(self, x: Var, eqn: Eqn) -> bool:
        """Whether after `eqn` nobody reads the memory of `x`, which is memory to write to."""
        last = self._position[id(eqn)]
        alike = self._alike(x)
        return all(
            (var in self.defined or var in self.carried)
            and var not in self._returned
            and not self._is_given_back(var)
            and all(reader is eqn or self._position[id(reader)] < last for reader in self._readers_of(var))
            for var in alike
        )

    def _is_given_back(self, var: Var) -> bool:
        """Whether `afresh` gives something back in the memory of a variable, or the variable in that of another."""
        made = self.defined.get(var)
        return (made is not None and made.op is afresh) or any(r.op is afresh for r in self._readers_of(var))

    def _settle_readers(self, x: Var) -> None:
        """Compute now what would be computed later from the memory of `x`."""
        pending, seen = list(self._alike(x)), set[Var]()
        while pending:
            for reader in self._readers_of(pending.pop()):
                if self._position[id(reader)] >= self._present:
                    continue
                for out in reader.outs:
                    if out in self.places or out in seen:
                        continue
                    seen.add(out)
                    if out in self._returned or any(
                        self._position[id(r)] > self._present for r in self._readers_of(out)
                    ):
                        self.sources = [reader.src] if reader.src is not None else []
                        self._store_elements(reader)
                    else:
                        pending.append(out)
