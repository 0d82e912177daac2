"""Numbers that wait in memory, in long stretches of code, until they are used again. Imported only to compile.

The gradient of an unrolled loop uses last what it computes first, so that thousands of numbers wait for thousands of
statements. There are not as many registers; but LLVM finds that out number by number, each time looking at all the code
that it waits for, which takes time that grows with the square of the length. So such numbers are put in memory here, by
reads and writes that are volatile: others LLVM would leave out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from staticbp.runtime.numbers import IrValue

LONG = 512  # statements of a block: a shorter one is left to LLVM
FAR = 64  # statements from where a number is computed to its last use: in a register it would not have stayed


def statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a block and of those within it."""
    for node in body:
        yield node
        for block in ("body", "orelse"):
            yield from statements(getattr(node, block, ()))


def assigned(body: Sequence[ast.stmt]) -> Iterator[str]:
    """The names that statements assign to, each as often as they do."""
    for node in statements(body):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AugAssign(target=ast.Name(id=name)):
                yield name


def waiting(body: Sequence[ast.stmt], arguments: Iterable[str]) -> set[str]:
    r"""The names that are used far behind the statement of a long block that assigns them, or far into the function.

    Examples
    --------
    >>> text = ["near = x + 1", "far = near * x"] + ["y = near + 1"] * 600 + ["z = far + y"]
    >>> sorted(waiting(ast.parse("\n".join(text)).body, ["x"]))
    ['far', 'near']
    """
    nested = (getattr(node, block, ()) for node in statements(body) for block in ("body", "orelse"))
    found: set[str] = set()
    for block in (body, *nested):
        if len(block) < LONG:
            continue
        since = dict.fromkeys(arguments, 0)
        for position, statement in enumerate(block):
            found.update([name for name in _names(statement) if position - since.get(name, position) > FAR])
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)]):
                    since[name] = position
    return found


def _names(statement: ast.stmt) -> Iterator[str]:
    """The names in a statement; `ast.walk` takes twice as long."""
    pending: list[Any] = [statement]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, list):
            pending += node
        elif isinstance(node, ast.AST):
            pending += [getattr(node, name, None) for name in node._fields]


class _Read(ir.LoadInstr):
    def descr(self, buf: list[str]) -> None:
        (place,) = self.operands
        kind, order = _order(self.type)
        buf.append(f"load {kind} {self.type}, {place.type} {place.get_reference()}{order}\n")


class _Write(ir.StoreInstr):
    def descr(self, buf: list[str]) -> None:
        value, place = self.operands
        kind, order = _order(value.type)
        buf.append(f"store {kind} {value.type} {value.get_reference()}, {place.type} {place.get_reference()}{order}\n")


def _order(kind: Any) -> tuple[str, str]:
    """What is said of reads and writes of a type: also that they keep their order, which costs nothing here.

    LLVM would look for writes that others make superfluous, each time going back through all that wait.
    """
    size = _SIZES.get(str(kind))
    return ("volatile", "") if size is None else ("atomic volatile", f" monotonic, align {size}")


_SIZES = {"double": 8, "float": 4, "i64": 8, "i32": 4}


@dataclass(frozen=True, slots=True)
class Parked:
    """A number in memory, written when there had been so many statements, in so many loops."""

    place: IrValue
    since: int
    depth: int

    @staticmethod
    def at(builder: Any, value: IrValue, since: int, depth: int) -> Parked:
        """Write the number to where it waits."""
        place = cgutils.alloca_once(builder, value.type)
        builder._insert(_Write(builder.block, value, place))
        return Parked(place, since, depth)

    def fetched(self, builder: Any) -> IrValue:
        """Read the number from where it waits."""
        number = _Read(builder.block, self.place)
        builder._insert(number)
        return number
