"""A call of one graph by another: what is computed several times over is written once."""

from __future__ import annotations

from staticbp.core.lowering import Control
from staticbp.ops.body import Body
from staticbp.ops.registry import declare


class FunctionCall(Body):
    """``body(*ins)``, a function of the generated code.  Params: `body`, a graph.

    It is made when all derivatives have been taken (`passes/calls.py`), so it needs no rules.
    """

    name = "call"
    lowering = Control("call")

    def __init__(self) -> None:
        declare(self)


call = FunctionCall()
