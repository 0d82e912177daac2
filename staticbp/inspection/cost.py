"""What a call costs: operations and bytes, by loop and by the user's line.

Counted as floating-point operations (flops) are additions, subtractions, multiplications, divisions, maxima,
minima and square roots of floats, two for each term of a product of matrices; calls of exp, log, tanh and the
like are counted apart, as `functions`.  Bytes are those that a loop or kernel must read and write at least, each
element once, as if nothing were in the caches before it and everything fitted into them meanwhile.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.graph import Atom, Eqn, Graph, SrcLine
from staticbp.core.lowering import Choose, Reduce, Scalar, Scatter
from staticbp.core.schedule import (
    Accumulate,
    Affine,
    Apply,
    Buffer,
    Call,
    Check,
    Expr,
    FunctionCall,
    If,
    Index,
    Load,
    Loop,
    Ref,
    Reshape,
    Schedule,
    Stmt,
    Store,
    Update,
    While,
    expr_dtype,
)
from staticbp.core.traverse import children, exprs, loads, source_lines, walk
from staticbp.inspection.table import quantity, table
from staticbp.ops.products import matmul, matvec, outer, vecdot, vecmat
from staticbp.runtime import limits

OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
COUNTED = frozenset(
    {"radd", "rmul", "rmaximum", "rminimum", "maximum", "minimum", "fmax", "fmin", "sqrt", "min", "max"}
)
CONTRACTIONS = frozenset({matmul, matvec, vecdot, vecmat})  # over the last axis of the first operand
FUNCTION = 10  # flops that a function counts as, where lines share a loop
FREE = frozenset({"abs", "sign", "signbit", "copysign", "isnan", "isinf", "isfinite", "rint"})
FREE |= {np.dtype(code).type.__name__ for code in np.typecodes["All"] if np.dtype(code).kind in "biufc"}  # conversions


@dataclass(frozen=True, slots=True)
class Work:
    """Operations done and bytes moved."""

    flops: int = 0
    functions: int = 0
    bytes: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(self.flops + other.flops, self.functions + other.functions, self.bytes + other.bytes)

    def __mul__(self, times: int) -> Work:
        return Work(self.flops * times, self.functions * times, self.bytes * times)

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: operations, functions among them, per byte."""
        return (self.flops + self.functions) / self.bytes if self.bytes else math.inf


@dataclass(frozen=True, slots=True)
class Part:
    """The work of one loop nest or kernel call."""

    label: str
    lines: tuple[SrcLine, ...]
    adjoint: bool
    work: Work


class Cost:
    """The cost of a call.  Of a branch the dearer side counts; of a while loop, one step: nobody knows how many.

    Attributes
    ----------
    total : Work
        ``flops``, ``functions``, ``bytes`` and ``intensity`` of the compiled code.
    parts : list of Part
        The same by loop nest and kernel call, in the order of the code.
    lines : dict of SrcLine to Work
        The operations by the line of the program that asked for them, in the forward pass and for its derivative
        (without bytes: lines share loops).  What is computed again rather than stored counts once.
    """

    def __init__(self, graph: Graph, schedule: Schedule) -> None:
        self._graph = graph
        self._schedule = schedule

    @cached_property
    def parts(self) -> list[Part]:
        """The work of each loop nest and kernel call."""
        return list(_parts(self._schedule.body, 1))

    @cached_property
    def total(self) -> Work:
        """The work of the whole call."""
        return _block(self._schedule.body)

    @cached_property
    def lines(self) -> dict[SrcLine, Work]:
        """The operations of each line of the program."""
        found: dict[SrcLine, Work] = {}
        for src, work in _equations(self._graph):
            if src is not None and (work.flops or work.functions):
                found[src] = found.get(src, Work()) + work
        return found

    def __str__(self) -> str:
        total = self.total
        head = (
            f"{quantity(total.flops)}flop, {quantity(total.functions)}functions, {quantity(total.bytes)}B moved, "
            f"{total.intensity:.3g} operations per byte"
        )
        rows = [
            (
                part.label,
                quantity(part.work.flops),
                quantity(part.work.functions),
                quantity(part.work.bytes),
                f"{part.work.intensity:.3g}",
                str(part.lines[0]) if part.lines else "",
            )
            for part in self.parts
        ]
        lines = [
            (quantity(work.flops), quantity(work.functions), f"{work.flops / max(1, total.flops):.0%}", str(src))
            for src, work in self.lines.items()
        ]
        return "\n\n".join(
            [
                head,
                table(("loop or kernel", "flop", "functions", "bytes", "per byte", "first line"), rows, left=(0, 5)),
                table(("flop", "functions", "share", "line"), lines, left=(3,)),
            ]
        )

    __repr__ = __str__


# ---- the schedule -----------------------------------------------------------------------------------------------


def _parts(block: Sequence[Stmt], times: int) -> Iterator[Part]:
    """The nests and calls of a block that runs `times` times."""
    for stmt in block:
        if isinstance(stmt, Loop) and has_steps(stmt):
            yield from _parts(stmt.body, times * shapes.static(stmt.extent))
        elif isinstance(stmt, If | While):
            for inner in children(stmt):
                yield from _parts(inner, times)
        elif isinstance(stmt, Loop | Call):
            yield Part(label_of(stmt), source_lines(stmt), stmt.adjoint, work_of(stmt) * times)


def has_steps(loop: Loop) -> bool:
    """Whether a loop is one of whole steps: a scan, not a nest over the elements of arrays."""
    return loop.sequential or any(isinstance(stmt, Call | If | While | Reshape) for stmt in loop.body)


def _way(call: Call) -> str:
    """Which kernels compute a product, ours or the library's."""
    operands = [ref.shape for ref in (*call.reads, *call.writes)]
    sizes = tuple(tuple(extent for extent in shape if isinstance(extent, int)) for shape in operands)
    if not _multiplies(call) or not call.writes or sizes != tuple(operands):
        return ""
    return f": {limits.way(call.kernel.removeprefix('blas.'), sizes, call.writes[0].dtype)}"


def label_of(stmt: Stmt) -> str:
    """What a loop nest or kernel call is called in tables."""
    if isinstance(stmt, FunctionCall):
        return f"{stmt.kernel}(...)"
    if isinstance(stmt, Call):
        return f"{stmt.kernel} {_shapes(stmt)}{_way(stmt)}"
    indexes = []
    product = stmt.product if isinstance(stmt, Loop) else None
    made = "" if product is None else f"{product.kernel} {_shapes(product)}: tiles by rows, "
    while isinstance(stmt, Loop):
        indexes.append(f"{stmt.index} < {stmt.extent}")
        inner = [inner for inner in stmt.body if isinstance(inner, Loop)]
        stmt = inner[0] if inner else Stmt()
    return f"{made}for {', '.join(indexes)}"


def _shapes(call: Call) -> str:
    return " ".join(shapes.text(ref.shape) for ref in (*call.reads, *call.writes))


def _block(block: Sequence[Stmt]) -> Work:
    return sum((work_of(stmt) for stmt in block), Work())


def work_of(stmt: Stmt) -> Work:
    """The work of a statement that runs once."""
    match stmt:
        case Loop(extent=extent, body=body) if has_steps(stmt):
            return _block(body) * shapes.static(extent)
        case Loop(product=product):
            made = Work() if product is None else _product(product)
            return made + _operations([stmt], 1) + Work(bytes=_traffic(stmt) - _kept(stmt))
        case FunctionCall(function=function):
            return _block(function.body)
        case Call():
            return _operations([stmt], 1) + _product(stmt)
        case If(then=then, orelse=orelse):
            return max(_block(then), _block(orelse), key=lambda work: (work.flops + work.functions, work.bytes))
        case While(head=head, body=body):
            return _block(head) + _block(body)
        case Reshape():
            return Work()
        case _:
            return _operations([stmt], 1) + Work(bytes=_traffic(stmt))


def lines_of(stmt: Stmt) -> dict[SrcLine, float]:
    """The lines of the program that a statement comes from, each with its share of the operations.

    A statement within it that names no line belongs to the one before.
    """
    weights: dict[SrcLine, float] = {}
    here = source_lines(stmt)[:1]

    def note(lines: Sequence[SrcLine], work: Work, times: int) -> None:
        for src in lines:
            weights[src] = weights.get(src, 0.0) + times * (1 + work.flops + FUNCTION * work.functions) / len(lines)

    def visit(block: Sequence[Stmt], times: int) -> None:
        nonlocal here
        for inner in block:
            here = inner.src or here
            made = inner.product if isinstance(inner, Loop) else None
            if made is not None:
                note(made.src, _product(made), times)
            note(here, _own(inner), times)
            for child in (block for block in children(inner) if block != [made]):
                visit(child, times * (shapes.static(inner.extent) if isinstance(inner, Loop) else 1))

    visit([stmt], 1)
    total = sum(weights.values())
    return {src: weight / total for src, weight in weights.items()}


def _own(stmt: Stmt) -> Work:
    """The operations directly in a statement, without those in its blocks."""
    found = sum((_expression(expr) for expr in exprs(stmt)), Work())
    if isinstance(stmt, Update | Accumulate) and expr_dtype(stmt.expr).kind == "f":
        found += Work(*_counts(stmt.combine))
    return found


def _operations(block: Sequence[Stmt], times: int) -> Work:
    """The operations of statements that run `times` times, without bytes."""
    total = Work()
    for stmt in block:
        total += _own(stmt) * times
        inner = times * shapes.static(stmt.extent) if isinstance(stmt, Loop) else times
        for child in children(stmt):
            total += _operations(child, inner)
    return total


def _expression(expr: Expr) -> Work:
    if isinstance(expr, Apply):
        own = Work(*_counts(expr.template)) if expr.dtype.kind == "f" else Work()
        return sum((_expression(arg) for arg in expr.args), own)
    if isinstance(expr, Load):
        return sum((_expression(part) for part in expr.index if not isinstance(part, Affine)), Work())
    return Work()


@lru_cache(maxsize=1024)
def _counts(template: str) -> tuple[int, int]:
    """The operations and the function calls in the text of an expression."""
    flops = functions = 0
    for node in ast.walk(ast.parse(template, mode="eval")):  # {0} is, to Python, a set
        if isinstance(node, ast.BinOp) and isinstance(node.op, OPERATORS):
            flops += 1
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
            flops += name in COUNTED
            functions += name not in COUNTED | FREE
    return flops, functions


def _product(call: Call) -> Work:
    """A product of matrices: two operations for each term; what else a kernel does is counted in bytes only."""
    bytes_ = sum(_size(ref) for ref in (*call.reads, *call.writes))
    if not _multiplies(call):
        return Work(bytes=bytes_)
    operands = [shapes.static_shape(ref.shape, "cost") for ref in _operands(call)]
    if call.kernel == "blas.gemm" and len(operands[1]) == 1:  # packed: its rows are filled up
        (rows, columns), left = operands[2], math.prod(operands[0])
        operands[1] = (left // rows, columns)
    # Among the three arrays of a product every extent occurs twice.
    terms = math.isqrt(math.prod(map(math.prod, operands)))
    return Work(flops=2 * terms, bytes=bytes_)


def _multiplies(call: Call) -> bool:
    return call.kernel.startswith("blas.") and call.kernel != "blas.pack"


def _operands(call: Call) -> list[Ref]:
    """The three arrays of a product, each once."""
    found: list[Ref] = []
    for ref in (arg for arg in call.args if isinstance(arg, Ref)):
        if all(ref != other for other in found):
            found.append(ref)
    return found[:3]


def _kept(loop: Loop) -> int:
    """The bytes of a product whose rows a loop makes and reads, and may write over: these stay in cache."""
    if loop.product is None:
        return 0
    (result,) = loop.product.writes
    over = any(isinstance(stmt, Store) and stmt.buffer is result.buffer for stmt in walk(loop.body))
    return _size(result) * (2 if over else 1)


def _size(ref: Ref) -> int:
    return math.prod(shapes.static_shape(ref.shape, "cost")) * ref.dtype.itemsize


def _traffic(stmt: Stmt) -> int:
    """The bytes that a nest reads and writes, each element once."""
    touched: dict[tuple[Buffer, bool], set[tuple[object, ...]]] = {}
    counts: dict[tuple[Buffer, bool], int] = {}

    def note(buffer: Buffer, index: Sequence[Index], written: bool, extents: dict[str, int]) -> None:
        key = buffer, written
        # The places that differ by a shift only are mostly the same elements.
        shape = tuple(part.terms if isinstance(part, Affine) else part for part in index)
        if shape not in touched.setdefault(key, set()):
            touched[key].add(shape)
            counts[key] = counts.get(key, 0) + _distinct(index, extents)

    def visit(stmt: Stmt, extents: dict[str, int]) -> None:
        for expr in exprs(stmt):
            for load in loads(expr):
                note(load.buffer, load.index, False, extents)
        if isinstance(stmt, Store | Accumulate):
            note(stmt.buffer, stmt.index, True, extents)
            if isinstance(stmt, Accumulate):
                note(stmt.buffer, stmt.index, False, extents)
        inner = {**extents, stmt.index: shapes.static(stmt.extent)} if isinstance(stmt, Loop) else extents
        for block in children(stmt):
            for child in block:
                visit(child, inner)

    if not isinstance(stmt, Check):
        visit(stmt, {})
    return sum(
        min(count, shapes.static(buffer.aval.size)) * buffer.aval.dtype.itemsize
        for (buffer, _), count in counts.items()
    )


def _distinct(index: Sequence[Index], extents: dict[str, int]) -> int:
    """How many elements an index reaches while the loops run."""
    if all(isinstance(part, Affine) for part in index):
        names = {name for part in index if isinstance(part, Affine) for name, _ in part.terms}
        return math.prod(extents.get(name, 1) for name in names)
    return math.prod(extents.values())


# ---- the graph --------------------------------------------------------------------------------------------------


def _equations(graph: Graph) -> Iterator[tuple[SrcLine | None, Work]]:
    """The operations of each equation, those of loop bodies as often as they run."""
    for eqn in graph.eqns:
        bodies = [list(_equations(body)) for body in eqn.subgraphs()]
        if eqn.op.name == "cond":
            bodies = [max(bodies, key=lambda found: sum(work.flops + work.functions for _, work in found))]
        times = shapes.static(eqn.params["length"]) if eqn.op.name == "scan" else 1
        for body in bodies:
            yield from ((src, work * times) for src, work in body)
        if not bodies:
            yield eqn.src, _equation(eqn)


def _equation(eqn: Eqn) -> Work:
    out = eqn.outs[0].aval
    lowering = eqn.op.lowering
    if isinstance(lowering, Choose):
        lowering = lowering.pick([atom.aval for atom in eqn.ins], eqn.params)
    if out.dtype.kind != "f":
        return Work()
    if isinstance(lowering, Scalar):
        return Work(*_counts(lowering.template)) * shapes.static(out.size)
    if eqn.op in CONTRACTIONS:
        return Work(flops=2 * shapes.static(out.size) * _sizes(eqn.ins[0])[-1])
    if eqn.op is outer:
        return Work(flops=shapes.static(out.size))
    if isinstance(lowering, Reduce):
        return Work(*_counts(lowering.combine)) * math.prod(_sizes(eqn.ins[0]))
    if isinstance(lowering, Scatter):
        return Work(*_counts(lowering.combine)) * math.prod(_sizes(eqn.ins[0]))
    return Work()


def _sizes(atom: Atom) -> tuple[int, ...]:
    return shapes.static_shape(atom.aval.shape, "cost")
