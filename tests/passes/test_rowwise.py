"""Loops that make the rows of a product: which do, what they compute, and whose memory they use."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.core import shape as shapes
from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.schedule import Call, Loop, schedule_text
from staticbp.core.traverse import walk
from staticbp.passes import parallel, rowwise
from staticbp.passes.pipeline import JOINT, run
from staticbp.runtime import blas
from staticbp.trace.trace import trace
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.support import assert_close, assert_lowered, graph_of, lowered, source_of

RNG = np.random.default_rng(5)
X, W, B = RNG.normal(size=(24, 5)), RNG.normal(size=(5, 6)), RNG.normal(size=6)


@pytest.fixture
def always(monkeypatch):
    """Small products pay, and small loops are shared; rows are made some at a time, in an order of their own."""
    monkeypatch.setattr(rowwise, "LEAST_RESULT", 0)
    for name in ("GRAIN", "GRAIN_BETWEEN"):
        monkeypatch.setattr(parallel, name, 0.01)
    monkeypatch.setattr(blas, "gemm_rows", rows_in_some_order)


def rows_in_some_order(A, B, C, count, trans_b=False):
    A, B, C = map(np.asarray, (A, B, C))
    C.fill(np.nan)
    for first in reversed(range(0, len(C), 3)):
        end = min(first + 3, len(C))
        blas.gemm_part(A, B, C, first, end, trans_b)
        yield from range(first, end)


def made(graph):
    """What the loops are called whose rows are made, with the number of products that are calls of their own."""
    statements = list(walk(lowered(graph).body))
    loops = [stmt for stmt in statements if isinstance(stmt, Loop) and stmt.product is not None]
    calls = [stmt for stmt in statements if isinstance(stmt, Call) and stmt.kernel == "blas.gemm"]
    return [loop.product.writes[0].buffer.name for loop in loops], len(calls) - len(loops)


def layer(x, W, b):
    h = np.tanh(x @ W + b)
    return h


def softmax(x, W, b):
    s = x @ W.T + b[:5]
    e = np.exp(s - np.max(s, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


def residual(x, W, b):
    h = np.maximum(x @ W + b, 0.0)
    y = np.tanh(h @ W.T) + x
    return y


def twice(x, W, b):
    p = x @ W
    return np.tanh(p + b), p


def across(x, W, b):
    p = x @ W
    return np.tanh(p + p[::-1])


def transposed(x, W, b):
    return np.tanh((x @ W).T)


def left_transposed(x, W, b):
    return np.tanh(x.T @ x + b[:5])


ARGS = {softmax: (X, RNG.normal(size=(5, 5)), B)}


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (layer, (["h"], 0)),  # in the memory of the result
        (softmax, (["e"], 0)),  # of what is computed first
        (residual, (["h", "y"], 0)),
        (twice, (["p"], 0)),  # which is a result too
        (across, ([], 1)),
        (left_transposed, ([], 1)),
    ],
)
def test_products_whose_rows_are_used_one_by_one(always, function, expected):
    graph = run(graph_of(function, *ARGS.get(function, (X, W, B))), JOINT)
    assert_lowered(graph, ARGS.get(function, (X, W, B)))
    assert made(graph) == expected


def test_a_transposed_result_is_not_made_by_rows_of_another(always):
    graph = run(graph_of(transposed, X, W, B), JOINT)
    assert_lowered(graph, (X, W, B))
    ours, calls = made(graph)
    assert len(ours) + calls == 1


def test_the_text_is_a_loop_over_the_rows(always):
    text = source_of(run(graph_of(layer, X, W, B), JOINT))
    assert "for i in blas.gemm_rows(x, W, h, 256):\n        for j in range(6):\n" in text
    assert "h[i, j] = vm.tanh(h[i, j] + b[j])" in text
    assert "work" not in text  # the product needs no memory of its own


def test_small_results_and_large_operands_do_not_pay(monkeypatch):
    for name in ("GRAIN", "GRAIN_BETWEEN"):
        monkeypatch.setattr(parallel, name, 0.01)
    sizes = {(128, 300, 100): False, (4096, 64, 64): True, (4096, 1024, 64): True, (4096, 1024, 128): False}
    for (m, k, n), pays in sizes.items():
        avals = [Aval(shape, FLOAT64) for shape in ((m, k), (k, n), (n,))]
        graph = trace(lambda x, W, b: (layer(x, W, b),), "layer", avals, ["x", "W", "b"])
        assert bool(made(graph)[0]) == pays, (m, k, n)


def test_a_slope_beside_a_cotangent_and_the_sum_of_a_bias(always):
    """The adjoint goes over rows too; what sums over them is a loop of its own."""

    def loss(W, b, V, x):
        return np.sum(np.tanh(np.tanh(x @ W + b) @ V) ** 2)

    args = (W, B, RNG.normal(size=(6, 4)), X)
    graph = run(vjp(RULES, graph_of(loss, *args), [True] * 3 + [False]), JOINT)
    assert_lowered(graph, (*args, np.float64(1.0)))
    rows, calls = made(graph)
    assert len(rows) >= 2
    assert calls == 2  # the gradients of both matrices are sums over rows


def test_symbolic_rows(always):
    n = shapes.symbol("n")
    avals = [Aval((n, 5), FLOAT64), Aval((5, 6), FLOAT64), Aval((6,), FLOAT64)]
    graph = run(trace(lambda x, W, b: (layer(x, W, b),), "layer", avals, ["x", "W", "b"]), JOINT)
    assert made(graph) == (["h"], 0)
    for rows in (2, 9):
        assert_lowered(graph, (RNG.normal(size=(rows, 5)), W, B))


def test_the_text_of_the_schedule(always):
    text = schedule_text(lowered(run(graph_of(layer, X, W, B), JOINT)))
    assert "loop i < 24 shared by 256\n    rows of call blas.gemm(x, W, h)\n    loop j < 6\n" in text


def test_a_network_of_many_points():
    """Compiled, at sizes that pay: the gradients are those by hand."""

    @bp.differentiable
    def loss(W, b, V, x):
        return np.sum((np.tanh(x @ W + b) @ V) ** 2)

    x, W, b, V = (RNG.normal(size=shape) for shape in ((4099, 3), (3, 40), (40,), (40, 2)))
    h = np.tanh(x @ W + b)
    out = 2.0 * (h @ V)
    d = (out @ V.T) * (1.0 - h * h)
    gradient = bp.grad(loss, argnums=(0, 1, 2))
    assert gradient.inspect(W, b, V, x).source.count("blas.gemm_rows(") == 2
    for ours, hand in zip(gradient(W, b, V, x), (x.T @ d, d.sum(axis=0), h.T @ out), strict=True):
        assert_close(ours, hand)
