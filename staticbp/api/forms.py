"""A call taken apart, and what a function has been compiled to for calls like it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from staticbp.api.sizes import Pattern
from staticbp.core.tree import Structure
from staticbp.runtime.direct import Straight, direct_call
from staticbp.runtime.dispatch import Entry, signature
from staticbp.runtime.gate import Gate
from staticbp.trace.guards import Guards

F = TypeVar("F")

RECENT = 4  # forms that are tried before the arguments are taken apart to find the right one


@dataclasses.dataclass(slots=True)
class Call:
    """The arguments of a call: as they were given, without the static ones, and as leaves."""

    given: tuple[tuple[Any, ...], dict[str, Any]]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    statics: tuple[Any, ...]
    leaves: list[Any]
    structure: Structure

    @property
    def key(self) -> Any:
        """What a compiled form is found by."""
        return (self.structure, signature(self.leaves), self.statics)

    @property
    def kind(self) -> Any:
        """What calls have in common that differ in shapes only."""
        types = tuple([(x.dtype, x.ndim) if isinstance(x, np.ndarray) else type(x) for x in self.leaves])
        return (self.structure, types, self.statics)

    def key_for(self, pattern: Pattern | None) -> Any:
        """What the form is found by that was compiled for a pattern of shapes."""
        return self.key if pattern is None else (self.kind, pattern)


@dataclasses.dataclass(slots=True, eq=False)
class Form:
    """A function compiled for one signature; an `exact` one for these shapes alone."""

    entry: Entry
    guards: Guards
    converters: list[tuple[int, Callable[[Any], Any]]]
    join: Callable[[Sequence[Any]], Any]
    gate: Gate | None
    straight: Straight | None

    def __call__(self, leaves: Sequence[Any]) -> Any:
        """The result for leaves as the user gave them."""
        self.entry.check_donated(leaves)
        arguments = list(leaves)
        for position, convert in self.converters:
            arguments[position] = convert(arguments[position])
        return self.join(self.entry(arguments))

    @property
    def exact(self) -> bool:
        """Whether it serves one list of shapes only."""
        return not self.entry.sizes


def in_order(form: Form, gates: Sequence[Gate], general: set[Gate]) -> list[Gate]:
    """The gates to try after a call that `form` has served: those of exact forms first, and of each kind the latest.

    `general` are the gates of the others; it gains that of `form` if it is one.
    """
    if form.gate is None:
        return list(gates)
    if not form.exact:
        general.add(form.gate)
    latest = [form.gate, *(gate for gate in gates if gate is not form.gate)]
    behind = [gate for gate in latest if gate in general][: RECENT // 2]
    return [*[gate for gate in latest if gate not in general][: RECENT - len(behind)], *behind]


def straight_kind(kind: type[F], form: Form, name: str, otherwise: Callable[..., Any]) -> type[F] | None:
    """A class for a function that calls like those of `form` go straight through, if they can; and else `otherwise`.

    CPython calls an object by the method of its class: so there is one for each such function.
    """
    frozen = form.guards.lookups
    if form.straight is None or frozen is None:
        return None
    call = direct_call(name, otherwise, form.straight, frozen)
    described = {name: getattr(kind, name) for name in ("__module__", "__qualname__", "__doc__")}
    return type(kind.__name__, (kind,), {"__call__": call, **described})


def reachable(tree: Any) -> list[Any]:
    """What arguments bring with them that may be called: functions, and the methods of the user's classes."""
    found: dict[int, Any] = {}
    queue = [tree]
    while queue:
        value = queue.pop()
        cls = type(value)
        if isinstance(value, dict):
            queue.extend(value.values())
        elif isinstance(value, tuple | list):
            queue.extend(value)
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            queue.extend(getattr(value, f.name, None) for f in dataclasses.fields(value))
        elif callable(value):
            found[id(value)] = value
        if cls.__module__ not in ("builtins", "numpy"):
            found[id(cls)] = cls
    return list(found.values())
