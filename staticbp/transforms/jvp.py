"""Forward mode: a graph becomes the graph of its value and its tangents."""

from __future__ import annotations

from collections.abc import Sequence

from staticbp.core.graph import Graph, Lit, Var
from staticbp.core.primitive import Rules, Traced, Value, at, bind, lift, named, read, recorded_equations
from staticbp.trace.trace import rebuild, var_names
from staticbp.transforms.activity import active_outputs, active_variables


def jvp(rules: Rules, graph: Graph, active: Sequence[bool]) -> Graph:
    """``(*ins, *tangents of the active ins) -> (*outs, *tangents of the active outs)``.

    An output is active when it is a differentiable function of the active inputs.
    """
    moving = [var for var, flag in zip(graph.invars, active, strict=True) if flag]
    wanted = active_outputs(graph, active)
    count = len(graph.invars)

    def joint(*values: Value) -> list[Value]:
        live = active_variables(graph, active)
        env: dict[Var, Value] = dict(zip(graph.invars, values[:count], strict=True))
        env.update(graph.consts)
        dots: dict[Var, Value] = dict(zip(moving, values[count:], strict=True))
        for eqn in graph.eqns:
            ins = [lift(read(env, atom)) for atom in eqn.ins]
            tangents = [lift(dots.get(a)) if isinstance(a, Var) and a in live else None for a in eqn.ins]
            before = len(recorded_equations())
            with at(eqn, target=f"{eqn.outs[0].name}_dot"):
                if any(out in live for out in eqn.outs) and any(t is not None for t in tangents):
                    outs, out_dots = eqn.op.pushforward(rules, tangents, ins, eqn.params)
                else:
                    outs, out_dots = bind(eqn.op, ins, eqn.params), [None] * len(eqn.outs)
            fresh = {out for new in recorded_equations()[before:] for out in new.outs}
            for var, out, dot in zip(eqn.outs, outs, out_dots, strict=True):
                if dot is not None and var in live:
                    is_fresh = isinstance(dot, Traced) and dot.atom in fresh
                    dots[var] = named(dot, f"{var.name}_dot") if is_fresh else dot
                env[var] = named(out, var.name)
        outs = [read(env, atom) for atom in graph.outs]
        flowing = [atom for atom, flag in zip(graph.outs, wanted, strict=True) if flag]
        return outs + [dots.get(a, Lit(0, a.aval.strong())) for a in flowing if isinstance(a, Var)]

    avals = [*graph.in_avals, *(v.aval.strong() for v in moving)]
    return rebuild(graph, joint, avals, [*var_names(graph.invars), *var_names(moving, "_dot")])
