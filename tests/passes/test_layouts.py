"""What every step of a loop would pack, put together or transpose anew is laid out once, ahead of it."""

import numpy as np
import pytest

import staticbp as bp
import staticbp.compilation
from staticbp.codegen.writer import write
from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.shape import symbol
from staticbp.ops import packing
from staticbp.ops.control import scan
from staticbp.ops.iteration import while_loop
from staticbp.passes import effort, layouts, lower
from staticbp.passes.pipeline import JOINT, LAYOUTS, PRIMAL, run
from staticbp.runtime import limits
from staticbp.runtime.intrinsics.tileshape import tile_shape
from staticbp.trace.trace import trace
from tests.passes.checks import assert_close_values
from tests.support import assert_lowered, graph_of, run_plain

BATCH, N, STEPS = 4, 6, 3
RNG = np.random.default_rng(5)
W = RNG.normal(size=(N, N)) / 3
H = RNG.normal(size=(BATCH, N))
XS = RNG.normal(size=(STEPS, BATCH, N))


def simplified(f, *args):
    return run(run(graph_of(f, *args), PRIMAL), JOINT)


def laid_out(f, *args):
    """The graph of a function with its loops' layouts; it means what it meant, and so does its code."""
    before = simplified(f, *args)
    after = run(before, LAYOUTS, check=True)
    assert_close_values(before, after, args)
    assert_lowered(after, args)
    return after


def loops_of(graph):
    return [eqn for eqn in graph.eqns if eqn.op in (scan, while_loop)]


def names(graph):
    return [eqn.op.name for eqn in graph.eqns]


def constants(loop):
    return [var.name for var in loop.params["body"].invars[: loop.params["n_consts"]]]


def test_a_matrix_that_steps_multiply_by_is_packed_once():
    def f(W, h, xs):
        return bp.scan(lambda h, x: (np.tanh(h @ W + x), None), h, xs)[0]

    graph = laid_out(f, W, H, XS)
    assert names(graph) == ["pack", "scan"]
    assert constants(graph.eqns[1]) == ["W_packed"]
    assert names(graph.eqns[1].params["body"]) == ["matmul_packed", "add", "tanh"]


def test_a_transposed_one_is_packed_as_it_is_read_and_each_order_once():
    def f(W, h):
        def step(h, _):
            return np.tanh(h @ W.T) @ W + np.cos(h) @ W.T, None

        return bp.scan(step, h, None, length=STEPS)[0]

    graph = laid_out(f, W, H)
    assert names(graph) == ["transpose", "pack", "pack", "scan"]
    assert constants(graph.eqns[3]) == ["W_T_packed", "W_packed"]
    source = [line.strip() for line in write(lower.lower(graph), "f").split("\n")]
    assert [line for line in source if line.startswith("blas.pack")] == [
        "blas.pack(W, W_T_packed, True)",
        "blas.pack(W, W_packed)",
    ]


def test_what_steps_change_is_left_as_it_is():
    def carried(W, h):
        return bp.scan(lambda W, _: (W - 0.1 * h.T @ np.tanh(h @ W), None), W, None, length=STEPS)[0]

    def rows(Ws, h):
        return bp.scan(lambda h, W: (np.tanh(h @ W), None), h, Ws)[0]

    for f, args in ((carried, (W, H)), (rows, (np.stack([W] * STEPS), H))):
        graph = simplified(f, *args)
        assert run(graph, LAYOUTS) is graph


def test_whole_numbers_and_what_is_tiny_are_left_as_they_are():
    def f(W, h):
        return bp.scan(lambda h, _: (h @ W % 7, None), h, None, length=STEPS)[0]

    whole = simplified(f, np.arange(N * N).reshape(N, N), np.arange(BATCH * N).reshape(BATCH, N))
    tiny = simplified(f, W[:3, :3], H[:, :3])
    assert run(whole, LAYOUTS) is whole
    assert run(tiny, LAYOUTS) is tiny


def test_packing_goes_out_of_all_loops_that_do_not_change_the_matrix():
    def inner(W, h):
        return bp.scan(lambda h, _: (np.tanh(h @ W), None), h, None, length=STEPS)[0]

    def fixed(W, h):
        return bp.scan(lambda h, _: (inner(W, h) + 1, None), h, None, length=2)[0]

    def changed(W, h):
        def step(state, _):
            W, h = state
            return (W * 0.9, inner(W, h)), None

        return bp.scan(step, (W, h), None, length=2)[0][1]

    graph = laid_out(fixed, W, H)
    assert names(graph) == ["pack", "scan"]
    assert names(graph.eqns[1].params["body"]) == ["scan", "add"]
    graph = laid_out(changed, W, H)
    assert names(graph) == ["scan"]
    assert names(graph.eqns[0].params["body"]) == ["mul", "pack", "scan"]


@pytest.mark.parametrize("steps", [0, 5])
def test_a_while_whose_test_reads_constants_too(steps):
    def f(W, h, limit):
        def going(state):
            return np.sum(W) * 0 + state[1] < limit

        return bp.while_loop(going, lambda state: (np.tanh(state[0] @ W), state[1] + 1.0), (h, 0.0))[0]

    graph = laid_out(f, W, H, np.float64(steps))
    (loop,) = loops_of(graph)
    assert "pack" in names(graph)
    assert "W_packed" in constants(loop)
    assert len(loop.params["test"].invars) == len(loop.params["body"].invars) == len(loop.ins)


def test_what_kernels_read_as_a_whole_is_put_together_once():
    def f(W, A, v):
        def step(v, _):
            return np.tanh(A[::2, ::2] @ v) + W.T.reshape(-1)[: len(v)], None

        return bp.scan(step, v, None, length=STEPS)[0]

    def gates(W, h):
        return bp.scan(lambda h, _: (np.tanh(h @ W[:, :N]) * (h @ W[:, N:]), None), h, None, length=STEPS)[0]

    (loop,) = loops_of(laid_out(f, W, RNG.normal(size=(20, 20)), RNG.normal(size=10)))
    assert names(loop.params["body"]) == ["matvec", "tanh", "reshape", "slice", "add"]
    (loop,) = loops_of(laid_out(gates, np.hstack([W, W.T]), H))
    assert names(loop.params["body"]) == ["matmul_packed", "tanh", "matmul_packed", "mul"]
    assert len(constants(loop)) == 2


def test_a_traced_index_is_looked_at_where_it_was():
    def f(Ws, h, i):
        return bp.while_loop(lambda s: s[1] < 0, lambda s: (np.tanh(s[0] @ Ws[i]), s[1] + 1), (h, 0))[0]

    graph = simplified(f, np.stack([W, W]), H, np.int64(9))
    after = run(graph, LAYOUTS, check=True)
    np.testing.assert_array_equal(run_plain(after, [np.stack([W, W]), H, np.int64(9)])[0], H)  # no step, no error


def test_an_array_read_across_its_rows_is_transposed_once():
    def f(A, h):
        return bp.scan(lambda h, _: (np.maximum(h, A.T) * 0.9, None), h, None, length=STEPS)[0]

    graph = laid_out(f, W, W.copy())
    assert names(graph) == ["transpose", "scan"]
    assert graph.eqns[0].outs[0].name == "A_T"
    assert len(constants(graph.eqns[1])) == 1


def test_products_read_a_transposed_array_as_it_is():
    def f(A, v):
        return bp.scan(lambda v, _: (np.tanh(A.T @ v), None), v, None, length=STEPS)[0]

    def left(A, h):
        return bp.scan(lambda h, _: (np.tanh(A.T @ h), None), h, None, length=STEPS)[0]

    def columns(a, h):  # one column is one row, in memory
        return bp.scan(lambda h, _: (np.maximum(h, a.T), None), h, None, length=STEPS)[0]

    for function, args in ((f, (W, H[0])), (left, (W, H.T)), (columns, (H[:1].T, H[:1]))):
        graph = simplified(function, *args)
        assert run(graph, LAYOUTS) is graph


def test_the_matrix_may_be_used_otherwise_too():
    def f(W, h):
        h = bp.scan(lambda h, _: (np.tanh(h @ W) + W[0], None), h, None, length=STEPS)[0]
        return np.sum(W) * h

    graph = laid_out(f, W, H)
    (loop,) = loops_of(graph)
    assert sorted(constants(loop)) == ["W", "W_packed"]


def test_many_matrices_at_once():
    def f(Ws, hs):
        def one(W, h):
            return bp.scan(lambda h, _: (np.tanh(h @ W), None), h, None, length=STEPS)[0]

        return bp.vmap(one)(Ws, hs)

    graph = laid_out(f, RNG.normal(size=(3, N, N)), RNG.normal(size=(3, BATCH, N)))
    assert names(graph) == ["pack", "scan"]
    assert graph.eqns[0].outs[0].aval.shape == (3, packing.packed_size(N, N, np.dtype(float)))


def test_branches_keep_their_products():
    def f(W, h):
        def step(h, t):
            return bp.cond(t > 1, lambda h: h @ W, lambda h: h * 2, h), None

        return bp.scan(step, h, np.arange(STEPS))[0]

    graph = simplified(f, W, H)
    assert run(graph, LAYOUTS) is graph


def test_a_product_added_to_a_carry_goes_there():
    def f(W, h, total):
        return bp.scan(lambda total, h: (total + 0.5 * (h @ W), None), total, h)[0]

    graph = laid_out(f, W, XS, H)
    source = write(lower.lower(graph), "f")
    assert "blas.gemm(h[t], W_packed, total_out, False, False, 0.5, 1.0)" in source


def test_a_product_added_to_a_carry_transposed():
    def f(W, h, total):
        return bp.scan(lambda total, h: (total + 0.5 * (h @ W).T, None), total, h)[0]

    laid_out(f, W, XS, H.T.copy())


def test_sizes_that_are_symbols():
    def batch(W, h):
        return [bp.scan(lambda h, _: (np.tanh(h @ W), None), h, None, length=STEPS)[0]]

    n = symbol("n")
    square, rows = Aval((N, N), FLOAT64), Aval((n, N), FLOAT64)
    graph = run(run(trace(batch, "f", [square, rows], ["W", "h"]), PRIMAL), JOINT)
    assert_lowered(run(graph, LAYOUTS, check=True), [W, H])
    assert "pack" in names(run(graph, LAYOUTS))
    graph = run(run(trace(batch, "f", [Aval((n, n), FLOAT64)] * 2, ["W", "h"]), PRIMAL), JOINT)
    assert run(graph, LAYOUTS) is graph


def loss(W, h, xs):
    h, _ = bp.scan(lambda h, x: (np.tanh(h @ W + x), None), h, xs)
    return np.sum(h * h)


def test_compiled_code_gives_the_same_bits(monkeypatch):
    args = [RNG.normal(size=s).astype(np.float32) / 4 for s in ((40, 40), (19, 40), (STEPS, 19, 40))]
    packed = bp.value_and_grad(lambda W, h, xs: loss(W, h, xs), argnums=(0, 1))
    with_layouts = packed(*args)
    source = str(packed.inspect(*args).source)
    assert "blas.pack(W, W_packed)" in source
    assert "blas.pack(W, W_T_packed, True)" in source
    monkeypatch.setattr(staticbp.compilation, "LAYOUTS", ())
    without = bp.value_and_grad(lambda W, h, xs: loss(W, h, xs) + 0, argnums=(0, 1))(*args)
    np.testing.assert_array_equal(with_layouts[0], without[0])
    for ours, wanted in zip(with_layouts[1], without[1], strict=True):
        np.testing.assert_array_equal(ours, wanted)


def test_a_donated_carry():
    @bp.compile(donate_argnums=1)
    def settle(W, h):
        return bp.scan(lambda h, _: (np.tanh(h @ W), None), h, None, length=STEPS)[0]

    h = H.copy()
    wanted = H
    for _ in range(STEPS):
        wanted = np.tanh(wanted @ W)
    assert settle(W, h) is h
    np.testing.assert_allclose(h, wanted, rtol=1e-13)


def test_a_loop_that_can_be_interrupted(monkeypatch):
    def f(W, h):
        return bp.scan(lambda h, _: (np.tanh(h @ W), None), h, None, length=20)[0]

    monkeypatch.setattr(effort, "SLICED_WORK", 10)
    graph = laid_out(f, W, H)
    source = write(lower.lower(graph), "f")
    assert "progress" in source
    assert "blas.pack(W, W_packed)" in source


def test_explain_says_what_was_laid_out_and_why():
    @bp.compile
    def f(W, A, h):
        return bp.scan(lambda h, _: (np.tanh(h @ W.T) + A.T[0], None), h, None, length=STEPS)[0]

    explanation = f.inspect(W, W.copy(), H).explain()
    assert ("W_T", "packed: every step multiplies by it") in [
        (decision.subject, decision.reason) for decision in explanation.of("laid out")
    ]
    assert "laid out once, ahead of a loop" in str(explanation)


def test_the_cost_of_a_packed_product_is_that_of_the_product():
    @bp.compile
    def f(W, h):
        return bp.scan(lambda h, _: (h @ W, None), h, None, length=STEPS)[0]

    calls = [row for row in f.inspect(W, H).cost.parts if "blas" in row.label]
    assert [(row.label.split()[0], row.work.flops) for row in calls] == [
        ("blas.pack", 0),
        ("blas.gemm", 2 * STEPS * BATCH * N * N),
    ]


def test_graphs_with_packed_products_are_interpreted():
    matrix = np.arange(12.0).reshape(3, 4)
    (packed,) = packing.pack.evaluate([matrix], {})
    assert packed.shape == (24,)
    (product,) = packing.matmul_packed.evaluate([np.eye(3), packed], {"columns": 4})
    np.testing.assert_array_equal(product, matrix)


def test_limits_are_those_of_the_kernels():
    assert layouts.LARGEST == limits.GEMM_TILES
    widest = tile_shape(64, "+avx2,+avx512f")
    assert 8 * widest.lanes == packing.LINE
