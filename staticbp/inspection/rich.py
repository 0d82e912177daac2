"""Text that shows its colours where there are any: on a terminal, and in notebooks."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, Self, TextIO

from staticbp.core.graph import Graph
from staticbp.core.text import graph_text
from staticbp.errors import ArgumentError
from staticbp.inspection.html import preformatted
from staticbp.trace.names import here


class Text(str):
    r"""A text in some language: ``python``, ``llvm``, ``gas`` (assembly), ``diff`` or none.

    It is a `str` like any other.  A notebook shows it with colours, as `show` does on a terminal, where Pygments is
    installed (the extra ``inspect`` brings it).

    Examples
    --------
    >>> text = Text("x = 1\n", "python")
    >>> text.show()
    x = 1
    >>> text + "y = 2"
    'x = 1\ny = 2'
    """

    __slots__ = ("language",)
    language: str

    def __new__(cls, text: str, language: str = "") -> Self:
        made = super().__new__(cls, text)
        made.language = language
        return made

    def show(self, file: TextIO | None = None) -> None:
        """Print it, in colours if that goes to a terminal (and ``NO_COLOR`` is not set)."""
        stream = sys.stdout if file is None else file
        coloured = stream is not None and stream.isatty() and "NO_COLOR" not in os.environ
        if stream is not None:
            stream.write(f"{(self.in_colours() if coloured else self).rstrip()}\n")

    def in_colours(self) -> str:
        """With the codes that colour a terminal; as it stands without Pygments."""
        return self._highlighted("TerminalFormatter", {}) or str(self)

    def _repr_html_(self) -> str:
        # The colours suit light and dark pages, whose own background shows.
        options = {"noclasses": True, "style": "friendly", "nobackground": True, "prestyles": "line-height: 1.25;"}
        return self._highlighted("HtmlFormatter", options) or preformatted(self)

    def _highlighted(self, formatter: str, options: dict[str, Any]) -> str:
        pygments = _pygments()
        if pygments is None or not self.language:
            return ""
        lexer = pygments.lexers.get_lexer_by_name(self.language, stripnl=False)
        return str(pygments.highlight(self, lexer, getattr(pygments.formatters, formatter)(**options)))


@cache
def _pygments() -> Any:
    """Pygments, if it is installed."""
    if importlib.util.find_spec("pygments") is None:
        return None
    for part in ("lexers", "formatters"):
        importlib.import_module(f"pygments.{part}")
    return importlib.import_module("pygments")


class Stages(dict[str, Graph]):
    """The graph as it was traced, and after each pass, by name and in order."""

    def diff(self, name: str) -> Text:
        """What a stage changed: its lines against those of the stage before, as a unified diff.

        Raises
        ------
        ArgumentError
            When there is no stage of this name.
        """
        names = [*self]
        if name not in self:
            raise ArgumentError(
                f"there is no stage {name!r} of this graph", src=here().src, advice=f"There are {', '.join(names)}."
            )
        place = names.index(name)
        before = graph_text(self[names[place - 1]], comments=False) if place else ""
        after = graph_text(self[name], comments=False)
        labels = (names[place - 1] if place else "nothing", name)
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), *labels, lineterm="", n=1)
        return Text("\n".join(lines), "diff")

    def diffs(self) -> Iterator[Text]:
        """What each stage changed, without those that changed nothing."""
        return (text for name in [*self][1:] if (text := self.diff(name)))

    def __str__(self) -> str:
        """The first stage, and what each further one changed."""
        first = next(iter(self), None)
        texts = [] if first is None else [f"-- {first}\n{self[first]}"]
        return "\n\n".join([*texts, *self.diffs()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        first = next(iter(self.values()), None)
        head = "" if first is None else preformatted(str(first))
        return head + "".join(text._repr_html_() for text in self.diffs())
