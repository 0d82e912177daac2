"""Dead code: equations whose results nobody uses are left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from staticbp.core.graph import Atom, Eqn, Graph, Var
from staticbp.ops.branches import cond
from staticbp.passes.rewrite import Note


def dce(graph: Graph, notes: list[Note] | None = None) -> Graph:
    """`graph` without the equations, and the results of branches, that its results do not depend on."""
    wanted = {atom for atom in graph.outs if isinstance(atom, Var)}
    kept: list[Eqn] = []
    for eqn in reversed(graph.eqns):
        if not wanted.isdisjoint(eqn.outs):
            eqn = _narrowed(eqn, wanted) if eqn.op is cond else eqn
            kept.append(eqn)
            wanted.update([atom for atom in eqn.ins if isinstance(atom, Var)])
    kept.reverse()
    if len(kept) == len(graph.eqns) and all(new is old for new, old in zip(kept, graph.eqns, strict=True)):
        return graph
    return graph.with_eqns(kept)


def _narrowed(eqn: Eqn, wanted: set[Var]) -> Eqn:
    """A choice between branches without the results that nobody wants, and the operands that no branch uses then."""
    branches: tuple[Graph, ...] = eqn.params["branches"]
    results = [i for i, out in enumerate(eqn.outs) if out in wanted]
    if len(results) < len(eqn.outs):
        branches = tuple(dce(b.with_eqns(b.eqns, [b.outs[i] for i in results])) for b in branches)
    used = [{*b.outs, *(atom for inner in b.eqns for atom in inner.ins)} for b in branches]
    operands = [
        i for i in range(len(eqn.ins) - 1) if any(b.invars[i] in u for b, u in zip(branches, used, strict=True))
    ]
    if len(results) == len(eqn.outs) and len(operands) == len(eqn.ins) - 1:
        return eqn
    return replace(
        eqn,
        outs=tuple(eqn.outs[i] for i in results),
        ins=(eqn.ins[0], *(eqn.ins[1 + i] for i in operands)),
        params={
            "branches": tuple(Graph(b.name, tuple(b.invars[i] for i in operands), b.eqns, b.outs) for b in branches)
        },
    )


def live(graph: Graph, outs: Iterable[Atom]) -> set[Var]:
    """The variables on which `outs` depend, themselves included."""
    wanted = {atom for atom in outs if isinstance(atom, Var)}
    for eqn in reversed(graph.eqns):
        if not wanted.isdisjoint(eqn.outs):
            wanted.update([atom for atom in eqn.ins if isinstance(atom, Var)])
    return wanted
