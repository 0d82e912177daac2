"""Gates: for one signature, straight-line Python from a call's arguments to its results.

A generic walk over structures costs more than a small compiled function does.  So each compiled form of a function
has a gate, written when it is made, that knows where every leaf is and what it has to look like, and what the
results are put into::

    def gate(args, kwargs):
        v0, v1 = args[0], args[1]
        if type(v0) is not c0: return MISS                                       # another kind of net
        v2 = v0.weights
        if type(v2) is not ndarray or v2.shape != (3, 4) or ...: return MISS
        if changed() is not None: return MISS                                    # a guard
        r0 = empty((3, 4), c2)
        status = function(v2, v1, r0)
        if status: fail(status)
        ...

A gate that does not fit gives MISS, and the caller finds the right form by its signature.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import optree

from staticbp.core.tree import NAMESPACE, STATIC, Structure, flatten
from staticbp.runtime.dispatch import Entry, converter

Gate = Callable[[Sequence[Any], Mapping[str, Any]], Any]
Assembler = Callable[[Sequence[Any]], Any]

MISS = object()
"""What a gate returns for arguments that it is not for."""

_LEAVES = (np.ndarray, np.generic, bool, int, float)
_FITS = 0x101  # C-contiguous and aligned, among the flags of an array


class _NoGate(Exception):
    """A structure of a kind that only a generic walk can take apart."""


def write_gate(
    args: Sequence[Any], kwargs: Mapping[str, Any], static: Mapping[int | str, Any], passage: Passage | None = None
) -> Gate | None:
    """The gate for calls that look like this one; None when there can be none.

    Parameters
    ----------
    args, kwargs
        The arguments of a call.
    static : mapping
        Those of them, by position or name, that are compared as a whole.
    passage : Passage, optional
        What is behind the gate; without it, the gate gives the list of leaves.
    """
    left = tuple(None if i in static else value for i, value in enumerate(args))
    expected, _ = flatten((left, {name: value for name, value in kwargs.items() if name not in static}))
    writer = _GateWriter()
    try:
        writer.refuse_if(f"len(args) != {len(args)} or len(kwargs) != {len(kwargs)}")
        for position, value in enumerate(args):
            writer.argument(f"args[{position}]", value, position in static)
        for name in sorted(kwargs):
            writer.argument(f"kwargs[{writer.constant(name)}]", kwargs[name], name in static)
    except _NoGate:
        return None
    found = writer.finish([f"return [{', '.join(writer.leaves)}]"])(args, kwargs)  # the generic walk has the last word
    if found is MISS or len(found) != len(expected) or not all(map(_same, found, expected)):
        return None
    if passage is None:
        return writer.finish([f"return [{', '.join(writer.leaves)}]"])
    return writer.finish(_behind(writer, passage))


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
        self.namespace: dict[str, Any] = {
            "MISS": MISS,
            "NOT_THERE": (LookupError, AttributeError),
            "ndarray": np.ndarray,
        }

    def line(self, text: str) -> None:
        self.lines.append(text)

    def refuse_if(self, condition: str) -> None:
        self.line(f"if {condition}: return MISS")

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

    def finish(self, behind: Sequence[str]) -> Gate:
        """The function that goes on with the lines `behind` when all is as it should be."""
        checks = "\n".join(f"        {line}" for line in self.lines)
        rest = "\n".join(f"    {line}" for line in behind)
        text = f"def gate(args, kwargs):\n    try:\n{checks}\n    except NOT_THERE:\n        return MISS\n{rest}"
        namespace = dict(self.namespace)
        exec(compile(text, "<staticbp gate>", "exec"), namespace)
        gate: Gate = namespace["gate"]
        return gate


# ---- behind the gate --------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Passage:
    """What is behind a gate: the guards, the compiled function, and the structure of its results.

    `plain` are the leaves of the structure that are known already; `join` puts results into it if need be.
    """

    changed: Callable[[], str | None]
    entry: Entry
    structure: Structure
    plain: Sequence[tuple[int, Any]]
    join: Assembler


def _behind(writer: _GateWriter, passage: Passage) -> list[str]:
    entry, namespace = passage.entry, writer.namespace
    namespace.update(changed=passage.changed, entry=entry, empty=np.empty)
    lines = ["if changed() is not None: return MISS"]
    if entry.is_plain:
        namespace.update(function=entry.function, fail=entry.fail)
        results = []
        for i, (shape, dtype) in enumerate(entry.results):
            lines.append(f"r{i} = empty({shape!r}, {writer.constant(dtype)})")
            results.append(f"r{i}" if shape else f"r{i}[()]")
        arguments = [*writer.leaves, *(f"r{i}" for i in range(len(entry.results)))]
        lines += [f"status = function({', '.join(arguments)})", "if status: fail(status)"]
    else:
        lines.append(f"results = entry([{', '.join(writer.leaves)}])")
        results = [f"results[{i}]" for i in range(len(entry.results))]
    if write_assembler(passage.structure, passage.plain) is None:
        namespace.update(join=passage.join)
        return [*lines, f"return join([{', '.join(results)}])"]
    whole = _expression(_template(passage.structure, passage.plain, results), lines, namespace)
    return [*lines, f"return {whole}"]


def write_assembler(structure: Structure, plain: Sequence[tuple[int, Any]]) -> Assembler | None:
    """What puts results into `structure`, whose leaves at the positions in `plain` are known already."""
    results = [f"results[{i}]" for i in range(structure.count - len(plain))]
    namespace: dict[str, Any] = {}
    lines: list[str] = []
    try:
        lines.append(f"return {_expression(_template(structure, plain, results), lines, namespace)}")
    except _NoGate:
        return None
    text = "\n".join(["def assemble(results):", *(f"    {line}" for line in lines)])
    exec(compile(text, "<staticbp assembler>", "exec"), namespace)
    assemble: Assembler = namespace["assemble"]
    return assemble if flatten(assemble([0.0] * len(results)))[1] == structure else None


def _template(structure: Structure, plain: Sequence[tuple[int, Any]], results: Sequence[str]) -> Any:
    """The structure with what is known in it, and slots for the results."""
    known, texts = dict(plain), iter(results)
    return structure.unflatten([known[i] if i in known else _Slot(next(texts)) for i in range(structure.count)])


class _Slot:
    """The place of a result, which is read by the expression `text`."""

    def __init__(self, text: str) -> None:
        self.text = text


def _expression(value: Any, lines: list[str], namespace: dict[str, Any]) -> str:
    def constant(known: Any) -> str:
        name = f"c{len(namespace)}"
        namespace[name] = known
        return name

    if isinstance(value, _Slot):
        return value.text
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
        namespace.update(new=object.__new__, put=object.__setattr__)
        lines.append(f"{name} = new({cls})")
        lines.extend(f"put({name}, {field!r}, {text})" for field, text in parts)
        return name
    if isinstance(value, bool | int | float | np.generic) or _is_structural(value):
        return constant(value)
    raise _NoGate
