"""The graph as a picture: its nodes and edges, laid out, as SVG, PNG, DOT or Mermaid."""

from __future__ import annotations

import ast
import functools
import linecache
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from staticbp.core.graph import Atom, Eqn, Graph, Lit, SrcLine, Var
from staticbp.core.packages import optional
from staticbp.core.text import Names, literal_text
from staticbp.errors import ArgumentError
from staticbp.trace.names import here

WIDTH, HEIGHT = 168, 44  # of a node, in pixels
GAP_X, GAP_Y = 18, 34
SPAN = 6  # layers: longer edges do not count in the layout
FORMATS = (".svg", ".png", ".dot", ".mmd")
COLOURS = {  # fill and stroke, by kind of node
    "input": ("#e8f0fe", "#4a78c2"),
    "constant": ("#eeeeee", "#888888"),
    "forward": ("#e9f7ec", "#3d9a57"),
    "adjoint": ("#fdeee6", "#cf6a2e"),
    "output": ("#f3e9fb", "#8a4fc0"),
}


@dataclass(slots=True, eq=False)
class Node:
    """An equation, an input or an output; `x` and `y` are the middle of its upper edge."""

    number: int
    kind: str
    label: str
    detail: str
    src: SrcLine | None = None
    group: str = ""
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """From the node that makes a value to one that uses it; `label` is the value's type."""

    start: Node
    end: Node
    label: str
    inner: bool = False  # into the body of a loop or branch


@dataclass(slots=True)
class Picture:
    """Nodes and edges; `arrange` gives the nodes their places."""

    title: str
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)

    @property
    def width(self) -> float:
        """In pixels."""
        return max((node.x for node in self.nodes), default=0.0) + WIDTH / 2 + GAP_X

    @property
    def height(self) -> float:
        """In pixels."""
        return max((node.y for node in self.nodes), default=0.0) + HEIGHT + GAP_X

    @property
    def groups(self) -> dict[str, list[Node]]:
        """The nodes by the user's function that they belong to."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            found.setdefault(node.group, []).append(node)
        return found


def picture(graph: Graph, group_of: Callable[[SrcLine | None], str] = lambda src: "") -> Picture:
    """The nodes and edges of a graph, bodies of loops and branches included."""
    made = Picture(graph.name)
    _add(made, graph, Names(), group_of, None)
    return made


def _add(
    made: Picture, graph: Graph, names: Names, group_of: Callable[[SrcLine | None], str], outer: Node | None
) -> None:
    makers: dict[Var, Node] = {}

    def node(kind: str, label: str, detail: str, src: SrcLine | None = None) -> Node:
        found = Node(len(made.nodes), kind, label, detail, src, group_of(src) if src else "")
        made.nodes.append(found)
        return found

    def connect(atoms: Sequence[Atom], end: Node) -> None:
        for atom in dict.fromkeys(a for a in atoms if isinstance(a, Var)):
            made.edges.append(Edge(makers[atom], end, str(atom.aval)))

    for var in (*graph.invars, *(var for var, _ in graph.consts)):
        kind = "input" if var in graph.invars else "constant"
        makers[var] = node(kind, names.of(var), str(var.aval))
        if outer is not None:
            made.edges.append(Edge(outer, makers[var], "", inner=True))
            makers[var].group = outer.group
    for eqn in graph.eqns:
        names_of_outs = ", ".join(names.of(var) for var in eqn.outs)
        found = node("adjoint" if eqn.adjoint else "forward", names_of_outs, _operation(eqn, names), eqn.src)
        connect(eqn.ins, found)
        makers.update(dict.fromkeys(eqn.outs, found))
        for body in eqn.subgraphs():
            _add(made, body, names, group_of, found)
    for number, atom in enumerate(graph.outs):
        label = names.of(atom) if isinstance(atom, Var) else literal_text(atom)
        found = node(
            "output", f"return {label}" if len(graph.outs) == 1 else f"return[{number}] {label}", str(atom.aval)
        )
        connect([atom], found)


def _operation(eqn: Eqn, names: Names) -> str:
    operands = [literal_text(atom) if isinstance(atom, Lit) else names.of(atom) for atom in eqn.ins]
    return f"{eqn.op.name} {' '.join(operands)}".rstrip()


# ---- which of the user's functions a line belongs to ------------------------------------------------------------


def grouping(origin: Callable[..., Any]) -> Callable[[SrcLine | None], str]:
    """The name of the function that encloses a line, for lines in the file of `origin`."""
    code = getattr(origin, "__code__", None)
    spans = _spans(code.co_filename) if code is not None else ()
    short = Path(code.co_filename).name if code is not None else ""

    def group(src: SrcLine | None) -> str:
        if src is None or src.file != short:
            return "" if src is None else src.file
        inside = [(end - start, name) for start, end, name in spans if start <= src.line <= end]
        return min(inside)[1] if inside else short

    return group


def functions_of(origin: Callable[..., Any], lines: Sequence[SrcLine]) -> list[tuple[str, int, int, str]]:
    """The functions in the file of `origin` that the lines are in: file, first and last line, name."""
    code = getattr(origin, "__code__", None)
    if code is None:
        return []
    wanted = {src.line for src in lines if src.file == Path(code.co_filename).name}
    spans = [span for span in _spans(code.co_filename) if any(span[0] <= line <= span[1] for line in wanted)]
    outermost = [s for s in spans if not any(t != s and t[0] <= s[0] and s[1] <= t[1] for t in spans)]
    return [(code.co_filename, *span) for span in sorted(outermost)]


@functools.lru_cache(maxsize=64)
def _spans(filename: str) -> tuple[tuple[int, int, str], ...]:
    """First and last line and name of each function in a file."""
    try:
        tree = ast.parse("".join(linecache.getlines(filename)))
    except SyntaxError:  # a cell of a notebook with a command of its own in it
        return ()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return tuple((n.lineno, n.end_lineno or n.lineno, n.name) for n in ast.walk(tree) if isinstance(n, kinds))


# ---- layout -----------------------------------------------------------------------------------------------------


def arrange(made: Picture) -> Picture:
    """Give the nodes their places: in layers, so that values flow downwards (Sugiyama's method, by igraph)."""
    igraph = package("igraph")
    layers = _layers(made)
    # Edges that span many layers, such as from the forward pass into the adjoint, would each ask for a column.
    near = {edge for edge in made.edges if layers[edge.end.number] - layers[edge.start.number] <= SPAN}
    joined = {node for edge in near for node in (edge.start.number, edge.end.number)}
    pairs = [
        (edge.start.number, edge.end.number)
        for edge in made.edges
        if edge in near or not {edge.start.number, edge.end.number} <= joined
    ]
    flow = igraph.Graph(directed=True, n=len(made.nodes), edges=pairs)
    columns = [x for x, _ in flow.layout_sugiyama(layers=layers, maxiter=60).coords[: len(made.nodes)]]
    rows: dict[int, list[Node]] = {}
    for node, layer in zip(made.nodes, layers, strict=True):
        rows.setdefault(layer, []).append(node)
    for layer, row in rows.items():
        last = -np.inf
        for node in sorted(row, key=lambda node: (columns[node.number], node.number)):
            last = max(columns[node.number], last + 1)  # no node on top of another
            node.x, node.y = last * (WIDTH + GAP_X), GAP_X + (layer - min(rows)) * (HEIGHT + GAP_Y)
    left = min((node.x for node in made.nodes), default=0.0)
    for node in made.nodes:
        node.x += GAP_X + WIDTH / 2 - left
    return made


def _layers(made: Picture) -> list[int]:
    """The layer of each node: results right below what makes them, everything else right above its first use."""
    users: list[list[int]] = [[] for _ in made.nodes]
    makers: list[list[int]] = [[] for _ in made.nodes]
    for edge in made.edges:
        users[edge.start.number].append(edge.end.number)
        makers[edge.end.number].append(edge.start.number)
    layers = [0] * len(made.nodes)
    for number in range(len(layers)):  # nodes are numbered in an order in which values can be computed
        layers[number] = max((layers[maker] + 1 for maker in makers[number]), default=0)
    for number in reversed(range(len(layers))):
        if users[number]:
            layers[number] = min(layers[user] for user in users[number]) - 1
    return layers


def package(name: str) -> ModuleType:
    """A module of a package of the extra ``inspect``."""
    return optional(name, "pictures and pages of graphs", "inspect")


# ---- formats ----------------------------------------------------------------------------------------------------


def save(made: Picture, path: str | Path, svg: Callable[[Picture], str]) -> None:
    """Write a picture in the format that the name of the file asks for."""
    path = Path(path)
    if path.suffix == ".svg":
        path.write_text(svg(arrange(made)), encoding="utf-8")
    elif path.suffix == ".png":
        path.write_bytes(bytes(package("resvg_py").svg_to_bytes(svg_string=svg(arrange(made)), zoom=2)))
    elif path.suffix == ".dot":
        path.write_text(dot(made), encoding="utf-8")
    elif path.suffix == ".mmd":
        path.write_text(mermaid(made), encoding="utf-8")
    else:
        raise ArgumentError(
            f"no picture is written to {str(path)!r}",
            src=here().src,
            advice=f"Let the name of the file end in one of {', '.join(FORMATS)}.",
        )


def dot(made: Picture) -> str:
    """The picture in Graphviz's language, a cluster for each of the user's functions."""
    lines = [f"digraph {_quoted(made.title)} {{", '  node [shape=box, style="rounded,filled", fontname="monospace"];']
    for number, (group, nodes) in enumerate(made.groups.items()):
        pad = "    " if group else "  "
        lines += [f"  subgraph cluster_{number} {{", f"    label={_quoted(group)};"] if group else []
        for node in nodes:
            fill, stroke = COLOURS[node.kind]
            label = _quoted(f"{node.label}\n{node.detail}")
            lines.append(f'{pad}n{node.number} [label={label}, fillcolor="{fill}", color="{stroke}"];')
        lines += ["  }"] if group else []
    for edge in made.edges:
        style = ", style=dashed" if edge.inner else ""
        lines.append(f"  n{edge.start.number} -> n{edge.end.number} [label={_quoted(edge.label)}{style}];")
    return "\n".join([*lines, "}", ""])


def mermaid(made: Picture) -> str:
    """The picture in Mermaid's language, a subgraph for each of the user's functions."""
    lines = ["flowchart TD"]
    for kind, (fill, stroke) in COLOURS.items():
        lines.append(f"  classDef {kind} fill:{fill},stroke:{stroke},color:#111")
    for number, (group, nodes) in enumerate(made.groups.items()):
        pad = "    " if group else "  "
        lines += [f"  subgraph g{number} [{_quoted(group)}]"] if group else []
        lines += [f"{pad}n{n.number}[{_quoted(f'{n.label}<br>{n.detail}', '#quot;')}]:::{n.kind}" for n in nodes]
        lines += ["  end"] if group else []
    for edge in made.edges:
        arrow = "-.->" if edge.inner else "-->"
        label = f"|{_quoted(edge.label, '#quot;')}|" if edge.label else ""
        lines.append(f"  n{edge.start.number} {arrow}{label} n{edge.end.number}")
    return "\n".join([*lines, ""])


def _quoted(text: str, quote: str = '\\"') -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', quote).replace("\n", "\\n") + '"'


def curves(made: Picture) -> Iterator[tuple[Edge, str]]:
    """Each edge with its path in SVG's language: from the lower edge of one node to the upper edge of the other."""
    for edge in made.edges:
        x0, y0, x1, y1 = edge.start.x, edge.start.y + HEIGHT, edge.end.x, edge.end.y
        bend = max(GAP_Y / 2, (y1 - y0) / 2)
        yield edge, f"M{x0:.0f},{y0:.0f} C{x0:.0f},{y0 + bend:.0f} {x1:.0f},{y1 - bend:.0f} {x1:.0f},{y1:.0f}"


def shortened(text: str, limit: int) -> str:
    """Text that fits into a node."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
