"""What the operations have in common whose meaning is a graph: its results, until derivatives have been taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from staticbp.core.aval import Aval
from staticbp.core.graph import Graph
from staticbp.core.interpret import interpret
from staticbp.core.primitive import Params, Primitive
from staticbp.errors import GraphError


class Body(Primitive):
    """``body(*ins)``, with derivatives of its own.  Params: `body`, a graph.

    It is there for as long as derivatives may be asked for: `passes/expand.py` puts the body in its place.
    """

    def avals(self, ins: Sequence[Aval], params: Params) -> tuple[Aval, ...]:
        body: Graph = params["body"]
        if [a.strong() for a in ins] != [a.strong() for a in body.in_avals]:
            raise GraphError(f"{body.name} was given other types than it takes")
        return body.out_avals

    def result_names(self, params: Params) -> Sequence[str] | None:
        outs = params["body"].outs
        return None if len(outs) == 1 else [getattr(atom, "name", "out") for atom in outs]

    def evaluate(self, ins: Sequence[Any], params: Params) -> tuple[Any, ...]:
        return tuple(interpret(params["body"], ins))
