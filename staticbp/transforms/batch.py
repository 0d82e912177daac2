"""Batching: a graph of single values becomes the graph of many at once, along a new leading axis."""

from __future__ import annotations

from collections.abc import Sequence

from staticbp.core.aval import Aval
from staticbp.core.graph import Graph, Lit, Var
from staticbp.core.primitive import Rules, Value, at, bind, lift, named, read
from staticbp.core.shape import Dim
from staticbp.trace.trace import rebuild, var_names


def batch(rules: Rules, graph: Graph, size: Dim, batched: Sequence[bool]) -> tuple[Graph, list[bool]]:
    """`graph` with a leading axis of `size` on the batched inputs; and which outputs then have one."""
    out_batched: list[bool] = []

    def many(*values: Value) -> list[Value]:
        env: dict[Var, Value] = dict(zip(graph.invars, values, strict=True))
        env.update(graph.consts)
        with_axis = {var for var, flag in zip(graph.invars, batched, strict=True) if flag}
        for eqn in graph.eqns:
            ins = [lift(read(env, atom)) for atom in eqn.ins]
            flags = [not isinstance(atom, Lit) and atom in with_axis for atom in eqn.ins]
            with at(eqn):
                if any(flags):
                    outs, out_flags = eqn.op.batch(rules, size, ins, flags, eqn.params)
                else:
                    outs, out_flags = bind(eqn.op, ins, eqn.params), [False] * len(eqn.outs)
            if len(out_flags) == 1 and len(eqn.outs) > 1:
                out_flags = list(out_flags) * len(eqn.outs)
            for var, out, flag in zip(eqn.outs, outs, out_flags, strict=True):
                env[var] = named(out, var.name)
                if flag:
                    with_axis.add(var)
        out_batched[:] = [not isinstance(atom, Lit) and atom in with_axis for atom in graph.outs]
        return [read(env, atom) for atom in graph.outs]

    avals = [
        Aval((size, *v.aval.shape), v.aval.dtype) if flag else v.aval
        for v, flag in zip(graph.invars, batched, strict=True)
    ]
    return rebuild(graph, many, avals, var_names(graph.invars)), out_batched
