"""Custom operations give way to their bodies: once no derivative can be asked for any more, only the value counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from staticbp.core.aval import Aval
from staticbp.core.graph import Atom, Eqn, Graph, Lit, Var
from staticbp.ops.checkpoint import checkpoint
from staticbp.ops.custom import custom
from staticbp.ops.linear import cast
from staticbp.ops.ruled import Ruled
from staticbp.passes.rewrite import Note, filled, replaced, substituted

CALLS = (custom, checkpoint)


def expand(graph: Graph, notes: list[Note] | None = None) -> Graph:
    """`graph` with the body of each custom operation in its place; what it returns keeps the caller's name for it."""
    if not any(eqn.op in CALLS or isinstance(eqn.op, Ruled) for eqn in graph.eqns):
        return graph
    wishes = {atom: out.name for eqn in graph.eqns for atom, out in _ruled(eqn)}
    eqns: list[Eqn] = []
    atoms: dict[Var, Atom] = {}
    for eqn in graph.eqns:
        eqn = substituted(eqn, atoms)
        if eqn.op in CALLS:
            _expand_call(eqn, eqns, atoms)
        elif isinstance(eqn.op, Ruled):
            atoms.update((out, atom) for atom, out in _ruled(eqn))
        elif any(out in wishes for out in eqn.outs):
            fresh = tuple(Var(out.aval, wishes.get(out, out.name)) for out in eqn.outs)
            atoms.update(zip(eqn.outs, fresh, strict=True))
            eqns.append(replace(eqn, outs=fresh))
        else:
            eqns.append(eqn)
    return graph.with_eqns(eqns, replaced(graph.outs, atoms))


def _ruled(eqn: Eqn) -> Iterator[tuple[Atom, Var]]:
    """The values that have a differential, and what they are called with it."""
    return zip(eqn.ins, eqn.outs, strict=False) if isinstance(eqn.op, Ruled) else iter(())


def _expand_call(call: Eqn, eqns: list[Eqn], atoms: dict[Var, Atom]) -> None:
    body: Graph = call.params["body"]
    inner: dict[Var, Atom] = {}
    for var, atom in zip(body.invars, call.ins, strict=True):
        inner[var] = _as(atom, var.aval, var.name, call, eqns)
    names = {out: var.name for var, out in zip(call.outs, body.outs, strict=True) if isinstance(out, Var)}
    for eqn in body.eqns:
        eqn = substituted(eqn, inner)
        avals = eqn.op.avals([a.aval for a in eqn.ins], eqn.params)
        fresh = tuple(Var(aval, names.get(out, out.name)) for aval, out in zip(avals, eqn.outs, strict=True))
        inner.update(zip(eqn.outs, fresh, strict=True))
        eqns.append(replace(eqn, outs=fresh, adjoint=eqn.adjoint or call.adjoint))
    for var, out in zip(call.outs, body.outs, strict=True):
        atom = out if isinstance(out, Lit) else inner[out]
        atoms[var] = _as(atom, var.aval, var.name, call, eqns)


def _as(atom: Atom, aval: Aval, name: str, call: Eqn, eqns: list[Eqn]) -> Atom:
    """`atom` in a type that differs from its own in weakness at most."""
    if atom.aval == aval:
        return atom
    if isinstance(atom, Lit):
        return filled(atom.value, aval)
    # A weak number cannot be made of a strong one, nor is there need: its dtype is settled in the body.
    if aval.weak:
        return atom
    out = Var(aval, name)
    eqns.append(Eqn((out,), cast, (atom,), {"dtype": aval.dtype}, call.src, call.adjoint))
    return out
