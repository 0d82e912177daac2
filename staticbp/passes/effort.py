"""How long a schedule takes, roughly: what is decided by it needs to know no more than the order of magnitude."""

from __future__ import annotations

import math
from collections.abc import Sequence

from staticbp.core import shape as shapes
from staticbp.core.schedule import Call, If, Loop, Reshape, Stmt, While
from staticbp.core.traverse import children


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
        case Call(reads=reads, writes=writes):
            sizes = [shapes.size(ref.shape) for ref in dict.fromkeys((*reads, *writes))]
            known = [size for size in sizes if isinstance(size, int)]
            return max([math.sqrt(math.prod(known)), *known]) if len(known) == len(sizes) else math.inf
        case Reshape():
            return 0
        case _:
            return 1
