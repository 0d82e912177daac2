"""What is computed twice so that it need not be kept: between the value and its derivative, memory is free."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from staticbp.core.aval import Aval
from staticbp.core.graph import Eqn, Graph, Lit, Var
from staticbp.core.lowering import Control
from staticbp.core.primitive import Params, Primitive, Rules, Value, bind, inline, value_aval
from staticbp.ops.body import Body
from staticbp.ops.families import Bilinear
from staticbp.ops.linear import fill
from staticbp.ops.registry import declare

PRODUCTS = "products"  # of all values keep the products of matrices, and compute the rest again
Keep = str | tuple[str, ...]


class Afresh(Primitive):
    """The operands, as if they came from elsewhere: what is made of them now has nothing in common with what was.

    Nothing that is computed from the results is merged with what was computed from the operands, and in the
    schedule nothing moves from behind this equation to before it.
    """

    name = "afresh"
    lowering = Control("afresh")

    def __init__(self) -> None:
        declare(self)

    def avals(self, ins: Sequence[Aval], params: Params) -> tuple[Aval, ...]:
        return tuple(ins)

    def evaluate(self, ins: Sequence[Any], params: Params) -> tuple[Any, ...]:
        return tuple(ins)

    def pullback(
        self,
        rules: Rules,
        cts: Sequence[Value | None],
        ins: Sequence[Value],
        outs: Sequence[Value],
        active: Sequence[bool],
        extra: Any,
        params: Params,
    ) -> Sequence[Value | None]:
        return cts

    def pushforward(
        self, rules: Rules, tangents: Sequence[Value | None], ins: Sequence[Value], params: Params
    ) -> tuple[Sequence[Value], Sequence[Value | None]]:
        return bind(self, ins, params), tangents

    def batch(
        self, rules: Rules, size: Any, ins: Sequence[Value], batched: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Sequence[bool]]:
        return bind(self, ins, params), batched


class Checkpoint(Body):
    """``body(*ins)``, which reverse mode computes again instead of keeping what it is made of.

    Params: `body`, a graph, and `keep`: the names of values that are kept nevertheless, or ``"products"``.
    """

    name = "checkpoint"
    lowering = Control("checkpoint")

    def __init__(self) -> None:
        declare(self)

    def augment(
        self, rules: Rules, ins: Sequence[Value], active: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Any]:
        body: Graph = params["body"]
        count = len(body.outs)
        forward, backward = rules.vjp(body, active)
        kept = [var for var in _made(forward) if _is_kept(var, forward, params["keep"])]
        saving = forward.with_eqns(forward.eqns, (*forward.outs[:count], *kept))
        outs = bind(self, ins, {**params, "body": saving})
        return outs[:count], (forward, backward, kept, outs[count:])

    def pullback(
        self,
        rules: Rules,
        cts: Sequence[Value | None],
        ins: Sequence[Value],
        outs: Sequence[Value],
        active: Sequence[bool],
        extra: Any,
        params: Params,
    ) -> Sequence[Value | None]:
        body: Graph = params["body"]
        forward, backward, kept, saved = extra
        n_ins = len(ins)
        wanted = [i for i, flag in enumerate(rules.active_outputs(body, active)) if flag]
        bars = [fill(0, value_aval(outs[i])) if cts[i] is None else cts[i] for i in wanted]
        rest = _from_kept(forward, kept, len(body.outs))

        def again(*values: Value) -> list[Value]:
            given = bind(afresh, values[: n_ins + len(kept)], {})
            residuals = inline(rest, given)
            return inline(backward, [*residuals, *given[:n_ins], *values[n_ins + len(kept) :]])

        operands = [*ins, *saved, *bars]
        names = [*(v.name for v in (*body.invars, *kept)), *(f"{_name(body.outs[i])}_bar" for i in wanted)]
        graph = rules.build(f"{body.name}_bar", again, [value_aval(x).strong() for x in operands], names)
        found = iter(bind(self, operands, {"body": graph, "keep": ()}))
        return [next(found) if flag else None for flag in active]

    def pushforward(
        self, rules: Rules, tangents: Sequence[Value | None], ins: Sequence[Value], params: Params
    ) -> tuple[Sequence[Value], Sequence[Value | None]]:
        body: Graph = params["body"]
        flags = [t is not None for t in tangents]
        moved = rules.jvp(body, flags)
        results = bind(self, [*ins, *(t for t in tangents if t is not None)], {**params, "body": moved})
        dots = iter(results[len(body.outs) :])
        wanted = rules.active_outputs(body, flags)
        return results[: len(body.outs)], [next(dots) if flag else None for flag in wanted]

    def batch(
        self, rules: Rules, size: Any, ins: Sequence[Value], batched: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Sequence[bool]]:
        many, flags = rules.batch(params["body"], size, batched)
        return bind(self, ins, {**params, "body": many}), flags


def _made(graph: Graph) -> list[Var]:
    return [out for eqn in graph.eqns for out in eqn.outs]


def _name(atom: Var | Lit) -> str:
    return atom.name if isinstance(atom, Var) else "out"


def _is_kept(var: Var, graph: Graph, keep: Keep) -> bool:
    """Whether a value of the body is among what is to be kept."""
    if keep == PRODUCTS:
        return any(var in eqn.outs and isinstance(eqn.op, Bilinear) for eqn in graph.eqns)
    return var.name in keep


def _from_kept(forward: Graph, kept: Sequence[Var], n_outs: int) -> Graph:
    """``(*ins, *kept) -> residuals``: what has been kept is not computed again."""
    given = set(kept)
    eqns: list[Eqn] = []
    for eqn in forward.eqns:
        left = [out for out in eqn.outs if out not in given]
        if left:
            outs = tuple(Var(out.aval, out.name) if out in given else out for out in eqn.outs)
            eqns.append(Eqn(outs, eqn.op, eqn.ins, eqn.params, eqn.src, eqn.adjoint))
    return Graph(forward.name, (*forward.invars, *kept), tuple(eqns), forward.outs[n_outs:], forward.consts)


afresh = Afresh()
checkpoint = Checkpoint()
