"""Gates: for one signature, straight-line Python from a call's arguments to the leaves that compiled code takes.

A generic walk over structures costs more than a small compiled function does.  So each compiled form of a function
has a gate, written when it is made, that knows where every leaf is and what it has to look like; and an assembler,
which puts results into the structure that the function returns::

    def gate(args, kwargs):
        a0, a1 = args
        if type(a0) is not c0: return None      # Net
        v0 = a0.weights
        if type(v0) is not ndarray or v0.dtype is not c1 or v0.shape != (3, 4): return None
        ...
        return [v0, v1, a1]

A gate that does not fit gives None, and the caller finds the right form by its signature.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import optree

from staticbp.core.tree import NAMESPACE, STATIC, Structure, flatten
from staticbp.runtime.dispatch import converter

Gate = Callable[[Sequence[Any], Mapping[str, Any]], list[Any] | None]
Assembler = Callable[[Sequence[Any]], Any]

_LEAVES = (np.ndarray, np.generic, bool, int, float)
_FITS = 0x101  # C-contiguous and aligned, among the flags of an array


class _NoGate(Exception):
    """A structure of a kind that only a generic walk can take apart."""


def write_gate(args: Sequence[Any], kwargs: Mapping[str, Any], static: Mapping[int | str, Any]) -> Gate | None:
    """The gate for calls that look like this one; None when there can be none.

    Parameters
    ----------
    args, kwargs
        The arguments of a call.
    static : mapping
        Those of them, by position or name, that are compared as a whole.
    """
    left = tuple(None if i in static else value for i, value in enumerate(args))
    expected, _ = flatten((left, {name: value for name, value in kwargs.items() if name not in static}))
    writer = _GateWriter()
    try:
        writer.line(f"if len(args) != {len(args)} or len(kwargs) != {len(kwargs)}: return None")
        for position, value in enumerate(args):
            writer.argument(f"args[{position}]", value, position in static)
        for name in sorted(kwargs):
            writer.argument(f"kwargs[{writer.constant(name)}]", kwargs[name], name in static)
        gate = writer.finish()
    except _NoGate:
        return None
    found = gate(args, kwargs)  # the generic walk has the last word
    fits = found is not None and len(found) == len(expected) and all(map(_same, found, expected))
    return gate if fits else None


def _same(found: Any, expected: Any) -> bool:
    return found is expected or (converter(expected) is not None and np.array_equal(found, expected, equal_nan=True))


def _is_structural(value: Any) -> bool:
    """Whether a value without parts belongs to the structure: None, a string, a function, an enum."""
    return value is None or optree.tree_is_leaf(value, namespace=NAMESPACE)


class _GateWriter:
    """Writes one gate."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.leaves: list[str] = []
        self.namespace: dict[str, Any] = {"ndarray": np.ndarray}

    def line(self, text: str) -> None:
        self.lines.append(text)

    def refuse_if(self, condition: str) -> None:
        self.line(f"if {condition}: return None")

    def constant(self, value: Any) -> str:
        name = f"c{len(self.namespace)}"
        self.namespace[name] = value
        return name

    def variable(self, text: str) -> str:
        name = f"v{len(self.lines)}"
        self.line(f"{name} = {text}")
        return name

    def argument(self, text: str, value: Any, static: bool) -> None:
        name = self.variable(text)
        if static:
            self.equal(name, value)
        else:
            self.node(name, value)

    def equal(self, name: str, value: Any) -> None:
        """Part of the structure: compared by type and value."""
        if value is None:
            self.refuse_if(f"{name} is not None")
            return
        other = self.constant(value)
        self.refuse_if(f"{name} is not {other} and (type({name}) is not type({other}) or {name} != {other})")

    def node(self, name: str, value: Any) -> None:
        if isinstance(value, _LEAVES):
            self.leaf(name, value)
        elif _is_structural(value):
            self.equal(name, value)
        else:
            self.refuse_if(f"type({name}) is not {self.constant(type(value))}")
            self.children(name, value)

    def children(self, name: str, value: Any) -> None:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            for field in dataclasses.fields(value):
                inner = self.variable(f"{name}.{field.name}")
                child = getattr(value, field.name)
                if field.metadata.get(STATIC, False):
                    self.equal(inner, child)
                else:
                    self.node(inner, child)
        elif isinstance(value, tuple | list):
            self.refuse_if(f"len({name}) != {len(value)}")
            for position, child in enumerate(value):
                self.node(self.variable(f"{name}[{position}]"), child)
        elif type(value) is dict:
            self.refuse_if(f"len({name}) != {len(value)}")
            try:
                keys = sorted(value)
            except TypeError:
                raise _NoGate from None
            for key in keys:
                self.node(self.variable(f"{name}[{self.constant(key)}]"), value[key])
        else:
            raise _NoGate

    def leaf(self, name: str, value: Any) -> None:
        if not isinstance(value, np.ndarray):
            self.refuse_if(f"type({name}) is not {self.constant(type(value))}")
        else:
            if type(value) is not np.ndarray:
                raise _NoGate
            dtype = self.constant(value.dtype)
            self.refuse_if(
                f"type({name}) is not ndarray or {name}.shape != {value.shape!r} "
                f"or ({name}.dtype is not {dtype} and {name}.dtype != {dtype})"
            )
            convert = converter(value)
            if convert is not None:
                call = f"{name} = {self.constant(convert)}({name})"
                # An array as compiled code takes it is not even handed to its converter.
                plain = value.ndim and value.dtype.isnative
                self.line(f"if {name}.flags.num & {_FITS} != {_FITS}: {call}" if plain else call)
        self.leaves.append(name)

    def finish(self) -> Gate:
        body = "\n".join(f"        {line}" for line in [*self.lines, f"return [{', '.join(self.leaves)}]"])
        text = (
            f"def gate(args, kwargs):\n    try:\n{body}\n    except (LookupError, AttributeError):\n        return None"
        )
        exec(compile(text, "<staticbp gate>", "exec"), self.namespace)
        gate: Gate = self.namespace["gate"]
        return gate


# ---- results ----------------------------------------------------------------------------------------------------


def write_assembler(structure: Structure, plain: Sequence[tuple[int, Any]]) -> Assembler | None:
    """What puts results into `structure`, whose leaves at the positions in `plain` are known already."""
    known = dict(plain)
    numbers = iter(range(structure.count))
    template = structure.unflatten([known[i] if i in known else _Slot(next(numbers)) for i in range(structure.count)])
    namespace: dict[str, Any] = {"new": object.__new__, "put": object.__setattr__}
    lines: list[str] = []
    try:
        lines.append(f"return {_expression(template, lines, namespace)}")
    except _NoGate:
        return None
    text = "\n".join(["def assemble(results):", *(f"    {line}" for line in lines)])
    exec(compile(text, "<staticbp assembler>", "exec"), namespace)
    assemble: Assembler = namespace["assemble"]
    trial = [0.0] * (structure.count - len(known))
    return assemble if flatten(assemble(trial))[1] == structure else None


class _Slot:
    """The place of a result."""

    def __init__(self, position: int) -> None:
        self.position = position


def _expression(value: Any, lines: list[str], namespace: dict[str, Any]) -> str:
    def constant(known: Any) -> str:
        name = f"c{len(namespace)}"
        namespace[name] = known
        return name

    if isinstance(value, _Slot):
        return f"results[{value.position}]"
    if type(value) in (tuple, list):
        items = [_expression(item, lines, namespace) for item in value]
        if type(value) is list:
            return f"[{', '.join(items)}]"
        return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    if type(value) is dict:
        return f"{{{', '.join(f'{constant(k)}: {_expression(v, lines, namespace)}' for k, v in value.items())}}}"
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        items = [_expression(item, lines, namespace) for item in value]
        return f"{constant(type(value))}({', '.join(items)})"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        cls = constant(type(value))
        parts = [(f.name, _expression(getattr(value, f.name), lines, namespace)) for f in dataclasses.fields(value)]
        name = f"o{len(lines)}"
        lines.append(f"{name} = new({cls})")
        lines.extend(f"put({name}, {field!r}, {text})" for field, text in parts)
        return name
    if isinstance(value, bool | int | float | np.generic) or _is_structural(value):
        return constant(value)
    raise _NoGate
