"""Which variables carry a derivative: floats that depend on differentiated floats."""

from __future__ import annotations

from collections.abc import Sequence

from staticbp.core.graph import Graph, Lit, Var


def active_variables(graph: Graph, active: Sequence[bool]) -> set[Var]:
    """The variables of `graph` through which derivatives flow from the active inputs."""
    live = {var for var, flag in zip(graph.invars, active, strict=True) if flag and var.aval.is_float}
    for eqn in graph.eqns:
        touched = any(not isinstance(a, Lit) and a in live for a in eqn.ins)
        if touched and eqn.op.differentiable([a.aval for a in eqn.ins], eqn.params):
            live.update(out for out in eqn.outs if out.aval.is_float)
    return live


def active_outputs(graph: Graph, active: Sequence[bool]) -> list[bool]:
    """Which results of `graph` are differentiable functions of the active inputs."""
    live = active_variables(graph, active)
    return [not isinstance(out, Lit) and out in live for out in graph.outs]
