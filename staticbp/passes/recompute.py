"""What is cheaper to compute again on the other side of a cut than to hand across it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from staticbp.core.graph import Atom, Eqn, Var
from staticbp.core.lowering import IndexMap, Pieces, Scalar
from staticbp.passes.rewrite import renamed


def recompute_cheap(ahead: Sequence[Eqn], behind: list[Eqn], ins: Collection[Var], bars: Sequence[Atom]) -> list[Eqn]:
    """Repeat on the side behind a cut what costs less to compute again than to store.

    That is an operation of one addition's cost, or a mere change of shape, whose operands cross anyway or are
    smaller than its result.

    Parameters
    ----------
    ahead, behind : sequence of Eqn
        The equations before and behind the cut.
    ins : collection of Var
        What both sides have.
    bars : sequence of Atom
        The results of the side behind.

    Returns
    -------
    list of Eqn
        The equations of the side behind.
    """
    crossing = dict.fromkeys(crossing_of(ahead, behind, bars))
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
    return [renamed(eqn, fresh) for eqn in (*reversed(again), *behind)]


def crossing_of(ahead: Sequence[Eqn], behind: Sequence[Eqn], bars: Sequence[Atom]) -> tuple[Var, ...]:
    """The variables that are defined before a cut and used behind it."""
    made = {out for eqn in ahead for out in eqn.outs}
    used = [a for eqn in behind for a in eqn.ins] + list(bars)
    return tuple(dict.fromkeys(a for a in used if isinstance(a, Var) and a in made))


def _is_cheap(eqn: Eqn) -> bool:
    lowering = eqn.op.lowering
    return isinstance(lowering, IndexMap | Pieces) or (isinstance(lowering, Scalar) and lowering.cost <= 1)


def _smaller(one: Var, other: Var) -> bool:
    mine, theirs = one.aval.size, other.aval.size
    return isinstance(mine, int) and isinstance(theirs, int) and mine < theirs
