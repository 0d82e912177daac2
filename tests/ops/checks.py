"""What is checked of a case: its value, its derivatives in both modes and to second order, its batching."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from staticbp.core.aval import aval_of
from staticbp.core.check import check_graph
from staticbp.core.graph import Graph
from staticbp.core.interpret import interpret
from staticbp.trace.trace import trace
from staticbp.transforms.activity import active_outputs
from staticbp.transforms.jvp import jvp
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp

Array = np.ndarray[Any, Any]

STEP = 1e-6


def results(out: Any) -> tuple[Any, ...]:
    """The results of a function as a tuple."""
    return tuple(out) if isinstance(out, tuple | list) else (out,)


def graph_of(function: Callable[..., Any], args: Sequence[Any]) -> Graph:
    """The checked graph of a function of arrays."""
    names = [f"x{i}" for i in range(len(args))]
    graph = trace(lambda *tracers: results(function(*tracers)), "case", [aval_of(a) for a in args], names)
    return check_graph(graph)


def evaluate(graph: Graph, args: Sequence[Any]) -> list[Array]:
    """A graph by the interpreter."""
    return interpret(graph, list(args))


def assert_value(function: Callable[..., Any], args: Sequence[Any]) -> None:
    """The graph of a function gives what the function gives: values, shapes, dtypes."""
    graph = graph_of(function, args)
    with np.errstate(all="ignore"):
        wanted = [np.asarray(value) for value in results(function(*args))]
    found = evaluate(graph, args)
    assert len(found) == len(wanted)
    for ours, numpys in zip(found, wanted, strict=True):
        assert ours.shape == numpys.shape
        assert ours.dtype == numpys.dtype
        assert_close(ours, numpys)


def assert_close(ours: Any, wanted: Any, tolerance: float | None = None) -> None:
    """Equal up to a few roundings, NaN to NaN."""
    wanted = np.asarray(wanted)
    if tolerance is None:
        tolerance = 2e-6 if wanted.dtype == np.float32 else 1e-13
    np.testing.assert_allclose(ours, wanted, rtol=tolerance, atol=tolerance, equal_nan=True)


def floats(args: Sequence[Any]) -> list[bool]:
    """Which arguments can be differentiated with respect to."""
    return [np.asarray(a).dtype.kind == "f" for a in args]


def directions(rng: np.random.Generator, values: Sequence[Any]) -> list[Array]:
    """A random direction for each value."""
    return [np.asarray(rng.uniform(-1, 1, np.shape(v)), dtype=np.asarray(v).dtype) for v in values]


def assert_derivatives(graph: Graph, args: Sequence[Any], rng: np.random.Generator) -> Graph | None:
    """Forward and reverse mode agree with central differences and with each other.

    Returns the graph of the reverse mode, which takes a cotangent for each differentiable output; None when no
    derivative flows at all.
    """
    active = floats(args)
    wanted = active_outputs(graph, active)
    reverse = check_graph(vjp(RULES, graph, active))
    if not any(wanted):
        bars = evaluate(reverse, args)[len(graph.outs) :]
        assert all(not bar.any() for bar in bars)
        return None
    forward = check_graph(jvp(RULES, graph, active))
    outs = evaluate(graph, args)
    moving = directions(rng, chosen(args, active))
    cts = directions(rng, chosen(outs, wanted))

    dots = evaluate(forward, [*args, *moving])[len(outs) :]
    bars = evaluate(reverse, [*args, *cts])[len(outs) :]
    for dot, ct in zip(dots, cts, strict=True):
        assert dot.shape == ct.shape
        assert dot.dtype == ct.dtype

    coarse = any(np.asarray(v).dtype == np.float32 for v in (*args, *outs))
    if not coarse:  # differences of single precision tell little
        ahead, behind = (evaluate(graph, moved(args, active, moving, sign * STEP)) for sign in (1, -1))
        for dot, a, b in zip(dots, chosen(ahead, wanted), chosen(behind, wanted), strict=True):
            difference = (a - b) / (2 * STEP)
            np.testing.assert_allclose(dot, difference, rtol=2e-6, atol=2e-7 * scale(difference))
    by_reverse = dotted(bars, moving)
    by_forward = dotted(dots, cts)
    tolerance = 1e-4 if coarse else 1e-10
    size = max(1.0, *(scale(d) for d in (*dots, *bars)))
    np.testing.assert_allclose(by_reverse, by_forward, rtol=tolerance, atol=tolerance * size)
    return reverse


def chosen(values: Sequence[Any], wanted: Sequence[bool]) -> list[Any]:
    """The values that are wanted."""
    return [value for value, flag in zip(values, wanted, strict=True) if flag]


def second_order_args(graph: Graph, args: Sequence[Any], rng: np.random.Generator) -> list[Any]:
    """Arguments for the graph of the reverse mode: those of the function, and cotangents."""
    outs = evaluate(graph, args)
    wanted = active_outputs(graph, floats(args))
    return [*args, *directions(rng, chosen(outs, wanted))]


def moved(args: Sequence[Any], active: Sequence[bool], moving: Sequence[Array], step: float) -> list[Any]:
    """The arguments, the active ones moved along a direction."""
    along = iter(moving)
    return [a + step * next(along) if flag else a for a, flag in zip(args, active, strict=True)]


def dotted(left: Sequence[Array], right: Sequence[Array]) -> float:
    """The inner product of lists of arrays."""
    return float(sum(np.sum(a * b) for a, b in zip(left, right, strict=True)))


def scale(array: Any) -> float:
    """The size of the largest element, at least one."""
    return float(np.max(np.abs(array), initial=1.0))


def variants(arg: Any, count: int) -> list[Any]:
    """An argument and others like it, of the same elements so that they lie in the same domain."""
    array = np.asarray(arg)
    if array.size < 2:
        factor = 1.01 if array.dtype.kind == "f" else 1
        return [(array * factor**k).astype(array.dtype) for k in range(count)]
    return [np.roll(array, k) for k in range(count)]


def assert_batching(graph: Graph, args: Sequence[Any], batched: Sequence[bool], size: int = 3) -> None:
    """The batched graph gives for each element of the batch what the graph gives."""
    many, out_batched = RULES.batch(graph, size, batched)
    check_graph(many)
    stacks = [variants(a, size) if flag else [a] * size for a, flag in zip(args, batched, strict=True)]
    inputs = [np.stack(s) if flag else s[0] for s, flag in zip(stacks, batched, strict=True)]
    found = evaluate(many, inputs)
    rows = [evaluate(graph, row) for row in zip(*stacks, strict=True)]
    for i, (ours, flag) in enumerate(zip(found, out_batched, strict=True)):
        wanted = np.stack([row[i] for row in rows])
        if not flag:
            ours = np.stack([ours] * size)
        assert ours.dtype == wanted.dtype
        assert_close(ours, wanted, 1e-5 if wanted.dtype == np.float32 else 1e-12)
