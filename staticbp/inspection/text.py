"""`Inspection`: a call's way through the compiler, to be read."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from staticbp.compilation import Compilation
from staticbp.core.graph import Graph
from staticbp.core.schedule import Schedule
from staticbp.inspection.cost import Cost
from staticbp.inspection.drawing import grouping, picture, save
from staticbp.inspection.memory import Memory
from staticbp.inspection.page import html, svg
from staticbp.runtime.load import JIT, inspect_module
from staticbp.runtime.objectcode import ObjectCode

WIDTH = 100
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
        forward: Callable[[], Compilation] | None = None,
        adjoint: Callable[[], Compilation] | None = None,
    ) -> None:
        self._compilation = compilation
        self._forward = forward
        self._adjoint = adjoint

    @property
    def graph(self) -> Graph:
        """The graph that is compiled: what to compute."""
        return self._compilation.graph

    @property
    def stages(self) -> dict[str, Graph]:
        """The graph as it was traced, and after each pass that changed it, by name and in order."""
        _ = self._compilation.graph
        found: dict[str, Graph] = {}
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
    def source(self) -> str:
        """The text of the generated module, which is what gets compiled."""
        return self._compilation.source

    @property
    def forward_source(self) -> str:
        """The forward pass by itself, as `vjp` runs it."""
        return self.source if self._forward is None else self._forward().source

    @property
    def adjoint_source(self) -> str:
        """The backward pass by itself, as a pullback runs it."""
        if self._adjoint is None:
            return "# nothing is differentiated here\n"
        return self._adjoint().source

    @property
    def cost(self) -> Cost:
        """Operations and bytes: in all, by loop, by line of the program."""
        return Cost(self.graph, self.schedule)

    @property
    def memory(self) -> Memory:
        """The workspace: its size, what lies in it and when, and the least that any plan would need."""
        return Memory(self.schedule)

    @cached_property
    def _code(self) -> ObjectCode:
        compilation = self._compilation
        entries = {compilation.schedule.name: compilation.convention}
        return inspect_module(compilation.source, entries, release_gil=compilation.releases_gil)

    @property
    def llvm(self) -> str:
        """The LLVM code, optimised."""
        if not JIT:
            return UNCOMPILED
        return self._code.llvm_text()

    @property
    def asm(self) -> str:
        """The machine code, as assembly."""
        if not JIT:
            return UNCOMPILED
        return self._code.assembly_text()

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
        Path(path).write_text(html(self._compilation, self.stages, self.asm), encoding="utf-8")

    def __str__(self) -> str:
        """Graph and source, one after the other."""
        parts = {"graph": str(self.graph), "source": self.source}
        return "\n\n".join(f"{f'---- {name} ':-<{WIDTH}}\n{text.rstrip()}" for name, text in parts.items()) + "\n"

    def __repr__(self) -> str:
        return f"<inspection of {self._compilation.title.rstrip('.')}: graph, stages, schedule, source, llvm, asm>"
