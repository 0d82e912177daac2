"""What the user's source text says of the place where an operation is executed.

A traced operation is known by its instruction, and CPython knows the text that an instruction was compiled
from (its *position*: first and last line and column).  In the syntax tree of the file that position is an
expression, and the statement around it says what its value will be called::

    h = np.tanh(W @ x)          tanh is the root of the assignment: its name is h
                                the product is an inner value: it has no name, its target is h
    return z * z                the root and the inner values are named by whoever called the function

Nothing here fails: without source text or positions there is less to say.
"""

from __future__ import annotations

import ast
import linecache
import warnings
from bisect import bisect_right
from dataclasses import dataclass
from math import inf
from types import FrameType
from typing import Any

Position = tuple[int | None, int | None, int | None, int | None]
"""First line, last line, first column, last column (in UTF-8 bytes), as ``code.co_positions()`` has them."""

Names = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """What an expression's value is called.

    Parameters
    ----------
    names : tuple of str or None
        Of the value itself: one name, or one for each part of a value that is taken apart; empty for an
        inner value.
    target : str or None
        The name of the value that this one is a part of.
    returned : bool
        Whether the function returns the value, or what is computed from it: its caller knows the name.
    root : bool
        Whether it is the value of the statement, and not an inner value.
    item : int or None
        Which part of a returned tuple.
    """

    names: Names = ()
    target: str | None = None
    returned: bool = False
    root: bool = False
    item: int | None = None

    def inner(self) -> Place:
        """The place of a value that this one is computed from."""
        return Place((), self.target, self.returned)


NOWHERE = Place()


class SourceFile:
    """The text of a file and, once it is asked for, its syntax tree."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self._tree: ast.Module | None = None
        self._places: dict[ast.stmt, dict[Position, Place]] = {}

    def text(self, line: int) -> str:
        """The line without its indentation; empty when there is none of that number."""
        return self.lines[line - 1].strip() if 0 < line <= len(self.lines) else ""

    def place(self, position: Position) -> Place:
        """The place of the operation that was compiled from this position."""
        if position[0] is None or not self.lines:
            return NOWHERE
        statement = self._statement(position[0], position[2])
        if statement is None:
            return NOWHERE
        places = self._places.get(statement)
        if places is None:
            places = self._places[statement] = _Places(statement).found
        place = places.get(position)
        return place if place is not None else places[_WHOLE].inner()

    def around(self, position: Position) -> tuple[ast.stmt, ast.stmt | None] | None:
        """The innermost statement around a position, and the one that follows in its block."""
        if position[0] is None or not self.lines:
            return None
        statement = self._statement(position[0], position[2])
        if statement is None or self._tree is None:
            return None
        for node in ast.walk(self._tree):
            for block in _blocks(node) if isinstance(node, ast.stmt | ast.Module) else ():
                if statement in block:
                    after = block.index(statement) + 1
                    return statement, block[after] if after < len(block) else None
        return None

    def _statement(self, line: int, column: int | None) -> ast.stmt | None:
        """The innermost statement around a position."""
        if self._tree is None:
            self._tree = _parse("".join(self.lines))
        found: ast.stmt | None = None
        blocks: list[list[ast.stmt]] = [self._tree.body]
        while blocks:
            within = (_statement_around(block, line, column) for block in blocks)
            inner = next((statement for statement in within if statement is not None), None)
            if inner is None:
                break
            found, blocks = inner, _blocks(inner)
        return found


def _parse(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the user's text; they were shown when it was compiled
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            # Magics of a notebook, a template, a file that was cut short, one that no person has written.
            return ast.Module([], [])


_files: dict[str, SourceFile] = {}


def source_file(filename: str, module_globals: dict[str, Any] | None = None) -> SourceFile:
    """The source of a file, a notebook's cell or a doctest: whatever `linecache` can find.

    Examples
    --------
    >>> source_file(ast.__file__).text(27)
    'import sys'
    >>> source_file("<no such file>").lines
    []
    """
    linecache.checkcache(filename)  # a reloaded module has been edited
    lines = linecache.getlines(filename, module_globals)
    known = _files.get(filename)
    if known is None or known.lines is not lines:
        known = _files[filename] = SourceFile(lines)
    return known


def position_in(frame: FrameType) -> Position:
    """The position of the instruction that a frame executes."""
    return list(frame.f_code.co_positions())[frame.f_lasti // 2]


def expression_at(frame: FrameType) -> ast.AST | None:
    """The expression that a frame evaluates, or the simple statement; None without the text of either.

    Examples
    --------
    >>> import inspect
    >>> def shown(x):
    ...     return len(repr(x)) and ast.unparse(expression_at(inspect.currentframe()))
    >>> shown(1.0)
    'expression_at(inspect.currentframe())'
    """
    position = position_in(frame)
    found = source_file(frame.f_code.co_filename, frame.f_globals).around(position)
    if found is None:
        return None
    statement, _ = found
    for node in ast.walk(statement):
        if isinstance(node, ast.expr) and position in _positions(node):
            return node
    return None if _blocks(statement) else statement


_WHOLE: Position = (None, None, None, None)


class _Places:
    """Walks one statement, and notes the place of each expression in it."""

    def __init__(self, statement: ast.stmt) -> None:
        self.found: dict[Position, Place] = {}
        match statement:
            case ast.Assign(targets=[first, *_] as targets, value=value):
                self._assign(first, value)
                for target in targets:
                    self._note_store(target)
                    self._walk(target, NOWHERE)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, value)
                self._walk(target, NOWHERE)
            case ast.AugAssign(target=target, value=value):
                place = _named(target)
                self.found[_WHOLE] = self.found[_position(statement)] = place
                self._note_store(target)
                self._walk(value, place.inner())
                self._walk(target, place.inner())
            case ast.Return(value=ast.expr() as value):
                self.found[_WHOLE] = _RETURNED
                self._walk(value, _RETURNED)
            case _:
                # The header of a compound statement, or an expression for its own sake.
                for child in ast.iter_child_nodes(statement):
                    if not isinstance(child, ast.stmt):
                        self._walk(child, NOWHERE)
        self.found.setdefault(_WHOLE, NOWHERE)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        place = _named(target)
        self.found.setdefault(_WHOLE, place)
        if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
            if place.names and len(target.elts) == len(value.elts) and not _has_star(value.elts):
                for part, element in zip(target.elts, value.elts, strict=True):
                    self._assign(part, element)
                return
            place = place.inner()
        self._walk(value, place)

    def _note_store(self, target: ast.expr) -> None:
        """What ``x[i] = value`` makes of x is called x."""
        if isinstance(target, ast.Subscript):
            self.found.setdefault(_position(target), _named(target))

    def _walk(self, node: ast.AST, place: Place) -> None:
        """Note the place of an expression's value, and of the values that it is computed from."""
        match node:
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self._walk(test, place.inner())
                self._walk(body, place)
                self._walk(orelse, place)
            case ast.NamedExpr(target=target, value=value):
                self._walk(value, _named(target))
            case ast.Lambda(body=body, args=args):
                self._walk(args, place.inner())
                self._walk(body, _RETURNED)
            case ast.keyword(arg=str(name), value=value):
                self._walk(value, Place((name,), name, root=True))
            case ast.Tuple(elts=elements) if place is _RETURNED and not _has_star(elements):
                for index, element in enumerate(elements):
                    self._walk(element, Place(returned=True, root=True, item=index))
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    entry = _key_name(key)
                    self._walk(value, place.inner() if entry is None else Place((entry,), entry, root=True))
            case _:
                if isinstance(node, ast.expr):
                    for position in _positions(node):
                        self.found.setdefault(position, place)
                for child in ast.iter_child_nodes(node):
                    self._walk(child, place.inner())


_RETURNED = Place(returned=True, root=True)


def _named(target: ast.expr) -> Place:
    """The place of the value that is assigned to a target."""
    names: Names
    if isinstance(target, ast.Tuple | ast.List):
        names = tuple(_target_name(part) for part in target.elts)
        if _has_star(target.elts):
            names = ()
        known = [name for name in map(_target_name, target.elts) if name is not None]
        # What several values are computed from is called after all of them, as far as that is short.
        return Place(names, "_".join(known) if 0 < len(known) <= 3 else None, root=bool(names))
    name = _target_name(target)
    return Place((name,) if name else (), name, root=True)


def _target_name(target: ast.AST) -> str | None:
    match target:
        case ast.Name(id=name):
            return None if name == "_" else name
        case ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value, slice=index):
            return _key_name(index) or _target_name(value)
        case ast.Starred(value=value):
            return _target_name(value)
    return None


def _key_name(key: ast.expr | None) -> str | None:
    """The name in ``{"weights": …}`` and ``net["weights"]``."""
    match key:
        case ast.Constant(value=str(name)) if name.isidentifier():
            return name
    return None


def _has_star(elements: list[ast.expr]) -> bool:
    return any(isinstance(element, ast.Starred) for element in elements)


def _position(node: ast.expr | ast.stmt) -> Position:
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


def _attribute_position(node: ast.Attribute) -> Position:
    """Where CPython says that an attribute is: one of a value on earlier lines begins at its own name."""
    value_end, end = node.value.end_lineno, node.end_col_offset
    if value_end is None or end is None or node.end_lineno == node.value.lineno:
        return _position(node)
    return node.end_lineno, node.end_lineno, end - len(node.attr.encode()), end


def _call_position(node: ast.Call) -> Position:
    """Where CPython says that a call is: a method call, like an attribute, begins at the method's name."""
    if not isinstance(node.func, ast.Attribute):
        return _position(node)
    line, _, column, _ = _attribute_position(node.func)
    return line, node.end_lineno, column, node.end_col_offset


def _positions(node: ast.expr) -> tuple[Position, ...]:
    """Where CPython may say that an expression is."""
    match node:
        case ast.Call():
            return _position(node), _call_position(node)
        case ast.Attribute():
            return _position(node), _attribute_position(node)
    return (_position(node),)


def _blocks(statement: ast.stmt | ast.Module) -> list[list[ast.stmt]]:
    """The bodies of a compound statement."""
    blocks = [getattr(statement, name, None) for name in ("body", "orelse", "finalbody")]
    blocks += [part.body for name in ("handlers", "cases") for part in getattr(statement, name, ())]
    return [block for block in blocks if block]


def _statement_around(block: list[ast.stmt], line: int, column: int | None) -> ast.stmt | None:
    """The statement of a block that holds a position; without a column, the last one on the line."""
    index = bisect_right(block, (line, inf if column is None else column), key=_start) - 1
    if index < 0:
        return None
    statement = block[index]
    end = (statement.end_lineno or statement.lineno, statement.end_col_offset or 0)
    return statement if (line, column or 0) <= end else None


def _start(statement: ast.stmt) -> tuple[int, float]:
    """Where a statement begins: with its decorators."""
    first = next(iter(getattr(statement, "decorator_list", ())), statement)
    return first.lineno, first.col_offset
