"""The textual form of graphs: deterministic, and what the golden files hold.

One equation a line, ``name: type = op[params] operands``, the user's line as a comment where it changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from staticbp.core.graph import Atom, Eqn, Graph, Lit, SrcLine, Var

STATUS = "status"  # what generated code calls the status of a function that it has called


class Names:
    """Hands out a name of its own to each variable: the wished one, or that with the next free suffix.

    Examples
    --------
    >>> names = Names(); names.fresh("h"), names.fresh("h"), names.fresh("h_2")
    ('h', 'h_2', 'h_2_2')
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._next: dict[str, int] = {}
        self._of: dict[int, str] = {}
        self._wish: dict[str, str] = {}

    def fresh(self, wish: str) -> str:
        """`wish` if it is free, else with the first free suffix."""
        name = wish
        while name in self._taken:
            self._next[wish] = self._next.get(wish, 1) + 1
            name = f"{wish}_{self._next[wish]}"
        self._taken.add(name)
        self._wish[name] = wish
        return name

    def is_taken(self, name: str) -> bool:
        """Whether somebody has this name."""
        return name in self._taken

    def wish(self, name: str) -> str:
        """What was wished for when `name` was given."""
        return self._wish.get(name, name)

    def of(self, var: Var) -> str:
        """The name of `var`, chosen when it is first asked for."""
        name = self._of.get(id(var))
        if name is None:
            name = self._of[id(var)] = self.fresh(var.name)
        return name


def literal_text(lit: Lit) -> str:
    """A literal as Python writes it."""
    value = lit.value.item()
    return f"{value!r}" if not isinstance(value, float) or np.isfinite(value) else str(value)


def graph_text(graph: Graph, indent: str = "", comments: bool = True) -> str:
    """The textual form of a graph."""
    return "\n".join(line for line, _ in graph_lines(graph, indent, comments))


def graph_lines(
    graph: Graph, indent: str = "", comments: bool = True, called: set[int] | None = None
) -> Iterator[tuple[str, Eqn | None]]:
    """The lines of the textual form, each with the equation that it writes; functions stand at their first calls."""
    called, names = set() if called is None else called, Names()
    inputs = ", ".join(f"{names.of(v)}: {v.aval}" for v in (*graph.invars, *(v for v, _ in graph.consts)))
    results = ", ".join(str(a.aval) for a in graph.outs)
    yield f"{indent}graph {graph.name}({inputs}) -> {results or '()'}", None
    shown: SrcLine | None = None
    for eqn in graph.eqns:
        text = f"{indent}  {_eqn_text(eqn, names)}"
        if comments and eqn.src is not None and eqn.src != shown:
            text = f"{text:<48}# {eqn.src}"
        shown = eqn.src
        yield text, eqn
        for sub in eqn.subgraphs():
            if id(sub) not in called:
                yield from graph_lines(sub, indent + "    ", comments, called)
            if eqn.op.name == "call":
                called.add(id(sub))
    yield f"{indent}  return {', '.join(_atom_text(a, names) for a in graph.outs) or '()'}", None


def _atom_text(atom: Atom, names: Names) -> str:
    return literal_text(atom) if hasattr(atom, "value") else names.of(atom)  # type: ignore[arg-type]


def _eqn_text(eqn: Eqn, names: Names) -> str:
    params = ", ".join(f"{k}={param_text(v)}" for k, v in eqn.params.items() if not _has_graph(v))
    if eqn.op.name == "call":
        params = eqn.params["body"].name
    ins = " ".join(_atom_text(a, names) for a in eqn.ins)
    outs = ", ".join(f"{names.of(v)}: {v.aval}" for v in eqn.outs)
    return f"{outs} = {eqn.op.name}{f'[{params}]' if params else ''} {ins}".rstrip()


def _has_graph(value: Any) -> bool:
    return hasattr(value, "eqns") or (isinstance(value, tuple) and any(hasattr(v, "eqns") for v in value))


def param_text(value: Any) -> str:
    """A parameter without anything that changes from run to run."""
    if isinstance(value, tuple):
        inner = ", ".join(param_text(v) for v in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, np.dtype):
        return str(value)
    if isinstance(value, Enum):
        return value.name
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    return str(value)
