"""Graphs of symbolic sizes, down to the text: one of each, and right at every size."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import staticbp as bp
from staticbp import special
from staticbp.codegen.writer import write
from staticbp.core import shape as shapes
from staticbp.core.aval import Aval, aval_of
from staticbp.core.check import check_graph
from staticbp.core.graph import Graph
from staticbp.core.interpret import interpret
from staticbp.core.shape import symbol
from staticbp.core.specialise import specialised
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from staticbp.trace.trace import trace
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.support import assert_close, assert_lowered, execute, lowered

Array = np.ndarray[Any, Any]
Shape = tuple[int | str, ...]


def graph_of(function: Callable[..., Any], patterns: Sequence[Shape], dtype: Any = np.float64) -> Graph:
    """The graph of a function of arrays; sizes given by letters are symbols."""
    avals = [Aval(tuple(symbol(d) if isinstance(d, str) else d for d in p), np.dtype(dtype)) for p in patterns]

    def flat(*tracers: Any) -> Sequence[Any]:
        out = function(*tracers)
        return out if isinstance(out, tuple) else (out,)

    return check_graph(trace(flat, "f", avals, [f"x{i}" for i in range(len(patterns))]))


def arrays(patterns: Sequence[Shape], sizes: dict[str, int], seed: int = 0) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(0.2, 0.9, [sizes[d] if isinstance(d, str) else d for d in p]) for p in patterns]


def attention(x: Any, w: Any) -> Any:
    scores = (x @ w) @ x.T / np.sqrt(x.shape[0])
    return np.sum(special.softmax(scores, axis=1) @ x)


def cross_entropy(x: Any, w: Any, t: Any) -> Any:
    logits = np.tanh(x @ w)
    return np.mean(special.logsumexp(logits, axis=1) - np.sum(logits * t, axis=1))


PROGRAMS: dict[str, tuple[Callable[..., Any], list[Shape]]] = {
    "elementwise": (lambda x, y: np.sum(np.exp(x) * y - np.log1p(y)), [("n",), ("n",)]),
    "broadcast": (lambda x, y: np.sum(x * y + x[:, :1]), [("n", 3), (3,)]),
    "outer sum": (lambda x, y: np.sum(np.sin(x[:, None] - y)), [("n",), ("m",)]),
    "mean": (lambda x: np.mean(x * x), [("n", 3)]),
    "mean of rows": (lambda x: np.sum(np.mean(x, axis=0) ** 2), [("n", 3)]),
    "variance": (lambda x: np.var(x) + np.sum(np.std(x, axis=0)), [("n", 3)]),
    "by the size": (lambda x: np.sum(x) / x.shape[0] + x.size * np.sum(x) - np.sqrt(x.shape[0]), [("n", 3)]),
    "matrix times vector": (lambda x, w: np.sum(np.tanh(x @ w)), [("n", 3), (3,)]),
    "vector times matrix": (lambda v, x: np.sum((v @ x) ** 2), [("n",), ("n", 3)]),
    "product of matrices": (lambda x, w: np.sum(np.tanh(x @ w)), [("n", 5), (5, 4)]),
    "product over the size": (lambda x, y: np.sum((x.T @ y) ** 2), [("n", 5), ("n", 4)]),
    "product of two sizes": (lambda x, y: np.sum(np.tanh(x @ y.T)), [("n", 5), ("m", 5)]),
    "many products": (lambda x, w: np.sum(np.tanh(x @ w)), [("n", 4, 5), (5, 4)]),
    "many products of matrices": (lambda x, y: np.sum(x @ y), [("n", 4, 5), ("n", 5, 4)]),
    "einsum": (lambda x, y: np.sum(np.einsum("ij,ik->jk", x, y) ** 2), [("n", 3), ("n", 4)]),
    "attention": (attention, [("n", 5), (5, 5)]),
    "cross entropy": (cross_entropy, [("n", 5), (5, 4), ("n", 4)]),
    "largest": (lambda x: np.sum(np.max(x, axis=0)) + np.min(x), [("n", 3)]),
    "product": (lambda x: np.sum(np.prod(x, axis=1)), [("n", 3)]),
    "norm": (lambda x: np.linalg.norm(x), [("n", 3)]),
    "flat": (lambda x: np.sum(x.reshape(-1)[1:] * x.ravel()[:-1]), [("n", 3)]),
    "reshaped by the size": (lambda x: np.sum(x.reshape(x.shape[0], -1) @ np.ones(6)), [("n", 2, 3)]),
    "transposed": (lambda x: np.sum(np.tanh(x.T) * np.ones((3, 1))), [("n", 3)]),
    "first and last": (lambda x: x[0] * x[-1] + x[1] - x[-2], [("n",)]),
    "differences": (lambda x: np.sum((x[1:] - x[:-1]) ** 2) + np.sum(np.diff(x) ** 2), [("n",)]),
    "backwards": (lambda x: np.sum(x[::-1] * np.exp(x)), [("n",)]),
    "up to the size": (lambda x: np.sum(x[: x.shape[0] - 1] * x[1 : x.shape[0]]), [("n",)]),
    "joined": (lambda x, y: np.sum(np.concatenate([x, y]) ** 3), [("n",), ("m",)]),
    "joined with some": (lambda x: np.sum(np.concatenate([x, np.ones(2), -x]) ** 3), [("n",)]),
    "stacked": (lambda x, y: np.sum(np.stack([x, y * y]) ** 3), [("n",), ("n",)]),
    "chosen": (lambda x: np.sum(np.where(x > 0.5, x, x * x)), [("n", 3)]),
    "picked": (lambda x: np.sum(x[np.array([1, 0, 1])] ** 2), [("n", 3)]),
    "running sum": (lambda x: np.sum(np.cumsum(x, axis=1) ** 2), [("n", 3)]),
    "last axis": (lambda x: np.sum(np.tanh(x) * np.sum(x, axis=0)), [(3, "n")]),
    "middle axis": (lambda x: np.sum(np.exp(x) * np.sum(x, axis=1, keepdims=True)), [(3, "n", 2)]),
    "twice the size": (lambda x: np.sum(x @ x.T), [("n", "m")]),
    "square": (lambda x: np.sum(x @ x) + np.sum(x * x.T), [("n", "n")]),
    "zeros like": (lambda x: np.sum(np.zeros_like(x) + np.ones_like(x) * x + np.full_like(x, 2.0)), [("n", 3)]),
    "repeated": (lambda x: np.sum(np.broadcast_to(x, (4, *x.shape)) ** 2), [("n",)]),
    "moved": (lambda x: np.sum(np.moveaxis(x, 0, 1) @ np.ones((3, 2))), [("n", 4, 3)]),
}

SIZES = [{"n": 2, "m": 3}, {"n": 3, "m": 2}, {"n": 7, "m": 7}, {"n": 19, "m": 4}]


# With the operations of staticbp: what they are right against is the graph that is traced at the size.
CONTROL: dict[str, tuple[Callable[..., Any], list[Shape]]] = {
    "a loop": (lambda x: np.sum(bp.fori_loop(0, 4, lambda i, c: np.sin(c) * x + i, x)), [("n", 3)]),
    "rows of a loop": (lambda x, w: np.sum(bp.scan(lambda c, r: (np.tanh(c * r), c[0]), x, w)[0]), [("n",), (4,)]),
    "a while": (lambda x: np.sum(bp.while_loop(lambda c: np.sum(c) > 9, lambda c: c * 0.5, x)), [("n", 3)]),
    "a branch": (lambda x: np.sum(bp.cond(x[0] > 0.5, lambda v: v * v, lambda v: -v, x)), [("n",)]),
    "a batch": (lambda x, w: np.sum(bp.vmap(lambda r: np.tanh(w @ r))(x) ** 2), [("n", 3), (3,)]),
    "a batch of gradients": (lambda x: np.sum(bp.vmap(bp.grad(lambda r: np.sum(r**3)))(x) ** 2), [("n", 3)]),
    "a gradient": (lambda x: np.sum(bp.grad(lambda v: np.sum(np.sin(v) * v))(x)), [("n", "m")]),
    "a pullback": (lambda x: np.sum(bp.vjp(lambda v: np.tanh(v), x)[1](x)[0]), [("n", 2)]),
    "a tangent": (lambda x: np.sum(bp.jvp(lambda v: np.tanh(v), (x,), (x,))[1]), [("n", 2)]),
    "sorted": (lambda x: np.sum(np.sort(x, axis=0) * np.cumsum(x, axis=0)), [("n", 2)]),
    "checked": (lambda x: np.sum(np.take_along_axis(x, np.argmax(x, axis=1)[:, None], axis=1)), [("n", 3)]),
}


@pytest.mark.parametrize("name", [*PROGRAMS, *CONTROL])
def test_value_and_gradient_at_every_size(name):
    function, patterns = (PROGRAMS | CONTROL)[name]
    graph = run(graph_of(function, patterns), PRIMAL, check=True)
    joint = run(vjp(RULES, graph, [True] * len(patterns)), JOINT, check=True)
    for sizes in SIZES:
        args = arrays(patterns, sizes)
        ones = [np.array(1.0)] * (len(joint.invars) - len(args))
        value, *gradients = assert_lowered(joint, [*args, *ones])
        if name in PROGRAMS:
            assert_close(value, function(*args))
        static = run(graph_of(function, [np.shape(a) for a in args]), PRIMAL)
        wanted = interpret(vjp(RULES, static, [True] * len(patterns)), [*args, *ones])
        for ours, exact in zip([value, *gradients], wanted, strict=True):
            assert_close(ours, exact)


def test_no_number_of_the_text_is_a_size():
    function, patterns = PROGRAMS["cross entropy"]
    graph = run(vjp(RULES, graph_of(function, patterns), [False, True, False]), JOINT)
    schedule = lowered(graph)
    text = write(schedule, "f")
    assert [(size.name, size.buffer.name, size.axis) for size in schedule.sizes] == [("n", "x0", 0)]
    assert "n = x0.shape[0]" in text
    assert "for i in range(n):" in text or "threads.range(n" in text


def test_offsets_are_multiples_of_a_cache_line():
    graph = graph_of(lambda x, y: (np.tanh(x @ y) @ y.T) @ np.tanh(y), [("n", 3), (3, 5)], np.float32)
    schedule = lowered(run(graph, JOINT))
    placed = [b for b in schedule.temporaries if b.offset is not None]
    assert len(placed) > 1
    for n in range(2, 40):
        sizes = {"n": n}
        padded = shapes.padded_sizes(sizes, schedule.padding)
        spans = []
        for buffer in placed:
            (start,) = shapes.evaluate((buffer.offset,), padded)
            (count,) = shapes.evaluate((buffer.aval.size,), sizes)
            assert start % 64 == 0
            spans.append((start, start + count * buffer.aval.dtype.itemsize))
        (room,) = shapes.evaluate((schedule.workspace,), padded)
        assert max(end for _, end in spans) <= room


def test_buffers_of_one_size_that_live_at_different_times_share_a_place():
    def chain(x, w):
        for _ in range(6):
            x = np.tanh(x @ w)
        return x

    schedule = lowered(run(graph_of(chain, [("n", 5), (5, 5)]), JOINT))
    places = {b.offset for b in schedule.temporaries if b.offset is not None}
    assert len(places) < sum(b.offset is not None for b in schedule.temporaries)


def test_the_interpreter_refuses_sizes_that_disagree():
    graph = graph_of(lambda x, y: x + y, [("n",), ("n",)])
    with pytest.raises(AssertionError, match="x1"):
        interpret(graph, [np.ones(3), np.ones(4)])


def test_a_specialised_graph_is_the_one_that_is_traced_at_that_size():
    function, patterns = PROGRAMS["cross entropy"]
    args = arrays(patterns, {"n": 6})
    graph = run(specialised(graph_of(function, patterns), {"n": 6}), PRIMAL, check=True)
    assert [v.aval for v in graph.invars] == [aval_of(a) for a in args]
    assert_close(interpret(graph, args)[0], function(*args))


def test_the_status_of_a_failed_check_is_the_same():
    graph = run(graph_of(lambda x, i: x[i.astype(np.int64)], [("n",), (2,)]), JOINT)
    schedule = lowered(graph)
    text = write(schedule, "f")
    assert execute(schedule, text, [np.arange(4.0), np.array([3.0, 0.0])], [])[0] == 0
    assert execute(schedule, text, [np.arange(3.0), np.array([3.0, 0.0])], [])[0] == 1
