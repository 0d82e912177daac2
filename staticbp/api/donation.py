"""Donated arguments: arrays that a call may write over, as which the results in their places come back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from staticbp.api.arguments import Statics, positional_names, title
from staticbp.compilation import Outputs
from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.graph import Graph
from staticbp.core.tree import Structure, flatten, path_texts, walk
from staticbp.errors import ArgumentError, DonationError
from staticbp.runtime.dispatch import Donated
from staticbp.trace.names import defined_at


def donated_positions(
    function: Callable[..., Any], argnums: int | Sequence[int], statics: Statics | None
) -> tuple[int, ...]:
    """The positions of donated arguments, none negative; refuses what is not there, and what is not traced."""
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    names = positional_names(function)
    for number in numbers:
        if not -len(names) <= number < len(names):
            raise ArgumentError(
                f"donate_argnums names argument {number}, but {title(function)} has {len(names)}",
                src=defined_at(function),
            )
    positions = tuple(sorted({number % len(names) for number in numbers}))
    for position in positions:
        if statics is not None and position in statics.positions:
            raise ArgumentError(
                f"argument {names[position]} of {title(function)} is static and donated: there is nothing to update",
                src=defined_at(function),
            )
    return positions


@dataclass(frozen=True, slots=True)
class DonatedArgument:
    """An argument of a call that may be written over: its structure, and for each leaf its number and path."""

    name: str
    structure: Structure
    leaves: tuple[int, ...]
    paths: tuple[str, ...]


def donated_arguments(
    function: Callable[..., Any], positions: Sequence[int], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[DonatedArgument]:
    """The donated ones among the arguments of a call, by whichever way they were passed."""
    names = positional_names(function)
    given = [(str(i), value) for i, value in enumerate(args)] + [(name, kwargs[name]) for name in sorted(kwargs)]
    wanted = {str(i) if i < len(args) else names[i]: names[i] for i in positions}
    found: list[DonatedArgument] = []
    start = 0
    for key, value in given:
        leaves, structure = flatten(value)
        if key in wanted:
            name = wanted[key]
            numbers = tuple(range(start, start + len(leaves)))
            found.append(DonatedArgument(name, structure, numbers, tuple(path_texts(value, name))))
        start += len(leaves)
    return found


def pair(
    function: Callable[..., Any], arguments: Sequence[DonatedArgument], outputs: Outputs, graph: Graph
) -> tuple[Donated, ...]:
    """Which results take the places of the arrays in donated arguments.

    For each argument that is the first part of what the function returns (all of it, or an element, however deep)
    with the structure of the argument and arrays of the same shapes and dtypes.
    """
    taken: set[int] = set()
    found: list[Donated] = []
    for argument in arguments:
        arrays = [k for k, leaf in enumerate(argument.leaves) if graph.invars[leaf].aval.shape]
        if not arrays:
            continue
        mismatch: str | None = None
        for results in _candidates(argument.structure, outputs):
            if taken.isdisjoint(results[k] for k in arrays):
                mismatch = _mismatch(argument, arrays, results, graph)
                if mismatch is None:
                    break
        else:
            raise DonationError(
                f"{argument.name} is donated to {title(function)}, but "
                + (mismatch or "nothing that the function returns has its structure"),
                src=defined_at(function),
                advice="Return what takes its place (the updated record, say), or do not donate it.",
            )
        taken.update(results[k] for k in arrays)
        found += [Donated(results[k], argument.leaves[k], argument.paths[k]) for k in arrays]
    return tuple(found)


def _candidates(structure: Structure, outputs: Outputs) -> list[list[int]]:
    """The parts of a function's result with a structure: for each leaf the number of the graph's output, or -1."""
    plain = {position for position, _ in outputs.plain}
    numbers = iter(range(outputs.structure.count))
    result = outputs.structure.unflatten([-1 if i in plain else next(numbers) for i in range(outputs.structure.count)])
    parts = [flatten(part) for _, part in walk(result)]
    return [leaves for leaves, found in parts if found == structure]


def _mismatch(argument: DonatedArgument, arrays: Sequence[int], results: Sequence[int], graph: Graph) -> str | None:
    """What keeps a part of the result from taking the place of an argument; None when nothing does."""
    for k in arrays:
        mine, theirs = graph.invars[argument.leaves[k]].aval, _type(results[k], graph)
        if theirs is None or mine.dtype != theirs.dtype or not shapes.same(mine.shape, theirs.shape):
            return f"{argument.paths[k]} is {mine.strong()}, and what takes its place {theirs or 'a number'}"
    return None


def _type(result: int, graph: Graph) -> Aval | None:
    return None if result < 0 else graph.outs[result].aval.strong()
