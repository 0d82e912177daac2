"""The passes, in order: graph to graph, with the same meaning.

`PRIMAL` runs on what the user wrote, before it is differentiated; `JOINT` on what is to be computed, and `LAYOUTS` and
then `CALLS` when those find nothing more.  The bodies of loops go through the passes of the graph that they are in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from staticbp.core.check import check_graph
from staticbp.core.graph import Eqn, Graph
from staticbp.passes.bundle import bundle
from staticbp.passes.calls import calls
from staticbp.passes.cse import cse
from staticbp.passes.dce import dce
from staticbp.passes.defer import defer
from staticbp.passes.embeddings import join_embeddings
from staticbp.passes.expand import expand
from staticbp.passes.fold import fold
from staticbp.passes.layouts import layouts
from staticbp.passes.loops import loops
from staticbp.passes.release import release
from staticbp.passes.rewrite import Note
from staticbp.passes.simplify import simplify
from staticbp.passes.stabilise import stabilise
from staticbp.passes.turns import turns

ROUNDS = 4  # what one pass makes possible for an earlier one is found in the next round


@dataclass(frozen=True, slots=True)
class Pass:
    """A step of the pipeline.

    `apply(graph, notes)` gives the same graph back when there is nothing to do.  A step is repeated when another
    one has changed something since (or it has itself, if it `repeats`), unless it is to run `once`.  What a pass
    leaves out that only `sweeps` is news to nobody.
    """

    name: str
    apply: Callable[[Graph, list[Note] | None], Graph]
    once: bool = False
    repeats: bool = False
    sweeps: bool = False

    def __repr__(self) -> str:
        return self.name


PRIMAL = (
    Pass("fold", fold, once=True),
    Pass("simplify", simplify),
    Pass("cse", cse),
    Pass("stabilise", stabilise),
    Pass("dce", dce, sweeps=True),
    Pass("bundle", bundle),
    Pass("loops", loops, repeats=True),
    Pass("dce", dce, sweeps=True),
)

EXPAND = Pass("expand", expand)  # before all others, on what no derivative can be asked of any more

JOINT = (
    Pass("release", release, once=True),
    Pass("fold", fold, once=True),
    Pass("simplify", simplify),
    Pass("cse", cse),
    Pass("join", join_embeddings),
    Pass("dce", dce, sweeps=True),
    Pass("loops", loops, repeats=True),
    Pass("defer", defer),
    Pass("dce", dce, sweeps=True),
    Pass("turns", turns),
)

LAYOUTS = (Pass("layouts", layouts), Pass("dce", dce, sweeps=True))

CALLS = (Pass("calls", calls, once=True),)


@dataclass(slots=True)
class Progress:
    """What passes know of a graph: how often one has changed something, and of how much each knew when it ran."""

    news: int = 0
    seen: dict[Pass, int] = field(default_factory=dict)


def expanded(graph: Graph) -> Graph:
    """`graph`, its bodies included, with custom operations replaced by what they compute."""
    return _applied(EXPAND, graph, None, {})


def checking() -> bool:
    """Whether the checkers run after every pass: ``STATICBP_CHECK=1`` in the environment asks for it."""
    return os.environ.get("STATICBP_CHECK") == "1"


def run(
    graph: Graph,
    passes: Sequence[Pass],
    *,
    check: bool | None = None,
    on_stage: Callable[[str, Graph], None] | None = None,
    notes: list[Note] | None = None,
    progress: Progress | None = None,
) -> Graph:
    """`graph` after all passes, which are repeated until none of them finds anything to do.

    Parameters
    ----------
    graph : Graph
    passes : sequence of Pass
        `PRIMAL`, `JOINT`, `LAYOUTS` or `CALLS`.
    check : bool, optional
        Check the graph after each pass; by default when ``STATICBP_CHECK`` is set to 1 in the environment.
    on_stage : callable, optional
        ``on_stage(name, graph)``: told of each pass of the first round, and later of those that changed something.
    notes : list of Note, optional
        Collects which stabilisations were applied, and to which of the user's lines.
    progress : Progress, optional
        What passes that ran before found out: those that will find nothing are left out.

    Examples
    --------
    >>> from staticbp.core.aval import FLOAT64, Aval
    >>> from staticbp.core.graph import Lit, Var
    >>> from staticbp.ops.math import log
    >>> from staticbp.ops.arithmetic import add
    >>> scalar = Aval((), FLOAT64)
    >>> x, s, y = (Var(scalar, name) for name in "xsy")
    >>> eqns = (Eqn((s,), add, (Lit(1, scalar), x)), Eqn((y,), log, (s,)))
    >>> notes = []
    >>> print(run(Graph("f", (x,), eqns, (y,)), PRIMAL, notes=notes))
    graph f(x: f64[]) -> f64[]
      y: f64[] = log1p x
      return y
    >>> print(*notes)
    log_one_plus
    """
    checked = checking() if check is None else check
    if checked:
        check_graph(graph, "input of the passes")
    made = Progress() if progress is None else progress
    told: set[Pass] = set()
    for number in range(1, ROUNDS + 1):
        for step in passes:
            is_settled = made.seen.get(step) == made.news
            if (is_settled and (number > 1 or step in told)) or (step.once and number > 1):
                continue
            told.add(step)
            before = graph
            if not is_settled:
                graph = _applied(step, graph, notes, {})
                changed = graph is not before and not step.sweeps
                made.news += changed
                made.seen[step] = made.news - (changed and step.repeats)
            if checked and graph is not before:
                check_graph(graph, step.name)
            if on_stage is not None and (number == 1 or graph is not before):
                on_stage(step.name if number == 1 else f"{step.name} ({number})", graph)
    return graph


def _applied(step: Pass, graph: Graph, notes: list[Note] | None, done: dict[int, tuple[Graph, Graph]]) -> Graph:
    """`step` on the bodies in `graph`, each once however often it is used, and then on `graph` itself."""
    with_bodies = [eqn for eqn in graph.eqns if eqn.params and _has_bodies(eqn)]
    inner = {id(eqn): _with_bodies(step, eqn, notes, done) for eqn in with_bodies}
    if any(inner[id(eqn)] is not eqn for eqn in with_bodies):
        graph = graph.with_eqns(inner.get(id(eqn), eqn) for eqn in graph.eqns)
    return step.apply(graph, notes)


def _has_bodies(eqn: Eqn) -> bool:
    return next(eqn.subgraphs(), None) is not None


def _with_bodies(step: Pass, eqn: Eqn, notes: list[Note] | None, done: dict[int, tuple[Graph, Graph]]) -> Eqn:
    def through(value: Any) -> Any:
        if isinstance(value, Graph):
            if id(value) not in done:
                done[id(value)] = (value, _applied(step, value, notes, done))
            return done[id(value)][1]
        if isinstance(value, tuple):
            items = tuple(through(item) for item in value)
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        return value

    params = {name: through(value) for name, value in eqn.params.items()}
    if all(params[name] is value for name, value in eqn.params.items()):
        return eqn
    return replace(eqn, params=params)
