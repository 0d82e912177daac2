"""Which arrays in the workspace lie apart, for LLVM: their places depend on sizes there, and so it cannot know.

Each place in the text, ``work[8 * n_up : 8 * n_up + 8 * n]``, is compared with the others. What is read from and
written to an array is marked as being in its scope, and outside of the scopes of all arrays that lie apart from it
whatever the sizes. Loops then need not ask when they run whether arrays overlap.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from staticbp.core import shape as shapes
from staticbp.core.shape import Dim, DimExpr

Metadata = Any

Span = tuple[Dim, Dim]
"""The first byte of an array in the workspace, and the one behind the last."""


@dataclass(frozen=True, slots=True)
class Apart:
    """The scope of an array, and those of the arrays that lie apart from it."""

    scope: Metadata
    others: Metadata

    def mark(self, instruction: Any) -> None:
        """Mark an instruction that reads from or writes to the array."""
        instruction.set_metadata("alias.scope", self.scope)
        instruction.set_metadata("noalias", self.others)


def spans(body: Sequence[ast.stmt]) -> dict[str, Span]:
    """From where to where each array in the workspace lies, by name."""
    found: dict[str, Span] = {}
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                bounds = _bounds(call)
                if bounds is not None:
                    found[name] = bounds
    return found


def places(body: Sequence[ast.stmt], module: Any) -> dict[str, Apart]:
    """The arrays in the workspace by name; none where all places are constants, which LLVM compares itself."""
    found = spans(body)
    if all(isinstance(bound, int) for pair in found.values() for bound in pair):
        return {}
    domain = module.add_metadata(["workspace"])
    scopes = {name: module.add_metadata([name, domain]) for name in found}
    return {
        name: Apart(
            module.add_metadata([scopes[name]]),
            module.add_metadata([scopes[other] for other in found if are_apart(found[name], found[other])]),
        )
        for name in found
    }


def _bounds(node: ast.expr) -> tuple[Dim, Dim] | None:
    """The first byte of ``work[low:high].view(...)`` and the one behind the last, as large as that may be."""
    match node:
        case ast.Call(func=ast.Attribute(value=owner, attr="view" | "reshape")):
            return _bounds(owner)
        case ast.Subscript(value=ast.Name(id="work"), slice=ast.Slice(lower=ast.expr(), upper=ast.expr()) as place):
            start, end = _polynomial(place.lower), _polynomial(place.upper)
            return (start, _padded(end)) if start is not None and end is not None else None
    return None


def _polynomial(node: ast.expr | None) -> Dim | None:
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.Name(id=name):
            return shapes.symbol(name)
        case ast.BinOp(left=left, op=ast.Add() | ast.Mult() as op, right=right):
            one, other = _polynomial(left), _polynomial(right)
            if one is None or other is None:
                return None
            return shapes.total((one, other)) if isinstance(op, ast.Add) else shapes.size((one, other))
    return None


def _padded(dim: Dim) -> Dim:
    """A bound with each symbol rounded up, as it is where the next array begins."""
    if not isinstance(dim, DimExpr):
        return dim
    suffix = shapes.padded_name("")
    return dim.renamed(lambda name: name if name.endswith(suffix) else shapes.padded_name(name))


def are_apart(one: Span, other: Span) -> bool:
    """Whether one array ends before the other begins, whatever the sizes."""
    return bool(shapes.at_least(other[0], one[1]) or shapes.at_least(one[0], other[1]))


def last(block: Any, kind: type) -> Any:
    """The last instruction of a kind in a block."""
    return next(instruction for instruction in reversed(block.instructions) if isinstance(instruction, kind))


LOAD, STORE = ir.instructions.LoadInstr, ir.instructions.StoreInstr
