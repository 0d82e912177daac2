"""The schedule checker: everything is declared before it is used, and no index leaves its buffer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from staticbp.core import shape as shapes
from staticbp.core.aval import UINT8
from staticbp.core.partition import obstacle, product_obstacle
from staticbp.core.schedule import (
    Accumulate,
    Affine,
    Apply,
    Buffer,
    Call,
    Expr,
    FunctionCall,
    If,
    Index,
    Let,
    Load,
    Local,
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
from staticbp.core.shape import Dim
from staticbp.core.traverse import children, exprs
from staticbp.errors import GraphError


def check_schedule(schedule: Schedule) -> Schedule:
    """Raise `GraphError` unless `schedule` is well formed; returns it.

    Buffers are declared; local scalars and loop indexes are bound before use; an index has a component for each
    axis; affine indexes stay inside (those in the arms of a conditional are guarded by it); workspace buffers
    lie inside the arena; loops that threads share can be shared.
    """
    names = [b.name for b in schedule.buffers()]
    if len(set(names)) != len(names):
        raise GraphError(f"{schedule.name}: two buffers have one name")
    for buffer in schedule.temporaries:
        if buffer.role == "workspace" and buffer.offset is None:
            raise GraphError(f"{schedule.name}: {buffer.name} has no place in the workspace")
    _Checker(schedule).block(schedule.body, {}, set())
    for function in schedule.functions:
        check_schedule(function)
    return schedule


Ranges = Mapping[str, tuple[Dim, Dim]]  # loop indexes, each with its first value and the one behind its last

_COMPARISON = re.compile(r"(?:\{(?P<low>\d+)\} <= )?\{(?P<index>\d+)\} (?P<relation><|>=) \{(?P<bound>\d+)\}")


def _narrowed(loops: Ranges, test: Expr) -> Ranges:
    """The ranges of loop indexes where a branch is taken that asks ``1 <= i < 9 and j >= 1``."""
    known = dict(loops)
    if not isinstance(test, Apply):
        return known
    for part in test.template.split(" and "):
        asked = _COMPARISON.fullmatch(part)
        index = test.args[int(asked["index"])] if asked else None
        if asked is None or not isinstance(index, Affine) or index.single not in known:
            continue
        bound = test.args[int(asked["bound"])]
        low = test.args[int(asked["low"])] if asked["low"] else None
        first, behind = known[index.single]
        if isinstance(bound, Affine) and bound.is_constant:
            first, behind = (bound.offset, behind) if asked["relation"] == ">=" else (first, bound.offset)
        if isinstance(low, Affine) and low.is_constant:
            first = low.offset
        known[index.single] = (first, behind)
    return known


class _Checker:
    def __init__(self, schedule: Schedule) -> None:
        self.name = schedule.name
        self.buffers = {b for b in schedule.buffers() if b.role != "view"}
        self.views = {b for b in schedule.buffers() if b.role == "view"}
        self.statuses = len(schedule.failures)

    def fail(self, what: str) -> GraphError:
        return GraphError(f"schedule {self.name}: {what}")

    def block(self, block: Sequence[Stmt], loops: Ranges, bound: set[str]) -> None:
        """Check statements in order; `bound` gains the local scalars that they define."""
        for stmt in block:
            if isinstance(stmt, While):  # its test comes after the head
                self.block(stmt.head, loops, bound)
                self.expr(stmt.test, loops, bound, guarded=False)
                self.block(stmt.body, loops, set(bound))
                continue
            for expr in exprs(stmt):
                self.expr(expr, loops, bound, guarded=False)
            match stmt:
                case Let(name=name):
                    bound.add(name)
                case Update(name=name) if name not in bound:
                    raise self.fail(f"{name} is updated before it is set")
                case Store(buffer=buffer, index=index) | Accumulate(buffer=buffer, index=index):
                    self.index(buffer, index, loops, guarded=False)
                case Call(reads=reads, writes=writes):
                    for ref in (*reads, *writes):
                        self.ref(ref, loops)
                    if isinstance(stmt, FunctionCall):
                        self.called(stmt)
                case Reshape(view=view, ref=ref):
                    self.ref(ref, loops)
                    if view not in self.views or view.of != ref:
                        raise self.fail(f"the view {view.name} is not declared")
                    if not shapes.same((view.aval.size,), (shapes.size(ref.shape),)):
                        raise self.fail(f"the view {view.name}: {view.aval} does not fit what it shows")
                    self.buffers.add(view)
                case Loop(index=index_name) if index_name in loops:
                    raise self.fail(f"loop index {index_name} is bound twice")
                case Loop(grain=grain) if grain and (reason := obstacle(stmt)) is not None:
                    raise self.fail(f"the loop over {stmt.index} cannot be shared by threads: {reason}")
                case Loop(product=Call() as product) if (reason := product_obstacle(stmt, product)) is not None:
                    raise self.fail(f"the loop over {stmt.index} cannot go over the rows of a product: {reason}")
                case Loop(product=Call(), grain=0):
                    raise self.fail(f"the loop over {stmt.index} does not say how many rows are made at a time")
                case _:
                    pass
            inner = {**loops, stmt.index: (0, stmt.extent)} if isinstance(stmt, Loop) else loops
            if isinstance(stmt, If):  # what only one arm defines is not there afterwards
                arms = [set(bound), set(bound)]
                self.block(stmt.then, _narrowed(loops, stmt.test), arms[0])
                self.block(stmt.orelse, loops, arms[1])
                bound |= arms[0] & arms[1]
                continue
            for body in children(stmt):
                self.block(body, inner, bound)

    def expr(self, expr: Expr, loops: Ranges, bound: set[str], guarded: bool) -> None:
        """Check an expression; in the arms of a conditional, indexes may go anywhere the condition allows."""
        match expr:
            case Local(name=name) if name not in bound:
                raise self.fail(f"{name} is used before it is set")
            case Affine(terms=terms):
                for name, _ in terms:
                    if name not in loops:
                        raise self.fail(f"loop index {name} is used outside its loop")
            case Load(buffer=buffer, index=index):
                self.index(buffer, index, loops, guarded)
                for component in index:
                    self.expr(component, loops, bound, guarded)
            case Apply(template=template, args=args):
                for arg in args:
                    self.expr(arg, loops, bound, guarded or " if " in template)
            case _:
                pass

    def called(self, call: FunctionCall) -> None:
        """Check that a function is handed what it takes."""
        function = call.function
        wanted = [(buffer.aval.shape, buffer.aval.dtype) for buffer in (*function.arguments, *function.results)]
        wanted += [((function.workspace,), UINT8)] if function.workspace else []
        operands = [arg for arg in call.args if not isinstance(arg, bool | int | float)]
        given = [(arg.shape, arg.dtype) if isinstance(arg, Ref) else ((), expr_dtype(arg)) for arg in operands]
        if given != wanted:
            raise self.fail(f"{function.name} is handed other types than it takes")

    def ref(self, ref: Ref, loops: Ranges) -> None:
        if ref.buffer not in self.buffers:
            raise self.fail(f"{ref.buffer.name} is not declared")
        self._inside(ref.buffer, ref.prefix, loops, guarded=False)

    def index(self, buffer: Buffer, index: Sequence[Index], loops: Ranges, guarded: bool) -> None:
        if buffer not in self.buffers:
            raise self.fail(f"{buffer.name} is not declared")
        if len(index) != buffer.aval.ndim:
            raise self.fail(f"{buffer.name}: {buffer.aval} is indexed with {len(index)} components")
        self._inside(buffer, index, loops, guarded)

    def _inside(self, buffer: Buffer, index: Sequence[Index], loops: Ranges, guarded: bool) -> None:
        if guarded:
            return
        for component, size in zip(index, buffer.aval.shape, strict=False):
            if not isinstance(component, Affine) or not isinstance(size, int):
                continue
            ranges = [loops[name] for name, _ in component.terms if name in loops]
            known = [(a, b) for a, b in ranges if isinstance(a, int) and isinstance(b, int) and a < b]
            if not isinstance(component.offset, int) or len(known) < len(component.terms):
                continue
            ends = [
                (c * first, c * (behind - 1)) for (_, c), (first, behind) in zip(component.terms, known, strict=True)
            ]
            low = component.offset + sum(min(pair) for pair in ends)
            high = component.offset + sum(max(pair) for pair in ends)
            empty = any(shapes.same((first,), (behind,)) for first, behind in loops.values())
            if (low < 0 or high >= size) and not empty:
                raise self.fail(f"{buffer.name}: {buffer.aval} is indexed from {low} to {high}")
