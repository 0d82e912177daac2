"""Long stretches of code in pieces, each a function that is called. Imported only to compile.

What LLVM does with a block takes time that grows faster than its length: which numbers to keep in registers, which
instruction to choose for what. So the assignments of a block of thousands are cut into pieces of some hundreds. Numbers
that one piece computes and others use wait in a frame, memory that all of them are handed. The gradient of an unrolled
loop, which uses last what it computes first, would have most of its numbers in memory anyhow.

The gradient of a chain of 4,000 operations was machine code in 0.70 s, and in pieces is in 0.43; it runs no slower.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from llvmlite import ir

from staticbp.runtime.compiler.expressions import Array, Known
from staticbp.runtime.compiler.numbers import IrValue, Scalar

LONG = 256  # statements of a block that is cut
PIECE = 512  # statements of a piece
SHORTEST = 16  # statements that are worth a call

_NUMBER = ir.DoubleType()
_SIZE = ir.IntType(64)


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


def named(node: ast.AST) -> set[str]:
    """The names in a statement; `ast.walk` takes twice as long.

    Examples
    --------
    >>> sorted(named(ast.parse("y = np.sin(x[i])").body[0]))
    ['i', 'np', 'x', 'y']
    """
    found: set[str] = set()
    pending: list[Any] = [node]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, list):
            pending += node
        elif isinstance(node, ast.AST):
            pending += [getattr(node, name, None) for name in node._fields]
    return found


def cut(block: Sequence[ast.stmt], is_plain: Callable[[ast.stmt], bool]) -> Iterator[list[ast.stmt]]:
    r"""A block in order: up to `PIECE` plain statements together, all others alone.

    Examples
    --------
    >>> block = ast.parse("a = x\nb = a\nfor i in range(3): pass\nc = b").body
    >>> [len(piece) for piece in cut(block, lambda node: isinstance(node, ast.Assign))]
    [2, 1, 1]
    """
    piece: list[ast.stmt] = []
    for node in block:
        plain = is_plain(node)
        if piece and (not plain or len(piece) == PIECE):
            yield piece
            piece = []
        if plain:
            piece.append(node)
        else:
            yield [node]
    if piece:
        yield piece


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
    """What is said of reads and writes of a type: that they stay as they are and in order, which costs nothing here.

    LLVM would look for writes that could be left out or joined, each time going through all others.
    """
    size = _SIZES.get(str(kind))
    return ("volatile", "") if size is None else ("atomic volatile", f" monotonic, align {size}")


_SIZES = {"double": 8, "float": 4, "i64": 8, "i32": 4}


@dataclass(frozen=True, slots=True)
class Frame:
    """Memory of a function in which its pieces leave numbers, known by their names.

    Parameters
    ----------
    memory : IrValue
        Where it is: an argument, in a piece.
    size : ir.Constant
        How many double words it has, so far.
    places : dict of str to tuple
        Numba's and LLVM's type of each number, and at which double word it is.
    """

    memory: IrValue
    size: Any
    places: dict[str, tuple[Any, Any, int]] = field(default_factory=dict)

    @staticmethod
    def of(builder: Any) -> Frame:
        """The frame of the function that a builder writes, still empty."""
        size = ir.Constant(_SIZE, 0)  # which is written down when all is known
        with builder.goto_entry_block():
            memory = builder.alloca(_NUMBER, size)
        memory.align = 16
        return Frame(memory, size)

    def handed(self, memory: IrValue) -> Frame:
        """The same frame in a function that is handed it."""
        return replace(self, memory=memory)

    def leave(self, builder: Any, name: str, number: Scalar) -> None:
        """Write a number to where others find it."""
        kind = number.value.type
        self.places[name] = number.kind, kind, self.size.constant
        self.size.constant += 2 if isinstance(kind, ir.LiteralStructType) else 1  # a complex number
        builder._insert(_Write(builder.block, number.value, self._place(builder, name)))

    def fetched(self, builder: Any, name: str) -> Scalar:
        """Read a number that another piece has left."""
        read = _Read(builder.block, self._place(builder, name))
        builder._insert(read)
        return Scalar(self.places[name][0], read)

    def _place(self, builder: Any, name: str) -> IrValue:
        _, kind, position = self.places[name]
        place = builder.gep(self.memory, [_SIZE(position)], inbounds=True)
        return place if kind == _NUMBER else builder.bitcast(place, kind.as_pointer())


def has_number(node: ast.expr, imports: Container[str], scopes: Sequence[Mapping[str, Known]]) -> bool:
    """Whether an expression is a number and no array, as far as that is plain to see."""
    match node:
        case ast.BinOp() | ast.UnaryOp() | ast.Compare() | ast.BoolOp() | ast.IfExp() | ast.Constant():
            return True
        case ast.Call(func=ast.Name()):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner))):
            return owner in imports
        case ast.Subscript(value=ast.Name(id=name), slice=index):
            array = next((scope[name] for scope in reversed(scopes) if name in scope), None)
            count = len(index.elts) if isinstance(index, ast.Tuple) else 1
            return isinstance(array, Array) and len(array.shape) == count and not isinstance(index, ast.Slice)
    return False
