"""`Inspection`: a call's way through the compiler, to be read."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TextIO

from staticbp.compilation import Compilation
from staticbp.core.graph import Graph
from staticbp.core.schedule import Schedule
from staticbp.errors import ArgumentError
from staticbp.inspection.assembly import Assembly, assembly_of
from staticbp.inspection.cached import Cached, cached
from staticbp.inspection.cost import Cost
from staticbp.inspection.drawing import grouping, picture, save
from staticbp.inspection.explain import Explanation
from staticbp.inspection.memory import Memory
from staticbp.inspection.page import html, svg
from staticbp.inspection.rich import Stages, Text
from staticbp.inspection.signature import Signature, Subject
from staticbp.runtime.load import JIT, inspect_module
from staticbp.runtime.objectcode import ObjectCode
from staticbp.trace.names import here

WIDTH = 100
PARTS = (
    *("graph", "stages", "schedule", "source", "forward_source", "adjoint_source", "llvm", "asm"),
    *("memory", "cost", "signature", "cache", "explain"),
)
SHOWN = ("graph", "source")  # of them, unless others are asked for
UNCOMPILED = "; STATICBP_JIT=0: nothing is compiled\n"


class Inspection:
    """What a call is compiled to.  Each stage is made when it is first looked at.

    Examples
    --------
    >>> import staticbp as bp
    >>> bp.inspect(bp.grad(lambda x: 2.0 * x), 1.5)
    <inspection of Gradient of function(x) with respect to x. ...: graph, stages, schedule, source, llvm, asm>
    """

    def __init__(
        self,
        compilation: Compilation,
        subject: Subject,
        forward: Callable[[], Compilation] | None = None,
        adjoint: Callable[[], Compilation] | None = None,
    ) -> None:
        self._compilation = compilation
        self._subject = subject
        self._forward = forward
        self._adjoint = adjoint

    @cached_property
    def _exact(self) -> Compilation:
        """The compilation for the sizes at hand."""
        return self._compilation if self._subject.exact is None else self._subject.exact()

    @property
    def signature(self) -> Signature:
        """The types of arguments and results, static arguments, and what tracing froze."""
        graph = self.graph
        return Signature(
            self._compilation.name,
            {path: var.aval for path, var in zip(self._subject.paths, graph.invars, strict=True)},
            list(graph.out_avals),
            dict(self._subject.statics),
            dict(self._subject.frozen()),
        )

    @property
    def cache(self) -> Cached:
        """Where the machine code lies in the store: whether a call would find it there, and why or why not."""
        made = self._compilation
        return cached(made.source, made.schedule.name, made.convention, releases_gil=made.releases_gil)

    def explain(self) -> Explanation:
        """What the compiler decided, and why.

        It says why the call is compiled (what differs from what had been compiled), which formulas were stabilised,
        what was fused and what was not, what is written out where it is read and what has a place of its own, and what
        of the forward pass is stored for the derivative and what is computed again.
        """
        return Explanation(self._compilation, self._subject.cause())

    @property
    def graph(self) -> Graph:
        """The graph that is compiled: what to compute."""
        return self._compilation.graph

    @property
    def stages(self) -> Stages:
        """The graph as it was traced, and after each pass that changed it, by name and in order.

        A dict, whose ``diff(name)`` is what the pass changed.
        """
        _ = self._compilation.graph
        found = Stages()
        for name, graph in self._compilation.stages:
            label, count = name, 1
            while label in found:
                count += 1
                label = f"{name} {count}"
            found[label] = graph
        return found

    @property
    def schedule(self) -> Schedule:
        """Loops, buffers and kernel calls: how to compute it."""
        return self._compilation.schedule

    @property
    def source(self) -> Text:
        """The text of the generated module, which is what gets compiled."""
        return Text(self._compilation.source, "python")

    @property
    def forward_source(self) -> Text:
        """The forward pass by itself, as `vjp` runs it."""
        return self.source if self._forward is None else Text(self._forward().source, "python")

    @property
    def adjoint_source(self) -> Text:
        """The backward pass by itself, as a pullback runs it."""
        if self._adjoint is None:
            return Text("# nothing is differentiated here\n", "python")
        return Text(self._adjoint().source, "python")

    @property
    def cost(self) -> Cost:
        """Operations and bytes: in all, by loop, by line of the program."""
        return Cost(self._exact.graph, self._exact.schedule)

    @property
    def memory(self) -> Memory:
        """The workspace: its size, what lies in it and when, and the least that any plan would need."""
        return Memory(self._exact.schedule)

    @cached_property
    def _code(self) -> ObjectCode:
        compilation = self._compilation
        entries = {compilation.schedule.name: compilation.convention}
        return inspect_module(compilation.source, entries, release_gil=compilation.releases_gil)

    @property
    def llvm(self) -> Text:
        """The LLVM code, optimised."""
        return Text(self._code.llvm_text() if JIT else UNCOMPILED, "llvm")

    @property
    def asm(self) -> Text:
        """The machine code, as assembly."""
        return Text(self._code.assembly_text() if JIT else UNCOMPILED, "gas")

    @cached_property
    def located_asm(self) -> str:
        """The machine code with the lines of the generated code that it comes from, as ``.loc`` directives."""
        if not JIT:
            return UNCOMPILED
        made = self._compilation
        entries = {made.schedule.name: made.convention}
        return inspect_module(made.source, entries, release_gil=made.releases_gil, lines=True).assembly_text()

    def asm_of(self, place: int | str) -> Assembly:
        """The machine code of a line or loop, and how many elements it works on at once.

        Parameters
        ----------
        place : int or str
            The number of a line of the program; or a part of its text, or of a line of the generated code, such as
            ``"for i in range(300)"``, which stands for all of the loop.

        Returns
        -------
        Assembly
            To be printed; ``.lines`` are the instructions, ``.vectors`` says how wide they are.

        Raises
        ------
        ArgumentError
            When no code comes from there.
        """
        return assembly_of(self._compilation, self.located_asm, place)

    def draw(self, path: str | Path) -> None:
        """Draw the graph: values flow downwards, forward and adjoint equations have colours of their own.

        Parameters
        ----------
        path : path-like
            The file; its name says the format: ``.svg``, ``.png``, ``.dot`` (Graphviz) or ``.mmd`` (Mermaid).

        Raises
        ------
        MissingPackageError
            When a package of the extra ``inspect`` is not installed.
        ValueError
            For any other format.
        """
        save(picture(self.graph, grouping(self._compilation.origin)), path, svg)

    def save_html(self, path: str | Path) -> None:
        """Write a page with the program, the graph, the generated code and the machine code side by side.

        It is one file and needs no network.  Pointing at a line, or going through the program with the arrow keys,
        lights up what it became in the other panes.

        Parameters
        ----------
        path : path-like
            The file.

        Raises
        ------
        MissingPackageError
            When a package of the extra ``inspect`` is not installed.
        """
        Path(path).write_text(html(self._compilation, self._exact, self.stages, self.located_asm), encoding="utf-8")

    def show(self, *parts: str, file: TextIO | None = None) -> None:
        """Print some parts, in colours if that goes to a terminal.

        Parameters
        ----------
        *parts : str
            ``graph``, ``stages``, ``schedule``, ``source``, ``forward_source``, ``adjoint_source``, ``llvm``, ``asm``,
            ``memory``, ``cost``, ``signature``, ``cache``, ``explain``; by default graph and source.
        file : file-like, optional
            Where to; by default the standard output.

        Raises
        ------
        ArgumentError
            When there is no such part.
        """
        for name in parts or SHOWN:
            text = self.part(name)
            Text(f"{_headline(name)}\n").show(file)
            text.show(file)
            Text("").show(file)

    def part(self, name: str) -> Text:
        """A part as text, by its name; see `show`."""
        if name not in PARTS:
            advice = f"Ask for one of {', '.join(PARTS)}."
            raise ArgumentError(f"there is no part {name!r}", src=here().src, advice=advice)
        found = getattr(self, name)
        found = found() if name == "explain" else found
        return found if isinstance(found, Text) else Text(str(found), "diff" if name == "stages" else "")

    def _repr_html_(self) -> str:
        parts = ("source", "graph", "schedule", "cost", "memory", "signature", "explain")
        folded = (
            f"<details{' open' * (name == 'source')}><summary>{name}</summary>{self.part(name)._repr_html_()}</details>"
            for name in parts
        )
        return f"<div>{escape(self._compilation.title)}</div>{''.join(folded)}"

    def __str__(self) -> str:
        """Graph and source, one after the other."""
        return "\n\n".join(f"{_headline(name)}\n{self.part(name).rstrip()}" for name in SHOWN) + "\n"

    def __repr__(self) -> str:
        return f"<inspection of {self._compilation.title.rstrip('.')}: graph, stages, schedule, source, llvm, asm>"


def _headline(name: str) -> str:
    return f"{f'---- {name} ':-<{WIDTH}}"
