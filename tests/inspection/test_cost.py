"""The cost of a call agrees with counts made by hand."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.inspection.cost import Work
from staticbp.inspection.table import quantity

N = 50
V, W = np.linspace(0.1, 1, N), np.linspace(1, 2, 3 * N).reshape(N, 3)
A, B = np.ones((64, 48)), np.ones((48, 32))
F = 8  # bytes of a float64


def misfit(w, X, y):
    r = X @ w - y
    return np.sum(np.log1p(r * r))


def two_sides(x):
    return bp.cond(x[0] > 0, lambda: np.sum(x * x * x), lambda: np.sum(x))


def recurrence(h, xs):
    return bp.fold(lambda h, x: np.tanh(W[:3] @ h + x), h, xs)


# The function, its arguments, and: flops, calls of functions, bytes.
COUNTS = {
    "sum": (lambda x, y: x + y, (V, V), Work(N, 0, 3 * N * F)),
    "squares": (lambda x: np.sum(x * x), (V,), Work(2 * N, 0, (N + 1) * F)),
    "functions": (lambda x: np.tanh(x) + np.exp(x), (V,), Work(N, 2 * N, 2 * N * F)),
    "maximum": (lambda x: np.maximum(x, 0.5) * 2, (V,), Work(2 * N, 0, 2 * N * F)),
    "conversions": (lambda k: k * 0.5, (np.arange(N),), Work(N, 0, 2 * N * F)),
    "transpose": (lambda x: x.T, (W,), Work(0, 0, 6 * N * F)),
    "matvec": (lambda a, x: a @ x, (W, V[:3]), Work(2 * 3 * N, 0, (3 * N + 3 + N) * F)),
    "matmul": (lambda a, b: a @ b, (A, B), Work(2 * 64 * 48 * 32, 0, (64 * 48 + 48 * 32 + 64 * 32) * F)),
    "rows of a product": (  # which are not read again from memory, nor written to it before they are complete
        lambda x, a: np.tanh(x @ a),
        (np.ones((4096, 16)), np.ones((16, 64))),
        Work(2 * 4096 * 16 * 64, 4096 * 64, (4096 * 16 + 16 * 64 + 4096 * 64) * F),
    ),
    "slices": (lambda x: x[1:] - x[:-1], (V,), Work(N - 1, 0, 2 * (N - 1) * F)),
    "scalar gradient": (bp.grad(lambda x, y: x * y + np.sin(x)), (1.0, 2.0), Work(1, 1, 3 * F)),
    # Two products of 2 * 3 N, and between them m - y, r * r, 1 +, /, 2 *.  Moved are X, m and r_bar twice, y, w, w_bar.
    "gradient": (bp.grad(misfit), (V[:3], W, V), Work(12 * N + 5 * N, 0, (6 * N + 2 * N + N + 2 * N + 6) * F)),
    "dearer branch": (two_sides, (V,), Work(3 * N, 0, N * F + F)),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts_by_hand(name):
    function, args, work = COUNTS[name]
    assert bp.inspect(function, *args).cost.total == work


def test_a_loop_counts_each_of_its_steps():
    cost = bp.inspect(recurrence, V[:3], W[:7]).cost
    assert (cost.total.flops, cost.total.functions) == (7 * (2 * 9 + 3), 7 * 3)


def test_lines_have_their_share_before_and_after_differentiation():
    (r, logs) = bp.grad(misfit).inspect(V[:3], W, V).cost.lines.items()
    assert r[0].text == "r = X @ w - y"
    assert r[1] == Work(flops=13 * N)
    assert logs[0].text == "return np.sum(np.log1p(r * r))"
    assert logs[1] == Work(flops=4 * N)


def test_batches_of_products():
    cost = bp.inspect(lambda a, b: a @ b, np.ones((5, 4, 3)), np.ones((5, 3, 2))).cost
    assert [work.flops for work in cost.lines.values()] == [2 * 5 * 4 * 3 * 2]
    assert cost.total.flops == 2 * 5 * 4 * 3 * 2


def test_cost_as_text():
    text = str(bp.grad(misfit).inspect(V[:3], W, V).cost)
    assert "850 flop, 0 functions" in text
    assert "blas.gemv (50, 3) (3,) (50,): rows   300" in text
    assert "650          0    76%" in text


def test_memory():
    memory = bp.grad(misfit).inspect(V[:3], W, V).memory
    assert (memory.arguments, memory.constants, memory.results) == (F * (3 + 4 * N), 0, F * 3)
    assert memory.lower_bound <= memory.workspace == 2 * 448  # two vectors of 400 bytes, in whole cache lines
    assert [life.buffer.name for life in memory.lifetimes] == ["r_matvec", "r_bar"]
    assert "r_bar" in str(memory)
    assert "workspace  896 B, at least 896 B" in str(memory)


def test_memory_that_is_kept():
    large = np.zeros((1024, 1024))

    def double(x):
        return 2 * x, np.sum(x)

    memory = bp.inspect(double, large).memory
    assert memory.kept == large.nbytes
    assert "kept       8.39 MB, for later calls" in str(memory)
    assert bp.inspect(double, large[1:]).memory.kept == 0


def test_memory_that_is_shared():
    def chain(x):
        for _ in range(6):
            x = W[:3, :] @ x
        return x

    memory = bp.inspect(chain, V[:3]).memory
    assert memory.lower_bound <= memory.workspace <= 3 * 64


def test_quantities():
    assert [quantity(n) for n in (0, 999, 1000, 2.5e6, 3e9, 4e12)] == ["0 ", "999 ", "1 k", "2.5 M", "3 G", "4 T"]
