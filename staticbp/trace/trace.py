"""Run a function on tracers, get its graph."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from staticbp.core.aval import Aval
from staticbp.core.graph import Graph, Var
from staticbp.core.primitive import Builder, Traced, Value
from staticbp.core.traced import Memory
from staticbp.errors import ArgumentError, GraphError, StaticbpError
from staticbp.ops.mutation import ARGUMENT
from staticbp.trace.names import here, raised_at
from staticbp.trace.origin import PACKAGE_DIR
from staticbp.trace.refusals import not_stored
from staticbp.trace.tracer import Tracer


def user_builder(name: str) -> Builder:
    """A builder whose equations are named after the user's variables and lines."""
    return Builder(name, Tracer, here)


def plain_builder(name: str) -> Builder:
    """A builder for transforms, which say themselves where equations come from."""
    return Builder(name, Tracer, None)


def trace(function: Callable[..., Sequence[Value]], name: str, avals: Sequence[Aval], names: Sequence[str]) -> Graph:
    """The graph of a flat function: tracers of the given types in, a sequence of values out."""
    graph, captures = trace_open(function, name, avals, names)
    if captures:
        raise AssertionError(f"{name} captures traced values of an outer function")
    return graph


def trace_open(
    function: Callable[..., Sequence[Value]], name: str, avals: Sequence[Aval], names: Sequence[str]
) -> tuple[Graph, list[Traced]]:
    """As `trace`, but values of outer functions may be captured: they become the last inputs."""
    builder = user_builder(name)
    with builder.recording(), _our_errors():
        inputs = [as_argument(builder.add_input(aval, wish)) for aval, wish in zip(avals, names, strict=True)]
        outs = function(*inputs)
        graph = builder.finish(outs)
    return graph, builder.captures


def as_argument(x: Traced) -> Traced:
    """An array of the caller's, which is not written to; a number may be called what another was."""
    if x.aval.ndim:
        x.memory = Memory(frozen=ARGUMENT)
    return x


@contextmanager
def _our_errors() -> Iterator[None]:
    """Where NumPy met an error of ours and raised its own instead, say what happened, with the user's line."""
    try:
        yield
    except (TypeError, ValueError) as error:
        inner = error.__cause__ or error.__context__
        if isinstance(error, StaticbpError):
            raise
        if _is_refused_call(error):
            raise ArgumentError(str(error), src=raised_at(error)) from None
        if not isinstance(inner, StaticbpError):
            raise
        if "setting an array element" not in str(error):
            raise inner from None
        raise not_stored(inner.src) from None


def _is_refused_call(error: Exception) -> bool:
    """Whether a function of the user's was called by us, and does not take such arguments."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    ours = place is not None and place.tb_frame.f_code.co_filename.startswith(PACKAGE_DIR)
    return ours and re.match(r"[^ ]+\(\) (takes|missing|got) .*argument", str(error)) is not None


def rebuild(
    graph: Graph, function: Callable[..., Sequence[Value]], avals: Sequence[Aval], names: Sequence[str]
) -> Graph:
    """A graph written by a transform: `function` runs on tracers that belong to no user line.

    The constants of `graph` stay constants, under the same variables.
    """
    builder = plain_builder(graph.name)
    builder.adopt_consts(graph)
    with builder.recording():
        inputs = [builder.add_input(aval, wish) for aval, wish in zip(avals, names, strict=True)]
        outs = function(*inputs)
        if builder.captured:
            raise GraphError(f"a rule reads {builder.captured[0].name} from around the graph {graph.name}")
        return builder.finish(outs)


def var_names(variables: Sequence[Var], suffix: str = "") -> list[str]:
    """The names of variables, with a suffix."""
    return [f"{v.name}{suffix}" for v in variables]
