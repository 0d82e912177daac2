"""What all derivatives start with: a function's graph in terms of the arguments that are differentiated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from staticbp.api.arguments import Argnums, Chosen, positional_names, title
from staticbp.api.function import describe, name_of, origin
from staticbp.compilation import Staged, identifiers, stage
from staticbp.core.primitive import Traced, Value, value_aval
from staticbp.core.tree import map_leaves
from staticbp.errors import ArgumentError
from staticbp.ops.control import stop_gradient
from staticbp.trace.names import defined_at


@dataclass(frozen=True, slots=True)
class Differentiated:
    """A function staged for a derivative.

    Its graph takes the leaves that are differentiated and then what it captured: other arguments, and values of the
    functions around it, through which outer derivatives flow.
    """

    chosen: Chosen
    staged: Staged

    @property
    def active(self) -> list[bool]:
        """Which inputs of the graph are differentiated."""
        return [True] * len(self.chosen.leaves) + [False] * len(self.staged.captures)

    @property
    def inputs(self) -> list[Value]:
        """The values of the graph's inputs."""
        return [*self.chosen.leaves, *self.staged.captures]

    @property
    def count(self) -> int:
        """The number of the graph's outputs."""
        return len(self.staged.graph.outs)


def differentiated(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    argnums: Argnums,
    has_aux: bool,
    check: Callable[[Any], Any] = lambda output: output,
) -> Differentiated:
    """Stage a call of `function`; its result becomes a pair of ``check(output)`` and aux."""
    chosen = Chosen.of(function, args, argnums)

    def primal(*leaves: Value) -> Any:
        output, aux = split_aux(function(*chosen.replaced(leaves), **kwargs), has_aux, function)
        return check(output), aux

    avals = [value_aval(leaf) for leaf in chosen.leaves]
    return Differentiated(chosen, stage(primal, name_of(function), avals, identifiers(chosen.paths)))


def split_aux(result: Any, has_aux: bool, function: Callable[..., Any]) -> tuple[Any, Any]:
    """The differentiated part of a result, and the rest, cut off from every derivative."""
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        raise ArgumentError(
            f"{title(function)} has has_aux=True but returns a {type(result).__name__}",
            src=defined_at(origin(function)),
            advice="Return a pair: (value, aux).",
        )
    output, aux = result
    return output, map_leaves(lambda x: stop_gradient(x) if isinstance(x, Traced) else x, aux)


def with_respect_to(function: Callable[..., Any], argnums: Argnums) -> str:
    """``loss(W, x) with respect to W``."""
    names = positional_names(function)
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    shown = [names[n] if -len(names) <= n < len(names) else f"argument {n}" for n in numbers]
    return f"{describe(function)} with respect to {' and '.join(shown) or 'nothing'}"
