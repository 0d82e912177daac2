"""The graph checker: re-derives every type, and holds a graph to its grammar."""

from __future__ import annotations

from staticbp.core.graph import Atom, Eqn, Graph, Lit, Var
from staticbp.errors import GraphError


def check_graph(graph: Graph, stage: str = "graph") -> Graph:
    """Raise `GraphError` unless `graph` is well formed; returns it.

    Each variable is defined once and before use, the recorded types are those that the primitives derive, and
    the bodies among the params hold no constants of their own.
    """
    defined: set[Var] = set()
    for var in (*graph.invars, *(v for v, _ in graph.consts)):
        if var in defined:
            raise GraphError(f"{stage}: {graph.name}: input {var.name} occurs twice")
        defined.add(var)
    for var, array in graph.consts:
        if tuple(array.shape) != var.aval.shape or array.dtype.newbyteorder("=") != var.aval.dtype:
            raise GraphError(f"{stage}: {graph.name}: const {var.name} is not of type {var.aval}")
    for eqn in graph.eqns:
        _check_eqn(graph, eqn, defined, stage)
    for atom in graph.outs:
        _check_defined(graph, atom, defined, stage, "result")
    return graph


def _check_eqn(graph: Graph, eqn: Eqn, defined: set[Var], stage: str) -> None:
    for atom in eqn.ins:
        _check_defined(graph, atom, defined, stage, eqn.op.name)
    derived = eqn.op.avals([a.aval for a in eqn.ins], eqn.params)
    recorded = tuple(v.aval for v in eqn.outs)
    if tuple(derived) != recorded:
        listed = ", ".join(map(str, derived))
        raise GraphError(
            f"{stage}: {graph.name}: {eqn.op.name} gives {listed}, but the graph says {', '.join(map(str, recorded))}",
            src=eqn.src,
        )
    for sub in eqn.subgraphs():
        if sub.consts:
            raise GraphError(f"{stage}: {sub.name}, a body in {graph.name}, has constants of its own", src=eqn.src)
        check_graph(sub, stage)
    for var in eqn.outs:
        if var in defined:
            raise GraphError(f"{stage}: {graph.name}: {var.name} is defined twice", src=eqn.src)
        defined.add(var)


def _check_defined(graph: Graph, atom: Atom, defined: set[Var], stage: str, user: str) -> None:
    if not isinstance(atom, Lit) and atom not in defined:
        raise GraphError(f"{stage}: {graph.name}: {user} uses {atom.name} before it is defined")
