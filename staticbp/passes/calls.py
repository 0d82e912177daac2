"""Calls of a compiled function by another that came to the same equations: written once, as a function that is called.

Everything else is done by now, so whatever follows from derivatives, or from what is around a call, is in its
equations.  Those that came of one call are compared, names aside, with those of the others; where three or more are
alike, each becomes one equation.  What costs next to nothing is computed again in the derivative, and not handed on.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from staticbp.core import shape as shapes
from staticbp.core.graph import Activation, Atom, Eqn, Graph, Lit, Var
from staticbp.core.lowering import Control, Kernel, Scalar
from staticbp.core.recording import decided
from staticbp.ops.call import call
from staticbp.ops.native import native
from staticbp.ops.products import matmul
from staticbp.ops.shape import transpose
from staticbp.passes.effort import is_long
from staticbp.passes.inlining import lowering_of
from staticbp.passes.recompute import recompute_cheap
from staticbp.passes.rewrite import Note, renamed

FEWEST = 3  # calls: two may as well stay
LONG = 24  # equations beyond which what has no product and no loop in it is worth a call


@dataclass(eq=False, slots=True)
class Region:
    """The equations of one call, of its value or of its derivative; `ins` is what they read from elsewhere."""

    activation: Activation
    adjoint: bool
    eqns: list[Eqn]
    ins: list[Var]

    @staticmethod
    def of(activation: Activation, adjoint: bool, eqns: list[Eqn]) -> Region:
        """The region of some equations."""
        own = {out for eqn in eqns for out in eqn.outs}
        ins = dict.fromkeys(a for eqn in eqns for a in eqn.ins if isinstance(a, Var) and a not in own)
        return Region(activation, adjoint, eqns, list(ins))

    @property
    def outs(self) -> list[Var]:
        """All that the equations define."""
        return [out for eqn in self.eqns for out in eqn.outs]

    @property
    def name(self) -> str:
        """What its function is called."""
        return f"{self.activation.name}_adjoint" if self.adjoint else self.activation.name

    @property
    def is_worthwhile(self) -> bool:
        """Whether there is enough in it for a call, less is fused with what is around, and nothing that forbids one."""
        heavy = any(isinstance(lowering_of(eqn), Kernel | Control) for eqn in self.eqns)
        return (heavy or len(self.eqns) > LONG) and all(map(_can_be_called, self.eqns))

    def equation(self, body: Graph, positions: Sequence[int]) -> Eqn:
        """The call of a function that gives those of `outs` at some positions."""
        outs, activation = self.outs, self.activation
        src = activation.outer.during(activation.src) if activation.outer is not None else activation.src
        return Eqn(tuple(outs[i] for i in positions), call, tuple(self.ins), {"body": body}, src, self.adjoint)


def _can_be_called(eqn: Eqn) -> bool:
    """Whether an equation may stand in a function that is called: sizes are numbers there, nothing raises or pauses."""
    symbolic = any(shapes.symbols(atom.aval.shape) for atom in (*eqn.ins, *eqn.outs))
    inner = all(_can_be_called(each) for body in eqn.subgraphs() for each in body.eqns)
    return not symbolic and eqn.op is not native and not is_long(eqn) and inner


Node = Eqn | Region


def calls(graph: Graph, notes: list[Note] | None = None) -> Graph:
    """`graph` with what several calls of a function have in common in a graph of its own, which is called."""
    depth = 0
    while regions := _regions(graph, depth):
        groups = _alike(regions)
        if groups:
            chosen = {(region.activation, region.adjoint) for group in groups for region in group}
            values = {region.activation: region for group in groups for region in group if not region.adjoint}
            others = [region for region in regions if (region.activation, region.adjoint) not in chosen]
            graph = _with_calls(_with_cheap_in(graph, others, values), groups)
        depth += 1
    return graph


def _regions(graph: Graph, depth: int) -> list[Region]:
    """The equations by the call that they came of, of those that `depth` others are around."""
    chains: dict[Activation, list[Activation]] = {}
    found: dict[tuple[Activation, bool], list[Eqn]] = {}
    updates = _for_updates(graph)
    for eqn in graph.eqns:
        during = None if eqn.src is None else eqn.src.during
        if during is None or eqn in updates:
            continue
        if during not in chains:
            chains[during] = during.chain()
        chain = chains[during]
        if len(chain) > depth:
            found.setdefault((chain[depth], eqn.adjoint), []).append(eqn)
    return [Region.of(activation, adjoint, eqns) for (activation, adjoint), eqns in found.items()]


def _for_updates(graph: Graph) -> set[Eqn]:
    """Products in derivatives that go into one elementwise operation of the program, as in ``W - rate * W_bar``.

    They are made where that leaves its result, and so stay with it, as do the transposes of their operands.
    """
    readers: dict[Atom, list[Eqn | None]] = {atom: [None] for atom in graph.outs}  # None: the results of the graph
    found: set[Eqn] = set()
    for eqn in reversed(graph.eqns):
        reading = [reader for out in eqn.outs for reader in readers.get(out, ())]
        is_update = eqn.op is matmul and len(reading) == 1 and _is_elementwise(reading[0])
        is_operand = eqn.op is transpose and bool(reading) and found.issuperset(reading)
        if eqn.adjoint and (is_update or is_operand):
            found.add(eqn)
        for atom in eqn.ins:
            readers.setdefault(atom, []).append(eqn)
    return found


def _is_elementwise(reader: Eqn | None) -> bool:
    return reader is not None and not reader.adjoint and isinstance(reader.op.lowering, Scalar)


def _alike(regions: Sequence[Region]) -> list[list[Region]]:
    """Those that are worth a function, together with those that are like them."""
    values = {region.activation: region for region in regions if not region.adjoint}
    groups: dict[Hashable, list[Region]] = {}
    names: dict[str, int] = {}
    for region in regions:
        names[region.name] = names.get(region.name, 0) + 1
    for region in regions:
        if names[region.name] >= FEWEST and region.is_worthwhile:
            value = values.get(region.activation)
            if region.adjoint and value is not None:
                region = _with_cheap(region, value)
            groups.setdefault((region.name, *_key(region.ins, region.eqns)), []).append(region)
    return [group for group in groups.values() if len(group) >= FEWEST]


def _with_cheap(adjoint: Region, value: Region) -> Region:
    """A derivative that computes again what is cheaper to compute than to be handed."""
    eqns = recompute_cheap(value.eqns, adjoint.eqns, {*value.ins, *adjoint.ins}.difference(value.outs), ())
    return adjoint if eqns is adjoint.eqns else Region.of(adjoint.activation, True, eqns)


def _with_cheap_in(graph: Graph, regions: Sequence[Region], values: Mapping[Activation, Region]) -> Graph:
    """`graph` with derivatives that stay where they are doing the same."""
    instead: dict[Eqn, list[Eqn]] = {}
    for region in regions:
        if region.adjoint and region.activation in values:
            eqns = _with_cheap(region, values[region.activation]).eqns
            again = len(eqns) - len(region.eqns)
            instead |= {old: [new] for old, new in zip(region.eqns, eqns[again:], strict=True)}
            instead[region.eqns[0]] = eqns[: again + 1]
    return graph.with_eqns(new for eqn in graph.eqns for new in instead.get(eqn, (eqn,))) if instead else graph


def _key(ins: Sequence[Var], eqns: Sequence[Eqn], outs: Sequence[Atom] = ()) -> tuple[Hashable, ...]:
    """What is the same in equations that differ by the names of their variables only."""
    numbers: dict[Var, int] = {}

    def known(atom: Atom) -> Hashable:
        return atom.key() if isinstance(atom, Lit) else numbers.setdefault(atom, len(numbers))

    found: list[Hashable] = [(known(var), var.aval) for var in ins]
    for eqn in eqns:
        params = tuple((name, _param_key(value)) for name, value in sorted(eqn.params.items()))
        operands, results = tuple(map(known, eqn.ins)), tuple((known(out), out.aval) for out in eqn.outs)
        found.append((eqn.op, operands, results, params, eqn.adjoint))
    return *found, *map(known, outs)


def _param_key(value: Any) -> Hashable:
    if isinstance(value, Graph):
        return _key(value.invars, value.eqns, value.outs)
    if isinstance(value, list | tuple):
        return tuple(map(_param_key, value))
    if isinstance(value, dict):
        return tuple(sorted((name, _param_key(item)) for name, item in value.items()))
    try:
        hash(value)
    except TypeError:
        return id(value)
    return value  # type: ignore[no-any-return]


def _with_calls(graph: Graph, groups: Sequence[Sequence[Region]]) -> Graph:
    """`graph` with the equations of each region become one, where there is an order in which they can be computed."""
    taken = {out: region for group in groups for region in group for out in region.outs}
    nodes: dict[Node, None] = {}
    for eqn in graph.eqns:
        nodes.setdefault(taken.get(eqn.outs[0], eqn))
    ordered = _in_order(list(nodes))
    if ordered is None:
        return graph
    wanted = {*graph.outs, *(atom for node in ordered for atom in node.ins)}
    equations: dict[Region, Eqn] = {}
    for group in groups:
        each = [region.outs for region in group]
        positions = [i for i, column in enumerate(zip(*each, strict=True)) if not wanted.isdisjoint(column)]
        body = _body(group, positions)
        equations.update((region, region.equation(body, positions)) for region in group)
        decided("called", body.name, f"{len(group)} calls come to the same", group[0].activation.src, group[0].adjoint)
    return graph.with_eqns(equations[node] if isinstance(node, Region) else node for node in ordered)


def _in_order(nodes: Sequence[Node]) -> list[Node] | None:
    """Each node after those that it reads from, else as they are; None where some read from each other."""
    makers = {out: number for number, node in enumerate(nodes) for out in node.outs}
    needs = [{makers[a] for a in node.ins if isinstance(a, Var) and a in makers} for node in nodes]
    readers: list[list[int]] = [[] for _ in nodes]
    for number, needed in enumerate(needs):
        for other in needed:
            readers[other].append(number)
    missing = [len(needed) for needed in needs]
    ready = [number for number, count in enumerate(missing) if not count]
    ordered: list[Node] = []
    while ready:
        number = heapq.heappop(ready)
        ordered.append(nodes[number])
        for reader in readers[number]:
            missing[reader] -= 1
            if not missing[reader]:
                heapq.heappush(ready, reader)
    return ordered if len(ordered) == len(nodes) else None


def _body(group: Sequence[Region], positions: Sequence[int]) -> Graph:
    """The function of regions that are alike: what they call differently it calls by what is common in that."""
    first = group[0]
    names = _common_names([region.ins for region in group]) | _common_names([region.outs for region in group])
    fresh = {var: Var(var.aval, name) for var, name in names.items()}
    eqns = tuple(renamed(eqn, fresh) for eqn in first.eqns)
    outs = first.outs
    return calls(
        Graph(first.name, tuple(map(fresh.__getitem__, first.ins)), eqns, tuple(fresh[outs[i]] for i in positions))
    )


def _common_names(each: Sequence[Sequence[Var]]) -> dict[Var, str]:
    """For each variable of the first what it and those that correspond to it are called: ``W`` of ``W_0``, ``W_1``."""
    return {column[0]: common_name([var.name for var in column]) for column in zip(*each, strict=True)}


def common_name(names: Sequence[str]) -> str:
    """The words that names have in common, at the same places.

    Examples
    --------
    >>> common_name(["params_0_W", "params_1_W"]), common_name(["h", "h"]), common_name(["x", "h"])
    ('params_W', 'h', 'x')
    """
    words = [name.split("_") for name in names]
    if len({len(each) for each in words}) > 1:
        return names[0]
    shared = [column[0] for column in zip(*words, strict=True) if len(set(column)) == 1]
    name = "_".join(shared)
    return name if name.isidentifier() else names[0]
