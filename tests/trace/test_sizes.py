"""What a program can do with a size that differs from call to call."""

import numpy as np
import pytest

from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.shape import DimExpr, symbol
from staticbp.errors import ConcreteSizeError
from staticbp.trace.sizes import Size
from staticbp.trace.trace import trace

N = Size(symbol("n"))
M = Size(symbol("m"))


def results(function, *shapes):
    """The types of what a function of arrays gives."""

    def flat(*tracers):
        out = function(*tracers)
        return out if isinstance(out, tuple) else (out,)

    names = [f"x{i}" for i in range(len(shapes))]
    return [str(aval) for aval in trace(flat, "f", [Aval(s, FLOAT64) for s in shapes], names).out_avals]


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (N + 1, "n + 1"),
        (1 + N, "n + 1"),
        (N - M, "n - m"),
        (2 * N * M, "2*m*n"),
        (5 - N, "-n + 5"),
        (-N, "-n"),
        (N * 6 // 3, "2*n"),
        (N * M // N, "m"),
        (np.int64(3) + N, "n + 3"),
    ],
)
def test_sums_differences_and_products_are_sizes(size, text):
    assert isinstance(size, Size)
    assert str(size) == f"{size}" == text


def test_what_is_no_symbol_any_more_is_an_integer():
    assert N - N == 0
    assert type(N - N) is int
    assert type(N + 3 - N) is int


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (N == N, True),
        (N != N + 0, False),
        (N == 0, False),
        (N == 1, False),
        (N > 1, True),
        (N >= 2, True),
        (N < 2, False),
        (N > 0, True),
        (3 * N > N, True),
        (N <= N + 1, True),
        (N + 1 == N, False),
        (bool(N), True),
        ((N, 3) == (N, 3), True),
        ((N, 3) == (N, 4), False),
    ],
)
def test_comparisons_are_answered_where_all_sizes_have_one_answer(answer, wanted):
    assert answer is wanted


@pytest.mark.parametrize(
    "asked",
    [
        lambda: N == 5,
        lambda: N != M,
        lambda: N > 3,
        lambda: N < M,
        lambda: N >= 2.5,
        lambda: range(N),
        lambda: int(N),
        lambda: float(N),
        lambda: [0] * N,
        lambda: np.zeros(N),
        lambda: np.zeros((N, 3)),
        lambda: np.arange(N),  # type: ignore[call-overload]
        lambda: np.asarray(N),
        lambda: list(N),
        lambda: round(N),
        lambda: f"{N:3d}",
        lambda: np.add.reduce(N),
        lambda: (N, 2) == (3, 2),  # type: ignore[comparison-overlap]
    ],
)
def test_whatever_needs_the_number_is_refused(asked):
    with pytest.raises(ConcreteSizeError, match="needs the size"):
        asked()


def test_an_error_names_the_line():
    with pytest.raises(
        ConcreteSizeError, match=r"needs the size n(.|\n)*test_sizes.py:\d+ (.|\n)*range\(x.shape\[0\]\)"
    ):
        results(lambda x: sum(x[i] for i in range(x.shape[0])), (symbol("n"),))


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (lambda x: x / x.shape[0], "f64[n,3]"),
        (lambda x: x.shape[0] / x, "f64[n,3]"),
        (lambda x: x * x.size + x.shape[0], "f64[n,3]"),
        (lambda x: x.shape[0] ** 0.5 * x, "f64[n,3]"),
        (lambda x: np.sqrt(x.shape[0]) * x, "f64[n,3]"),
        (lambda x: 1 / x.shape[0], "f64[]"),
        (lambda x: x.shape[0] // 2 + x, "f64[n,3]"),
        (lambda x: x * np.ones(3) / x.shape[0], "f64[n,3]"),
        (lambda x: x.reshape(x.shape[0] * 3), "f64[3*n]"),
        (lambda x: x.reshape(-1, 1, x.shape[1]), "f64[n,1,3]"),
        (lambda x: x.reshape(x.size), "f64[3*n]"),
        (lambda x: np.reshape(x, np.shape(x)[::-1]), "f64[3,n]"),
        (lambda x: np.broadcast_to(x[0], x.shape), "f64[n,3]"),
        (lambda x: x[: x.shape[0] - 1], "f64[n - 1,3]"),
        (lambda x: x[1:-1], "f64[n - 2,3]"),
        (lambda x: x[-1] + x[-2] + x[0] + x[1], "f64[3]"),
        (lambda x: np.size(x) * x, "f64[n,3]"),
    ],
)
def test_arithmetic_with_arrays_is_traced(function, wanted):
    assert results(function, (symbol("n"), 3)) == [wanted]


def test_a_size_is_as_weak_as_the_number_it_stands_for():
    single = Aval((symbol("n"),), np.dtype(np.float32))
    graph = trace(lambda x: [x / x.shape[0], x * x.shape[0]], "f", [single], ["x"])
    assert [str(aval) for aval in graph.out_avals] == ["f32[n]", "f32[n]"]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[2],
        lambda x: x[-3],
        lambda x: x[2:5],
        lambda x: x[::2],
        lambda x: x[3:],
        lambda x: np.squeeze(x[1:]),
        lambda x: np.max(x[2:]),
        lambda x: np.argmin(x[2:]),
        lambda x: np.median(x),
        lambda x: len(x) * x,
        lambda x: np.stack(list(x)),
    ],
)
def test_what_is_not_so_at_every_size_is_refused(function):
    with pytest.raises(ConcreteSizeError):
        results(function, (symbol("n"),))


def test_sizes_are_hashed_as_what_they_stand_for():
    assert hash(N) == hash(symbol("n"))
    assert isinstance(N.dim, DimExpr)
    assert repr(N) == "<size n>"
