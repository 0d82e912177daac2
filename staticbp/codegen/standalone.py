"""The text around generated code that lets code which is not staticbp's call it: a function of Numba's, a callback.

A generated function is handed memory and returns a status.  What is written here takes arguments as the user has them,
checks them, makes room for the results and raises what a status stands for::

    def misfit_grad(w, X, y):
        w = take_w(w)
        X = take_X(X)
        y = take_y(y)
        w_bar = np.empty((3,), np.float64)
        work = np.empty(896, np.uint8)
        misfit_grad_kernel(w, X, y, w_bar, work)
        return w_bar

The names that begin with ``take_`` are functions for one argument each, which compare it with its type.
"""

from __future__ import annotations

import json
import math
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optree

from staticbp import errors
from staticbp.codegen.layout import layout
from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.schedule import Failure
from staticbp.core.tree import Structure

INDENT = "    "


@dataclass(frozen=True, slots=True)
class Leaf:
    """A number or an array that goes in or comes out: its name and its type."""

    name: str
    aval: Aval

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, which is known."""
        return shapes.static_shape(self.aval.shape, "a function for other code")

    @property
    def shape_text(self) -> str:
        """The shape as a tuple."""
        return repr(self.shape)

    @property
    def dtype_text(self) -> str:
        """The dtype as an expression."""
        return "np.bool_" if self.aval.dtype.kind == "b" else f"np.{self.aval.dtype.name}"


@dataclass(frozen=True, slots=True)
class Boundary:
    """What a standalone function takes and returns.

    Parameters
    ----------
    name, title : str
        What it is called, and what it computes.
    parameters : sequence of (str, str)
        Its parameters; those that are structures with the nested tuple of names that they are taken apart into.
    leaves : sequence of Leaf
        What the parameters hold, in the order of the generated function's arguments.
    constants : sequence of str
        The names of the captured arrays.
    results : sequence of Leaf
        What the generated function computes.
    zeros : sequence of Leaf
        The results that are zero, and computed nowhere.
    output : str
        The nested tuple of names that is returned.
    workspace : int
        The bytes of memory that the generated function works in.
    failures : sequence of Failure
        What its statuses mean.
    may_raise : bool
        Whether it calls kernels of the user's, which may raise; its status is negative then.
    """

    name: str
    title: str
    parameters: Sequence[tuple[str, str]]
    leaves: Sequence[Leaf]
    constants: Sequence[str]
    results: Sequence[Leaf]
    zeros: Sequence[Leaf]
    output: str
    workspace: int
    failures: Sequence[Failure]
    may_raise: bool

    @property
    def names(self) -> set[str]:
        """What leaves and captured arrays are called."""
        return {*(leaf.name for leaf in (*self.leaves, *self.results, *self.zeros)), *self.constants}

    @property
    def kernel(self) -> str:
        """The name of the generated function."""
        return f"{self.name}_kernel"

    def taker(self, leaf: Leaf) -> str:
        """The name of the function that takes an argument."""
        return f"take_{leaf.name}"


def free(name: str, taken: Container[str]) -> str:
    """A name that is not taken.

    Examples
    --------
    >>> free("status", {"status", "x"})
    'status_'
    """
    while name in taken:
        name += "_"
    return name


def nested(structure: Structure, leaves: Sequence[str]) -> str:
    """A structure as an expression: tuples in place of all containers, and these leaves.

    What holds no numbers, such as a text, is left out; None stays.

    Examples
    --------
    >>> from staticbp.core.tree import flatten
    >>> tree = {"b": (1.0, "static"), "a": [2.0, None]}
    >>> nested(flatten(tree)[1], ["a0", "b0"])
    '((a0, None), (b0,))'
    """
    names: list[str | None] = list(leaves)
    for position, _ in structure.statics:
        names.insert(position, None)
    given = iter(names)

    def text(spec: Any) -> str | None:
        if spec.is_leaf():
            return next(given)
        if spec.type is type(None):
            return "None"
        parts = [part for part in map(text, spec.children()) if part is not None]
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"

    return text(structure.spec) or "()"


def argument_texts(structure: Structure, leaves: Sequence[str]) -> list[str]:
    """For each argument of a call what it is taken apart into; ``()`` and None where it holds no numbers.

    `structure` is that of ``(args, kwargs)``.
    """
    positional, named = structure.spec.children()
    taken = {position for position, _ in structure.statics}
    texts, start, used = [], 0, 0
    for spec in (*positional.children(), *named.children()):
        inner = range(start, start + spec.num_leaves)
        statics = tuple((i - start, None) for i in inner if i in taken)
        count = spec.num_leaves - len(statics)
        text = nested(Structure(spec, statics), leaves[used : used + count])
        texts.append(text if count else "")
        start, used = start + spec.num_leaves, used + count
    return texts


def keyword_names(structure: Structure) -> list[str]:
    """The names of the keyword arguments of a call, in their order."""
    return list(map(str, optree.treespec_entries(structure.spec.children()[1])))


def write_boundary(boundary: Boundary) -> str:
    """The function that takes and returns arrays and numbers as the user has them."""
    lines = [f"def {boundary.name}({', '.join(name for name, _ in boundary.parameters)}):"]
    lines += [f'{INDENT}"""{boundary.title}"""']
    for name, parts in boundary.parameters:
        if parts != name:
            lines += layout("", f"{parts} = {name}", INDENT)
    for leaf in boundary.leaves:
        lines.append(f"{INDENT}{leaf.name} = {boundary.taker(leaf)}({leaf.name})")
    lines += _body(boundary, lambda message, kind: f"raise {kind}({message})")
    lines.append(f"{INDENT}return {boundary.output}")
    return "\n".join(lines) + "\n"


def write_callback(boundary: Boundary) -> str:
    """The function of C's numbers: ``double (double)``, or ``double (int, double *)``; nan where it fails."""
    (result,) = (*boundary.results, *boundary.zeros)
    single = is_single_number(boundary)
    count, numbers = (free(name, boundary.names) for name in ("count", "numbers"))
    lines = [f"def {boundary.name}({boundary.leaves[0].name if single else f'{count}, {numbers}'}):"]
    lines += [f'{INDENT}"""{boundary.title}"""']
    if not single:
        lines += [f"{INDENT}if {count} != {numbers_taken(boundary)}:", f"{INDENT * 2}return np.nan"]
        first = boundary.leaves[0]
        if first.aval.shape:
            lines.append(f"{INDENT}{first.name} = carray({numbers}, {first.shape_text})")
        else:
            lines += [f"{INDENT}{leaf.name} = {numbers}[{i}]" for i, leaf in enumerate(boundary.leaves)]
    lines += _body(boundary, lambda message, kind: "return np.nan")
    lines.append(f"{INDENT}return {result.name}[()]")
    return "\n".join(lines) + "\n"


def is_single_number(boundary: Boundary) -> bool:
    """Whether a callback takes one number and no array."""
    return len(boundary.leaves) == 1 and not boundary.leaves[0].aval.shape


def numbers_taken(boundary: Boundary) -> int:
    """The numbers that a callback takes."""
    first = boundary.leaves[0]
    return math.prod(first.shape) if first.shape else len(boundary.leaves)


def _body(boundary: Boundary, fail: Any) -> list[str]:
    """From the arguments to the results."""
    made = [("np.empty", leaf) for leaf in boundary.results] + [("np.zeros", leaf) for leaf in boundary.zeros]
    lines = [f"{INDENT}{leaf.name} = {make}({leaf.shape_text}, {leaf.dtype_text})" for make, leaf in made]
    given = [leaf.name for leaf in boundary.leaves] + [*boundary.constants] + [leaf.name for leaf in boundary.results]
    if boundary.workspace:
        lines.append(f"{INDENT}work = np.empty({boundary.workspace}, np.uint8)")
        given.append("work")
    call = f"{boundary.kernel}({', '.join(given)})"
    if not boundary.failures and not boundary.may_raise:
        return [*lines, *layout("", call, INDENT)]
    given_back = free("status", boundary.names)
    lines += layout(f"{given_back} = ", call, INDENT)
    for status, failure in enumerate(boundary.failures, 1):
        what = failure.message + (f"  at {failure.src}" if failure.src else "")
        lines += [f"{INDENT}if {given_back} == {status}:", f"{INDENT * 2}{fail(json.dumps(what), builtin_of(failure))}"]
    if boundary.may_raise:
        what = json.dumps(f"{boundary.name} called a primitive that raised an exception")
        lines += [f"{INDENT}if {given_back} < 0:", f"{INDENT * 2}{fail(what, 'RuntimeError')}"]
    return lines


def builtin_of(failure: Failure) -> str:
    """The builtin exception that a failure is."""
    kind: type[Exception] = getattr(errors, failure.kind)
    return next(base.__name__ for base in kind.__mro__ if base.__module__ == "builtins")


def returned(structure: Structure, values: Sequence[Leaf], plain: Sequence[tuple[int, Any]]) -> str:
    """What is returned: a nested tuple of results, of which those without axes are numbers, and of plain numbers."""
    texts = [leaf.name if leaf.aval.shape else f"{leaf.name}[()]" for leaf in values]
    for position, value in plain:
        number = value.item() if isinstance(value, np.generic) else value
        text = repr(number) if np.isfinite(number) else f"np.float64({str(number)!r})"
        texts.insert(position, text)
    return nested(structure, texts)
