"""The conductor: from a function of the user's to compiled code, stage by stage.

`Compilation` is one call's way through the compiler, each stage made when it is first asked for; a call runs it
to its `entry`, `inspect` shows the rest.  `stage` is the part of it that transforms need which are met while
something else is being traced: a sub-graph, simplified and ready to be transformed and inlined.
"""

from __future__ import annotations

import copy
import keyword
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from staticbp.codegen.writer import write
from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.check_schedule import check_schedule
from staticbp.core.collector import WAITING
from staticbp.core.graph import Graph, Lit
from staticbp.core.primitive import CAPTURED, Builder, Traced, Value, lift, named
from staticbp.core.schedule import Buffer, Loop, Schedule
from staticbp.core.shape import Extent
from staticbp.core.tree import Structure, flatten
from staticbp.errors import ArgumentError, UnrollWarning
from staticbp.ops.linear import operand
from staticbp.passes.effort import effort
from staticbp.passes.lower import lower
from staticbp.passes.pipeline import CALLS, JOINT, LAYOUTS, PRIMAL, Progress, checking, expanded, run
from staticbp.passes.rewrite import Note
from staticbp.runtime.dispatch import Constant, Donated, Entry, Kernel, Slices
from staticbp.runtime.frame import framed
from staticbp.runtime.load import compile_module
from staticbp.runtime.spec import Convention, Frame, Spec
from staticbp.trace.guards import collect
from staticbp.trace.origin import LIBRARY_FILES
from staticbp.trace.randomness import refuse_draws
from staticbp.trace.trace import trace, trace_open

RELEASING = 10_000  # elements, some microseconds: what takes less keeps the GIL, which costs 30 ns to release
UNROLLED = 5_000  # equations from one line of the user's: a loop that should have been a loop

_TAKEN = frozenset(
    {"np", "vm", "blas", "clock", "fft", "kernels", "linalg", "native", "threads", "work", "progress"}
    | {"range", "min", "max", "abs", "len"}
)


def identifier(text: str) -> str:
    """A name for generated code: ``net.layers[0].weights`` becomes ``net_layers_0_weights``.

    Examples
    --------
    >>> identifier("net.layers[0].weights"), identifier("<lambda>"), identifier("if")
    ('net_layers_0_weights', 'function', 'if_')
    """
    if text == "<lambda>":
        return "function"
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_") or "value"
    name = f"v{name}" if name[0].isdigit() else name
    return f"{name}_" if keyword.iskeyword(name) or name in _TAKEN else name


def identifiers(paths: Sequence[str]) -> list[str]:
    """A name for each leaf: without the argument it is read from, where that leaves no two alike.

    Examples
    --------
    >>> identifiers(["net.hidden.weights", "net.out.weights", "x"])
    ['hidden_weights', 'out_weights', 'x']
    >>> identifiers(["a.weights", "b.weights"])
    ['a_weights', 'b_weights']
    """
    whole = [identifier(path) for path in paths]
    roots = [re.split(r"[.\[]", path, maxsplit=1)[0] for path in paths]
    short = [identifier(path.removeprefix(f"{root}.")) for path, root in zip(paths, roots, strict=True)]
    counts = Counter([*short, *set(map(identifier, roots))])
    clear = [name == full or counts[name] == 1 for name, full in zip(short, whole, strict=True)]
    mixed = {root for root, fine in zip(roots, clear, strict=True) if not fine}
    return [full if root in mixed else name for name, full, root in zip(short, whole, roots, strict=True)]


# ---- what a traced function returns -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outputs:
    """The structure of what a traced function returned, and those of its leaves that no graph computes.

    Python and NumPy scalars that the function returns are what they are; all else is a result of the graph.
    """

    structure: Structure
    plain: tuple[tuple[int, Any], ...] = ()

    @staticmethod
    def of(tree: Any, function: str) -> tuple[list[Value], Outputs]:
        """The values that a graph has to compute, and where they go."""
        try:
            leaves, structure = flatten(tree)
        except ArgumentError as error:
            raise ArgumentError(f"in what {function} returns, {error.what}", advice=error.advice) from None
        leaves = [operand(leaf) if isinstance(leaf, Extent) else leaf for leaf in leaves]
        plain = tuple((i, leaf) for i, leaf in enumerate(leaves) if not isinstance(leaf, Traced | Lit | np.ndarray))
        kept = {i for i, _ in plain}
        return [leaf for i, leaf in enumerate(leaves) if i not in kept], Outputs(structure, plain)

    def join(self, values: Sequence[Any]) -> Any:
        """The tree with these values."""
        leaves = list(values)
        for position, value in self.plain:
            leaves.insert(position, value)
        return self.structure.unflatten(leaves)


@dataclass(frozen=True, slots=True)
class Staged:
    """A function of some leaves as a graph within another: what it captured are its last inputs."""

    graph: Graph
    captures: list[Traced]
    outputs: Outputs


def stage(function: Callable[..., Any], name: str, avals: Sequence[Aval], names: Sequence[str]) -> Staged:
    """Trace `function`, which returns any structure, while another is being traced; simplify its graph."""
    outputs: list[Outputs] = []

    def flat(*leaves: Value) -> list[Value]:
        values, made = Outputs.of(function(*leaves), name)
        outputs.append(made)
        return values

    graph, captures = trace_open(flat, name, avals, names)
    return Staged(run(graph, PRIMAL), captures, outputs[0])


def lifted(values: Sequence[Value]) -> list[Value]:
    """Values as a user's function may have them: literals become traced ones."""
    return [lift(value) for value in values]


def name_results(values: Sequence[Value], names: Sequence[str]) -> None:
    """Give cotangents, which have the names of what they are made of, those of what they are results for."""
    builder = Builder.innermost()
    if builder is None:
        return
    computed = {var for eqn in builder.eqns if eqn.adjoint for var in eqn.outs}
    for value, name in zip(values, names, strict=True):
        if isinstance(value, Traced) and value.builder is builder and value.atom in computed:
            computed.discard(value.atom)  # the first of several results that are one value names it
            named(value, name)


def user_stacklevel() -> int:
    """For `warnings.warn`: how far up the stack the user's own code is."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and LIBRARY_FILES[frame.f_code.co_filename]:
        frame, level = frame.f_back, level + 1
    return level


# ---- one call's way ---------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Compilation:
    """What a call makes on its way to compiled code; everything is made when it is first asked for.

    Parameters
    ----------
    name : str
        The name of the graph and of the generated function.
    title : str
        What it computes, in words: the docstring of the generated module.
    function : callable
        A function of the leaves that returns any structure.
    avals : sequence of Aval
        The types of the leaves.
    names : sequence of str
        The names of the leaves.
    origin : callable
        The user's function, of which `function` is made.
    donate : callable, optional
        Says, when the graph is known, which results are arguments updated in place.
    """

    name: str
    title: str
    function: Callable[..., Any]
    avals: Sequence[Aval]
    names: Sequence[str]
    origin: Callable[..., Any]
    donate: Callable[[Outputs, Graph], tuple[Donated, ...]] | None = None
    stages: list[tuple[str, Graph]] = field(default_factory=list, init=False)
    notes: list[Note] = field(default_factory=list, init=False)
    outputs: Outputs = field(init=False)

    @cached_property
    def traced(self) -> Graph:
        """The graph as it was traced."""

        def flat(*leaves: Value) -> list[Value]:
            values, self.outputs = Outputs.of(self.function(*leaves), self.name)
            return values

        with refuse_draws(self.origin):
            graph = trace(flat, self.name, self.avals, self.names)
        _name_captured(graph, self.origin)
        _warn_about_unrolling(graph)
        self.stages.append(("trace", graph))
        return graph

    @cached_property
    def graph(self) -> Graph:
        """The graph that is compiled."""

        def on_stage(name: str, graph: Graph) -> None:
            self.stages.append((name, graph))

        plain = expanded(self.traced)
        if plain is not self.traced:
            self.stages.append(("expand", plain))
        progress = Progress()
        simplified = run(plain, PRIMAL, on_stage=on_stage, notes=self.notes, progress=progress)
        graph = run(simplified, JOINT, on_stage=on_stage, notes=self.notes, progress=progress)
        for name, passes in (("layouts", LAYOUTS), ("calls", CALLS)):
            before, graph = graph, run(graph, passes)
            if graph is not before:
                on_stage(name, graph)
        return graph

    @cached_property
    def zeros(self) -> frozenset[int]:
        """The results that are zero whatever the arguments are: allocated as such, and computed nowhere."""
        kept = {item.result for item in self.donated}
        outs = [(i, atom) for i, atom in enumerate(self.graph.outs) if i not in kept]
        return frozenset(i for i, atom in outs if isinstance(atom, Lit) and not any(atom.value.tobytes()))

    @cached_property
    def donated(self) -> tuple[Donated, ...]:
        """The results that are arguments, updated in place."""
        graph = self.graph  # which settles what the outputs are
        return () if self.donate is None else self.donate(self.outputs, graph)

    @property
    def _computed(self) -> list[int]:
        """The results that are in memory of their own and computed."""
        others = self.zeros | {item.result for item in self.donated}
        return [i for i in range(len(self.graph.outs)) if i not in others]

    @cached_property
    def schedule(self) -> Schedule:
        """Loops, buffers and kernel calls."""
        graph = self.graph
        computed = [i for i in range(len(graph.outs)) if i not in self.zeros]
        schedule = lower(
            graph.with_eqns(graph.eqns, [graph.outs[i] for i in computed]),
            {computed.index(item.result): item.leaf for item in self.donated},
        )
        return check_schedule(schedule) if checking() else schedule

    @cached_property
    def source(self) -> str:
        """The text of the generated module."""
        return write(self.schedule, self.title)

    @cached_property
    def frame(self) -> Frame:
        """What a call consists of: the types of arguments and results, and the workspace."""
        schedule = self.schedule

        def spec(buffer: Buffer, readonly: bool) -> Spec:
            aval = buffer.aval
            if not aval.ndim and buffer.role != "result":
                return Spec(aval.dtype, 0, array=False)
            return Spec(aval.dtype, aval.ndim, True, readonly, aval.shape)

        updated = {schedule.arguments[item.leaf] for item in self.donated}
        return Frame(
            tuple(spec(buffer, buffer not in updated) for buffer in (*schedule.arguments, *schedule.constants)),
            tuple(spec(buffer, False) for buffer in schedule.results),
            schedule.workspace,
        )

    @cached_property
    def long_loops(self) -> list[tuple[int, int]]:
        """The lengths of the loops that run in slices, each with the steps that it takes at a time."""
        loops = [stmt for stmt in self.schedule.body if isinstance(stmt, Loop) and stmt.sliced]
        return [(shapes.static(loop.extent), loop.turn) for loop in loops]

    @cached_property
    def convention(self) -> Convention:
        """How the generated function is called: by its frame, or from slice to slice with all that it takes."""
        return (*self.frame.parameters, Spec(np.int64, 1, array=True)) if self.long_loops else self.frame

    @cached_property
    def releases_gil(self) -> bool:
        """Whether other threads run meanwhile: what is done in no time is done before they would have started."""
        return effort(self.schedule.body) > RELEASING

    @cached_property
    def captured(self) -> list[Constant]:
        """The arrays that the function captured."""
        return [Constant(array, var.aval) for var, array in self.graph.consts]

    def with_schedule(self, schedule: Schedule) -> Compilation:
        """The compilation of another schedule of the same graph, one with clocks in it say."""
        other = copy.copy(self)
        for name in ("source", "frame", "long_loops", "convention", "entry"):
            other.__dict__.pop(name, None)
        other.__dict__.update(schedule=schedule, releases_gil=self.releases_gil)
        return other

    @cached_property
    def entry(self) -> Entry:
        """The compiled function, with its boundary."""
        with WAITING:
            schedule, frame = self.schedule, self.frame
            function = _load(self.source, schedule.name, self.convention, self.releases_gil)
        if self.long_loops:
            function = framed(Slices(self.long_loops).running(function), frame)
        return Entry(
            function,
            self.captured,
            self.graph.out_avals,
            lent=[i for i, is_lent in zip(self._computed, frame.lent, strict=True) if is_lent],
            zeros=self.zeros,
            donated=self.donated,
            workspace=frame.workspace if frame.takes_work else 0,
            padding=schedule.padding,
            sizes=[(size.name, schedule.arguments.index(size.buffer), size.axis) for size in schedule.sizes],
            failures=schedule.failures,
        )


@lru_cache(maxsize=1024)
def _load(source: str, name: str, convention: Convention, releases_gil: bool) -> Kernel:
    """A compiled function by its text: what is traced again to the same text is not compiled again."""
    return compile_module(source, {name: convention}, release_gil=releases_gil)[name]


def _name_captured(graph: Graph, function: Callable[..., Any]) -> None:
    """Call the arrays that a function captured what it calls them."""
    if not graph.consts:
        return
    known = {id(guard.expected): guard.where for guard in collect(function) if isinstance(guard.expected, np.ndarray)}
    for var, array in graph.consts:
        quoted = known.get(id(array), "").split("`")
        if len(quoted) > 1 and var.name == CAPTURED:
            var.name = identifier(quoted[1])


def _warn_about_unrolling(graph: Graph) -> None:
    if len(graph.eqns) <= UNROLLED:
        return
    src, count = Counter(eqn.src for eqn in graph.eqns).most_common(1)[0]
    if src is not None:
        warnings.warn(
            f"{graph.name} has become {len(graph.eqns)} equations, {count} of them from one line\n  at {src}\n"
            "  A Python loop over traced values is unrolled; bp.fold and bp.scan compile to one loop.",
            UnrollWarning,
            stacklevel=user_stacklevel(),
        )
