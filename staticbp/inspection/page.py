"""The page: program, graph, generated code and assembly of a call side by side, in one file of HTML."""

from __future__ import annotations

import colorsys
import difflib
import linecache
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from staticbp.codegen.writer import written
from staticbp.compilation import Compilation
from staticbp.core.graph import Graph, SrcLine
from staticbp.core.text import graph_lines
from staticbp.core.traverse import source_lines
from staticbp.inspection.assembly import located
from staticbp.inspection.cost import Cost
from staticbp.inspection.drawing import (
    COLOURS,
    HEIGHT,
    WIDTH,
    Picture,
    arrange,
    curves,
    functions_of,
    grouping,
    package,
    shortened,
)
from staticbp.inspection.drawing import picture as draw
from staticbp.inspection.memory import Memory
from staticbp.inspection.table import quantity

TEMPLATES = Path(__file__).parent / "templates"
VECTORS = re.compile(r"\b[xyz]mm\d+|\bv\d+\.\d+[sd]\b")
LONGEST_ASSEMBLY = 6_000  # lines of it on a page


@dataclass(frozen=True, slots=True)
class Row:
    """A line of one of the panes; `keys` are the lines of the program that it belongs to."""

    text: str
    keys: str = ""
    number: int | None = None
    mark: str = ""  # forward, adjoint, new, vector
    heat: float = 0.0  # share of the operations, 0 to 1


@dataclass(frozen=True, slots=True)
class Stage:
    """The graph after a pass."""

    name: str
    rows: list[Row]


class Keys:
    """Short names for the lines of the program, by which the panes refer to them."""

    def __init__(self) -> None:
        self._of: dict[SrcLine, str] = {}

    def of(self, lines: Sequence[SrcLine | None]) -> str:
        """The keys of some lines, as the value of an attribute."""
        return " ".join(dict.fromkeys(self._of.setdefault(src, f"k{len(self._of)}") for src in lines if src))

    @property
    def lines(self) -> dict[SrcLine, str]:
        """All lines that were asked for."""
        return dict(self._of)


def html(compilation: Compilation, exact: Compilation, stages: Mapping[str, Graph], assembly: str) -> str:
    """The page of a compilation; work and memory are those of `exact`, which is the same for known sizes."""
    keys = Keys()
    cost = Cost(exact.graph, exact.schedule)
    group_of = grouping(compilation.origin)
    made = arrange(draw(compilation.graph, group_of))
    panes: dict[str, Any] = {
        "stages": _stages(stages, keys),
        "generated": list(_generated(compilation, keys)),
        "assembly": list(_assembly(assembly, compilation, keys)),
        "svg": svg(made, keys),
    }
    memory = Memory(exact.schedule)
    panes["program"] = list(_program(compilation, keys.lines, cost))
    return str(
        _environment()
        .get_template("page.html")
        .render(title=compilation.title, cost=cost, memory=memory, quantity=quantity, colour=_colour, **panes)
    )


def svg(made: Picture, keys: Keys | None = None) -> str:
    """An arranged picture as SVG."""
    keys = keys or Keys()
    return str(
        _environment()
        .get_template("graph.svg")
        .render(
            picture=made,
            curves=list(curves(made)),
            colours=COLOURS,
            width=WIDTH,
            height=HEIGHT,
            keys=keys,
            shortened=shortened,
            groups=[group for group in made.groups if group],
            tint=_colour,
        )
    )


def _environment() -> Any:
    jinja = package("jinja2")
    environment = jinja.Environment(
        loader=jinja.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["python"] = _highlighter()
    return environment


def _highlighter() -> Callable[[str], Any]:
    """What marks up the words of a line of Python."""
    highlight, markup = package("pygments").highlight, package("markupsafe").Markup
    lexer = package("pygments.lexers").PythonLexer(stripnl=False)
    formatter = package("pygments.formatters").HtmlFormatter(nowrap=True)
    return lambda text: markup(highlight(text, lexer, formatter).rstrip("\n"))


def _colour(number: int) -> str:
    """A colour for the n-th of some things, far from those of its neighbours (steps of the golden angle)."""
    parts = colorsys.hls_to_rgb(number * 137.508 % 360 / 360, 0.55, 0.55)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)


# ---- the panes --------------------------------------------------------------------------------------------------


def _program(compilation: Compilation, keys: Mapping[SrcLine, str], cost: Cost) -> Iterator[tuple[str, list[Row]]]:
    """The functions of the program that the graph comes from, each under its place."""
    most = max((work.flops + work.functions for work in cost.lines.values()), default=1)
    heat = {src: (work.flops + work.functions) / most for src, work in cost.lines.items()}
    shown: set[SrcLine] = set()
    for filename, start, end, name in functions_of(compilation.origin, list(keys)):
        by_number = {src.line: src for src in keys if src.file == Path(filename).name}
        rows = []
        for number in range(start, end + 1):
            src = by_number.get(number)
            text = linecache.getline(filename, number).rstrip("\n")
            rows.append(Row(text, keys.get(src, "") if src else "", number, heat=heat.get(src, 0.0) if src else 0.0))
            shown.update([src] if src else [])
        yield f"{Path(filename).name}, {name}", rows
    rest = sorted((src for src in keys if src not in shown), key=lambda src: (src.file, src.line))
    for file in dict.fromkeys(src.file for src in rest):
        yield file, [Row(s.text, keys[s], s.line, heat=heat.get(s, 0.0)) for s in rest if s.file == file]


def _stages(stages: Mapping[str, Graph], keys: Keys) -> list[Stage]:
    """The graph after each pass; lines that the pass changed are marked."""
    found: list[Stage] = []
    before: list[str] = []
    for name, graph in stages.items():
        lines = list(graph_lines(graph))
        texts = [text.split("  # ")[0] for text, _ in lines]
        matcher = difflib.SequenceMatcher(None, before, texts, autojunk=False)
        fresh = {j for tag, _, _, low, high in matcher.get_opcodes() if tag != "equal" for j in range(low, high)}
        rows = []
        for number, (text, eqn) in enumerate(lines):
            mark = "adjoint" if eqn is not None and eqn.adjoint else "forward"
            mark += " new" if before and number in fresh else ""
            rows.append(Row(text, keys.of([eqn.src]) if eqn is not None else "", mark=mark))
        found.append(Stage(name, rows))
        before = texts
    return found


def _generated(compilation: Compilation, keys: Keys) -> Iterator[Row]:
    """The generated code; each line knows the lines of the program that its statement comes from."""
    for number, line in enumerate(written(compilation.schedule, compilation.title), 1):
        stmt = line.stmt
        mark = "" if stmt is None else "adjoint" if stmt.adjoint else "forward"
        yield Row(str(line), keys.of(source_lines(stmt)) if stmt is not None else "", number, mark)


def _assembly(text: str, compilation: Compilation, keys: Keys) -> Iterator[Row]:
    """The machine code; each line knows the lines of the program that its statement comes from."""
    statements = [line.stmt for line in written(compilation.schedule, compilation.title)]
    lines = list(located(text))
    for line, number in lines[:LONGEST_ASSEMBLY]:
        stmt = statements[number - 1] if number is not None and number <= len(statements) else None
        found = keys.of(source_lines(stmt)) if stmt is not None else ""
        yield Row(line.expandtabs(8), found, mark="vector" if VECTORS.search(line) else "")
    if len(lines) > LONGEST_ASSEMBLY:
        yield Row(f"… {len(lines) - LONGEST_ASSEMBLY} more lines; inspect(...).asm has them all")
