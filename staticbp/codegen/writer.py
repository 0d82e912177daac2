"""The writer: a schedule becomes the text of a Python module that a person enjoys reading."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from staticbp.codegen.expressions import dim_text, expression, index_text, needs_cast, shape_text
from staticbp.codegen.layout import INDENT, WIDTH, layout
from staticbp.core import shape as shapes
from staticbp.core.graph import SrcLine
from staticbp.core.schedule import (
    Accumulate,
    Apply,
    Buffer,
    Call,
    Check,
    Const,
    Expr,
    FunctionCall,
    If,
    Let,
    Load,
    Local,
    Loop,
    Operand,
    Ref,
    Reshape,
    Schedule,
    Stmt,
    Store,
    Update,
    While,
    expr_dtype,
)
from staticbp.core.shape import Dim
from staticbp.core.text import STATUS
from staticbp.core.traverse import walk

KERNELS = ("blas", "clock", "fft", "kernels", "linalg", "native", "threads")  # the modules of the runtime
PAUSED = -1  # the status of a function that has done its share of a long loop


class Line(str):
    """A line of text, and the statement that it is (a part of), if it is one."""

    __slots__ = ("stmt",)
    stmt: Stmt | None

    @staticmethod
    def of(text: str, stmt: Stmt | None = None) -> Line:
        """`text` as a line of `stmt`, unless it is a line of something inside of it."""
        if isinstance(text, Line):
            return text
        line = Line(text)
        line.stmt = stmt
        return line


def write(schedule: Schedule, title: str) -> str:
    """The module of a schedule: docstring, imports, the function, behind those that it calls."""
    return "\n".join(written(schedule, title))


def written(schedule: Schedule, title: str) -> list[Line]:
    """The lines of the module."""
    body = [line for each in schedule.functions for line in (*_Function(each).lines(), "", "")]
    body += _Function(schedule).lines()
    used = {name for line in body for name in re.findall(r"\b([a-z]+)\.", line.split("# ")[0])}
    numpy = ["import numpy as np"] if "np" in used else []
    kernels = ", ".join(module for module in KERNELS if module in used)
    runtime = [f"from staticbp.runtime import {kernels}"] if kernels else []
    runtime += ["from staticbp.runtime import vecmath as vm"] if "vm" in used else []
    imports = [*numpy, *([""] if numpy and runtime else []), *runtime]
    blank = ["", ""] if imports else []
    return [Line.of(line) for line in (f'"""{_plain(title)}"""', "", *imports, *blank, *body, "")]


def parameters(schedule: Schedule) -> list[str]:
    """The names of the function's parameters, in order."""
    names = [b.name for b in (*schedule.arguments, *schedule.constants, *schedule.results)]
    if schedule.workspace:
        names.append("work")
    if is_sliced(schedule):
        names.append("progress")
    return names


def is_sliced(schedule: Schedule) -> bool:
    """Whether the function runs a long loop in slices."""
    return any(isinstance(stmt, Loop) and stmt.sliced for stmt in schedule.body)


def _plain(text: str) -> str:
    """A title as it can stand in a docstring."""
    return _printable(text).replace("\\", "/").replace('"', "'")


def _printable(text: str) -> str:
    """What the user wrote, on one line and without characters that might end it."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()


class _Function:
    """Writes one function; remembers which of the user's lines have been quoted."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.quoted: set[SrcLine] = set()
        self.forward: dict[int, set[SrcLine]] = {}  # by the statement: what forward ones beside it will quote
        for whole in schedule.body:
            lines = {src for stmt in walk([whole]) if not stmt.adjoint for src in stmt.src}
            self.forward.update((id(stmt), lines) for stmt in walk([whole]))
        called = [stmt for stmt in walk(schedule.body) if isinstance(stmt, FunctionCall) and stmt.function.workspace]
        self.lent = {stmt.writes[-1].buffer for stmt in called}  # to work in: what nobody here looks into has no name
        computing = [stmt for stmt in schedule.body if not isinstance(stmt, Reshape)]
        last_forward = max((i for i, stmt in enumerate(computing) if not stmt.adjoint), default=-1)
        self.first_adjoint = computing[last_forward + 1] if 0 <= last_forward < len(computing) - 1 else None

    def lines(self) -> Iterator[str]:
        """The lines, those of statements as `Line`."""
        yield from self._signature()
        below = [line for buffer in self.schedule.temporaries for line in self._declare(buffer)]
        if is_sliced(self.schedule):
            below += self._segments()
        elif self.schedule.body:
            below += self._block(self.schedule.body, 1)
        yield from self._sizes("\n".join(below))
        yield from below
        yield f"{INDENT}return 0"

    def _sizes(self, below: str) -> Iterator[str]:
        """What symbols stand for, those that occur in the text below."""
        used = set(re.findall(r"\w+", below))
        for size in self.schedule.sizes:
            up = shapes.padded_name(size.name)
            if used & {size.name, up}:
                yield f"{INDENT}{size.name} = {size.buffer.name}.shape[{size.axis}]"
            if up in used:
                to = self.schedule.padding
                rounded = f"({size.name} + {to - 1}) // {to} * {to}" if to > 1 else size.name
                yield f"{INDENT}{up} = {rounded}"

    def _signature(self) -> Iterator[str]:
        names = parameters(self.schedule)
        line = f"def {self.schedule.name}({', '.join(names)}):"
        if len(line) <= WIDTH:
            yield line
        else:
            yield f"def {self.schedule.name}("
            yield from _wrapped(names, INDENT)
            yield "):"

    def _declare(self, buffer: Buffer) -> Iterator[str]:
        if buffer.offset is None or buffer in self.lent:
            return
        aval = buffer.aval
        dtype = "np.bool_" if aval.dtype.kind == "b" else f"np.{aval.dtype.name}"
        text = f"{INDENT}{buffer.name} = {_place(buffer)}.view({dtype})"
        if aval.ndim != 1:
            text += f".reshape({shape_text(aval.shape)})"
        yield f"{text}  # {aval}"

    # -- blocks -------------------------------------------------------------------------------------------
    def _segments(self) -> Iterator[str]:
        """The parts between long loops, each entered when its turn has come: ``progress`` = part, position, budget."""
        part = 0
        pending: list[Stmt] = []
        for stmt in self.schedule.body:
            if not (isinstance(stmt, Loop) and stmt.sliced):
                if isinstance(stmt, Reshape):
                    yield from self._statement(stmt, 1)
                else:
                    pending.append(stmt)
                continue
            yield f"{INDENT}if progress[0] == {part}:"
            if pending:
                yield from self._block(pending, 2)
            yield f"{INDENT * 2}progress[0] = {part + 1}"
            yield f"{INDENT * 2}progress[1] = 0"
            yield f"{INDENT}if progress[0] == {part + 1}:"
            yield from self._slice(stmt)
            yield f"{INDENT * 2}progress[0] = {part + 2}"
            part += 2
            pending = []
        if pending:
            yield from self._block(pending, 1)

    def _slice(self, loop: Loop) -> Iterator[str]:
        pad, extent = INDENT * 2, dim_text(loop.extent)[0]
        yield f"{pad}start = progress[1]"
        yield f"{pad}stop = min({extent}, start + progress[2])"
        if loop.reverse:
            yield f"{pad}for {loop.index} in range({extent} - 1 - start, {extent} - 1 - stop, -1):"
        else:
            yield f"{pad}for {loop.index} in range(start, stop):"
        yield from self._block(loop.body, 3)
        yield f"{pad}progress[1] = stop"
        yield f"{pad}if stop < {extent}:"
        yield f"{pad}{INDENT}return {PAUSED}"

    def _block(self, block: Sequence[Stmt], depth: int) -> Iterator[str]:
        for position, stmt in enumerate(block):
            if stmt is self.first_adjoint:
                yield f"{INDENT * depth}# ---- adjoint ----"
            yield from self._quote_whole(block, position, depth)
            yield from (Line.of(line, stmt) for line in self._statement(stmt, depth))
        if not block:
            yield f"{INDENT * depth}pass"

    def _quote_whole(self, block: Sequence[Stmt], position: int, depth: int) -> Iterator[str]:
        """Quote what a loop comes from in front of it, and of its start values, if only one statement in it says so."""
        ahead = position
        while isinstance(start := block[ahead], Let) and isinstance(start.expr, Const) and ahead + 1 < len(block):
            ahead += 1
        if isinstance(block[ahead], Loop):
            telling = [stmt for stmt in walk(block[position : ahead + 1]) if self._fresh(stmt)]
            if len(telling) == 1:
                yield from self._quote(telling[0], depth)

    def _fresh(self, stmt: Stmt) -> list[SrcLine]:
        """The lines to quote above a statement; what the forward pass quotes in the same loop, the adjoint need not."""
        shown = self.quoted | self.forward.get(id(stmt), set()) if stmt.adjoint else self.quoted
        return [src for src in stmt.src if src not in shown]

    def _quote(self, stmt: Stmt, depth: int) -> Iterator[str]:
        fresh = self._fresh(stmt)
        self.quoted.update(fresh)
        for src in fresh:
            yield f"{INDENT * depth}# {_printable(str(src))}"

    def _statement(self, stmt: Stmt, depth: int) -> Iterator[str]:
        yield from self._quote(stmt, depth)
        pad = INDENT * depth
        match stmt:
            case Loop(index=index, extent=extent, body=body, reverse=reverse):
                count = dim_text(extent)[0]
                ranged = f"range({dim_text(shapes.total((extent, -1)))[0]}, -1, -1)" if reverse else f"range({count})"
                ranged = f"threads.range({count}, {stmt.grain})" if stmt.grain else ranged
                if stmt.product is not None:
                    yield from self._quote(stmt.product, depth)
                    ranged = _rows(stmt.product, stmt.grain)
                yield f"{pad}for {index} in {ranged}:"
                yield from self._block(body, depth + 1)
            case Let(name=name, expr=expr):
                yield from layout(*_assignment(Local(name, expr_dtype(expr)), expr), pad)
            case Store(buffer=buffer, index=index, expr=expr):
                yield from layout(*_assignment(Load(buffer, index), expr), pad)
            case Update(name=name, combine=combine, expr=expr):
                running = Local(name, expr_dtype(expr))
                yield from layout(*_assignment(running, Apply(combine, (running, expr), running.dtype)), pad)
            case Accumulate(buffer=buffer, index=index, combine=combine, expr=expr):
                element = Load(buffer, index)
                yield from layout(*_assignment(element, Apply(combine, (element, expr), element.dtype)), pad)
            case Call(kernel=kernel, args=args, status=status):
                call = f"{kernel}({', '.join(map(self._operand, args))})"
                if isinstance(stmt, FunctionCall):
                    yield from self._call(stmt, call, pad)
                elif status:
                    yield f"{pad}if not {call}:"
                    yield f"{pad}{INDENT}return {status}"
                else:
                    yield from layout("", call, pad)
            case Reshape(view=view, ref=ref):
                yield f"{pad}{view.name} = {_operand(ref)}.reshape({shape_text(view.aval.shape)})  # {view.aval}"
            case Check(ok=ok, status=status):
                yield f"{pad}if not {_condition(ok)}:"
                yield f"{pad}{INDENT}return {status}"
            case If(test=test, then=then, orelse=orelse):
                yield f"{pad}if {expression(test)}:"
                yield from self._block(then, depth + 1)
                if orelse:
                    yield f"{pad}else:"
                    yield from self._block(orelse, depth + 1)
            case While(head=head, test=test, body=body):
                yield f"{pad}while {'True' if head else expression(test)}:"
                if head:
                    yield from self._block(head, depth + 1)
                    yield f"{pad}{INDENT}if not ({expression(test)}):"
                    yield f"{pad}{INDENT * 2}break"
                yield from self._block(body, depth + 1)
            case _:
                raise AssertionError(f"not a statement: {stmt!r}")

    def _call(self, stmt: FunctionCall, call: str, pad: str) -> Iterator[str]:
        """A call of a function, whose many operands share lines, and what follows when it fails."""
        line = f"{pad}{STATUS} = {call}" if stmt.status else f"{pad}{call}"
        if len(line) <= WIDTH:
            yield line
        else:
            yield line.partition("(")[0] + "("
            yield from _wrapped([*map(self._operand, stmt.args)], pad + INDENT)
            yield f"{pad})"
        if stmt.status:
            yield f"{pad}if {STATUS} != 0:"
            yield f"{pad}{INDENT}return {STATUS}"

    def _operand(self, operand: Operand) -> str:
        if isinstance(operand, Ref) and operand.buffer in self.lent:
            return _place(operand.buffer)
        return _operand(operand)


def _place(buffer: Buffer) -> str:
    """Where a buffer lies in the workspace."""
    start: Dim = buffer.offset or 0
    end = shapes.total((start, shapes.size((buffer.aval.size, buffer.aval.dtype.itemsize))))
    colon = ":" if isinstance(end, int) else " : "
    return f"work[{dim_text(start)[0]}{colon}{dim_text(end)[0]}]"


def _assignment(target: Local | Load, expr: Expr) -> tuple[str, str]:
    """``target = expr``, or ``target += rest`` where that says the same."""
    name = target.name if isinstance(target, Local) else f"{target.buffer.name}[{index_text(target.index)}]"
    match expr:
        case Apply(template="{0} + {1}" | "{0} - {1}" | "{0} * {1}" | "{0} / {1}" as pattern, args=(left, right)):
            operator = pattern[4]
            if left == target and not needs_cast(expr):
                return f"{name} {operator}= ", expression(right)
            if right == target and operator in "+*" and not needs_cast(expr):
                return f"{name} {operator}= ", expression(left)
    return f"{name} = ", expression(expr)


def _condition(ok: Expr) -> str:
    """What a check asks for; a range in one comparison."""
    match ok:
        case Apply(
            template="{0} & {1}",
            args=(Apply(template="{0} >= {1}", args=(index, low)), Apply(template="{0} < {1}", args=(same, high))),
        ) if index == same:
            return f"{expression(low)} <= {expression(index)} < {expression(high)}"
    return f"({expression(ok)})"


def _operand(operand: Operand) -> str:
    if isinstance(operand, Ref):
        prefix = f"[{index_text(operand.prefix)}]" if operand.prefix else ""
        return f"{operand.buffer.name}{prefix}"
    if isinstance(operand, bool | int | float):
        return str(operand)
    return expression(operand)


def _rows(product: Call, count: int) -> str:
    """The rows of a product, so many at a time."""
    left, right, result, *flags = product.args
    return f"blas.gemm_rows({', '.join(map(_operand, (left, right, result, count, *flags[1:])))})"


def _wrapped(names: Sequence[str], pad: str) -> Iterator[str]:
    line = pad
    for name in names:
        if len(line) + len(name) + 2 > WIDTH:
            yield line.rstrip()
            line = pad
        line += f"{name}, "
    yield line.rstrip()
