"""Reverse mode: a graph becomes the joint graph of its value and its cotangents.

The forward pass is the graph itself; the backward pass walks its equations from the last to the first, asks each
primitive for the cotangents of its operands, and adds up what meets at a variable.  Both are recorded in one
graph, so what comes out can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from staticbp.core import shape as shapes
from staticbp.core.graph import Atom, Eqn, Graph, Lit, Var
from staticbp.core.primitive import (
    Primitive,
    Rules,
    Traced,
    Value,
    at,
    lift,
    named,
    read,
    recorded_equations,
    repeat,
    value_aval,
)
from staticbp.errors import GraphError
from staticbp.trace.trace import rebuild, var_names
from staticbp.transforms.activity import active_outputs, active_variables
from staticbp.transforms.masks import Masks


@dataclass(frozen=True, slots=True)
class Step:
    """An equation of the forward pass, with the values it ran on."""

    eqn: Eqn
    ins: Sequence[Value]
    outs: Sequence[Value]
    active: Sequence[bool]
    extra: Any


def vjp(rules: Rules, graph: Graph, active: Sequence[bool]) -> Graph:
    """``(*ins, *cotangents) -> (*outs, *cotangents of the active inputs)``.

    There is a cotangent for each output that is a differentiable function of the active inputs, and one result
    for each active input, zeros where nothing flows back.
    """
    wanted = active_outputs(graph, active)
    differentiated = [out for out, flag in zip(graph.outs, wanted, strict=True) if flag]
    count = len(graph.invars)

    def joint(*values: Value) -> list[Value]:
        ins, cts = values[:count], values[count:]
        live = active_variables(graph, active)
        env, tape = forward(rules, graph, ins, live)
        bars: dict[Var, Value] = {}
        masks = Masks()
        for out, ct in zip(differentiated, cts, strict=True):
            _accumulate(bars, out, ct, {}, masks)
        backward(rules, tape, bars, live, masks)
        outs = [read(env, atom) for atom in graph.outs]
        results = [bars.get(var, Lit(0, var.aval.strong())) for var in graph.invars]
        _name_results(graph, results)
        return outs + [bar for bar, flag in zip(results, active, strict=True) if flag]

    avals = [*graph.in_avals, *(out.aval.strong() for out in differentiated)]
    names = [*var_names(graph.invars), *(f"{getattr(out, 'name', 'out')}_bar" for out in differentiated)]
    return rebuild(graph, joint, avals, names)


def forward(rules: Rules, graph: Graph, ins: Sequence[Value], live: set[Var]) -> tuple[dict[Var, Value], list[Step]]:
    """Run the equations; those on a differentiable path are taped."""
    env: dict[Var, Value] = dict(zip(graph.invars, ins, strict=True))
    env.update(graph.consts)
    tape: list[Step] = []
    for eqn in graph.eqns:
        values = [lift(read(env, atom)) for atom in eqn.ins]
        active = [not isinstance(atom, Lit) and atom in live for atom in eqn.ins]
        taped = any(out in live for out in eqn.outs)
        if taped and type(eqn.op).augment is not Primitive.augment:
            with at(eqn):
                outs, extra = eqn.op.augment(rules, values, active, eqn.params)
        else:
            outs, extra = repeat(eqn, values), None
        if taped:
            tape.append(Step(eqn, values, outs, active, extra))
        for var, out in zip(eqn.outs, outs, strict=True):
            env[var] = named(out, var.name)
    return env, tape


def backward(rules: Rules, tape: Sequence[Step], bars: dict[Var, Value], live: set[Var], masks: Masks) -> None:
    """Walk the tape backwards; `bars` maps variables of the graph to their cotangents."""
    makers: dict[Atom, Primitive] = {}  # the operations that gave the cotangents named here
    for step in reversed(tape):
        cts = [bars.pop(out, None) for out in step.eqn.outs]
        if all(ct is None for ct in cts):
            continue
        eqn = step.eqn
        with at(eqn, adjoint=True, target=f"{eqn.outs[0].name}_bar"):
            before = len(recorded_equations())
            given = _pull(rules, step, [lift(ct) for ct in cts], masks)
            fresh: dict[Atom, Primitive] = {out: new.op for new in recorded_equations()[before:] for out in new.outs}
            for atom, ct in zip(eqn.ins, given, strict=True):
                if isinstance(atom, Var) and atom in live and ct is not None:
                    _check(eqn, atom, ct)
                    if isinstance(ct, Traced) and ct.atom in fresh:
                        named(ct, f"{atom.name}_bar")
                        makers[ct.atom] = fresh[ct.atom]
                    _accumulate(bars, atom, ct, makers, masks)


def _pull(rules: Rules, step: Step, cts: Sequence[Value | None], masks: Masks) -> Sequence[Value | None]:
    def pull(*cts: Value | None) -> Sequence[Value | None]:
        return step.eqn.op.pullback(rules, cts, step.ins, step.outs, step.active, step.extra, step.eqn.params)

    return masks.pullback(step.eqn.op, cts[0], pull) if len(cts) == 1 else pull(*cts)


def _accumulate(bars: dict[Var, Value], var: Atom, ct: Value, makers: Mapping[Atom, Primitive], masks: Masks) -> None:
    """Add to a cotangent: the sum has its name then, and its parts say by which operation they came about."""
    if not isinstance(var, Var):
        return
    if var not in bars:
        bars[var] = ct
        return
    parts = [lift(bars[var]), lift(ct)]
    for part in parts:
        if part.atom in makers:
            named(part, f"{var.name}_bar_{makers[part.atom].label}")
    bars[var] = named(masks.add(*parts), f"{var.name}_bar")


def _name_results(graph: Graph, results: Sequence[Value]) -> None:
    """What is returned as the cotangent of an input is called so, whatever it was on the way."""
    made = {id(out) for eqn in recorded_equations() if eqn.adjoint for out in eqn.outs}
    for var, bar in zip(graph.invars, results, strict=True):
        if isinstance(bar, Traced) and id(bar.atom) in made:
            named(bar, f"{var.name}_bar")


def _check(eqn: Eqn, var: Var, ct: Value) -> None:
    aval = value_aval(ct)
    if not shapes.same(aval.shape, var.aval.shape) or aval.dtype != var.aval.dtype:
        raise GraphError(
            f"the derivative of {eqn.op.name} gives a cotangent of type {aval} for an operand of type {var.aval}",
            src=eqn.src,
        )
