"""The textual form of schedules: deterministic, and what the golden files hold.

Buffers first, then the statements; expressions fully parenthesised, so that nothing depends on precedence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from staticbp.core.schedule import (
    Accumulate,
    Affine,
    Apply,
    Call,
    Check,
    Const,
    Expr,
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
)


def schedule_text(schedule: Schedule) -> str:
    """The textual form of a schedule."""
    lines = [f"schedule {schedule.name}"]
    lines += [f"  {buffer!r}" for buffer in schedule.buffers()]
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
            yield f"{indent}loop {index} < {extent}{''.join(f' {flag}' for flag in flags)}"
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
        case Call(kernel=kernel, args=args):
            yield f"{indent}call {kernel}({', '.join(map(_operand, args))})"
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
