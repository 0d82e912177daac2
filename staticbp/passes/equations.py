"""Equations to loop nests and kernel calls: each kind of lowering has a method here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.graph import Atom, Eqn, Graph, Lit, SrcLine, Var
from staticbp.core.lowering import Choose, Control, IndexMap, Kernel, Overwrite, Pieces, Reduce, Scalar, Scatter, View
from staticbp.core.schedule import (
    Accumulate,
    Affine,
    Apply,
    Buffer,
    Call,
    Check,
    Const,
    Expr,
    Failure,
    Index,
    Let,
    Load,
    Local,
    Ref,
    Reshape,
    Stmt,
    Store,
    Update,
    loop_index,
)
from staticbp.core.shape import Dim
from staticbp.ops.lowering import along, compare, guarded
from staticbp.passes import fuse
from staticbp.passes.beside import slopes_beside_values
from staticbp.passes.inlining import Inlining, is_only_row, keeps_elements
from staticbp.passes.nests import is_one, loops, scalar_expression, stamp
from staticbp.passes.rename import rename_locals
from staticbp.passes.shared import Shared

Place = Ref | Local | Lit


class Equations:
    """Lowers the equations of one graph, the whole or a body, into one block of statements."""

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
        self.shared = shared
        self.graph, slopes = slopes_beside_values(graph)
        self.block = block
        self.places = places
        self.depth = depth
        self.steps = steps
        self.resumable = resumable  # this block can be left and taken up again, so nothing may live in locals
        self.inlining = Inlining(self.graph, scalars_are_free=not resumable, slopes=slopes)
        self.defined = self.inlining.defined
        self.lowerings = self.inlining.lowerings
        self.fixed: dict[Var, Ref] = {}
        self.in_adjoint = False  # whether the equation at hand belongs to a derivative
        self.sources: list[SrcLine] = []
        self.fence: Stmt | None = None  # no loop moves up past this statement
        self._checked: set[tuple[Expr, tuple[Dim, ...]]] = set()

    # -- the block ----------------------------------------------------------------------------------------
    def run(self, results: Sequence[Ref]) -> None:
        """Lower all equations and leave the graph's outputs in `results`."""
        copies: list[tuple[Atom, Ref]] = []
        for atom, ref in zip(self.graph.outs, results, strict=True):
            if isinstance(atom, Var) and atom in self.defined and atom not in self.fixed:
                self.fixed[atom] = ref
            else:
                copies.append((atom, ref))
        self._fix_reshaped()
        for eqn in self.graph.eqns:
            self._lower(eqn)
        for atom, ref in copies:
            self.copy(atom, ref)

    def _fix_reshaped(self) -> None:
        """Where an output is a reshaped variable, compute that variable in the output's memory."""
        for eqn in reversed(self.graph.eqns):
            lowering, out, source = self.lowerings[id(eqn)], eqn.outs[0], eqn.ins[0] if eqn.ins else None
            if (
                isinstance(lowering, View)
                and out in self.fixed
                and isinstance(source, Var)
                and source in self.defined
                and source not in self.fixed
                and not keeps_elements(source.aval.shape, out.aval.shape)
            ):
                self.fixed[source] = Ref(self._view(source.name, source.aval, self.fixed[out]))

    def _lower(self, eqn: Eqn) -> None:
        lowering = self.lowerings[id(eqn)]
        self.sources = [eqn.src] if eqn.src is not None else []
        self.in_adjoint = eqn.adjoint
        match lowering:
            case Scalar() | IndexMap():
                self._check_indexes(eqn, lowering)
                self._elementwise(eqn)
            case View():
                self._reshape(eqn)
            case Reduce():
                self._reduce(eqn, lowering)
            case Scatter():
                self._scatter(eqn, lowering)
            case Overwrite():
                self.overwrite(eqn, lowering)
            case Pieces():
                if eqn.outs[0] in self.fixed or not self.inlining.decide(eqn):
                    self._concatenate(eqn)
            case Kernel():
                self._kernel(eqn, lowering)
            case Control():
                self.control(eqn)
            case Choose():
                raise AssertionError("a choice was not made")

    def control(self, eqn: Eqn) -> None:
        """Lower a loop or branch: `lower.py` says how, since their bodies are graphs again."""
        raise NotImplementedError(eqn.op.name)

    def overwrite(self, eqn: Eqn, lowering: Overwrite) -> None:
        """Lower an assignment: `overwrite.py` says whose memory is written to."""
        raise NotImplementedError(eqn.op.name)

    def add(self, stmt: Stmt, eqn: Eqn | None = None) -> None:
        """Append a statement, merged into an earlier loop where that is legal."""
        if eqn is not None:
            stamp(stmt, self._take_sources(), eqn.adjoint)
        fuse.insert(self.block, stmt, self.shared.becomes, fence=self.fence)

    def _take_sources(self) -> tuple[SrcLine, ...]:
        taken = tuple(dict.fromkeys(self.sources))
        self.sources = []
        return tuple(sorted(taken, key=lambda s: (s.file, s.line)))

    def nest(self, extents: Sequence[Dim], inner: Callable[[tuple[Affine, ...]], list[Stmt]]) -> list[Stmt]:
        """Loops over `extents` around statements that are given the indexes."""
        index = self._indexes(extents)
        return loops(index, extents, inner(index))

    def _indexes(self, extents: Sequence[Dim]) -> tuple[Affine, ...]:
        """An index for each extent: that of a loop, or 0 where there is nothing to loop over."""
        names = iter(self.shared.loop_names)
        return tuple(Affine(0) if is_one(extent) else loop_index(next(names)) for extent in extents)

    # -- reading ------------------------------------------------------------------------------------------
    def read(self, atom: Atom, index: Sequence[Index]) -> Expr:
        """One element of a variable or literal, as an expression."""
        if isinstance(atom, Lit):
            return Const(atom.value)
        place = self.places.get(atom)
        if isinstance(place, Lit):
            return Const(place.value)
        if isinstance(place, Local):
            return place
        if place is not None:
            return Load(place.buffer, place.at(index))
        eqn = self.defined[atom]
        if eqn.src is not None:
            self.sources.append(eqn.src)
        return self._expression(eqn, index)

    def _expression(self, eqn: Eqn, index: Sequence[Index]) -> Expr:
        """An element of an equation's result, from elements of its operands."""
        lowering, out = self.lowerings[id(eqn)], eqn.outs[0]

        def reader(position: int, inner: Sequence[Index]) -> Expr:
            return self.read(eqn.ins[position], inner)

        if isinstance(lowering, Scalar):
            args = tuple(self.read(a, index) for a in eqn.ins)
            return scalar_expression(lowering.of([a.aval.dtype for a in eqn.ins]), args, out.aval.dtype, out.name)
        if isinstance(lowering, IndexMap):
            return lowering.pull(reader, index, [a.aval for a in eqn.ins], out.aval, eqn.params)
        if isinstance(lowering, Pieces):
            return self._one_of(eqn, index)
        source = eqn.ins[0]
        kept = iter([i for i, dim in zip(index, out.aval.shape, strict=True) if dim != 1])
        return self.read(source, tuple(Affine(0) if dim == 1 else next(kept) for dim in source.aval.shape))

    def whole(self, atom: Atom, transposable: bool = False) -> Ref:
        """A variable as an array in memory."""
        if isinstance(atom, Var):
            place = self.places.get(atom)
            if isinstance(place, Ref):
                return place
            if place is None and transposable and (source := self.inlining.transposed(atom)) is not None:
                base = self.whole(source)
                return Ref(base.buffer, base.prefix, not base.transposed)
        ref = Ref(self.shared.buffer(getattr(atom, "name", "filled"), atom.aval))
        self.copy(atom, ref)
        if isinstance(atom, Var):
            self.places.setdefault(atom, ref)
        return ref

    def copy(self, atom: Atom, ref: Ref, src: SrcLine | None = None) -> None:
        """Write a variable or literal into memory, element by element."""
        pending, self.sources = self.sources, [src] if src is not None else []
        for stmt in self.nest(ref.shape, lambda index: [Store(ref.buffer, ref.at(index), self.read(atom, index))]):
            stamp(stmt, self._take_sources(), self.in_adjoint)
            fuse.insert(self.block, stmt, self.shared.becomes, fence=self.fence)
        self.sources = pending

    # -- placing ------------------------------------------------------------------------------------------
    def place(self, var: Var) -> Place:
        """Where a variable is kept: its output, a local if it is a scalar, else a buffer of its own."""
        place: Place
        if var in self.fixed:
            place = self.fixed[var]
        elif not var.aval.shape and not self.resumable:
            place = Local(self.shared.names.fresh(var.name), var.aval.dtype)
        else:
            place = Ref(self.shared.buffer(var.name, var.aval))
        self.places[var] = place
        return place

    def _assign(self, place: Place, index: Sequence[Index], expr: Expr) -> Stmt:
        if isinstance(place, Local):
            return Let(place.name, expr)
        assert isinstance(place, Ref)
        return Store(place.buffer, place.at(index), expr)

    # -- the kinds of equations ---------------------------------------------------------------------------
    def _elementwise(self, eqn: Eqn) -> None:
        if eqn.outs[0] in self.fixed or not self.inlining.decide(eqn):
            self._store_elements(eqn)

    def _store_elements(self, eqn: Eqn) -> None:
        out = eqn.outs[0]
        source = self.sources
        place = self.place(out)

        def inner(index: tuple[Affine, ...]) -> list[Stmt]:
            return [self._assign(place, index, self._expression(eqn, index))]

        self.sources = source
        for stmt in self.nest(out.aval.shape, inner):
            self.add(stmt, eqn)

    def _check_indexes(self, eqn: Eqn, lowering: Scalar | IndexMap | Scatter | Overwrite) -> None:
        """Hold data-dependent indexes to their bounds before anything is read or written with them."""
        if isinstance(lowering, Scalar) or lowering.check is None or lowering.check_domain is None:
            return
        in_avals = [a.aval for a in eqn.ins]
        extents = tuple(lowering.check_domain(in_avals, eqn.params))

        def reader(position: int, index: Sequence[Index]) -> Expr:
            return self.read(eqn.ins[position], index)

        index = self._indexes(extents)
        ok = lowering.check(reader, index, in_avals, eqn.params)
        if (ok, extents) in self._checked:
            return
        self._checked.add((ok, extents))
        self.shared.failures.append(Failure("TracedIndexError", lowering.message, eqn.src))
        for stmt in loops(index, extents, [Check(ok, len(self.shared.failures))]):
            stamp(stmt, tuple(self.sources), eqn.adjoint)
            self.block.append(stmt)

    def _reshape(self, eqn: Eqn) -> None:
        out, source = eqn.outs[0], eqn.ins[0]
        if isinstance(source, Lit) or keeps_elements(source.aval.shape, out.aval.shape):
            only = self._only_row(source, out)
            if only is None or out in self.fixed:
                self._elementwise(eqn)
            else:
                self.places[out] = only
            return
        base = self.whole(source)
        fixed = self.fixed.get(out)
        if fixed is not None and shown(base) == shown(fixed):
            self.places[out] = fixed
            return
        view = Ref(self._view(out.name, out.aval, base))
        self.places[out] = view
        if fixed is not None:
            self.copy(out, fixed)
            self.places[out] = fixed

    def _only_row(self, source: Atom, out: Var) -> Ref | None:
        """Where `out` lies already, if it is the one row that a variable in memory has."""
        place = self.places.get(source) if isinstance(source, Var) else None
        if not isinstance(place, Ref) or place.transposed or not is_only_row(source.aval.shape, out.aval.shape):
            return None
        return place.row(*(Affine(0),) * (source.aval.ndim - out.aval.ndim))

    def _view(self, name: str, aval: Aval, ref: Ref) -> Buffer:
        view = self.shared.buffer(name, aval, "view")
        view.of = shown(ref)
        self.block.insert(0, Reshape(view, view.of))
        return view

    def _reduce(self, eqn: Eqn, lowering: Reduce) -> None:
        """Inner loops run over reduced axes with a local scalar; outer ones accumulate into memory."""
        out, dtype, combine = eqn.outs[0], eqn.outs[0].aval.dtype, lowering.combine
        domain = list(lowering.domain([a.aval for a in eqn.ins], eqn.params))
        extents = [extent for extent, _ in domain]
        reduced = [flag and not is_one(extent) for extent, flag in domain]
        initial = Const(lowering.initial(dtype))
        place = self.place(out)
        index = self._indexes(extents)
        target = tuple(i for i, (_, flag) in zip(index, domain, strict=True) if not flag)

        def reader(position: int, inner: Sequence[Index]) -> Expr:
            return self.read(eqn.ins[position], inner)

        element = lowering.element(reader, index, eqn.params)
        sources = self._take_sources()
        outer = len(domain)
        while outer and (reduced[outer - 1] or is_one(extents[outer - 1])):
            outer -= 1
        body: list[Stmt] = []
        total: Expr = element
        if any(reduced[outer:]):
            total = self._running(place, out.name, target, dtype)
            update = Update(total.name, combine, element, src=sources)
            sources = ()
            body = [Let(total.name, initial), *loops(index[outer:], extents[outer:], [update])]
        if any(reduced[:outer]):
            assert isinstance(place, Ref)
            for stmt in self.nest(out.aval.shape, lambda i: [Store(place.buffer, place.at(i), initial)]):
                self.add(stmt, eqn)
            body.append(Accumulate(place.buffer, place.at(target), combine, total))
        elif not any(reduced):
            body = [self._assign(place, target, Apply(combine, (initial, total), dtype))]
        elif isinstance(place, Ref):
            body.append(Store(place.buffer, place.at(target), total))
        self.sources = list(sources)
        for stmt in loops(index[:outer], extents[:outer], body):
            self.add(stmt, eqn)

    def _running(self, place: Place, wish: str, target: Sequence[Affine], dtype: np.dtype[Any]) -> Local:
        """The local scalar of a reduction: the result itself, or `h_i` for an element of `h`."""
        if isinstance(place, Local):
            return place
        letters = "".join(i.single for i in target if i.single is not None)
        return Local(self.shared.names.fresh(f"{wish}_{letters or 'total'}"), dtype)

    def _scatter(self, eqn: Eqn, lowering: Scatter) -> None:
        out = eqn.outs[0]
        in_avals = [a.aval for a in eqn.ins]
        self._check_indexes(eqn, lowering)
        self.fixed.setdefault(out, Ref(self.shared.buffer(out.name, out.aval)))
        place = self.place(out)
        assert isinstance(place, Ref)
        zero = Const(out.aval.dtype.type(0))
        for stmt in self.nest(out.aval.shape, lambda index: [Store(place.buffer, place.at(index), zero)]):
            self.add(stmt, eqn)

        def reader(position: int, index: Sequence[Index]) -> Expr:
            return self.read(eqn.ins[position], index)

        def inner(index: tuple[Affine, ...]) -> list[Stmt]:
            target = lowering.target(reader, index, in_avals, eqn.params)
            value = lowering.value(reader, index, eqn.params)
            return [Accumulate(place.buffer, place.at(target), lowering.combine, value)]

        for stmt in self.nest(lowering.domain(in_avals, eqn.params), inner):
            self.add(stmt, eqn)

    def _concatenate(self, eqn: Eqn) -> None:
        out, axis = eqn.outs[0], eqn.params["axis"]
        place = self.place(out)
        assert isinstance(place, Ref)
        offset: Dim = 0
        for position, part in enumerate(eqn.ins):
            start = offset

            def inner(index: tuple[Affine, ...], position: int = position, start: Dim = start) -> list[Stmt]:
                target = tuple(i + start if d == axis else i for d, i in enumerate(index))
                return [Store(place.buffer, place.at(target), self.read(eqn.ins[position], index))]

            self.sources = [eqn.src] if eqn.src is not None else []
            for stmt in self.nest(part.aval.shape, inner):
                self.add(stmt, eqn)
            offset = offset + part.aval.shape[axis]

    def _one_of(self, eqn: Eqn, index: Sequence[Index]) -> Expr:
        """An element of a concatenation, in the piece that the index along its axis falls into."""
        axis = eqn.params["axis"]
        ends = list(accumulate((part.aval.shape[axis] for part in eqn.ins), lambda a, b: shapes.total((a, b))))
        starts = [0, *ends[:-1]]

        def element(position: int) -> Expr:
            inner = along(shapes.negate(starts[position]), 1, index[axis])
            return self.read(eqn.ins[position], (*index[:axis], inner, *index[axis + 1 :]))

        value = element(len(eqn.ins) - 1)
        for position in range(len(eqn.ins) - 2, -1, -1):
            value = guarded(compare("<", index[axis], Affine(ends[position])), element(position), value)
        return value

    def _kernel(self, eqn: Eqn, lowering: Kernel) -> None:
        ins = [self.whole(a, lowering.transposable) for a in eqn.ins]
        for out in eqn.outs:
            self.fixed.setdefault(out, Ref(self.shared.buffer(out.name, out.aval)))
        outs = [self.place(out) for out in eqn.outs]
        self.sources = [eqn.src] if eqn.src is not None else []
        sources = self._take_sources()
        stmts = lowering.emit(ins, [ref for ref in outs if isinstance(ref, Ref)], eqn.params)
        if lowering.failure:
            self.shared.failures.append(Failure("LinAlgError", lowering.failure, eqn.src))
            for call in (stmt for stmt in stmts if isinstance(stmt, Call)):
                call.status = len(self.shared.failures)
        rename_locals(stmts, self.shared.loop_names, lambda name: self.shared.names.fresh(f"{eqn.outs[0].name}_{name}"))
        for stmt in stmts:
            stamp(stmt, sources, eqn.adjoint)
            fuse.insert(self.block, stmt, self.shared.becomes, fence=self.fence)


def shown(ref: Ref) -> Ref:
    """The memory that a view as a whole shows; other arrays as they are."""
    while ref.buffer.of is not None and not ref.prefix and not ref.transposed:
        ref = ref.buffer.of
    return ref
