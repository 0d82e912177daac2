"""`break`, `continue` and `return` without jumps: what comes after one moves to where it is not met.

::

    while test:                     stop = False
        if c: break                 while not stop and test:
        rest                            if c: stop = True
                                        else: rest

A `return` inside a loop keeps its value, stops the loops around it, and is made behind them.
"""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

STOP, RETURNED, RESULT = "__stop", "__returned", "__result"
"""The names of the variables that are made begin so."""


@dataclass(frozen=True, slots=True)
class _Loop:
    """The loop around a statement, by the variables that end it."""

    stop: str
    returned: str
    result: str


def without_jumps(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The statements of a function, in which only branches at the very end return."""
    return _Jumps().block(list(body), None)


class _Jumps:
    def __init__(self) -> None:
        self.numbers = itertools.count(1)

    def block(self, statements: Sequence[ast.stmt], loop: _Loop | None) -> list[ast.stmt]:
        """Statements without jumps, up to the first that control does not go past."""
        written: list[ast.stmt] = []
        for position, node in enumerate(statements):
            rest = statements[position + 1 :]
            match node:
                case ast.Continue():
                    return written
                case ast.Break():
                    assert loop is not None
                    return [*written, _assignment(node, loop.stop, ast.Constant(value=True))]
                case ast.Return(value=value):
                    if loop is None:
                        return [*written, node]
                    kept = value or ast.copy_location(ast.Constant(value=None), node)
                    flags = [_assignment(node, name, ast.Constant(value=True)) for name in (loop.returned, loop.stop)]
                    return [*written, _assignment(node, loop.result, kept), *flags]
                case ast.If(test=test, body=body, orelse=orelse) if any(_jumps(node)):
                    arms = [self.block([*arm, *copy.deepcopy(rest)], loop) for arm in (body, orelse)]
                    arms[0] = arms[0] or [ast.copy_location(ast.Pass(), node)]
                    return [*written, ast.copy_location(ast.If(test, *arms), node)]
                case ast.While() | ast.For():
                    found = list(_jumps(node, inside=True))
                    made = self.loop(node, bool(found))
                    if any(isinstance(jump, ast.Return) for jump in found):
                        return [*written, *made, *self.block([self.after(node), *rest], loop)]
                    written += made
                case _:
                    written.append(node)
        return written

    def loop(self, node: ast.While | ast.For, jumps: bool) -> list[ast.stmt]:
        """A loop with a variable that ends it, where something in it does."""
        number = next(self.numbers)
        names = _Loop(*(f"{name}_{number}" for name in (STOP, RETURNED, RESULT)))
        body = self.block(node.body, names) or [ast.copy_location(ast.Pass(), node)]
        made: Any = copy.copy(node)
        made.body = body
        made.names = node.names = names  # type: ignore[union-attr]  # for what is written behind it
        if not jumps:
            return [made]
        start = [_assignment(node, names.stop, ast.Constant(value=False))]
        if any(isinstance(jump, ast.Return) for jump in _jumps(node, inside=True)):
            start += [_assignment(node, names.returned, ast.Constant(value=False))]
        if isinstance(made, ast.While):
            going_on = ast.UnaryOp(ast.Not(), ast.Name(names.stop, ast.Load()))
            made.test = _placed(node.test, ast.BoolOp(ast.And(), [going_on, made.test]))  # type: ignore[union-attr]
        else:
            made.stop = names.stop
        return [*start, made]

    def after(self, node: Any) -> ast.stmt:
        """What stands behind a loop that a `return` has ended."""
        names: _Loop = node.names
        returned = ast.Return(ast.Name(names.result, ast.Load()))
        made: ast.stmt = _placed(node, ast.If(ast.Name(names.returned, ast.Load()), [returned], []))
        return made


def _jumps(node: ast.stmt, *, inside: bool = False) -> Iterator[ast.stmt]:
    """The jumps of a statement that leave it; of a loop, those that leave its body for good."""
    match node:
        case ast.Return():
            yield node
        case ast.Break() | ast.Continue():
            yield node
        case ast.If(body=body, orelse=orelse):
            for inner in (*body, *orelse):
                yield from _jumps(inner)
        case ast.While(body=body) | ast.For(body=body):
            for inner in body:
                for jump in _jumps(inner):
                    if isinstance(jump, ast.Return) or (inside and isinstance(jump, ast.Break)):
                        yield jump


def _assignment(place: ast.AST, name: str, value: ast.expr) -> ast.stmt:
    made: ast.stmt = _placed(place, ast.Assign([ast.Name(name, ast.Store())], value))
    return made


def _placed(place: ast.AST, node: Any) -> Any:
    """A node, and those in it that have no place, where another one is."""
    for part in ast.walk(node):
        if isinstance(part, ast.expr | ast.stmt) and not hasattr(part, "lineno"):
            ast.copy_location(part, place)
    return node
