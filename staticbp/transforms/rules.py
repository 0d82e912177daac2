"""The transforms as loops, branches and custom operations ask for them (`core.primitive.Rules`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from staticbp.core.aval import Aval
from staticbp.core.graph import Graph
from staticbp.core.primitive import Value
from staticbp.core.shape import Dim
from staticbp.trace.trace import rebuild
from staticbp.transforms import activity
from staticbp.transforms import batch as batching
from staticbp.transforms import jvp as forward_mode
from staticbp.transforms import vjp as reverse_mode
from staticbp.transforms.split import split


class TransformRules:
    """`Rules` by the transforms of this package."""

    def build(
        self, name: str, function: Callable[..., Sequence[Value]], avals: Sequence[Aval], names: Sequence[str]
    ) -> Graph:
        """The graph of a flat function."""
        return rebuild(Graph(name, (), (), ()), function, avals, names)

    def active_outputs(self, body: Graph, active: Sequence[bool]) -> list[bool]:
        """Which outputs are differentiable functions of the active inputs."""
        return activity.active_outputs(body, active)

    def vjp(self, body: Graph, active: Sequence[bool]) -> tuple[Graph, Graph]:
        """The forward and the backward graph of a body."""
        joint = reverse_mode.vjp(self, body, active)
        return split(joint, len(body.outs), len(joint.invars) - len(body.invars))

    def jvp(self, body: Graph, active: Sequence[bool]) -> Graph:
        """A body together with its tangents."""
        return forward_mode.jvp(self, body, active)

    def batch(self, body: Graph, size: Dim, batched: Sequence[bool]) -> tuple[Graph, list[bool]]:
        """A body with a leading axis."""
        return batching.batch(self, body, size, batched)

    def split(self, joint: Graph, n_outs: int, n_cotangents: int) -> tuple[Graph, Graph]:
        """A joint graph as a forward and a backward graph."""
        return split(joint, n_outs, n_cotangents)


RULES = TransformRules()
