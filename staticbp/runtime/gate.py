"""Gates: for one signature, straight-line Python from a call's arguments to its results.

A generic walk over structures costs more than a small compiled function does.  So each compiled form of a function
has a gate, written when it is made, that knows where every leaf is and what the results are put into.  For a
gradient with respect to a record of two arrays::

    def gate(args, kwargs):
        try:
            if kwargs: return MISS
            line, x = args                                # an error if there are not two of them
            if type(line) is not Line: return MISS
            line_slope = line.slope
            line_start = line.start
            if not (s0['np'] is e0): return MISS          # what tracing froze is as it was
        except GONE:
            return MISS
        results = function(line_slope, line_start, x)
        if type(results) is int:                          # an argument that does not fit, or a failure
            results = settle(results, [line_slope, line_start, x], [])
            if results is None: return MISS
        r0, r1 = results
        o0 = new(Line)
        put(o0, '__dict__', {'slope': r0, 'start': r1})
        return o0

Arrays are looked at by the compiled function's entry, which is a hundred times faster at it.  A gate that does not
fit gives MISS, and the caller finds the right form by its signature.
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import keyword
import linecache
import re
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import optree

from staticbp.core import shape as shapes
from staticbp.core.shape import DimExpr, padded_name
from staticbp.core.tree import KINDS, NAMESPACE, STATIC, Structure, flatten
from staticbp.runtime.dispatch import Entry, converter
from staticbp.runtime.memory import ARENAS, BUFFERS, roomy

Gate = Callable[[Sequence[Any], Mapping[str, Any]], Any]
Assembler = Callable[[Sequence[Any]], Any]

MISS = object()
"""What a gate returns for arguments that it is not for."""

# What reading an argument or a guard may raise when something is no longer there.
_GONE = (LookupError, AttributeError, TypeError, ValueError)
_RESERVED = frozenset(
    {"args", "kwargs", "results", "work", "function", "settle", "take", "give", "lend", "zeros", "join", "new", "put"}
    | {"MISS", "GONE", "type", "len", "int", "ndarray", "roomy"}
)
_LEAVES = (np.ndarray, np.generic, bool, int, float)
_NUMBER = itertools.count(1)


class _NoGate(Exception):
    """A structure of a kind that only a generic walk can take apart."""


@dataclasses.dataclass(frozen=True, slots=True)
class Passage:
    """What is behind a gate: the guards, the compiled function, and the structure of its results.

    `plain` are the leaves of the structure that are known already; `join` puts results into it if need be.
    `unchanged` is an expression that says whether the guards let pass, and `guarded` the names in it, which may come
    to stand for other values.
    """

    entry: Entry
    structure: Structure
    plain: Sequence[tuple[int, Any]]
    join: Assembler
    unchanged: str = "True"
    guarded: dict[str, Any] = dataclasses.field(default_factory=dict)


def write_gate(
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    static: Mapping[int | str, Any],
    passage: Passage,
    names: Sequence[str] = (),
) -> Gate | None:
    """The gate for calls that look like this one; None when there can be none.

    Parameters
    ----------
    args, kwargs
        The arguments of a call.
    static : mapping
        Those of them, by position or name, that are compared as a whole.
    passage : Passage
        What is behind the gate.
    names : sequence of str, optional
        What the positional arguments are called.
    """
    left = tuple(None if i in static else value for i, value in enumerate(args))
    expected, _ = flatten((left, {name: value for name, value in kwargs.items() if name not in static}))
    writer = _GateWriter(passage.guarded)
    try:
        writer.arguments(args, kwargs, static, names)
    except _NoGate:
        return None
    # The generic walk has the last word on what the leaves are.
    found = writer.finish([f"return [{', '.join(writer.leaves)}]"], dict(writer.namespace))(args, kwargs)
    if found is MISS or len(found) != len(expected) or not all(map(_same, found, expected)):
        return None
    if passage.unchanged != "True":
        writer.refuse_if(f"not ({passage.unchanged})")
    entry = passage.entry
    sizes = {name: writer.variable(name, f"{writer.leaves[leaf]}.shape[{axis}]") for name, leaf, axis in entry.sizes}
    return writer.finish(_behind(writer, passage, sizes), writer.namespace)


def _same(found: Any, expected: Any) -> bool:
    return found is expected or (converter(expected) is not None and np.array_equal(found, expected, equal_nan=True))


def _is_structural(value: Any) -> bool:
    """Whether a value without parts belongs to the structure: None, a string, a function, an enum."""
    return value is None or optree.tree_is_leaf(value, namespace=NAMESPACE)


class _Text:
    """Lines of Python, and the names in them that stand for values."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.lines: list[str] = []
        self.namespace = namespace
        self.taken = {*namespace, *_RESERVED}
        self.kinds: dict[type, str] = {}
        self.wholes: list[tuple[str, Any, tuple[str, ...]]] = []  # the name of a structure given, it, and its leaves

    def line(self, text: str) -> None:
        self.lines.append(text)

    def fresh(self, wish: str) -> str:
        """A name like the one wished for that nothing has yet."""
        base = re.sub(r"\W", "_", wish, flags=re.ASCII)
        base = base if base.isidentifier() and not keyword.iskeyword(base) else f"v_{base}"
        name = next(
            n for n in itertools.chain([base], (f"{base}_{i}" for i in itertools.count(2))) if n not in self.taken
        )
        self.taken.add(name)
        return name

    def constant(self, value: Any, wish: str | None = None) -> str:
        """A name for a value that is known."""
        name = self.fresh(wish or getattr(value, "__name__", None) or f"a_{type(value).__name__}")
        self.namespace[name] = value
        return name

    def kind(self, value: Any) -> str:
        """The name of the type of a value."""
        cls = type(value)
        if cls not in self.kinds:
            self.kinds[cls] = self.constant(cls)
        return self.kinds[cls]


class _GateWriter(_Text):
    """Writes what takes the arguments apart."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        super().__init__(namespace)
        self.leaves: list[str] = []
        self.namespace.update(MISS=MISS, GONE=_GONE, type=type, len=len, int=int, ndarray=np.ndarray)

    def refuse_if(self, condition: str) -> None:
        self.line(f"if {condition}: return MISS")

    def variable(self, wish: str, text: str) -> str:
        name = self.fresh(wish)
        self.line(f"{name} = {text}")
        return name

    def arguments(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        static: Mapping[int | str, Any],
        names: Sequence[str],
    ) -> None:
        self.refuse_if(f"len(kwargs) != {len(kwargs)}" if kwargs else "kwargs")
        given = [self.fresh(names[i] if i < len(names) else f"x{i}") for i in range(len(args))]
        if given:
            self.line(f"{_targets(given)} = args")
        else:
            self.refuse_if("args")
        for position, (name, value) in enumerate(zip(given, args, strict=True)):
            self.argument(name, value, position in static)
        for key in sorted(kwargs):
            self.argument(self.variable(key, f"kwargs[{key!r}]"), kwargs[key], key in static)

    def argument(self, name: str, value: Any, static: bool) -> None:
        if static:
            self.equal(name, value)
        else:
            self.node(name, value)

    def equal(self, name: str, value: Any) -> None:
        """Part of the structure: compared by type and value."""
        if value is None:
            self.refuse_if(f"{name} is not None")
            return
        other = self.constant(value, f"{name}_before")
        self.refuse_if(f"{name} is not {other} and (type({name}) is not type({other}) or {name} != {other})")

    def node(self, name: str, value: Any) -> None:
        if isinstance(value, _LEAVES):
            self.leaf(name, value)
        elif _is_structural(value):
            self.equal(name, value)
        else:
            self.refuse_if(f"type({name}) is not {self.kind(value)}")
            first = len(self.leaves)
            self.children(name, value)
            self.wholes.append((name, value, tuple(self.leaves[first:])))

    def children(self, name: str, value: Any) -> None:
        kind = KINDS.get(type(value))
        if kind is not None:
            if kind.static is not None:
                static = self.variable(f"{name}_static", f"{self.constant(kind.static, 'static_of')}({name})")
                self.equal(static, kind.static(value))
            leaves = self.variable(f"{name}_leaves", f"{self.constant(kind.leaves, 'leaves_of')}({name})")
            self.node(leaves, kind.leaves(value))
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            for field in dataclasses.fields(value):
                inner = self.variable(f"{name}_{field.name}", f"{name}.{field.name}")
                self.argument(inner, getattr(value, field.name), field.metadata.get(STATIC, False))
        elif isinstance(value, tuple | list):
            self.refuse_if(f"len({name}) != {len(value)}")
            parts = [self.fresh(f"{name}_{position}") for position in range(len(value))]
            if parts:
                self.line(f"{_targets(parts)} = {name}")
            for part, child in zip(parts, value, strict=True):
                self.node(part, child)
        elif type(value) is dict:
            self.refuse_if(f"len({name}) != {len(value)}")
            try:
                keys = sorted(value)
            except TypeError:
                raise _NoGate from None
            for key in keys:
                text = repr(key) if type(key) in (str, int) else self.constant(key)
                self.node(self.variable(f"{name}_{key}", f"{name}[{text}]"), value[key])
        else:
            raise _NoGate

    def leaf(self, name: str, value: Any) -> None:
        if not isinstance(value, np.ndarray):
            self.refuse_if(f"type({name}) is not {self.kind(value)}")
        elif type(value) is not np.ndarray:
            raise _NoGate
        elif not value.ndim or not value.dtype.isnative:  # as code takes it, it is something else
            dtype = self.constant(value.dtype)
            self.refuse_if(f"type({name}) is not ndarray or {name}.shape != {value.shape!r} or {name}.dtype != {dtype}")
            self.line(f"{name} = {self.constant(converter(value), 'converted')}({name})")
        self.leaves.append(name)

    def finish(self, behind: Sequence[str], namespace: dict[str, Any]) -> Gate:
        """The function that goes on with the lines `behind` when all is as it should be."""
        checks = "\n".join(f"        {line}" for line in self.lines)
        rest = "\n".join(f"    {line}" for line in behind)
        text = f"def gate(args, kwargs):\n    try:\n{checks}\n    except GONE:\n        return MISS\n{rest}\n"
        gate: Gate = _function("gate", text, namespace)
        return gate


def _function(name: str, text: str, namespace: dict[str, Any]) -> Any:
    """A function by its text, which debuggers and `inspect.getsource` find."""
    filename = f"<staticbp {name} {next(_NUMBER)}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    exec(compile(text, filename, "exec", dont_inherit=True), namespace)
    made = namespace.pop(name)
    weakref.finalize(made, linecache.cache.pop, filename, None).atexit = False
    return made


def _targets(names: Sequence[str]) -> str:
    """The names, to be assigned to what there are as many of."""
    return f"{', '.join(names)}{',' if len(names) == 1 else ''}"


# ---- behind the gate --------------------------------------------------------------------------------------------


def _behind(writer: _GateWriter, passage: Passage, sizes: Mapping[str, str]) -> list[str]:
    """The lines behind the gate; `sizes` says what symbols are called."""
    entry = passage.entry
    after = _Text(writer.namespace)
    after.taken |= writer.taken
    after.kinds = writer.kinds
    after.wholes = writer.wholes if entry.updated else []
    after.namespace.update(function=entry.function, settle=entry.settle)
    constants = [after.constant(constant.array, "captured") for constant in entry.constants]
    known = {i: writer.leaves[leaf] for i, leaf in entry.updated.items()}
    large = []
    for i in entry.lent:
        shape, dtype = entry.results[i]
        after.namespace.update(lend=BUFFERS.lend)
        known[i] = after.fresh(f"r{i}")
        large.append(known[i])
        after.line(f"{known[i]} = lend({shape!r}, {after.constant(dtype)})")
    arguments = [*writer.leaves, *constants, *large]
    if entry.workspace:
        after.namespace.update(take=ARENAS.take, give=ARENAS.give)
        after.line(f"work = take({_room(entry, sizes, after)})")
        after.line("try:")
        after.line(f"    results = function({', '.join([*arguments, 'work'])})")
        after.line("finally:")
        after.line("    give(work)")
    else:
        after.line(f"results = function({', '.join(arguments)})")
    after.line("if type(results) is int:")
    after.line(f"    results = settle(results, [{', '.join(writer.leaves)}], [{', '.join(large)}])")
    after.line("    if results is None: return MISS")
    for i in sorted(entry.zeros):
        shape, dtype = entry.results[i]
        after.namespace.update(zeros=np.zeros)
        extents = [dim.renamed(sizes.__getitem__) if isinstance(dim, DimExpr) else dim for dim in shape]
        allocated = f"zeros({shapes.text(extents)}, {after.constant(dtype)})"
        zero = allocated if shape else after.constant(dtype.type(0), "zero")
        known[i] = after.fresh(f"r{i}")
        after.line(f"{known[i]} = {zero}")
    made = {i: after.fresh(f"r{i}") for i in range(len(entry.results)) if i not in known}
    taken_apart = len(after.lines)
    if made:
        after.line(f"{_targets([*made.values()])} = results")
    results = [(known | made)[i] for i in range(len(entry.results))]
    if write_assembler(passage.structure, passage.plain) is None:
        after.namespace.update(join=passage.join)
        return [*after.lines, f"return join([{', '.join(results)}])"]
    whole = _expression(_template(passage.structure, passage.plain, results), after)
    if whole == f"({_targets([*made.values()])})":  # what comes back is what is wanted
        return [*after.lines[:taken_apart], "return results"]
    return [*after.lines, f"return {whole}"]


def _room(entry: Entry, sizes: Mapping[str, str], after: _Text) -> str:
    """How much workspace a call is given."""
    if isinstance(entry.workspace, int):
        return str(entry.workspace)
    padded, to = {}, entry.padding
    for name, size in sizes.items():
        padded[padded_name(name)] = after.fresh(f"{size}_up")
        after.line(f"{padded[padded_name(name)]} = ({size} + {to - 1}) // {to} * {to}")
    after.namespace.update(roomy=roomy)
    return f"roomy({entry.workspace.renamed(padded.__getitem__)})"


def write_assembler(structure: Structure, plain: Sequence[tuple[int, Any]]) -> Assembler | None:
    """What puts results into `structure`, whose leaves at the positions in `plain` are known already."""
    results = [f"results[{i}]" for i in range(structure.count - len(plain))]
    text = _Text({})
    try:
        text.line(f"return {_expression(_template(structure, plain, results), text)}")
    except _NoGate:
        return None
    lines = "".join(f"    {line}\n" for line in text.lines)
    assemble: Assembler = _function("assemble", f"def assemble(results):\n{lines}", text.namespace)
    return assemble if flatten(assemble([0.0] * len(results)))[1] == structure else None


def _template(structure: Structure, plain: Sequence[tuple[int, Any]], results: Sequence[str]) -> Any:
    """The structure with what is known in it, and slots for the results."""
    known, texts = dict(plain), iter(results)
    return structure.unflatten([known[i] if i in known else _Slot(next(texts)) for i in range(structure.count)])


class _Slot:
    """The place of a result, which is read by the expression `text`."""

    def __init__(self, text: str) -> None:
        self.text = text


def _expression(value: Any, text: _Text) -> str:
    """What makes `value`, once some lines have been run."""
    if isinstance(value, _Slot):
        return value.text
    given = _given(value, text)
    if given is not None:
        return given
    kind = KINDS.get(type(value))
    if kind is not None:
        leaves = _expression(kind.leaves(value), text)
        fixed = "" if kind.static is None else f", {text.constant(kind.static(value))}"
        return f"{text.constant(kind.make, 'make')}({leaves}{fixed})"
    if type(value) in (tuple, list):
        items = [_expression(item, text) for item in value]
        if type(value) is list:
            return f"[{', '.join(items)}]"
        return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    if type(value) is dict:
        pairs = [(repr(k) if type(k) in (str, int) else text.constant(k), v) for k, v in value.items()]
        return f"{{{', '.join(f'{key}: {_expression(v, text)}' for key, v in pairs)}}}"
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        items = [_expression(item, text) for item in value]
        return f"{text.kind(value)}({', '.join(items)})"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _dataclass(value, text)
    if isinstance(value, bool | int | float | np.generic) or _is_structural(value):
        return text.constant(value)
    children, metadata, _, make, *_ = optree.tree_flatten_one_level(value, namespace=NAMESPACE)
    parts = [_expression(child, text) for child in children]
    return f"{text.constant(make, 'make')}({text.constant(metadata, 'metadata')}, [{', '.join(parts)}])"


def _given(value: Any, text: _Text) -> str | None:
    """The donated structure that `value` is: one like it, whose leaves are all arrays that were updated in place."""
    leaves, spec = optree.tree_flatten(value, namespace=NAMESPACE) if text.wholes else ([], None)
    names = tuple(leaf.text for leaf in leaves if isinstance(leaf, _Slot))
    whole = len(names) == len(leaves) > 0
    alike = ((name, given) for name, given, arrays in text.wholes if whole and arrays == names)
    return next((name for name, given in alike if optree.tree_structure(given, namespace=NAMESPACE) == spec), None)


def _dataclass(value: Any, text: _Text) -> str:
    """A dataclass is put together without its `__init__`, all fields at once where they are in a dictionary."""
    cls = type(value)
    parts = [(f.name, _expression(getattr(value, f.name), text)) for f in dataclasses.fields(value)]
    name = text.fresh("made")
    text.namespace.update(new=object.__new__, put=object.__setattr__)
    text.line(f"{name} = new({text.kind(value)})")
    if vars_hold(cls, [field for field, _ in parts]):
        text.line(f"put({name}, '__dict__', {{{', '.join(f'{field!r}: {part}' for field, part in parts)}}})")
    else:
        for field, part in parts:
            text.line(f"put({name}, {field!r}, {part})")
    return name


def vars_hold(cls: type, names: Sequence[str]) -> bool:
    """Whether instances keep these attributes in their dictionary, and not in slots or properties."""
    return bool(cls.__dictoffset__) and not any(
        hasattr(type(inspect.getattr_static(cls, name, None)), "__set__") for name in names
    )
