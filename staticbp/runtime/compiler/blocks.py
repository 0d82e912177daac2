"""Names and blocks of statements as LLVM code, long ones in pieces (see `pieces`). Imported only to compile."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from types import ModuleType
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from staticbp.runtime.compiler.expressions import Expressions, Known, assembled, parts_of
from staticbp.runtime.compiler.numbers import IrValue, Kind, Scalar, Unknown
from staticbp.runtime.compiler.outlined import Outlined
from staticbp.runtime.compiler.pieces import LONG, SHORTEST, Frame, assigned, cut, has_number, named


@dataclass(slots=True)
class Variable:
    """A local scalar that is assigned more than once: its place on the stack, which LLVM makes a register."""

    kind: Kind
    place: IrValue


class Blocks(Expressions):
    """Writes the blocks of one function, in which some names are known; `translate.py` adds its statements."""

    def __init__(
        self, builder: Any, imports: Mapping[str, ModuleType], body: Sequence[ast.stmt], kept: Outlined
    ) -> None:
        super().__init__(builder, imports)
        self.kept = kept  # the functions of the module that long blocks call
        self.stores = Counter(assigned(body))
        self.variables: dict[str, Variable] = {}
        self.frame: Frame | None = None
        self.left: set[str] = set()  # what a piece leaves in the frame for others

    def statement(self, node: ast.stmt) -> None:
        """Translate one statement."""
        raise NotImplementedError(ast.dump(node))

    def elsewhere(self, builder: Any, body: Sequence[ast.stmt], known: dict[str, Known]) -> Blocks:
        """What writes statements of this function into another one."""
        raise NotImplementedError(body)

    # -- names --------------------------------------------------------------------------------------------
    def bind(self, name: str, value: Known) -> None:
        """Give a name its value: here and now, or on the stack where it has several."""
        if self.stores[name] <= 1:
            self.scopes[-1][name] = value
            if name in self.left and self.frame is not None and isinstance(value, Scalar):
                self.frame.leave(self.builder, name, value)
            return
        if not isinstance(value, Scalar):
            raise Unknown(name)
        variable = self.variables.get(name)
        if variable is None:
            place = cgutils.alloca_once(self.builder, value.value.type, name=name)
            variable = self.variables[name] = Variable(value.kind, place)
        if variable.kind != value.kind:
            raise Unknown(name)
        self.builder.store(value.value, variable.place)

    def look_up(self, name: str) -> Known:
        """The value that a name has at this place."""
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        if self.frame is not None and name in self.frame.places:
            return self.frame.fetched(self.builder, name)
        variable = self.variables.get(name)
        if variable is None:
            raise Unknown(name)
        return Scalar(variable.kind, self.builder.load(variable.place))

    def number(self, name: str) -> Scalar:
        """The number that a name stands for."""
        value = self.look_up(name)
        if not isinstance(value, Scalar):
            raise Unknown(name)
        return value

    def captured(self, names: Sequence[str]) -> dict[str, Known]:
        """What is known here, of the names that are used elsewhere; what is in the frame, all pieces know."""
        return {n: self.look_up(n) for n in names if n in self.variables or any(n in scope for scope in self.scopes)}

    # -- blocks -------------------------------------------------------------------------------------------
    def block(self, statements: Sequence[ast.stmt]) -> None:
        """Translate statements up to the first that control does not go past."""
        around, self.outlined = self.outlined, self.kept if len(statements) >= LONG else None
        if self.outlined is None:
            self.each(statements)
        else:
            self.in_pieces(statements)
        self.outlined = around

    def each(self, statements: Iterable[ast.stmt]) -> None:
        """Translate statements one after the other."""
        for node in statements:
            if self.builder.block.is_terminated:
                break
            self.statement(node)

    def in_pieces(self, statements: Sequence[ast.stmt]) -> None:
        """Translate a long block, what is plain by calls of functions."""
        self.frame = self.frame or Frame.of(self.builder)
        names = {node: named(node) for node in statements}
        uses = Counter(chain.from_iterable(names.values()))
        for piece in cut(statements, self.is_plain):
            if len(piece) >= SHORTEST:
                self.call_piece(piece, Counter(chain.from_iterable(names[node] for node in piece)), uses)
            else:
                with self.fetched(piece[0]):
                    self.each(piece)

    def is_plain(self, node: ast.stmt) -> bool:
        """Whether a statement may stand in a piece: one that gives an element, or a name for good, a number."""
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                return self.stores[name] <= 1 and has_number(value, self.imports, self.scopes)
            case ast.Assign(targets=[ast.Subscript()]) | ast.AugAssign(target=ast.Subscript()):
                return True
        return False

    def call_piece(self, piece: Sequence[ast.stmt], here: Mapping[str, int], uses: Mapping[str, int]) -> None:
        """Call a function of some statements: how many of them use a name, and how many of the whole block."""
        assert self.frame is not None
        known = self.captured(sorted(here))
        parts = [self.frame.memory, *(part for value in known.values() for part in parts_of(value))]
        function = self.kept.new_function("piece", [part.type for part in parts])
        inside, (memory, *rest) = ir.IRBuilder(function.append_basic_block("entry")), function.args
        handed = iter(rest)
        body = self.elsewhere(inside, piece, {name: assembled(value, handed) for name, value in known.items()})
        body.frame, body.outlined = self.frame.handed(memory), self.outlined
        body.left = {name for name in assigned(piece) if uses[name] > here[name]}
        body.each(piece)
        inside.ret_void()
        self.builder.call(function, parts)

    @contextmanager
    def fetched(self, node: ast.stmt) -> Iterator[None]:
        """Let a statement with others in it, a loop say, have in registers what it reads from the frame."""
        if self.frame is None or not hasattr(node, "body"):
            yield
            return
        names = sorted(self.frame.places.keys() & named(node))
        with self.scope(**{name: self.frame.fetched(self.builder, name) for name in names}):
            yield
