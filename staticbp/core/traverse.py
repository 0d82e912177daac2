"""Walking over and rewriting schedules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from staticbp.core.graph import SrcLine
from staticbp.core.schedule import (
    Accumulate,
    Apply,
    Call,
    Check,
    Expr,
    If,
    Let,
    Load,
    Loop,
    Ref,
    Stmt,
    Store,
    Update,
    While,
)


def children(stmt: Stmt) -> list[list[Stmt]]:
    """The blocks inside a statement."""
    match stmt:
        case Loop(body=body, product=product):
            return [body] if product is None else [[product], body]
        case If(then=then, orelse=orelse):
            return [then, orelse]
        case While(head=head, body=body):
            return [head, body]
        case _:
            return []


def exprs(stmt: Stmt) -> list[Expr]:
    """The expressions directly in a statement, those of written indexes included."""
    match stmt:
        case Let(expr=expr) | Update(expr=expr):
            return [expr]
        case Store(index=index, expr=expr) | Accumulate(index=index, expr=expr):
            return [*index, expr]
        case Check(ok=expr) | If(test=expr) | While(test=expr):
            return [expr]
        case Call(args=args):
            return [a for a in args if not isinstance(a, Ref | bool | int | float)]
        case _:
            return []


def walk(body: Sequence[Stmt]) -> Iterator[Stmt]:
    """Every statement of a block, depth first."""
    for stmt in body:
        yield stmt
        for block in children(stmt):
            yield from walk(block)


def source_lines(stmt: Stmt) -> tuple[SrcLine, ...]:
    """The user's lines that a statement and those inside it come from, each once."""
    return tuple(dict.fromkeys(src for inner in walk([stmt]) for src in inner.src))


def loads(expr: Expr) -> Iterator[Load]:
    """Every load in an expression, those inside indexes included."""
    if isinstance(expr, Load):
        yield expr
        for component in expr.index:
            yield from loads(component)
    elif isinstance(expr, Apply):
        for arg in expr.args:
            yield from loads(arg)


def rewrite(expr: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """`expr` with every node for which `change` gives a replacement replaced, outermost first."""
    new = change(expr)
    if new is not None:
        return new
    if isinstance(expr, Load):
        index = tuple(rewrite(component, change) for component in expr.index)
        same = all(new is old for new, old in zip(index, expr.index, strict=True))
        return expr if same else Load(expr.buffer, index)
    if isinstance(expr, Apply):
        args = tuple(rewrite(arg, change) for arg in expr.args)
        same = all(new is old for new, old in zip(args, expr.args, strict=True))
        return expr if same else Apply(expr.template, args, expr.dtype, expr.name)
    return expr


def map_exprs(stmt: Stmt, change: Callable[[Expr], Expr]) -> None:
    """Replace the expressions directly in a statement by what `change` makes of them."""
    match stmt:
        case Store() | Accumulate():
            stmt.expr = change(stmt.expr)
            stmt.index = tuple(change(component) for component in stmt.index)
        case Let() | Update():
            stmt.expr = change(stmt.expr)
        case Call():
            stmt.args = tuple(a if isinstance(a, Ref | bool | int | float) else change(a) for a in stmt.args)
        case Check():
            stmt.ok = change(stmt.ok)
        case If() | While():
            stmt.test = change(stmt.test)
        case _:
            pass
