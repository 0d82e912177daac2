"""Common subexpressions: equations that compute the same become one, the earliest."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

from staticbp.core.graph import Atom, Eqn, Graph, Lit, Var
from staticbp.ops.arithmetic import add, mul
from staticbp.ops.checkpoint import afresh
from staticbp.ops.compare import equal, logical_and, logical_or, logical_xor, not_equal
from staticbp.passes.rewrite import Note, renamed, replaced, substituted

# Not maximum and minimum: of a zero and a minus zero they give the one that comes first.
COMMUTATIVE = frozenset({add, mul, equal, not_equal, logical_and, logical_or, logical_xor})


def cse(graph: Graph, notes: list[Note] | None = None) -> Graph:
    """`graph` with equal equations merged.

    Two are equal when operation, operands and params are, whatever the order of the operands where that does not
    count.  The merged equation belongs to the forward pass when either did, and has a name that the user gave when
    either had one.
    """
    eqns: list[Eqn] = []
    place: dict[Hashable, int] = {}
    atoms: dict[Var, Atom] = {}
    better: dict[Var, Var] = {}  # results that take over the name of a merged one
    for eqn in graph.eqns:
        eqn = substituted(eqn, atoms)
        key = _key(eqn)
        first = None if key is None else place.get(key)
        if first is None:
            if key is not None:
                place[key] = len(eqns)
            eqns.append(eqn)
            continue
        kept = eqns[first]
        atoms.update(zip(eqn.outs, kept.outs, strict=True))
        if kept.adjoint and not eqn.adjoint:
            eqns[first] = kept = replace(kept, adjoint=False)
        for out, merged in zip(kept.outs, eqn.outs, strict=True):
            if is_generated(out.name, kept) and not is_generated(merged.name, eqn) and out not in better:
                better[out] = Var(out.aval, merged.name)
    if not atoms:
        return graph
    merged_graph = graph.with_eqns(eqns, replaced(graph.outs, atoms))
    return _renamed(merged_graph, better) if better else merged_graph


def is_generated(name: str, eqn: Eqn) -> bool:
    """Whether the compiler made up the name of a result, rather than the user."""
    return eqn.adjoint or name == eqn.op.name or name.endswith((f"_{eqn.op.label}", "_bar", "_dot"))


def _renamed(graph: Graph, names: dict[Var, Var]) -> Graph:
    """`graph` with variables replaced by others of the same type (those of the given graph stay as they are)."""
    eqns = [renamed(eqn, names) for eqn in graph.eqns]
    return graph.with_eqns(eqns, replaced(graph.outs, names))


def _key(eqn: Eqn) -> Hashable | None:
    """What equal equations share; None for one that can be compared with no other."""
    if eqn.op is afresh:
        return None
    operands = [a.key() if isinstance(a, Lit) else id(a) for a in eqn.ins]
    unordered = frozenset(operands) if eqn.op in COMMUTATIVE else tuple(operands)
    if not eqn.params:
        return id(eqn.op), unordered
    try:
        key = (id(eqn.op), unordered, tuple((name, _hashable(value)) for name, value in sorted(eqn.params.items())))
        hash(key)
    except TypeError:
        return None
    return key


def _hashable(value: Any) -> Hashable:
    """A param for comparison; graphs compare by identity, lists like tuples."""
    if isinstance(value, list | tuple):
        return tuple(_hashable(item) for item in value)
    if isinstance(value, dict):
        return tuple(sorted((name, _hashable(item)) for name, item in value.items()))
    return value  # type: ignore[no-any-return]
