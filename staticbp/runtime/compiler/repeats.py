"""Loops that a function has many times over, but for the names: compiled once, and called. Imported only to compile.

The blocks of a deep network differ in what they read and write, and in nothing else; LLVM would optimise each of them
anew. Names are numbered in the order in which a loop has them; loops that are then the same text, of arrays of the same
types and sizes, are one function. The text that is shown, and what it computes, stay as they are.

What is known of the memory of arrays goes with them: they lie apart, or are one array (what is computed in place). A
loop of arrays of which neither is known stays where it is, as does one that is short: LLVM keeps in registers what such
loops hand each other, and a call takes a nanosecond.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from llvmlite import ir

from staticbp.runtime.compiler.aliasing import Span, are_apart
from staticbp.runtime.compiler.expressions import Array, Known
from staticbp.runtime.compiler.numbers import IrValue
from staticbp.runtime.intrinsics import vectors

FEWEST = 3  # loops that are alike: two may as well stay
SHORTEST = 256  # steps

BUILTINS = frozenset({"abs", "complex", "len", "max", "min", "range"})

_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Repeat:
    """A loop that is repeated.

    Parameters
    ----------
    pattern : str
        Its text with numbers for names: the same for all that are alike.
    names : tuple of str
        The names that stand for these numbers.
    """

    pattern: str
    names: tuple[str, ...]


def repeats(body: Sequence[ast.stmt], fixed: Container[str]) -> dict[ast.stmt, Repeat]:
    r"""The loops of a function that it has several times, with what they have in common.

    Parameters
    ----------
    body : sequence of ast.stmt
        The function.
    fixed : container of str
        What means the same in all of them: modules and functions.

    Examples
    --------
    >>> loop = "for i in range(512):\n    {y}[i] = vm.tanh({x}[i])"
    >>> text = "\n".join(loop.format(x=x, y=y) for x, y in ["ab", "bc", "cd"])
    >>> [repeat.names for repeat in repeats(ast.parse(text).body, {"vm", "range"}).values()]
    [('i', 'b', 'a'), ('i', 'c', 'b'), ('i', 'd', 'c')]
    """
    loops = list(_loops(body))
    if len(loops) < FEWEST:
        return {}
    outside = _assigned_outside(body, set(loops))
    found = {loop: _repeat(loop, fixed) for loop in loops if _steps(loop) >= SHORTEST and _is_closed(loop, outside)}
    counts = Counter(repeat.pattern for repeat in found.values())
    return {loop: repeat for loop, repeat in found.items() if counts[repeat.pattern] >= FEWEST}


def same_memory(arrays: Mapping[str, Array], spans: Mapping[str, Span], apart: Container[str]) -> dict[str, str] | None:
    """For each array the first that is the same memory; None if that is not known, or some overlap in part.

    Parameters
    ----------
    arrays : mapping of str to Array
        The arrays; None is the answer as well if their extents are not constants.
    spans : mapping of str to Span
        From where to where those in the workspace lie.
    apart : container of str
        Others that share their memory with nothing.
    """
    first: dict[str, str] = {}
    for name, array in arrays.items():
        if not all(isinstance(extent, ir.Constant) for extent in array.shape) or not (name in spans or name in apart):
            return None
        first[name] = name
        for other in first:
            if name == other or name not in spans or other not in spans:
                continue
            if spans[name] == spans[other] and array.data.type == arrays[other].data.type:
                first[name] = first[other]
                break
            if not are_apart(spans[name], spans[other]):
                return None
    return first


def likeness(value: Known, source: int) -> tuple[Any, ...]:
    """What a function relies on, of a loop or of the text: type, what is constant, and which name's memory it is."""
    if isinstance(value, Array):
        return value.kind.dtype, source, *map(_constant, value.shape)
    return value.kind, source, _constant(value.value)


def _constant(value: IrValue) -> Any:
    """The number that a value is known to be."""
    return value.constant if isinstance(value, ir.Constant) else None


def elsewhere(value: Known, part: IrValue | None) -> Known:
    """The value in the function of a loop, which is handed a part of it or knows it."""
    if part is None:
        return value
    return replace(value, data=part) if isinstance(value, Array) else replace(value, value=part)


def new_function(module: Any, name: str, handed: Iterable[IrValue], result: ir.Type | None = None) -> Any:
    """The function of what is repeated, still empty."""
    function = vectors.new_function(module, name, [part.type for part in handed], result)
    function.linkage = "internal"
    set.add(function.attributes, '"no-builtin-memcpy"')
    return function


def _loops(block: Sequence[ast.stmt]) -> Iterator[ast.For]:
    """The loops of a block; of one that calls kernels, which has long steps, those of its steps."""
    for node in block:
        if isinstance(node, ast.For | ast.While) and any(isinstance(step, ast.Expr) for step in node.body):
            yield from _loops(node.body)
        elif isinstance(node, ast.For):
            yield node


def _assigned_outside(block: Sequence[ast.stmt], loops: set[ast.For]) -> set[str]:
    """What is assigned elsewhere than in some loops."""
    found: set[str] = set()
    pending: list[ast.AST] = list(block)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        if node not in loops:
            pending += ast.iter_child_nodes(node)
    return found


def _is_closed(loop: ast.For, outside: set[str]) -> bool:
    """Whether a loop neither leaves the function nor assigns to what is known outside of it."""
    return assigned_in(loop).isdisjoint(outside) and not any(isinstance(node, ast.Return) for node in ast.walk(loop))


def assigned_in(loop: ast.stmt) -> set[str]:
    """The names that a loop gives values to, which other loops may have used before."""
    return {node.id for node in ast.walk(loop) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _steps(node: ast.AST) -> int:
    """How many steps a loop takes, with those within; where that is not said, many."""
    inner = max(map(_steps, ast.iter_child_nodes(node)), default=1)
    match node:
        case ast.For(iter=ast.Call(func=ast.Name(), args=[ast.Constant(value=int(count))])):
            return count * inner
        case ast.For(
            iter=ast.Call(func=ast.Name(), args=[ast.Constant(value=int(start)), ast.Constant(value=int(stop))])
        ):
            return (stop - start) * inner
        case ast.For() | ast.While():
            return SHORTEST * inner
        case _:
            return inner


def _repeat(loop: ast.For, fixed: Container[str]) -> Repeat:
    names = {node.id for node in ast.walk(loop) if isinstance(node, ast.Name) and node.id not in fixed}
    numbers: dict[str, int] = {}

    def numbered(match: re.Match[str]) -> str:
        name = match[0]
        return f"${numbers.setdefault(name, len(numbers))}" if name in names else name

    pattern = _NAME.sub(numbered, ast.unparse(loop))
    return Repeat(pattern, tuple(numbers))
