"""Sums of embeddings become joins.

What an array sends forward piece by piece (``a, b, c = x``, or ``x[i]`` for each i of an unrolled loop) comes back in
a derivative as a sum of arrays that are zero but for one piece each: work that grows with the square of the number of
pieces.  Where the pieces lie apart, the sum is their concatenation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.graph import Atom, Eqn, Graph, Lit, Var
from staticbp.core.primitive import Primitive
from staticbp.core.shape import Shape
from staticbp.ops.arithmetic import add
from staticbp.ops.shape import concatenate, embed
from staticbp.passes.rewrite import Note, filled, replaced

Interval = tuple[int, int]  # the first place along an axis, and the one behind the last


def join_embeddings(graph: Graph, notes: list[Note] | None = None) -> Graph:
    """`graph` with sums of embeddings in derivatives as concatenations (the sign of a zero has no meaning there)."""
    definitions = {out: eqn for eqn in graph.eqns for out in eqn.outs}
    uses = Counter(a for eqn in graph.eqns for a in eqn.ins if isinstance(a, Var))
    if sum(1 for eqn in graph.eqns if eqn.op is embed) < 2:
        return graph
    inner = {  # sums that are a term of another sum, and of nothing else
        atom
        for eqn in graph.eqns
        if _is_sum(eqn)
        for atom in eqn.ins
        if isinstance(atom, Var) and uses[atom] == 1 and _is_sum(definitions.get(atom))
    }
    inner -= {a for a in graph.outs if isinstance(a, Var)}
    atoms: dict[Var, Atom] = {}
    eqns: list[Eqn] = []
    for eqn in graph.eqns:
        if _is_sum(eqn) and eqn.outs[0] not in inner:
            assembly = Assembly(eqn)
            total = assembly.total(_terms(eqn, inner, definitions), definitions)
            if total is not None:
                eqns += assembly.eqns
                atoms[eqn.outs[0]] = total
                continue
        eqns.append(eqn)
    if not atoms:
        return graph
    rewritten = (Eqn(e.outs, e.op, replaced(e.ins, atoms), e.params, e.src, e.adjoint) for e in eqns)
    return graph.with_eqns(rewritten, replaced(graph.outs, atoms))


def _is_sum(eqn: Eqn | None) -> bool:
    return eqn is not None and eqn.op is add and eqn.adjoint


def _terms(root: Eqn, inner: set[Var], definitions: dict[Var, Eqn]) -> list[Atom]:
    """What a sum of sums adds up, from the first to the last."""
    terms: list[Atom] = []
    pending = list(reversed(root.ins))
    while pending:
        atom = pending.pop()
        if isinstance(atom, Var) and atom in inner:
            pending += reversed(definitions[atom].ins)
        else:
            terms.append(atom)
    return terms


class Piece(NamedTuple):
    """An array embedded at an interval of each axis."""

    place: tuple[Interval, ...]
    atom: Atom


def _piece(atom: Atom, definitions: dict[Var, Eqn]) -> Piece | None:
    """An embedding without gaps at a known place."""
    eqn = definitions.get(atom) if isinstance(atom, Var) else None
    if eqn is None or eqn.op is not embed:
        return None
    (u,), starts, shape = eqn.ins, eqn.params["starts"], eqn.params["shape"]
    known = shapes.is_static((*starts, *u.aval.shape, *shape)) and 0 not in u.aval.shape
    if not known or any(step != 1 for step in eqn.params["steps"]):
        return None
    return Piece(tuple((a, a + n) for a, n in zip(starts, shapes.static_shape(u.aval.shape), strict=True)), u)


class Assembly:
    """The equations in place of the sum `root`."""

    def __init__(self, root: Eqn) -> None:
        self.root = root
        self.eqns: list[Eqn] = []

    def total(self, terms: Sequence[Atom], definitions: dict[Var, Eqn]) -> Atom | None:
        """The sum of `terms`; None when no two of them can be joined."""
        pieces = {term: piece for term in terms if (piece := _piece(term, definitions)) is not None}
        if len(pieces) < 2 or len(set(terms)) < len(terms):
            return None
        shape = self.root.outs[0].aval.shape
        whole = self._joined(list(pieces.values()), 0, shape)
        if whole is not None:
            return self._named(self._sum([*(term for term in terms if term not in pieces), whole]))
        self.eqns.clear()
        # Some overlap: those of one size seldom do.
        sizes: dict[Shape, list[Atom]] = {}
        for term, piece in pieces.items():
            sizes.setdefault(piece.atom.aval.shape, []).append(term)
        joins: list[Atom] = []
        for alike in sizes.values():
            join = self._joined([pieces[term] for term in alike], 0, shape) if len(alike) > 1 else None
            if join is not None:
                joins.append(join)
                for term in alike:
                    del pieces[term]
        if not joins:
            return None
        joined = {term for alike in sizes.values() for term in alike} - set(pieces)
        return self._named(self._sum([*(term for term in terms if term not in joined), *joins]))

    def _joined(self, pieces: Sequence[Piece], axis: int, shape: Shape) -> Atom | None:
        """The pieces side by side along `axis` and those after it, in an array of `shape`."""
        if axis == len(shape):
            return self._sum([piece.atom for piece in pieces])
        groups: dict[Interval, list[Piece]] = {}
        for piece in pieces:
            groups.setdefault(piece.place[axis], []).append(piece)
        parts: list[Atom] = []
        end = 0
        for (start, stop), group in sorted(groups.items(), key=lambda item: item[0]):
            if start < end:
                return None
            part = self._joined(group, axis + 1, (*shape[:axis], stop - start, *shape[axis + 1 :]))
            if part is None:
                return None
            parts += [*self._gap(axis, start - end, shape), part]
            end = stop
        parts += self._gap(axis, shapes.static(shape[axis]) - end, shape)
        return parts[0] if len(parts) == 1 else self._emit(concatenate, parts, axis=axis)

    def _gap(self, axis: int, count: int, shape: Shape) -> list[Atom]:
        zeros: Lit = filled(0, Aval((*shape[:axis], count, *shape[axis + 1 :]), self.root.outs[0].aval.dtype))
        return [zeros] if count else []

    def _sum(self, atoms: Sequence[Atom]) -> Atom:
        total = atoms[0]
        for atom in atoms[1:]:
            total = self._emit(add, (total, atom))
        return total

    def _emit(self, op: Primitive, ins: Sequence[Atom], **params: Any) -> Var:
        (aval,) = op.avals([a.aval for a in ins], params)
        out = Var(aval, f"{self.root.outs[0].name}_{op.label}")
        self.eqns.append(Eqn((out,), op, tuple(ins), params, self.root.src, adjoint=True))
        return out

    def _named(self, total: Atom) -> Atom:
        """The total under the name of the sum it replaces."""
        if isinstance(total, Var) and any(out is total for eqn in self.eqns for out in eqn.outs):
            total.name = self.root.outs[0].name
        return total
