"""Forward mode: `jvp`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from staticbp.api.arguments import Argnums, Chosen, title
from staticbp.api.casting import fitted
from staticbp.api.function import Function, known, made, name_of, remembered
from staticbp.api.staging import differentiated, with_respect_to
from staticbp.compilation import Outputs, lifted
from staticbp.core.primitive import Value, inline, value_aval
from staticbp.core.tree import flatten
from staticbp.errors import ArgumentError, StructureError
from staticbp.ops.linear import zeros
from staticbp.trace.names import here
from staticbp.transforms.rules import RULES


class Jvp(Function[..., Any]):
    """A function of primals and tangents.  Made by `Differentiable.jvp`; `jvp` calls it."""

    def __init__(self, function: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> None:
        super().__init__(function, argnums=argnums, has_aux=has_aux)
        self._statics = None
        self.argnums = argnums
        self.has_aux = has_aux

    def _name(self) -> str:
        return f"{name_of(self.__wrapped__)}_jvp"

    def _description(self) -> str:
        return f"value and tangent of {with_respect_to(self.__wrapped__, self.argnums)}"

    def _argument_names(self, count: int) -> list[str]:
        return ["primals", "tangents"][:count]

    def _bind_first(self, instance: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return ((instance, *args[0]), *args[1:])

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        function = self.__wrapped__
        primals, tangents = args
        if not isinstance(primals, tuple | list):
            raise ArgumentError(
                f"the primals of jvp are a {type(primals).__name__}, not a tuple of arguments", src=here().src
            )
        made_of = differentiated(function, tuple(primals), kwargs, self.argnums, self.has_aux)
        dots = _tangents(function, made_of.chosen, tangents)
        moved = RULES.jvp(made_of.staged.graph, made_of.active)
        results = lifted(inline(moved, [*made_of.inputs, *dots]))
        values, given = results[: made_of.count], iter(results[made_of.count :])
        output, aux = made_of.staged.outputs.join(values)
        flows = RULES.active_outputs(made_of.staged.graph, made_of.active)
        out_dots = [next(given) if flag else zeros(x) for x, flag in zip(values, flows, strict=True)]
        tangent = tangent_tree(made_of.staged.outputs, lifted(out_dots))
        return (output, tangent, aux) if self.has_aux else (output, tangent)


def _tangents(function: Callable[..., Any], chosen: Chosen, tangents: Any) -> list[Value]:
    given = (tangents,) if chosen.single else tuple(tangents)
    leaves, structure = flatten(given)
    if structure != chosen.structure:
        raise StructureError(
            f"the tangents of {title(function)} are {structure}, its arguments {chosen.structure}",
            src=here().src,
            advice="Give a tangent for each argument that is differentiated, with the same structure.",
        )
    pairs = zip(leaves, chosen.leaves, chosen.paths, strict=True)
    return [fitted(dot, value_aval(x).strong(), f"the tangent of {path}") for dot, x, path in pairs]


def tangent_tree(outputs: Outputs, dots: Sequence[Value]) -> Any:
    """The tangents in the structure of the output; what no graph computes does not move."""
    still = tuple((i, type(value)(0)) for i, value in outputs.plain)
    return Outputs(outputs.structure, still).join(dots)[0]


def jvp(
    function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], *, has_aux: bool | None = None
) -> Any:
    """The output of a function, and its tangent: the derivative in one direction.

    Parameters
    ----------
    function : callable
        Any function of arrays, numbers and structures of them.
    primals : sequence
        Its arguments.
    tangents : sequence
        For each argument the direction it moves in: the same structure, anything castable to its leaves.
    has_aux : bool, optional
        Whether `function` returns ``(output, aux)``; by default what `function` was decorated with.

    Returns
    -------
    output : structure
        What `function` returns.
    tangent : structure
        The same structure; zeros for outputs that are integers.
    aux : structure
        Only with aux.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> bp.jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 0.0))
    (np.float64(6.0), np.float64(3.0))
    """
    key = (jvp, len(primals), has_aux)
    found = known(function, key)
    if found is None:
        aux = getattr(function, "has_aux", False) if has_aux is None else has_aux
        found = made(Jvp, function, argnums=tuple(range(len(primals))), has_aux=bool(aux))
        remembered(function, key, found)
    return found(tuple(primals), tuple(tangents))
