"""`Explanation`: what the compiler decided about a call, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from staticbp.compilation import Compilation
from staticbp.core.graph import Eqn, Graph, SrcLine, Var
from staticbp.core.partition import obstacle
from staticbp.core.recording import Decision, listening
from staticbp.core.schedule import Loop, Stmt
from staticbp.core.traverse import children, source_lines
from staticbp.inspection.cost import has_steps, label_of
from staticbp.inspection.html import preformatted
from staticbp.inspection.table import quantity

LARGE = 10_000  # steps of a loop, for it to be worth saying why threads do not share it


@dataclass(frozen=True, slots=True)
class Residual:
    """A value of the forward pass that the derivative needs.

    Attributes
    ----------
    name, type : str
        What it is called, and its dtype and shape.
    nbytes : int or None
        Its size; None where that depends on the call.
    stored : bool
        Whether it is kept in memory; otherwise it is computed again.
    src : SrcLine or None
        The line of the program that computes it.
    """

    name: str
    type: str
    nbytes: int | None
    stored: bool
    src: SrcLine | None


@dataclass(frozen=True, slots=True)
class Nest:
    """A loop of the generated code: its label, the lines that share it, and whether threads do, or why not."""

    label: str
    lines: tuple[SrcLine, ...]
    adjoint: bool
    shared: bool
    obstacle: str | None


class Explanation:
    """What the compiler decided about a call, and why.

    Attributes
    ----------
    cause : str
        Why it is, or was, compiled: what differs from what had been compiled before.
    nests : list of Nest
        The loops, each with the lines of the program that were fused into it.
    decisions : list of Decision
        All that the passes decided, in order: each with its `kind`, `subject`, `reason` and line.
    residuals : list of Residual
        What of the forward pass the derivative needs, and whether it is stored or computed again.
    """

    def __init__(self, compilation: Compilation, cause: str) -> None:
        self.cause = cause
        self._compilation = compilation

    @cached_property
    def decisions(self) -> list[Decision]:
        """What the passes decide; for that the function is traced once more."""
        again = replace(self._compilation)
        with listening() as found:
            _ = again.schedule
        return list(dict.fromkeys(found))

    def of(self, kind: str) -> list[Decision]:
        """The decisions of one kind; see `Decision`."""
        return [decision for decision in self.decisions if decision.kind == kind]

    @cached_property
    def nests(self) -> list[Nest]:
        """The loops of the generated code."""
        schedule = self._compilation.schedule
        return [nest for each in (*schedule.functions, schedule) for nest in _nests(each.body)]

    @cached_property
    def residuals(self) -> list[Residual]:
        """What of the forward pass the derivative needs."""
        inlined = {(decision.subject, decision.src) for decision in self.of("inlined")}
        return list(_residuals(self._compilation.graph, inlined))

    def _sections(self) -> Iterator[tuple[str, list[str]]]:
        yield "compiled because", [self.cause]
        yield "stabilised", [f"{d.reason.replace('`', '')}{_at(d.src)}" for d in self.of("stabilised")]
        yield "functions", [f"{d.subject}: {d.reason}{_at(d.src)}" for d in self.of("called")]
        yield "loops", [line for nest in self.nests for line in _described(nest)]
        yield "not fused", [f"{d.subject} and {d.reason}{_at(d.src)}" for d in self.of("apart")]
        yield "written out where they are read", _by_line(self.of("inlined"))
        yield "in a place of their own", [f"{d.subject}: {d.reason}{_at(d.src)}" for d in self.of("kept")]
        yield "laid out once, ahead of a loop", [f"{d.subject}, {d.reason}{_at(d.src)}" for d in self.of("laid out")]
        yield "added up at once, behind a loop", [f"{d.subject}: {d.reason}{_at(d.src)}" for d in self.of("behind")]
        stored = [residual for residual in self.residuals if residual.stored]
        total = sum(residual.nbytes or 0 for residual in stored)
        size = f" ({quantity(total)}B)" if total else ""
        yield f"stored for the derivative{size}", [f"{r.name}: {r.type}{_at(r.src)}" for r in stored]
        yield "computed again for the derivative", _again([r for r in self.residuals if not r.stored])
        yield "updated in place", [decision.subject for decision in self.of("in place")]
        copied = "its old value is still needed when the new one is made"
        yield "copied at each step", [f"{decision.subject}: {copied}" for decision in self.of("copied")]

    def __str__(self) -> str:
        lines = [self._compilation.title]
        for head, entries in self._sections():
            if entries:
                lines += ["", head, *(f"  {entry}" for entry in entries)]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return preformatted(str(self))


def _at(src: SrcLine | None) -> str:
    return f"   {src}" if src is not None else ""


def _described(nest: Nest) -> Iterator[str]:
    threads = ", shared by threads" if nest.shared else f", by one thread: {nest.obstacle}" if nest.obstacle else ""
    yield f"{nest.label}{' (adjoint)' if nest.adjoint else ''}{threads}"
    yield from (f"    {src}" for src in nest.lines)


def _by_line(decisions: Sequence[Decision]) -> list[str]:
    """What became parts of expressions, together by line."""
    lines: dict[SrcLine | None, list[str]] = {}
    for decision in decisions:
        lines.setdefault(decision.src, []).append(decision.subject)
    return [f"{', '.join(dict.fromkeys(names))}{_at(src)}" for src, names in lines.items()]


def _again(residuals: Sequence[Residual]) -> list[str]:
    return _by_line([Decision("inlined", residual.name, src=residual.src) for residual in residuals])


def _nests(block: Sequence[Stmt]) -> Iterator[Nest]:
    """The loop nests of a block, those within scans and branches included."""
    for stmt in block:
        if isinstance(stmt, Loop) and not has_steps(stmt):
            large = isinstance(stmt.extent, int) and stmt.extent >= LARGE and not stmt.grain
            yield Nest(
                label_of(stmt), source_lines(stmt), stmt.adjoint, bool(stmt.grain), obstacle(stmt) if large else None
            )
        else:
            for inner in children(stmt):
                yield from _nests(inner)


# ---- what the derivative needs ----------------------------------------------------------------------------------


def _residuals(graph: Graph, inlined: set[tuple[str, SrcLine | None]]) -> Iterator[Residual]:
    """The results of forward equations that the derivative reads, or computes again what it reads from."""
    wanted = {atom for eqn in graph.eqns if eqn.adjoint for atom in eqn.ins}
    for eqn in reversed(graph.eqns):
        if not eqn.adjoint and any(out in wanted and (out.name, eqn.src) in inlined for out in eqn.outs):
            wanted.update(eqn.ins)
    for eqn in graph.eqns:
        for out in eqn.outs:
            if not eqn.adjoint and out in wanted:
                yield _residual(out, eqn, stored=(out.name, eqn.src) not in inlined)
        for body in eqn.subgraphs():
            if eqn.adjoint:
                yield from (
                    _residual(v, inner, stored=False)
                    for inner in body.eqns
                    if inner.src and not inner.adjoint
                    for v in inner.outs
                )
            else:
                yield from _residuals(body, inlined)


def _residual(var: Var, eqn: Eqn, stored: bool) -> Residual:
    size = var.aval.size
    nbytes = size * var.aval.dtype.itemsize if isinstance(size, int) else None
    return Residual(var.name, str(var.aval), nbytes, stored, eqn.src)
