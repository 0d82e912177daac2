"""Structures of values: tuples, lists, dicts, namedtuples, dataclasses and records, nested at will.

`optree` does the flattening.  On top of it: dataclasses need no registration, fields marked static belong to the
structure, and so do strings, callables, enums and None.  Classes of the user's own are structures once they are
registered.  Everything else at a leaf must be a number or an array.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

import numpy as np
import optree

from staticbp.core.graph import Lit
from staticbp.core.primitive import Traced
from staticbp.core.shape import Extent
from staticbp.errors import ArgumentError, StructureError

NAMESPACE = "staticbp"
STATIC = "staticbp.static"  # the key in a dataclass field's metadata

_NUMBERS = (np.ndarray, np.generic, bool, int, float, complex, Traced, Lit, Extent)


class _Leaf:
    """What stands for a number or an array where a structure is shown."""

    def __repr__(self) -> str:
        return "*"


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
        return str(self.unflatten([_Leaf()] * self.count)) if self.count else str(self.unflatten([]))

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


def flatten(tree: Any, opaque: Callable[[Any], bool] | None = None, root: str = "") -> tuple[list[Any], Structure]:
    """The leaves of a tree and its structure; what is `opaque` is a leaf as well.  Errors call the tree `root`."""
    try:
        leaves, spec = optree.tree_flatten(tree, is_leaf=opaque, namespace=NAMESPACE)
    except RecursionError:
        raise ArgumentError(
            "a structure that contains itself, or is nested too deeply to be taken apart",
            advice="Keep the parts of a long chain side by side, in a list.",
        ) from None
    if _register_dataclasses(leaves):
        return flatten(tree, opaque, root)
    statics = tuple((i, leaf) for i, leaf in enumerate(leaves) if not isinstance(leaf, _NUMBERS))
    if opaque is not None:
        statics = tuple((i, leaf) for i, leaf in statics if not opaque(leaf))
    if statics:
        for position, leaf in statics:
            if not (isinstance(leaf, str | Enum | type) or callable(leaf)):
                raise _not_a_number(tree, position, leaf, root)
        taken = {position for position, _ in statics}
        leaves = [leaf for i, leaf in enumerate(leaves) if i not in taken]
    return leaves, Structure(spec, statics)


def _not_a_number(tree: Any, position: int, leaf: Any, root: str) -> ArgumentError:
    path = optree.tree_accessors(tree, namespace=NAMESPACE)[position].codify(root)
    place = f" at {path.lstrip('.')}" if path else ""
    return ArgumentError(
        f"a {type(leaf).__name__}{place} is neither a number, an array nor a structure of them",
        advice="Mark it as static (a field `= bp.static()`, or static_argnums), convert it to an array, or tell "
        "bp.register what its leaves are.",
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
            _require_hash(f"the static field {cls.__name__}.{name}", pair)
        return [getattr(value, n) for n in children], fixed, children

    def put_together(aux: Any, values: Any) -> Any:
        made: Any = object.__new__(cls)
        for name, value in zip(children, values, strict=True):
            object.__setattr__(made, name, value)
        for name, (_, value) in zip(static, aux, strict=True):
            object.__setattr__(made, name, value)
        return made

    optree.register_pytree_node(cls, take_apart, put_together, path_entry_type=optree.GetAttrEntry, namespace=NAMESPACE)


def _require_hash(what: str, fixed: tuple[type, Any]) -> None:
    try:
        hash(fixed)
    except TypeError:
        raise ArgumentError(
            f"{what} is a {fixed[0].__name__} without a hash: compiled code cannot be found by it",
            advice="Make it a tuple, a string or a number, or a part that is not static.",
        ) from None


# ---- classes of the user's --------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """What is known of a class whose values are structures, because somebody said so.

    ``make(leaves(value))`` is `value` again; with `static`, ``make(leaves(value), static(value))``.  The rest is its
    arithmetic where that is not the one of its leaves.
    """

    leaves: Callable[[Any], Any]
    make: Callable[..., Any]
    static: Callable[[Any], Any] | None = None
    zero: Callable[[Any], Any] | None = None
    add: Callable[[Any, Any], Any] | None = None
    one: Callable[[Any], Any] | None = None


KINDS: dict[type, Kind] = {}


class _Transparent(optree.PyTreeEntry):
    """The step from a value of a registered class to its leaves: none that a path shows."""

    def codify(self, node: str = "") -> str:
        return node


def register_kind(cls: type, kind: Kind) -> None:
    """Make values of `cls` structures, of which `kind` knows the leaves."""
    is_sound = False

    def take_apart(value: Any) -> tuple[Any, Any, tuple[str, ...]]:
        nonlocal is_sound
        leaves = kind.leaves(value)
        fixed: Any = ()
        if kind.static is not None:
            static = kind.static(value)
            fixed = (type(static), static)
            _require_hash(f"what is static in a {cls.__name__}", fixed)
        if not is_sound:
            _require_sound(cls, kind, leaves, put_together(fixed, [leaves]))
            is_sound = True
        return [leaves], fixed, ("leaves",)

    def put_together(fixed: Any, children: Any) -> Any:
        (leaves,) = children
        try:
            return kind.make(leaves, *fixed[1:])
        except Exception as error:
            raise ArgumentError(
                f"a {cls.__name__} could not be made of {leaves!r}: {type(error).__name__}: {error}", advice=_STORES
            ) from error

    optree.register_pytree_node(cls, take_apart, put_together, path_entry_type=_Transparent, namespace=NAMESPACE)
    KINDS[cls] = kind


_STORES = (
    "`make` is handed traced values, derivatives and marks for what is still to be computed, so it stores what it is "
    "given; checks and conversions belong into the class's own __init__ or into other functions."
)


def _require_sound(cls: type, kind: Kind, leaves: Any, again: Any) -> None:
    """Derivatives of a value take the way of its leaves, so nothing must happen to those on the way."""
    if type(again) is not cls:
        what = f"`make` gives a {type(again).__name__} in place of a {cls.__name__}"
        raise ArgumentError(f"bp.register: {what}", advice=_STORES)
    before, structure = flatten(leaves)
    after, same = flatten(kind.leaves(again))
    if structure != same or any(a is not b for a, b in zip(before, after, strict=True)):
        raise ArgumentError(
            f"bp.register: a {cls.__name__} made of {leaves!r} has leaves of its own: {kind.leaves(again)!r}",
            advice=_STORES,
        )


# ---- parts and paths --------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Parts:
    """A structure one level deep: what its parts are called, and how to make another with other parts.

    `statics` are the names of those that belong to the structure.
    """

    values: dict[Any, Any]
    changed: Callable[[Mapping[Any, Any]], Any]
    statics: frozenset[str] = frozenset()


def parts_of(value: Any) -> Parts | None:
    """The parts of a structure; None for a leaf, and for what has none.

    Dataclasses are made anew by their `__init__`, which sees to it that what `__post_init__` demands is so.
    """
    kind = KINDS.get(type(value))
    if kind is not None:
        inner = parts_of(kind.leaves(value))
        fixed = () if kind.static is None else (kind.static(value),)
        return inner and Parts(inner.values, lambda changes: kind.make(inner.changed(changes), *fixed))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return Parts(
            {field.name: getattr(value, field.name) for field in fields},
            lambda changes: _made_anew(value, changes),
            frozenset(field.name for field in fields if field.metadata.get(STATIC, False)),
        )
    if optree.is_namedtuple(value):
        return Parts(value._asdict(), lambda changes: value._replace(**changes))
    if value is None or optree.tree_is_leaf(value, namespace=NAMESPACE):
        return None
    children, metadata, entries, make, *_ = optree.tree_flatten_one_level(value, namespace=NAMESPACE)
    values = dict(zip(entries, children, strict=True))
    return Parts(values, lambda changes: make(metadata, list({**values, **changes}.values())))


def _made_anew(value: Any, changes: Mapping[str, Any]) -> Any:
    for field in dataclasses.fields(value):
        if field.name in changes and not field.init:
            raise StructureError(f"{type(value).__name__}.{field.name} is made by __init__ and cannot be replaced")
    return dataclasses.replace(value, **changes)


def walk(tree: Any, steps: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Everything in a tree with the fields, keys and positions that lead to it: a structure before its parts."""
    yield steps, tree
    parts = parts_of(tree)
    if parts is None:
        kind = KINDS.get(type(tree))
        if kind is not None:
            yield steps, kind.leaves(tree)
        return
    for name, value in parts.values.items():
        if name not in parts.statics:
            yield from walk(value, (*steps, name))


def is_number(value: Any) -> bool:
    """Whether a value is a leaf: a number or an array, plain or traced."""
    return isinstance(value, _NUMBERS)


def path_texts(tree: Any, root: str) -> list[str]:
    """For each leaf the expression that reads it from the variable `root`: ``net.layers[0].weights``."""
    accessors = optree.tree_accessors(tree, namespace=NAMESPACE)
    statics = {position for position, _ in flatten(tree)[1].statics}
    return [a.codify(root) for i, a in enumerate(accessors) if i not in statics]


def leaves_of(tree: Any) -> list[Any]:
    """The leaves, from left to right."""
    return flatten(tree)[0]


def map_leaves(function: Callable[..., Any], tree: Any, *rest: Any, opaque: Callable[[Any], bool] | None = None) -> Any:
    """`function` applied leaf by leaf to trees of one structure; what is `opaque` is a leaf as well."""
    leaves, structure = flatten(tree, opaque)
    columns = [leaves]
    for other in rest:
        more, other_structure = flatten(other, opaque)
        if other_structure != structure:
            raise StructureError(f"these structures differ: {structure} and {other_structure}")
        columns.append(more)
    return structure.unflatten([function(*row) for row in zip(*columns, strict=True)])
