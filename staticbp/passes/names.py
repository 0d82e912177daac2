"""What things are called; local scalars of different loops may have one name, `h_i` twice and not `h_i_2`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from staticbp.core.graph import Atom, Graph, Var
from staticbp.core.schedule import Expr, FunctionCall, If, Let, Local, Loop, Schedule, Stmt, Update, While, expr_dtype
from staticbp.core.text import STATUS, Names
from staticbp.core.traverse import children, map_exprs, rewrite, walk


def reuse_names(schedule: Schedule, names: Names) -> None:
    """Give local scalars inside loops the names wished for, where no other of that name is there at the time."""
    taken = {buffer.name for buffer in schedule.buffers()} | {schedule.name}
    taken |= {name for stmt in walk(schedule.body) if isinstance(stmt, FunctionCall) for name in (stmt.kernel, STATUS)}
    taken |= {stmt.index for stmt in walk(schedule.body) if isinstance(stmt, Loop)}
    types = {stmt.name: expr_dtype(stmt.expr) for stmt in walk(schedule.body) if isinstance(stmt, Let)}
    _reuse(schedule.body, names, taken | _defined(schedule.body), types)


def _reuse(block: Sequence[Stmt], names: Names, taken: set[str], types: dict[str, np.dtype[Any]]) -> None:
    """`taken`: the names of what the block or one around it defines; `types`: a name stands for one dtype."""
    for stmt in block:
        for inner in children(stmt):
            own, deeper = _defined(inner), {s.name for s in walk(inner) if isinstance(s, Let | Update)}
            changed: dict[str, str] = {}
            for name in sorted(own - taken):
                wish = names.wish(name)
                free = wish not in taken | deeper | set(changed.values()) and names.wish(wish) == wish
                if free and types.setdefault(wish, types[name]) == types[name]:
                    changed[name] = wish
            if changed:
                _rename(inner, changed)
            _reuse(inner, names, taken | _defined(inner), types)


def _defined(block: Sequence[Stmt]) -> set[str]:
    """What a block defines for the statements after it: of a branch that is what both arms define."""
    found: set[str] = set()
    for stmt in block:
        match stmt:
            case Let(name=name) | Update(name=name):
                found.add(name)
            case If(then=then, orelse=orelse):
                found |= _defined(then) & _defined(orelse)
            case While(head=head):
                found |= _defined(head)
    return found


def _rename(block: Sequence[Stmt], names: Mapping[str, str]) -> None:
    def change(expr: Expr) -> Expr | None:
        return Local(names[expr.name], expr.dtype) if isinstance(expr, Local) and expr.name in names else None

    for stmt in walk(block):
        map_exprs(stmt, lambda expr: rewrite(expr, change))
        if isinstance(stmt, Let | Update):
            stmt.name = names.get(stmt.name, stmt.name)


def result_name(atom: Atom, names: Names) -> str:
    """The name of a result; what an input is called too is its new value."""
    wish = getattr(atom, "name", "out")
    return names.fresh(f"{wish}_out" if names.is_taken(wish) else wish)


def variables(graph: Graph) -> Iterator[Var]:
    """The variables of a graph, those of the bodies in it included."""
    yield from graph.invars
    for eqn in graph.eqns:
        yield from eqn.outs
        for body in eqn.subgraphs():
            yield from variables(body)


def unused(letters: Sequence[str], used: set[str]) -> list[str]:
    """Names for loop indexes that no variable of the user's has."""
    free = [letter for letter in letters if letter not in used]
    return free + [name for name in (f"{letters[0]}{n}" for n in range(1, 40)) if name not in used]
