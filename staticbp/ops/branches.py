"""Branches: one of several graphs is computed, the one that a number or a truth value picks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from staticbp.core.aval import BOOL, INT64, Aval
from staticbp.core.graph import Graph
from staticbp.core.interpret import interpret
from staticbp.core.lowering import Control
from staticbp.core.primitive import Params, Primitive, Rules, Value, bind, inline, lift, value_aval
from staticbp.errors import ControlFlowError
from staticbp.ops.arithmetic import where
from staticbp.ops.linear import batch_operand, fill, reshape
from staticbp.ops.registry import declare


class Cond(Primitive):
    """One of several graphs, picked while the program runs: ``branches[index](*operands)``.

    Operands are ``(index, *operands)``.  The index is a bool, of two branches, or an int64, which counts as the
    nearest that there is.  Params: `branches`, graphs with inputs and results of the same types.
    """

    name = "cond"
    lowering = Control("cond")

    def __init__(self) -> None:
        declare(self)

    def avals(self, ins: Sequence[Aval], params: Params) -> tuple[Aval, ...]:
        branches: tuple[Graph, ...] = params["branches"]
        index, *operands = ins
        if index.shape or index.dtype not in (BOOL, INT64) or (index.dtype == BOOL and len(branches) != 2):
            raise ControlFlowError(f"{len(branches)} branches cannot be picked from by {index}")
        given = [a.strong() for a in operands]
        outs = [branch.out_avals for branch in branches]
        for branch in branches:
            if [a.strong() for a in branch.in_avals] != given:
                raise ControlFlowError(f"a branch that takes {_listed(branch.in_avals)} was given {_listed(given)}")
            if [a.strong() for a in branch.out_avals] != [a.strong() for a in outs[0]]:
                raise ControlFlowError(f"branches return {_listed(outs[0])} and {_listed(branch.out_avals)}")
        return tuple(
            first if first.weak and all(a.weak for a in others) else first.strong()
            for first, *others in zip(*outs, strict=True)
        )

    def result_names(self, params: Params) -> Sequence[str] | None:
        # One result is called what the user's line calls it.
        outs = params["branches"][-1].outs
        return None if len(outs) == 1 else [getattr(atom, "name", "out") for atom in outs]

    def evaluate(self, ins: Sequence[Any], params: Params) -> tuple[Any, ...]:
        branches: tuple[Graph, ...] = params["branches"]
        index, *operands = ins
        return tuple(interpret(branches[min(max(int(index), 0), len(branches) - 1)], operands))

    def augment(
        self, rules: Rules, ins: Sequence[Value], active: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Any]:
        branches: tuple[Graph, ...] = params["branches"]
        flags = list(active[1:])
        pairs = [rules.vjp(branch, flags) for branch in branches]
        n_outs = len(branches[0].outs)
        kept = [forward.outs[n_outs:] for forward, _ in pairs]
        slots, places = _shared_slots([[a.aval.strong() for a in residuals] for residuals in kept])

        def saving(forward: Graph, mine: Sequence[int]) -> Graph:
            def run(*values: Value) -> list[Value]:
                results = inline(forward, values)
                saved: list[Value] = [fill(0, aval) for aval in slots]
                for slot, residual in zip(mine, results[n_outs:], strict=True):
                    saved[slot] = residual
                return [*results[:n_outs], *saved]

            return rules.build(forward.name, run, forward.in_avals, [v.name for v in forward.invars])

        saved = tuple(saving(forward, mine) for (forward, _), mine in zip(pairs, places, strict=True))
        outs = bind(self, ins, {**params, "branches": saved})
        return outs[:n_outs], (flags, [backward for _, backward in pairs], places, outs[n_outs:])

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
        branches: tuple[Graph, ...] = params["branches"]
        flags, backwards, places, residuals = extra
        index, *operands = ins
        wanted = [rules.active_outputs(branch, flags) for branch in branches]
        flowing = [i for i in range(len(outs)) if any(flow[i] for flow in wanted)]
        bars = [fill(0, value_aval(outs[i])) if cts[i] is None else cts[i] for i in flowing]
        n_residuals, n_ins = len(residuals), len(operands)

        def returning(branch: Graph, backward: Graph, mine: Sequence[int], flow: Sequence[bool]) -> Graph:
            def run(*values: Value) -> list[Value]:
                saved, given, given_bars = (
                    values[:n_residuals],
                    values[n_residuals : n_residuals + n_ins],
                    values[n_residuals + n_ins :],
                )
                own_bars = [bar for i, bar in zip(flowing, given_bars, strict=True) if flow[i]]
                return inline(backward, [*(saved[slot] for slot in mine), *given, *own_bars])

            n_own = len(backward.invars) - sum(flow)
            names = [f"{branch.name}_residual"] * n_residuals
            for slot, var in zip(mine, backward.invars, strict=False):
                names[slot] = var.name
            names += [v.name for v in backward.invars[n_own - n_ins : n_own]]
            names += [f"{getattr(branch.outs[i], 'name', 'out')}_bar" for i in flowing]
            avals = [value_aval(v).strong() for v in (*residuals, *operands, *bars)]
            return rules.build(f"{branch.name}_bar", run, avals, names)

        back = tuple(returning(*parts) for parts in zip(branches, backwards, places, wanted, strict=True))
        given = iter(bind(self, [index, *residuals, *operands, *bars], {**params, "branches": back}))
        return [None, *(next(given) if flag else None for flag in flags)]

    def pushforward(
        self, rules: Rules, tangents: Sequence[Value | None], ins: Sequence[Value], params: Params
    ) -> tuple[Sequence[Value], Sequence[Value | None]]:
        branches: tuple[Graph, ...] = params["branches"]
        flags = [t is not None for t in tangents[1:]]
        dots = [t for t in tangents[1:] if t is not None]
        wanted = [rules.active_outputs(branch, flags) for branch in branches]
        n_outs = len(branches[0].outs)
        flowing = [i for i in range(n_outs) if any(flow[i] for flow in wanted)]

        def moving(branch: Graph, flow: Sequence[bool]) -> Graph:
            moved = rules.jvp(branch, flags)

            def run(*values: Value) -> list[Value]:
                results = inline(moved, values)
                own = iter(results[n_outs:])
                out_dots = {i: next(own) for i in range(n_outs) if flow[i]}
                return [*results[:n_outs], *(out_dots.get(i, fill(0, branch.out_avals[i])) for i in flowing)]

            return rules.build(branch.name, run, moved.in_avals, [v.name for v in moved.invars])

        ahead = tuple(moving(branch, flow) for branch, flow in zip(branches, wanted, strict=True))
        results = bind(self, [*ins, *dots], {**params, "branches": ahead})
        out_dots: list[Value | None] = [None] * n_outs
        for i, dot in zip(flowing, results[n_outs:], strict=True):
            out_dots[i] = dot
        return results[:n_outs], out_dots

    def batch(
        self, rules: Rules, size: Any, ins: Sequence[Value], batched: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Sequence[bool]]:
        branches: tuple[Graph, ...] = params["branches"]
        index, *operands = ins
        pairs = [rules.batch(branch, size, batched[1:]) for branch in branches]
        if batched[0]:  # each element of the batch has its own branch: all are computed, and picked from
            chosen: list[Value] = []
            for number, (many, flags) in enumerate(pairs):
                results = inline(many, operands)
                new = [lift(batch_operand(lift(x), size, flag)) for x, flag in zip(results, flags, strict=True)]
                picked = index if value_aval(index).dtype == BOOL else index >= number
                chosen = [choose(picked, x, y) for x, y in zip(new, chosen, strict=True)] if number else new
            return chosen, [True] * len(chosen)
        widened = [any(flags[i] for _, flags in pairs) for i in range(len(branches[0].outs))]

        def widening(many: Graph, flags: Sequence[bool]) -> Graph:
            def run(*values: Value) -> list[Value]:
                results = inline(many, values)
                return [
                    batch_operand(x, size, flag) if wide else x
                    for x, flag, wide in zip(results, flags, widened, strict=True)
                ]

            return rules.build(many.name, run, many.in_avals, [v.name for v in many.invars])

        wide = tuple(widening(many, flags) for many, flags in pairs)
        return bind(self, ins, {**params, "branches": wide}), widened


def choose(flags: Value, new: Value, old: Value) -> Value:
    """`new` where the flag of a batch's element is set, else `old`: elements may be arrays."""
    shape = value_aval(flags).shape
    extra = value_aval(new).ndim - len(shape)
    return where(reshape(flags, shape=(*shape, *(1,) * extra)) if extra else flags, new, old)


def _shared_slots(residuals: Sequence[Sequence[Aval]]) -> tuple[list[Aval], list[list[int]]]:
    """Slots for what branches save, of which only one is ever taken; and which of them are whose.

    Integers have slots of their own, which hold 0 for the other branches: batched, all branches are computed, and
    what stands in another's slot may be no index of this one's.
    """
    slots: list[Aval] = []
    places: list[list[int]] = []
    for avals in residuals:
        mine: list[int] = []
        for aval in avals:
            free = (n for n, slot in enumerate(slots) if slot == aval and n not in mine and aval.dtype.kind != "i")
            place = next(free, len(slots))
            if place == len(slots):
                slots.append(aval)
            mine.append(place)
        places.append(mine)
    return slots, places


def _listed(avals: Sequence[Aval]) -> str:
    return ", ".join(map(str, avals)) or "nothing"


cond = Cond()
