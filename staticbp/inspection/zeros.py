"""Why a gradient is zero: where the paths from an input to the output end.

There are two kinds of ends.  Some can be read off the graph: an input that nothing uses, an operation through which
no derivative flows.  The others depend on the values: a unit that is switched off, a branch that was not chosen.
For those the graph is evaluated backwards, an equation at a time, to see where a cotangent turns into zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from staticbp.core.aval import Aval
from staticbp.core.graph import Atom, Eqn, Graph, Lit, SrcLine, Var
from staticbp.core.primitive import concrete
from staticbp.ops.arithmetic import mul
from staticbp.ops.families import Bilinear
from staticbp.transforms.activity import active_variables
from staticbp.transforms.rules import RULES

REASONS = {
    "maximum": "the other operand is the larger one",
    "minimum": "the other operand is the smaller one",
    "fmax": "the other operand is the larger one",
    "fmin": "the other operand is the smaller one",
    "where": "the condition chooses the other branch",
    "abs": "the slope of abs at 0 is 0 by convention",
    "stop_gradient": "stop_gradient cuts it off",
    "cond": "the branch that is taken does not use it",
    "switch": "the branch that is taken does not use it",
}


@dataclass(frozen=True, slots=True)
class End:
    """An equation at which a path from an input ends."""

    op: str
    src: SrcLine | None
    reason: str

    def __str__(self) -> str:
        return f"{self.op}: {self.reason}" + (f"\n        at {self.src}" if self.src else "")


@dataclass(frozen=True, slots=True)
class Report:
    """What `bp.explain_zero` found: a finding for each leaf that a derivative was asked for."""

    title: str
    findings: tuple[Finding, ...]

    @property
    def zero(self) -> tuple[Finding, ...]:
        """The findings of leaves whose whole gradient is zero, or that have none."""
        return tuple(finding for finding in self.findings if finding.zero)

    def __str__(self) -> str:
        return "\n".join([self.title, *map(str, self.findings)])

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class Finding:
    """What there is to say of one input.

    `kind` is ``nonzero``, ``partly`` (some elements are zero), ``integer``, ``unused``, ``cut`` (no derivative flows
    on any path, whatever the values are), ``vanishes`` (it is zero at these values), ``cancels`` or ``constant``
    (the output is not a function of any float).
    """

    path: str
    kind: str
    text: str
    ends: tuple[End, ...] = ()

    @property
    def zero(self) -> bool:
        """Whether the whole gradient is zero, or there is none."""
        return self.kind not in ("nonzero", "partly")

    def __str__(self) -> str:
        return "\n".join([f"  {self.path}: {self.text}", *(f"      {end}" for end in self.ends)])


def findings(graph: Graph, args: Sequence[Any], paths: Sequence[str], wanted: Sequence[bool]) -> Iterator[Finding]:
    """What there is to say of each wanted input of `graph` at the values `args`."""
    walk = _Backward(graph, args, wanted)
    for var, path, asked in zip(graph.invars, paths, wanted, strict=True):
        if asked:
            yield _finding(graph, walk, var, path)


def _finding(graph: Graph, walk: _Backward, var: Var, path: str) -> Finding:
    if not var.aval.is_float:
        return Finding(path, "integer", f"has no derivative: it is {_kind(var.aval)}; give it as a float")
    relevant = _relevant(graph)
    if var not in relevant:
        return Finding(path, "unused", "zero: the output does not depend on it")
    live = active_variables(graph, [invar is var for invar in graph.invars])
    if not any(isinstance(out, Var) and out in live for out in graph.outs):
        ends = tuple(_cuts(graph, live, relevant))
        return Finding(path, "cut", "zero, whatever the values are: every path to the output ends", ends)
    bar = np.asarray(walk.bars.get(var, 0.0))
    largest = float(np.max(np.abs(bar), initial=0.0))
    if not var.aval.size:
        return Finding(path, "nonzero", "has no elements")
    if np.isnan(largest):
        return Finding(path, "nonzero", "not zero: nan; bp.debug_nans() finds where it comes from")
    ends = tuple(_unique([*walk.vanished(live), *_cuts(graph, live, relevant)]))
    if largest:
        zeros = int(np.sum(bar == 0))
        if not zeros:
            return Finding(path, "nonzero", f"not zero: up to {largest:.4g}")
        text = f"zero in {zeros} of {bar.size} elements, elsewhere up to {largest:.4g}"
        return Finding(path, "partly", text, ends)
    if ends:
        return Finding(path, "vanishes", "zero at these values: every path to the output ends", ends)
    return Finding(path, "cancels", "zero at these values: what flows back on several paths adds up to zero")


def _kind(aval: Aval) -> str:
    return "a boolean" if aval.dtype.kind == "b" else "an integer"


def _relevant(graph: Graph) -> set[Atom]:
    """The variables that the outputs depend on, differentiably or not."""
    found: set[Atom] = set(graph.outs)
    for eqn in reversed(graph.eqns):
        if any(out in found for out in eqn.outs):
            found.update(eqn.ins)
    return found


def _cuts(graph: Graph, live: set[Var], relevant: set[Atom]) -> Iterator[End]:
    """The equations through which no derivative flows from the live variables, whatever the values are."""
    for eqn in graph.eqns:
        touched = any(isinstance(atom, Var) and atom in live for atom in eqn.ins)
        if touched and any(out in relevant for out in eqn.outs) and not any(out in live for out in eqn.outs):
            yield _cut(eqn)


def _cut(eqn: Eqn) -> End:
    out = eqn.outs[0].aval
    if eqn.op.name in REASONS:
        reason = REASONS[eqn.op.name]
    elif not out.is_float:
        reason = f"its result is {_kind(out)}, so nothing flows back"
    else:
        reason = "it is constant between its jumps, so nothing flows back"
    return End(eqn.op.label, eqn.src, reason)


class _Backward:
    """A graph evaluated forwards and backwards with NumPy; the outputs have cotangents of ones."""

    def __init__(self, graph: Graph, args: Sequence[Any], wanted: Sequence[bool]) -> None:
        self.bars: dict[Var, Any] = {}
        self.steps: list[tuple[Eqn, list[Any], list[Any]]] = []  # equation, its operands, what flows back to them
        live = active_variables(graph, wanted)
        values: dict[Var, Any] = dict(graph.consts)
        values.update((var, np.asarray(arg, var.aval.dtype)) for var, arg in zip(graph.invars, args, strict=True))
        tape: list[tuple[Eqn, list[Any], Sequence[Any], list[bool], Any]] = []
        with np.errstate(all="ignore"):
            for eqn in graph.eqns:
                ins = [concrete(atom) if isinstance(atom, Lit) else values[atom] for atom in eqn.ins]
                active = [isinstance(atom, Var) and atom in live for atom in eqn.ins]
                outs, extra = eqn.op.augment(RULES, ins, active, eqn.params)
                values.update((var, np.asarray(out)) for var, out in zip(eqn.outs, outs, strict=True))
                if any(out in live for out in eqn.outs):
                    tape.append((eqn, ins, [values[var] for var in eqn.outs], active, extra))
            for out in graph.outs:
                if isinstance(out, Var) and out in live:
                    self._add(out, np.ones(values[out].shape, out.aval.dtype))
            for eqn, ins, outs, active, extra in reversed(tape):
                cts = [self.bars.get(out) for out in eqn.outs]
                if all(ct is None or not np.any(ct) for ct in cts):
                    continue
                given = [
                    None if ct is None else np.asarray(concrete(ct))
                    for ct in eqn.op.pullback(RULES, cts, ins, outs, active, extra, eqn.params)
                ]
                self.steps.append((eqn, ins, given))
                for atom, ct in zip(eqn.ins, given, strict=True):
                    if isinstance(atom, Var) and atom in live and ct is not None:
                        self._add(atom, ct)

    def _add(self, var: Var, ct: Any) -> None:
        self.bars[var] = self.bars[var] + ct if var in self.bars else ct

    def vanished(self, live: set[Var]) -> Iterator[End]:
        """The equations that were given a cotangent and handed on zeros to a variable of `live`."""
        for eqn, ins, given in self.steps:
            for position, (atom, ct) in enumerate(zip(eqn.ins, given, strict=True)):
                if isinstance(atom, Var) and atom in live and (ct is None or not np.any(ct)):
                    yield End(eqn.op.label, eqn.src, _why(eqn, ins, position))


def _why(eqn: Eqn, ins: Sequence[Any], position: int) -> str:
    """Why nothing is handed on to an operand."""
    atom = eqn.ins[position]
    name = atom.name if isinstance(atom, Var) else "its operand"
    if eqn.op.name in REASONS:
        return REASONS[eqn.op.name]
    others = [x for i, x in enumerate(ins) if i != position]
    if (eqn.op is mul or isinstance(eqn.op, Bilinear)) and not any(np.any(x) for x in others):
        return f"what {name} is multiplied by is 0"
    bodies = [cut for body in eqn.subgraphs() for cut in _inner(body)]
    if bodies:
        return "; ".join(f"within it, {cut.op} at {cut.src}: {cut.reason}" for cut in bodies)
    low, high = np.min(ins[position]), np.max(ins[position])
    where = f"{name} = {low:.6g}" if low == high else f"{name} from {low:.6g} to {high:.6g}"
    return f"its slope is 0 at {where}"


def _inner(body: Graph) -> list[End]:
    """The cuts in the body of a loop or branch."""
    live = active_variables(body, [var.aval.is_float for var in body.invars])
    found = list(_cuts(body, live, _relevant(body)))
    return found + [end for eqn in body.eqns for inner in eqn.subgraphs() for end in _inner(inner)]


def _unique(ends: Sequence[End]) -> list[End]:
    return list(dict.fromkeys(ends))
