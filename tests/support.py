"""The generated text run uncompiled, and held against the interpreter.

Memory is filled with garbage before, arrays refuse negative indexes (which Python would count from the end, and
compiled code would not), and loops that can be interrupted are, every few iterations.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from staticbp.codegen.writer import is_sliced, write
from staticbp.core import shape as shapes
from staticbp.core.aval import aval_of
from staticbp.core.check import check_graph
from staticbp.core.check_schedule import check_schedule
from staticbp.core.graph import Graph
from staticbp.core.interpret import interpret
from staticbp.core.schedule import Schedule
from staticbp.passes.lower import lower
from staticbp.trace.trace import trace

Array = np.ndarray[Any, Any]

PAUSED = -1
BUDGET = 3  # iterations that a loop which can be interrupted runs at a time
ENDLESS = 10_000


class Guarded(np.ndarray[Any, Any]):
    """An array that takes no negative index: compiled code does not count from the end."""

    def __getitem__(self, key: Any) -> Any:
        _refuse_negative(key)
        return super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _refuse_negative(key)
        super().__setitem__(key, value)


def _refuse_negative(key: Any) -> None:
    for component in key if isinstance(key, tuple) else (key,):
        if isinstance(component, int | np.integer) and component < 0:
            raise IndexError(f"index {component} is negative")


def graph_of(function: Callable[..., Any], *args: Any, names: Sequence[str] | None = None) -> Graph:
    """The checked graph of a function, called `function.__name__`, of arrays like these."""
    code = function.__code__
    wished = (names or code.co_varnames[: code.co_argcount] or [f"x{i}" for i in range(len(args))])[: len(args)]

    def flat(*tracers: Any) -> Sequence[Any]:
        out = function(*tracers)
        return out if isinstance(out, tuple | list) else (out,)

    return check_graph(trace(flat, function.__name__, [aval_of(a) for a in args], list(wished)))


def lowered(graph: Graph) -> Schedule:
    """The checked schedule of a graph."""
    return check_schedule(lower(graph))


def source_of(graph: Graph, title: str = "") -> str:
    """The generated module of a graph."""
    return write(lowered(graph), title or graph.name)


def garbage(shape: Any, dtype: Any) -> Array:
    """Memory in which nothing sensible stands."""
    return np.full(shape, np.nan if np.dtype(dtype).kind == "f" else 77, dtype)


def execute(schedule: Schedule, source: str, args: Sequence[Any], consts: Sequence[Any]) -> tuple[int, list[Array]]:
    """Run the text of a module; the status it ends with, and its results."""
    namespace: dict[str, Any] = {}
    exec(compile(source, f"<{schedule.name}>", "exec"), namespace)
    inputs = [
        np.array(value, buffer.aval.dtype).view(Guarded) if buffer.aval.shape else buffer.aval.dtype.type(value)
        for buffer, value in zip([*schedule.arguments, *schedule.constants], [*args, *consts], strict=True)
    ]
    sizes: dict[str, int] = {}
    for buffer, x in zip(schedule.arguments, inputs, strict=False):
        assert shapes.matched(buffer.aval.shape, np.shape(x), sizes), f"{buffer!r} is given {np.shape(x)}"
    results = [garbage(shapes.evaluate(b.aval.shape, sizes), b.aval.dtype) for b in schedule.results]
    extra: list[Any] = []
    if schedule.workspace:
        (room,) = shapes.evaluate((schedule.workspace,), shapes.padded_sizes(sizes, schedule.padding))
        extra.append(np.full(room, 0xFF, np.uint8).view(Guarded))
    if is_sliced(schedule):
        extra.append(np.array([0, 0, BUDGET]))
    before = [np.copy(x) for x in inputs]
    status = PAUSED
    for _ in range(ENDLESS):
        with np.errstate(all="ignore"):
            status = namespace[schedule.name](*inputs, *(r.view(Guarded) for r in results), *extra)
        if status != PAUSED:
            break
    for x, kept in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(np.asarray(x), kept, err_msg="an argument was written to")
    return status, results


def run_plain(graph: Graph, args: Sequence[Any]) -> list[Array]:
    """The results of a graph by its generated text, uncompiled."""
    schedule = lowered(graph)
    status, results = execute(schedule, write(schedule, graph.name), args, [array for _, array in graph.consts])
    assert status == 0, f"{graph.name} ends with status {status}"
    return results


def assert_lowered(graph: Graph, args: Sequence[Any], tolerance: float | None = None) -> list[Array]:
    """The generated text computes what the interpreter computes; the results."""
    wanted = interpret(graph, list(args))
    found = run_plain(graph, args)
    for ours, exact in zip(found, wanted, strict=True):
        assert ours.dtype == exact.dtype
        assert ours.shape == exact.shape
        assert_close(ours, exact, tolerance)
    return found


def assert_close(found: Any, wanted: Any, tolerance: float | None = None) -> None:
    """Equal up to roundings, relative to the largest element; integers to the last bit."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    if wanted.dtype.kind not in "fc":
        np.testing.assert_array_equal(found, wanted)
        return
    if tolerance is None:
        tolerance = 2e-4 if wanted.dtype in (np.float32, np.complex64) else 1e-11
    finite = np.abs(wanted[np.isfinite(wanted)])
    size = max(1.0, float(np.max(finite, initial=0.0)))
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * size)


class Counting:
    """A function that counts how often it is traced."""

    def __init__(self, function):
        self.function = function
        self.count = 0
        self.__name__ = "counting"

    def __call__(self, *args, **kwargs):
        self.count += 1
        return self.function(*args, **kwargs)
