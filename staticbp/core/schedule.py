"""The schedule: how to compute a graph.  Loops, buffers and kernel calls, from which the writer makes text.

::

    Schedule  = Schedule(name, buffers, body: [Stmt], results: [Buffer], checks: [Check messages])
    Buffer    = Buffer(name, aval, role, offset)         role: argument | constant | result | workspace | view
    Size      = Size(name, buffer, axis)                 a symbol: what an argument's size along an axis is called
    Ref       = Ref(buffer, prefix: (Affine, ...), transposed)   an array in memory: a buffer, or one row of it
    Stmt      = Loop(index, extent, body, reverse, grain, product) | Let(name, expr) | Update(name, expr)
              | Store(buffer, index, expr) | Accumulate(buffer, index, combine, expr)
              | Call(kernel, args, status) | Reshape(view, ref) | Check(ok, status)
              | If(test, then, orelse) | While(test, body)
    Expr      = Load(buffer, index) | Apply(template, args, dtype) | Const(value) | Local(name, dtype) | Affine
    Affine    = offset + sum of coefficient * loop index

Elementwise operations are `Apply`, shape operations are index maps and cost nothing, reductions are `Update`
of a local scalar or `Accumulate` into memory, products are `Call`.  An index is affine in the loop indexes, or
an integer expression that a `Check` has bounded.  `lowering.py` is how a primitive says which of these it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from staticbp.core.aval import INT64, Aval
from staticbp.core.graph import SrcLine
from staticbp.core.shape import Dim, Shape

# ---- buffers ------------------------------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class Buffer:
    """An array in memory.  `offset` is its place in the workspace in bytes; for views, `of` is what they show."""

    name: str
    aval: Aval
    role: str
    offset: Dim | None = None
    of: Ref | None = None

    def __repr__(self) -> str:
        place = f" @{self.offset}" if self.offset is not None else ""
        return f"{self.role} {self.name}: {self.aval}{place}"


@dataclass(frozen=True, slots=True)
class Size:
    """A symbol, and where its value is found."""

    name: str
    buffer: Buffer
    axis: int


@dataclass(frozen=True, slots=True)
class Affine:
    """An integer expression affine in the loop indexes: ``offset + sum(coefficient * index)``."""

    offset: Dim = 0
    terms: tuple[tuple[str, int], ...] = ()

    def __add__(self, other: Affine | Dim) -> Affine:
        if not isinstance(other, Affine):
            return Affine(self.offset + other, self.terms)
        total = dict(self.terms)
        for name, coefficient in other.terms:
            total[name] = total.get(name, 0) + coefficient
        kept = tuple(sorted((name, c) for name, c in total.items() if c))
        return Affine(self.offset + other.offset, kept)

    def __mul__(self, factor: int) -> Affine:
        return Affine(self.offset * factor, tuple((name, c * factor) for name, c in self.terms if factor))

    @property
    def is_constant(self) -> bool:
        """Whether no loop index occurs."""
        return not self.terms

    @property
    def single(self) -> str | None:
        """The loop index that this is exactly, or None."""
        if self.offset == 0 and len(self.terms) == 1 and self.terms[0][1] == 1:
            return self.terms[0][0]
        return None

    def renamed(self, names: Mapping[str, str]) -> Affine:
        """With loop indexes renamed."""
        if not any(name in names for name, _ in self.terms):
            return self
        total = Affine(self.offset)
        for name, coefficient in self.terms:
            total = total + Affine(0, ((names.get(name, name), coefficient),))
        return total


def loop_index(name: str) -> Affine:
    """The loop index `name` as an expression."""
    return Affine(0, ((name, 1),))


@dataclass(frozen=True, slots=True)
class Ref:
    """An array that lies in `buffer`, at `prefix` of its leading axes; `transposed` swaps the last two."""

    buffer: Buffer
    prefix: tuple[Affine, ...] = ()
    transposed: bool = False

    @property
    def shape(self) -> Shape:
        """The shape of the array, as it is to be read."""
        shape = self.buffer.aval.shape[len(self.prefix) :]
        return (*shape[:-2], shape[-1], shape[-2]) if self.transposed else shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the array."""
        return self.buffer.aval.dtype

    def at(self, index: Sequence[Index]) -> tuple[Index, ...]:
        """The index into the buffer for an index into this array."""
        inner = tuple(index)
        if self.transposed:
            inner = (*inner[:-2], inner[-1], inner[-2])
        return (*self.prefix, *inner)

    def row(self, *index: Affine) -> Ref:
        """The array at a further leading index."""
        return Ref(self.buffer, (*self.prefix, *index), self.transposed)


# ---- expressions --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Const:
    """A scalar constant; its NumPy type is its dtype."""

    value: np.generic

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype."""
        return self.value.dtype

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Const) and self.dtype == other.dtype and self.value.tobytes() == other.value.tobytes()

    def __hash__(self) -> int:
        return hash((self.dtype, self.value.tobytes()))


@dataclass(frozen=True, slots=True)
class Local:
    """A local scalar variable."""

    name: str
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class Load:
    """One element of a buffer."""

    buffer: Buffer
    index: tuple[Index, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype."""
        return self.buffer.aval.dtype


@dataclass(frozen=True, slots=True)
class Apply:
    """A scalar operation: `template` is Python text with ``{0}``, ``{1}``, ... for the arguments.

    `name` is what the user calls the value, for whoever gives it a local of its own.
    """

    template: str
    args: tuple[Expr, ...]
    dtype: np.dtype[Any]
    name: str | None = field(default=None, compare=False)


Expr = Load | Apply | Const | Local | Affine
Index = Affine | Load | Apply | Local | Const


def expr_dtype(expr: Expr) -> np.dtype[Any]:
    """The dtype of an expression; index arithmetic is int64."""
    return INT64 if isinstance(expr, Affine) else expr.dtype


# ---- statements ---------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Stmt:
    """A statement.  `src` are the user's lines it comes from, `adjoint` whether it belongs to a derivative."""

    src: tuple[SrcLine, ...] = field(default=(), kw_only=True)
    adjoint: bool = field(default=False, kw_only=True)


@dataclass(slots=True, eq=False)
class Loop(Stmt):
    """``for index in range(extent)``, or backwards.

    The iterations of a `sequential` loop depend on one another; a `sliced` one may stop and be taken up again.  In a
    `turn` of it there may be several steps of the loop that the user wrote.
    Those of a loop with a `grain` are shared out among threads, each of which takes at least so many.  A loop with a
    `product` goes over the rows of its result, of which `grain` are made at a time, just ahead of their steps.
    """

    index: str
    extent: Dim
    body: list[Stmt]
    reverse: bool = False
    sequential: bool = False
    sliced: bool = False
    grain: int = 0
    product: Call | None = None
    turn: int = 1


@dataclass(slots=True, eq=False)
class Let(Stmt):
    """``name = expr``: a local scalar."""

    name: str
    expr: Expr


@dataclass(slots=True, eq=False)
class Update(Stmt):
    """``name = combine(name, expr)``: a running reduction in a local scalar."""

    name: str
    combine: str
    expr: Expr


@dataclass(slots=True, eq=False)
class Store(Stmt):
    """``buffer[index] = expr``."""

    buffer: Buffer
    index: tuple[Index, ...]
    expr: Expr


@dataclass(slots=True, eq=False)
class Accumulate(Stmt):
    """``buffer[index] = combine(buffer[index], expr)``."""

    buffer: Buffer
    index: tuple[Index, ...]
    combine: str
    expr: Expr


Operand = Ref | Expr | bool | int | float


@dataclass(slots=True, eq=False)
class Call(Stmt):
    """``kernel(*args)``.  `reads` and `writes` say which of the arguments it reads and writes.

    A kernel that can fail says whether it did not; `status` is what the function returns then.
    """

    kernel: str
    args: tuple[Operand, ...]
    reads: tuple[Ref, ...]
    writes: tuple[Ref, ...]
    status: int = 0


@dataclass(slots=True, eq=False)
class FunctionCall(Call):
    """``function(*args)``, of the same module.  It may fail where `status` is not 0; its status is returned then."""

    function: Schedule = field(kw_only=True)


@dataclass(slots=True, eq=False)
class Reshape(Stmt):
    """``view = ref.reshape(shape)``: the same memory seen in another shape."""

    view: Buffer
    ref: Ref


@dataclass(slots=True, eq=False)
class Check(Stmt):
    """``if not ok: return status``: the boundary turns the status into an error that names the user's line."""

    ok: Expr
    status: int


@dataclass(slots=True, eq=False)
class If(Stmt):
    """A branch."""

    test: Expr
    then: list[Stmt]
    orelse: list[Stmt]


@dataclass(slots=True, eq=False)
class While(Stmt):
    """``while True: head; if not test: break; body``."""

    head: list[Stmt]
    test: Expr
    body: list[Stmt]


@dataclass(frozen=True, slots=True)
class Failure:
    """What a non-zero status means."""

    kind: str
    message: str
    src: SrcLine | None


@dataclass(slots=True, eq=False)
class Schedule:
    """A function in terms of loops, buffers and kernel calls.

    `arguments`, `constants` and `results` are in the order of the graph's inputs, consts and outputs;
    `workspace` is the size of the arena in bytes.  `sizes` are the symbols in it; those of offsets are rounded up to
    multiples of `padding`.  `functions` are those that are called, each behind those that it calls.
    """

    name: str
    arguments: list[Buffer]
    constants: list[Buffer]
    results: list[Buffer]
    temporaries: list[Buffer]
    body: list[Stmt]
    failures: list[Failure]
    workspace: Dim = 0
    lower_bound: int = 0
    sizes: list[Size] = field(default_factory=list)
    padding: int = 1
    functions: list[Schedule] = field(default_factory=list)

    def buffers(self) -> Iterator[Buffer]:
        """All buffers, in order."""
        yield from self.arguments
        yield from self.constants
        yield from self.results
        yield from self.temporaries

    def __str__(self) -> str:
        return schedule_text(self)


# ---- the textual form: expressions fully parenthesised, so that nothing depends on precedence -------------------


def schedule_text(schedule: Schedule) -> str:
    """The textual form of a schedule."""
    lines = [line for function in schedule.functions for line in (schedule_text(function), "")]
    lines += [f"schedule {schedule.name}"]
    lines += [f"  {buffer!r}" for buffer in schedule.buffers()]
    lines += [f"  size {size.name} = {size.buffer.name}.shape[{size.axis}]" for size in schedule.sizes]
    lines += [
        f"  fails with {n}: {f.kind}: {f.message}" + (f"  at {f.src}" if f.src else "")
        for n, f in enumerate(schedule.failures, 1)
    ]
    lines.append(f"  workspace {schedule.workspace} bytes, at least {schedule.lower_bound}")
    lines += _block(schedule.body, "  ")
    return "\n".join(lines)


def expression_text(expr: Expr) -> str:
    """An expression, every operation in parentheses."""
    match expr:
        case Const(value=value):
            return f"{value.dtype}:{value}"
        case Local(name=name):
            return name
        case Affine(offset=offset, terms=terms):
            parts = [f"{c}*{name}" if c != 1 else name for name, c in terms]
            return " + ".join([*parts, *([str(offset)] if offset != 0 or not parts else [])])
        case Load(buffer=buffer, index=index):
            return f"{buffer.name}[{', '.join(map(expression_text, index))}]"
        case Apply(template=template, args=args):
            return f"({template.format(*map(expression_text, args))})"
    raise AssertionError(f"not an expression: {expr!r}")


def _operand(operand: Operand) -> str:
    if isinstance(operand, Ref):
        prefix = f"[{', '.join(map(expression_text, operand.prefix))}]" if operand.prefix else ""
        return f"{operand.buffer.name}{prefix}{'.T' if operand.transposed else ''}"
    return str(operand) if isinstance(operand, bool | int | float) else expression_text(operand)


def _block(block: Sequence[Stmt], indent: str) -> Iterator[str]:
    for stmt in block:
        yield from _statement(stmt, indent)


def _statement(stmt: Stmt, indent: str) -> Iterator[str]:
    inner = indent + "  "
    match stmt:
        case Loop(index=index, extent=extent, body=body):
            flags = [name for name in ("reverse", "sequential", "sliced") if getattr(stmt, name)]
            flags += [f"shared by {stmt.grain}"] if stmt.grain else []
            yield f"{indent}loop {index} < {extent}{''.join(f' {flag}' for flag in flags)}"
            if stmt.product is not None:
                yield from (f"{inner}rows of {line}" for line in _statement(stmt.product, ""))
            yield from _block(body, inner)
        case Let(name=name, expr=expr):
            yield f"{indent}let {name} = {expression_text(expr)}"
        case Update(name=name, combine=combine, expr=expr):
            yield f"{indent}update {name} = {combine.format(name, expression_text(expr))}"
        case Store(buffer=buffer, index=index, expr=expr):
            yield f"{indent}store {buffer.name}[{', '.join(map(expression_text, index))}] = {expression_text(expr)}"
        case Accumulate(buffer=buffer, index=index, combine=combine, expr=expr):
            target = f"{buffer.name}[{', '.join(map(expression_text, index))}]"
            yield f"{indent}accumulate {target} = {combine.format(target, expression_text(expr))}"
        case Call(kernel=kernel, args=args, status=status):
            yield f"{indent}call {kernel}({', '.join(map(_operand, args))})" + (f" else {status}" if status else "")
        case Reshape(view=view, ref=ref):
            yield f"{indent}view {view.name}: {view.aval} = {_operand(ref)}"
        case Check(ok=ok, status=status):
            yield f"{indent}check {expression_text(ok)} else {status}"
        case If(test=test, then=then, orelse=orelse):
            yield f"{indent}if {expression_text(test)}"
            yield from _block(then, inner)
            yield f"{indent}else"
            yield from _block(orelse, inner)
        case While(head=head, test=test, body=body):
            yield f"{indent}while"
            yield from _block(head, inner)
            yield f"{indent}  test {expression_text(test)}"
            yield from _block(body, inner)
