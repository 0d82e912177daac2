"""The schedule: how to compute a graph.  Loops, buffers and kernel calls, from which the writer makes text.

::

    Schedule  = Schedule(name, buffers, body: [Stmt], results: [Buffer], checks: [Check messages])
    Buffer    = Buffer(name, aval, role, offset)         role: argument | constant | result | workspace | view
    Ref       = Ref(buffer, prefix: (Affine, ...), transposed)   an array in memory: a buffer, or one row of it
    Stmt      = Loop(index, extent, body, reverse) | Let(name, expr) | Update(name, expr)
              | Store(buffer, index, expr) | Accumulate(buffer, index, combine, expr)
              | Call(kernel, args) | Reshape(view, ref) | Check(ok, status)
              | If(test, then, orelse) | While(test, body)
    Expr      = Load(buffer, index) | Apply(template, args, dtype) | Const(value) | Local(name, dtype) | Affine
    Affine    = offset + sum of coefficient * loop index

Elementwise operations are `Apply`, shape operations are index maps and cost nothing, reductions are `Update`
of a local scalar or `Accumulate` into memory, products are `Call`.  An index is affine in the loop indexes, or
an integer expression that a `Check` has bounded.  A `Lowering` is how a primitive says which of these it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    offset: int | None = None
    of: Ref | None = None

    def __repr__(self) -> str:
        place = f" @{self.offset}" if self.offset is not None else ""
        return f"{self.role} {self.name}: {self.aval}{place}"


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

    The iterations of a `sequential` loop depend on one another; a `sliced` one may stop and be taken up again.
    """

    index: str
    extent: Dim
    body: list[Stmt]
    reverse: bool = False
    sequential: bool = False
    sliced: bool = False


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
    """``kernel(*args)``.  `reads` and `writes` say which of the arguments it reads and writes."""

    kernel: str
    args: tuple[Operand, ...]
    reads: tuple[Ref, ...]
    writes: tuple[Ref, ...]


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
    `workspace` is the size of the arena in bytes.
    """

    name: str
    arguments: list[Buffer]
    constants: list[Buffer]
    results: list[Buffer]
    temporaries: list[Buffer]
    body: list[Stmt]
    failures: list[Failure]
    workspace: int = 0
    lower_bound: int = 0

    def buffers(self) -> Iterator[Buffer]:
        """All buffers, in order."""
        yield from self.arguments
        yield from self.constants
        yield from self.results
        yield from self.temporaries


# ---- how a primitive is lowered -----------------------------------------------------------------------------

Reader = Callable[[int, Sequence[Index]], Expr]  # (operand number, index) -> its element


@dataclass(frozen=True, slots=True)
class Scalar:
    """Elementwise: `template` as in `Apply`; `cost` in units of an addition decides about recomputation."""

    template: str
    cost: int = 1


@dataclass(frozen=True, slots=True)
class IndexMap:
    """A shape operation: an element of the result is an expression of elements of the operands.

    ``pull(read, index, in_avals, out_aval, params)``.  `check`, if given, yields ``(domain shape, condition
    maker, message)`` that must hold before anything is read.
    """

    pull: Callable[[Reader, Sequence[Index], Sequence[Aval], Aval, dict[str, Any]], Expr]
    check: Callable[[Reader, Sequence[Index], Sequence[Aval], dict[str, Any]], Expr] | None = None
    check_domain: Callable[[Sequence[Aval], dict[str, Any]], Shape] | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Reduce:
    """A reduction: `domain` gives each loop's extent and whether it is reduced, in the operand's order."""

    combine: str
    initial: Callable[[np.dtype[Any]], np.generic]
    domain: Callable[[Sequence[Aval], dict[str, Any]], Sequence[tuple[Dim, bool]]]
    element: Callable[[Reader, Sequence[Index], dict[str, Any]], Expr]


@dataclass(frozen=True, slots=True)
class Scatter:
    """Addition of elements into an array of zeros: ``out[target(index)] += value(index)`` over `domain`.

    `check`, `check_domain` and `message` are as in `IndexMap`: they hold before anything is written.
    """

    domain: Callable[[Sequence[Aval], dict[str, Any]], Shape]
    target: Callable[[Reader, Sequence[Index], Sequence[Aval], dict[str, Any]], tuple[Index, ...]]
    value: Callable[[Reader, Sequence[Index], dict[str, Any]], Expr]
    combine: str = "{0} + {1}"
    check: Callable[[Reader, Sequence[Index], Sequence[Aval], dict[str, Any]], Expr] | None = None
    check_domain: Callable[[Sequence[Aval], dict[str, Any]], Shape] | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Concatenation along ``params["axis"]``: each operand is written into its part of the result."""


@dataclass(frozen=True, slots=True)
class View:
    """The same elements in the same order in another shape."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A call of runtime kernels: ``emit(ins, outs, params)`` gives the statements.

    Operands and results are contiguous arrays in memory; with `transposable`, an operand may be a `Ref` that is
    to be read transposed.
    """

    emit: Callable[[Sequence[Ref], Sequence[Ref], dict[str, Any]], list[Stmt]]
    transposable: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    """A loop or branch with graphs among its params; `kind` names the case in the lowering pass."""

    kind: str


@dataclass(frozen=True, slots=True)
class Choose:
    """A lowering that depends on the operands: ``pick(in_avals, params)``, never itself a `Choose`."""

    pick: Callable[[Sequence[Aval], dict[str, Any]], Lowering]


Lowering = Scalar | IndexMap | Reduce | Scatter | Pieces | View | Kernel | Control | Choose
