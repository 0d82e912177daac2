"""Dead code: equations whose results nobody uses are left out."""

from __future__ import annotations

from collections.abc import Iterable

from staticbp.core.graph import Atom, Graph, Var
from staticbp.passes.rewrite import Note


def dce(graph: Graph, notes: list[Note] | None = None) -> Graph:
    """`graph` without the equations that its results do not depend on."""
    wanted = live(graph, graph.outs)
    if all(any(out in wanted for out in eqn.outs) for eqn in graph.eqns):
        return graph
    return graph.with_eqns(eqn for eqn in graph.eqns if any(out in wanted for out in eqn.outs))


def live(graph: Graph, outs: Iterable[Atom]) -> set[Var]:
    """The variables on which `outs` depend, themselves included."""
    wanted = {atom for atom in outs if isinstance(atom, Var)}
    for eqn in reversed(graph.eqns):
        if any(out in wanted for out in eqn.outs):
            wanted.update(atom for atom in eqn.ins if isinstance(atom, Var))
    return wanted
