"""How long a schedule takes, roughly: what is decided by it needs to know no more than the order of magnitude."""

from __future__ import annotations

import math
from collections.abc import Sequence

from staticbp.core import shape as shapes
from staticbp.core.graph import Eqn, Graph
from staticbp.core.lowering import Control
from staticbp.core.schedule import Call, FunctionCall, If, Loop, Reshape, Stmt, While
from staticbp.core.traverse import children

SLICED_WORK = 20_000_000  # element visits above which a loop at the top level can be interrupted


def effort(block: Sequence[Stmt]) -> float:
    """The number of elements that are computed or moved; without end where the number of steps is not known.

    A product of arrays counts the multiplications: for all of them that is the root of the product of the sizes of
    its operands and its result.
    """
    return sum(map(_effort, block))


def _effort(stmt: Stmt) -> float:
    match stmt:
        case Loop(extent=extent, body=body):
            return extent * effort(body) if isinstance(extent, int) else math.inf
        case While():
            return math.inf
        case If():
            return 1 + max(map(effort, children(stmt)))
        case FunctionCall(function=function):
            return effort(function.body)
        case Call(reads=reads, writes=writes):
            sizes = [shapes.size(ref.shape) for ref in dict.fromkeys((*reads, *writes))]
            known = [size for size in sizes if isinstance(size, int)]
            return max([math.sqrt(math.prod(known)), *known]) if len(known) == len(sizes) else math.inf
        case Reshape():
            return 0
        case _:
            return 1


def is_long(eqn: Eqn) -> bool:
    """Whether an equation is a loop that may run for longer than somebody who presses Ctrl-C wants to wait."""
    length = eqn.params.get("length") if isinstance(eqn.op.lowering, Control) else None
    return isinstance(length, int) and length * _work(eqn.params["body"]) > SLICED_WORK


def _work(graph: Graph) -> int:
    """Roughly how many elements a graph visits; symbolic sizes count as one."""
    total = 0
    for eqn in graph.eqns:
        sizes = [a.aval.size for a in (*eqn.ins, *eqn.outs)]
        total += max((s for s in sizes if isinstance(s, int)), default=1)
        if isinstance(eqn.op.lowering, Control):
            length = eqn.params.get("length", 1)
            total += (length if isinstance(length, int) else 1) * sum(map(_work, eqn.subgraphs()))
    return total
