"""What has done its work once the graph is to be computed: `stop_gradient`, and the weakness of Python scalars."""

from __future__ import annotations

from staticbp.core.graph import Atom, Eqn, Graph, Lit, Var
from staticbp.ops.control import stop_gradient
from staticbp.ops.sizes import size_of
from staticbp.passes.rewrite import Note, Rewriter, Rules, filled

RELEASE = Rules()


@RELEASE.on(stop_gradient)
def stopped(at: Rewriter, eqn: Eqn) -> Atom | None:
    """``stop_gradient(x) = x``."""
    return eqn.ins[0]


def release(graph: Graph, notes: list[Note] | None = None) -> Graph:
    """`graph` without `stop_gradient`, and with strong types only: every dtype is settled by now."""
    return _strong(Rewriter(graph, RELEASE.of).run())


def _strong(graph: Graph) -> Graph:
    made = (out for eqn in graph.eqns for out in eqn.outs)
    strong = {var: Var(var.aval.strong(), var.name) for var in (*graph.invars, *made) if var.aval.weak}
    weak_numbers = any(isinstance(a, Lit) and a.aval.weak for a in graph.outs)
    if not strong and not weak_numbers:
        return graph

    def settled(atom: Atom) -> Atom:
        if isinstance(atom, Lit):
            return filled(atom.value, atom.aval.strong()) if atom.aval.weak else atom
        return strong.get(atom, atom)

    def settled_in(eqn: Eqn) -> Eqn:
        if not any(a.aval.weak for a in (*eqn.outs, *eqn.ins)):
            return eqn
        outs = tuple([strong.get(out, out) for out in eqn.outs])
        params = {**eqn.params, "weak": False} if eqn.op is size_of else eqn.params
        return Eqn(outs, eqn.op, tuple([settled(a) for a in eqn.ins]), params, eqn.src, eqn.adjoint)

    eqns = tuple([settled_in(eqn) for eqn in graph.eqns])
    invars = tuple(strong.get(var, var) for var in graph.invars)
    return Graph(graph.name, invars, eqns, tuple(settled(a) for a in graph.outs), graph.consts)
