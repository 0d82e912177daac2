"""Structures of values: tuples, lists, dicts, namedtuples, dataclasses and records, nested at will.

`optree` does the flattening.  On top of it: dataclasses need no registration, fields marked static belong to the
structure, and so do strings, callables, enums and None.  Everything else at a leaf must be a number or an array.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

import numpy as np
import optree

from staticbp.core.graph import Lit
from staticbp.core.primitive import Traced
from staticbp.errors import ArgumentError, StructureError

NAMESPACE = "staticbp"
STATIC = "staticbp.static"  # the key in a dataclass field's metadata

_NUMBERS = (np.ndarray, np.generic, bool, int, float, complex, Traced, Lit)


class Structure:
    """The shape of a tree without its leaves; hashable, and able to put leaves back."""

    __slots__ = ("_hash", "spec", "statics")

    def __init__(self, spec: optree.PyTreeSpec, statics: tuple[tuple[int, Any], ...]) -> None:
        self.spec = spec
        self.statics = statics  # (position among optree's leaves, value) of what belongs to the structure
        self._hash = hash((spec, statics))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and self.spec == other.spec and self.statics == other.statics

    def __repr__(self) -> str:
        return str(self.unflatten(["*"] * self.count)) if self.count else str(self.unflatten([]))

    @property
    def count(self) -> int:
        """The number of leaves."""
        return self.spec.num_leaves - len(self.statics)

    def unflatten(self, leaves: Sequence[Any]) -> Any:
        """The tree with these leaves."""
        if self.statics:
            filled = list(leaves)
            for position, value in self.statics:
                filled.insert(position, value)
            leaves = filled
        return optree.tree_unflatten(self.spec, leaves)


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves of a tree and its structure."""
    leaves, spec = optree.tree_flatten(tree, namespace=NAMESPACE)
    if _register_dataclasses(leaves):
        return flatten(tree)
    statics = tuple((i, leaf) for i, leaf in enumerate(leaves) if not isinstance(leaf, _NUMBERS))
    if statics:
        for position, leaf in statics:
            if not (isinstance(leaf, str | Enum | type) or callable(leaf)):
                raise _not_a_number(tree, position, leaf)
        taken = {position for position, _ in statics}
        leaves = [leaf for i, leaf in enumerate(leaves) if i not in taken]
    return leaves, Structure(spec, statics)


def _not_a_number(tree: Any, position: int, leaf: Any) -> ArgumentError:
    path = optree.tree_accessors(tree, namespace=NAMESPACE)[position].codify("")
    place = f" at {path.lstrip('.')}" if path else ""
    return ArgumentError(
        f"a {type(leaf).__name__}{place} is neither a number, an array nor a structure of them",
        advice="Mark it as static (a field `= bp.static()`, or static_argnums), or convert it to an array.",
    )


def _register_dataclasses(leaves: Sequence[Any]) -> bool:
    """Teach optree the dataclasses among the leaves; whether there were any."""
    classes = {type(leaf) for leaf in leaves if dataclasses.is_dataclass(leaf) and not isinstance(leaf, type)}
    for cls in classes:
        register_dataclass(cls)
    return bool(classes)


def register_dataclass(cls: type) -> None:
    """Make instances of the dataclass `cls` structures: static fields are structure, the others children."""
    fields = dataclasses.fields(cls)
    children = tuple(f.name for f in fields if not f.metadata.get(STATIC, False))
    static = tuple(f.name for f in fields if f.metadata.get(STATIC, False))

    def take_apart(value: Any) -> tuple[Any, Any, tuple[str, ...]]:
        fixed = tuple((type(v), v) for v in (getattr(value, n) for n in static))  # 1 and 1.0 are not the same
        for name, pair in zip(static, fixed, strict=True):
            _require_hash(cls, name, pair)
        return [getattr(value, n) for n in children], fixed, children

    def put_together(aux: Any, values: Any) -> Any:
        made: Any = object.__new__(cls)
        for name, value in zip(children, values, strict=True):
            object.__setattr__(made, name, value)
        for name, (_, value) in zip(static, aux, strict=True):
            object.__setattr__(made, name, value)
        return made

    optree.register_pytree_node(cls, take_apart, put_together, path_entry_type=optree.GetAttrEntry, namespace=NAMESPACE)


def _require_hash(cls: type, name: str, fixed: tuple[type, Any]) -> None:
    try:
        hash(fixed)
    except TypeError:
        raise ArgumentError(
            f"the static field {cls.__name__}.{name} is a {fixed[0].__name__} without a hash: compiled code cannot be "
            "found by it",
            advice="Make it a tuple, a string or a number, or a field that is not static.",
        ) from None


def paths(tree: Any) -> list[tuple[str, ...]]:
    """For each leaf the field names, keys and positions that lead to it."""
    found = optree.tree_paths(tree, namespace=NAMESPACE)
    statics = {position for position, _ in flatten(tree)[1].statics}
    return [tuple(map(str, path)) for i, path in enumerate(found) if i not in statics]


def path_texts(tree: Any, root: str) -> list[str]:
    """For each leaf the expression that reads it from the variable `root`: ``net.layers[0].weights``."""
    accessors = optree.tree_accessors(tree, namespace=NAMESPACE)
    statics = {position for position, _ in flatten(tree)[1].statics}
    return [a.codify(root) for i, a in enumerate(accessors) if i not in statics]


def leaves_of(tree: Any) -> list[Any]:
    """The leaves, from left to right."""
    return flatten(tree)[0]


def map_leaves(function: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """`function` applied leaf by leaf to trees of one structure."""
    leaves, structure = flatten(tree)
    columns = [leaves]
    for other in rest:
        more, other_structure = flatten(other)
        if other_structure != structure:
            raise StructureError(f"these structures differ: {structure} and {other_structure}")
        columns.append(more)
    return structure.unflatten([function(*row) for row in zip(*columns, strict=True)])
