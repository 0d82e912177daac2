"""Arguments by position and name: which are static, which are differentiated, and what each leaf is called."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from staticbp.core.primitive import Builder, Value, value_aval
from staticbp.core.tree import Structure, flatten, path_texts
from staticbp.errors import ArgumentError, IntegerDifferentiationError
from staticbp.runtime.dispatch import odd_arrays
from staticbp.trace.names import defined_at, here

Argnums = int | tuple[int, ...]


def positional_names(function: Callable[..., Any]) -> list[str]:
    """The parameters of a function that can be given by position.

    Examples
    --------
    >>> positional_names(lambda x, y, *rest, scale=1: x)
    ['x', 'y']
    """
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in _parameters(function) if p.kind in kinds]


def parameter_names(function: Callable[..., Any], count: int) -> list[str]:
    """What the first `count` positional arguments of a function are called.

    Examples
    --------
    >>> parameter_names(lambda x, *rest: x, 3), parameter_names(np.hypot, 2)
    (['x', 'rest_0', 'rest_1'], ['x0', 'x1'])
    """
    names = positional_names(function)
    rest = next((f"{p.name}_" for p in _parameters(function) if p.kind is p.VAR_POSITIONAL), "x")
    return [*names, *(f"{rest}{i}" for i in range(count - len(names)))][:count]


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    if isinstance(function, np.ufunc):
        return []
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # written in C, without a signature
        return []


def argument_paths(args: Sequence[Any], kwargs: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """For each leaf of ``(args, kwargs)`` the expression that reads it: ``net.layers[0].weights``."""
    texts = [text for arg, name in zip(args, names, strict=True) for text in path_texts(arg, name)]
    return texts + [text for name in sorted(kwargs) for text in path_texts(kwargs[name], name)]


def flatten_arguments(
    args: tuple[Any, ...], kwargs: dict[str, Any], names: Callable[[int], Sequence[str]]
) -> tuple[list[Any], Structure]:
    """The leaves and the structure of ``(args, kwargs)``; what is no structure is refused by its place in a call."""
    try:
        return flatten((args, kwargs))
    except ArgumentError:
        try:
            for name, value in (*zip(names(len(args)), args, strict=True), *kwargs.items()):
                flatten(value, root=name)
        except ArgumentError as error:
            raise ArgumentError(error.what, src=here().src, advice=error.advice) from None
        raise


def lift_arrays(tree: Any) -> Any:
    """Within a trace, plain arrays become traced constants, so that what is done to them is recorded."""
    builder = Builder.innermost()
    leaves, structure = flatten(tree)
    if builder is None or not any(isinstance(leaf, np.ndarray) for leaf in leaves):
        return tree
    return structure.unflatten([builder.wrap(builder.atom(x)) if isinstance(x, np.ndarray) else x for x in leaves])


# ---- static arguments -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Statics:
    """The arguments that are not traced: their values belong to the signature.

    An argument is static however it is passed; `positions` and `names` hold both ways to say it.
    """

    positions: frozenset[int]
    names: frozenset[str]

    @staticmethod
    def of(function: Callable[..., Any], argnums: int | Sequence[int], argnames: str | Sequence[str]) -> Statics | None:
        """The static arguments of a function; None when there are none."""
        numbers = {argnums} if isinstance(argnums, int) else set(argnums)
        named = {argnames} if isinstance(argnames, str) else set(argnames)
        if not numbers and not named:
            return None
        parameters = _parameters(function)
        positional = positional_names(function)
        open_ended = not parameters or any(p.kind is p.VAR_POSITIONAL for p in parameters)
        for number in numbers:
            if not (-len(positional) <= number < len(positional)) and not (open_ended and number >= 0):
                raise ArgumentError(
                    f"static_argnums names argument {number}, but {title(function)} has {len(positional)}",
                    src=defined_at(function),
                )
        unknown = named - {p.name for p in parameters}
        if unknown and parameters and not any(p.kind is p.VAR_KEYWORD for p in parameters):
            raise ArgumentError(
                f"static_argnames names {min(unknown)!r}, which is no parameter of {title(function)}",
                src=defined_at(function),
            )
        numbers = {n + len(positional) if n < 0 else n for n in numbers}
        numbers |= {positional.index(name) for name in named if name in positional}
        named |= {positional[n] for n in numbers if n < len(positional)}
        return Statics(frozenset(numbers), frozenset(named))

    def take(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any], tuple[Any, ...]]:
        """The arguments without the static ones (None in their places), and those with their types."""
        taken: list[tuple[int | str, Any]] = [(i, args[i]) for i in sorted(self.positions) if i < len(args)]
        taken += [(name, kwargs[name]) for name in sorted(self.names) if name in kwargs]
        for where, value in taken:
            _require_hashable(where, value)
        key = tuple((where, type(value), value) for where, value in taken)
        left = tuple(None if i in self.positions else arg for i, arg in enumerate(args))
        return left, {name: value for name, value in kwargs.items() if name not in self.names}, key

    def put_back(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], taken: tuple[Any, ...]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with the static ones in their places again."""
        found = {where: value for where, _, value in taken}
        named = {name: value for name, value in found.items() if isinstance(name, str)}
        return tuple(found.get(i, arg) for i, arg in enumerate(args)), {**kwargs, **named}


def _require_hashable(where: int | str, value: Any) -> None:
    try:
        hash(value)
    except TypeError:
        name = f"argument {where}" if isinstance(where, int) else f"argument `{where}`"
        raise ArgumentError(
            f"static {name} is a {type(value).__name__}, which has no hash, so compiled code cannot be found by it",
            src=here().src,
            advice="Make it a tuple, a string or a number, or let it be traced.",
        ) from None


# ---- differentiated arguments -----------------------------------------------------------------------------------


def positions(argnums: int | Sequence[int]) -> Argnums:
    """Positions of arguments as an int or a tuple of ints; an error for anything else.

    Examples
    --------
    >>> positions(1), positions([0, np.int64(2)])
    (1, (0, 2))
    """
    try:
        return tuple(map(operator.index, argnums)) if isinstance(argnums, Sequence) else operator.index(argnums)
    except TypeError:
        raise ArgumentError(
            f"arguments are named by their positions, counted from 0, and not by {argnums!r}",
            src=here().src,
            advice="Write 0 for the first, (0, 2) for the first and the third.",
        ) from None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The arguments that a transform is about, as leaves, and how to put others in their places."""

    args: tuple[Any, ...]
    positions: tuple[int, ...]
    leaves: list[Value]
    structure: Structure
    paths: list[str]
    single: bool

    @staticmethod
    def of(function: Callable[..., Any], args: tuple[Any, ...], argnums: Argnums) -> Chosen:
        """The arguments at `argnums`; refuses positions that are not there and leaves that are not floats."""
        names = parameter_names(function, len(args))
        wanted = (argnums,) if isinstance(argnums, int) else argnums
        for number in wanted:
            if not -len(args) <= number < len(args):
                raise ArgumentError(
                    f"{title(function)} is differentiated with respect to argument {number}, but was called with "
                    f"{len(args)} positional argument{'' if len(args) == 1 else 's'}",
                    src=here().src or defined_at(function),
                    advice="What is differentiated is passed by position, counted from 0, the self of a method only if "
                    "it is a record; keyword arguments are not differentiated.",
                )
        positions = tuple(n % len(args) for n in wanted)
        if len(set(positions)) < len(positions):
            raise ArgumentError(f"argnums {wanted} names an argument of {title(function)} twice", src=here().src)
        chosen = tuple(args[i] for i in positions)
        leaves, structure = flatten(chosen)
        paths = [text for i in positions for text in path_texts(args[i], names[i])]
        for leaf, path in zip(leaves, paths, strict=True):
            aval = value_aval(leaf)
            if not aval.is_float:
                remedy = "Pass a float (2.0 for 2)" if aval.weak else f"Make it a float ({path} * 1.0, .astype(float))"
                raise IntegerDifferentiationError(
                    f"{path} is {aval.dtype}, and a derivative with respect to it does not exist",
                    src=here().src or defined_at(function),
                    advice=f"{remedy}, name other argnums, or keep it out of the derivative with "
                    "bp.static() in the record.",
                )
        return Chosen(args, positions, leaves, structure, paths, isinstance(argnums, int))

    def replaced(self, leaves: Sequence[Value]) -> tuple[Any, ...]:
        """All arguments, with these leaves in the chosen ones."""
        new = list(self.args)
        for position, value in zip(self.positions, self.structure.unflatten(leaves), strict=True):
            new[position] = value
        return tuple(new)

    def shaped(self, leaves: Sequence[Value]) -> Any:
        """A result shaped like the chosen arguments: one, or a tuple of them."""
        tree = self.structure.unflatten(leaves)
        return tree[0] if self.single else tree


def title(function: Callable[..., Any]) -> str:
    """What the user calls a function."""
    return str(getattr(function, "__name__", type(function).__name__))


def plain_arrays(leaves: list[Any]) -> list[Any]:
    """Memory-mapped and other harmless kinds of arrays as what they are underneath."""
    odd = odd_arrays()
    return [
        np.asarray(x) if isinstance(x, np.ndarray) and type(x) is not np.ndarray and not isinstance(x, odd) else x
        for x in leaves
    ]
