"""Cut a joint graph into a forward and a backward graph, joined by the residuals that cross the cut."""

from __future__ import annotations

from collections.abc import Sequence

from staticbp.core.graph import Atom, Eqn, Graph, Lit, Var
from staticbp.passes.recompute import crossing_of, recompute_cheap


def split(joint: Graph, n_outs: int, n_cotangents: int) -> tuple[Graph, Graph]:
    """Split ``joint(*ins, *cotangents) -> (*outs, *bars)`` where its cotangents come in.

    Returns ``forward(*ins) -> (*outs, *residuals)`` and ``backward(*residuals, *ins, *cotangents) -> bars``.
    Forward is what the outputs need; all else, such as partial derivatives, is left to the backward graph.  The
    residuals are the variables that the forward equations define and the backward ones use.
    """
    n_ins = len(joint.invars) - n_cotangents
    ins, cotangents = joint.invars[:n_ins], joint.invars[n_ins:]
    outs, bars = joint.outs[:n_outs], joint.outs[n_outs:]
    ahead = _needed(joint.eqns, outs)
    early = {id(eqn) for eqn in ahead}
    behind = _needed([eqn for eqn in joint.eqns if id(eqn) not in early], bars)
    behind = recompute_cheap(ahead, behind, ins, bars)
    crossing = crossing_of(ahead, behind, bars)
    forward = Graph(joint.name, ins, tuple(ahead), (*outs, *crossing), joint.consts)
    backward = Graph(joint.name, (*crossing, *ins, *cotangents), tuple(behind), bars, joint.consts)
    return forward, backward


def _needed(eqns: Sequence[Eqn], outs: Sequence[Atom]) -> list[Eqn]:
    """The equations on which `outs` depend."""
    wanted = {atom for atom in outs if isinstance(atom, Var)}
    kept: list[Eqn] = []
    for eqn in reversed(eqns):
        if any(out in wanted for out in eqn.outs):
            kept.append(eqn)
            wanted.update(a for a in eqn.ins if not isinstance(a, Lit))
    return kept[::-1]
