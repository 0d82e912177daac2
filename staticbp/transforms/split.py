"""Cut a joint graph into a forward and a backward graph, joined by the residuals that cross the cut."""

from __future__ import annotations

from collections.abc import Sequence

from staticbp.core.graph import Atom, Eqn, Graph, Lit, Var
from staticbp.core.lowering import IndexMap, Pieces, Scalar


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
    behind = _recompute_cheap(ahead, behind, ins, bars)
    crossing = _crossing(ahead, behind, bars)
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


def _recompute_cheap(ahead: Sequence[Eqn], behind: list[Eqn], ins: Sequence[Var], bars: Sequence[Atom]) -> list[Eqn]:
    """Repeat on the backward side what costs less to compute again than to store.

    That is an operation of one addition's cost, or a mere change of shape, whose operands cross anyway or are
    smaller than its result.
    """
    crossing = dict.fromkeys(_crossing(ahead, behind, bars))
    fixed = set(bars)
    again: list[Eqn] = []
    for eqn in reversed(ahead):
        (out, *others) = eqn.outs
        if out not in crossing or others or out in fixed or not _is_cheap(eqn):
            continue
        operands = [a for a in eqn.ins if isinstance(a, Var)]
        if all(a in ins or a in crossing or _smaller(a, out) for a in operands):
            del crossing[out]
            crossing.update((a, None) for a in operands if a not in ins)
            again.append(eqn)
    if not again:
        return behind
    fresh = {eqn.outs[0]: Var(eqn.outs[0].aval, eqn.outs[0].name) for eqn in again}
    return [_renamed(eqn, fresh) for eqn in (*reversed(again), *behind)]


def _is_cheap(eqn: Eqn) -> bool:
    lowering = eqn.op.lowering
    return isinstance(lowering, IndexMap | Pieces) or (isinstance(lowering, Scalar) and lowering.cost <= 1)


def _smaller(one: Var, other: Var) -> bool:
    mine, theirs = one.aval.size, other.aval.size
    return isinstance(mine, int) and isinstance(theirs, int) and mine < theirs


def _renamed(eqn: Eqn, fresh: dict[Var, Var]) -> Eqn:
    outs = tuple(fresh.get(v, v) for v in eqn.outs)
    ins = tuple(fresh.get(a, a) if isinstance(a, Var) else a for a in eqn.ins)
    return Eqn(outs, eqn.op, ins, eqn.params, eqn.src, eqn.adjoint)


def _crossing(ahead: Sequence[Eqn], behind: Sequence[Eqn], bars: Sequence[Atom]) -> tuple[Var, ...]:
    made = {out for eqn in ahead for out in eqn.outs}
    used = [a for eqn in behind for a in eqn.ins] + list(bars)
    return tuple(dict.fromkeys(a for a in used if isinstance(a, Var) and a in made))
