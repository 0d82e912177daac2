"""One compilation for all sizes: found out at the second shape, or declared."""

import logging
import threading

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import ArgumentError, ConcreteSizeError, DonationError, RetraceWarning, ShapeError

RNG = np.random.default_rng(0)


def batch(n, features=3):
    return RNG.normal(size=(n, features)), RNG.normal(size=n)


def loss(w, X, y):
    r = X @ w - y
    return np.mean(np.log1p(r * r))


def gradient(w, X, y):
    r = X @ w - y
    return X.T @ (2 * r / (1 + r * r)) / len(y)


def forms(function):
    return len(function._forms)


# ---- found out ------------------------------------------------------------------------------------------------------


def test_two_compilations_serve_forty_batch_sizes():
    f = bp.differentiable(loss)
    w = RNG.normal(size=3)
    for n in [128, 96, *range(1, 39)]:
        X, y = batch(n)
        np.testing.assert_allclose(f.grad(w, X, y), gradient(w, X, y), rtol=1e-10, atol=1e-14)
    assert forms(f.grad) == 3  # the first, all others, and the batch of one


def test_a_first_batch_of_one_is_followed_by_one_compilation():
    f = bp.compile(lambda x: x / x.shape[0])
    for n in (1, 2, 7, 1, 300):
        np.testing.assert_array_equal(f(np.ones((n, 2))), np.full((n, 2), 1 / n))
    assert forms(f) == 2


def test_the_last_batch_of_an_epoch_compiles_nothing_more_than_the_second_shape():
    @bp.compile(donate_argnums=0)
    def step(w, X, y):
        value, slope = bp.value_and_grad(loss)(w, X, y)
        return w - 0.1 * slope, value

    X, _ = batch(1000)
    y = X @ np.array([1.0, -2.0, 0.5])
    w = np.zeros(3)
    for _ in range(2):
        for start in range(0, 1000, 128):
            w, value = step(w, X[start : start + 128], y[start : start + 128])
    assert forms(step) == 2
    for rows in (X[:40], X[:500]):
        step(w, rows, y[: len(rows)])
    assert forms(step) == 2
    assert value < loss(np.zeros(3), X[896:], y[896:])


def test_sizes_that_vary_independently_are_symbols_of_their_own():
    f = bp.compile(lambda x, y: np.sum(x[:, None] * y))
    for n, m in [(3, 4), (5, 6), (7, 2), (2, 2), (6, 6)]:
        np.testing.assert_allclose(f(np.ones(n), np.ones(m)), n * m)
    assert forms(f) == 2


def test_sizes_that_varied_together_and_then_do_not_are_compiled_anew():
    f = bp.compile(lambda x, y: np.sum(x) * np.sum(y))
    for n, m in [(3, 3), (4, 4), (5, 5), (5, 6), (2, 9)]:
        assert f(np.ones(n), np.ones(m)) == n * m
    assert forms(f) == 3


def test_an_exact_form_is_preferred():
    f = bp.compile(lambda x: x * 2.0)
    for n in (3, 4, 3, 5, 3):
        f(np.ones(n))
    assert forms(f) == 2
    exact = next(form for form in f._forms.values() if form.exact)
    assert f._gates[0] is exact.gate
    assert exact.gate((np.ones(3),), {}) is not None


def test_results_of_all_kinds_have_the_sizes_of_the_call():
    @bp.compile
    def f(x):
        return {"zeros": np.zeros_like(x), "part": x[1:], "count": x.shape[0], "flat": x.reshape(-1), "sum": np.sum(x)}

    for n in (3, 4, 9):
        out = f(np.ones((n, 2)))
        assert out["zeros"].shape == (n, 2)
        assert not out["zeros"].any()
        assert out["part"].shape == (n - 1, 2)
        assert out["count"] == n
        assert out["flat"].shape == (2 * n,)
        assert out["sum"] == 2 * n
    assert forms(f) == 2


def test_what_needs_the_number_is_compiled_for_each_size(caplog):
    @bp.compile
    def f(x):
        total = 0.0
        for i in range(x.shape[0]):
            total = total + x[i] * i
        return total

    with caplog.at_level(logging.INFO, "staticbp.sizes"):
        for n in (2, 3, 4):
            assert f(np.ones(n)) == sum(range(n))
    assert forms(f) == 3
    assert len([r for r in caplog.records if r.name == "staticbp.sizes"]) == 1
    assert "range()" in caplog.text


def test_a_captured_array_of_the_size_is_no_obstacle_where_it_fits():
    rows = np.arange(4.0)
    f = bp.compile(lambda x: x + rows)
    np.testing.assert_array_equal(f(np.ones((3, 4))), 1 + np.broadcast_to(rows, (3, 4)))
    np.testing.assert_array_equal(f(np.ones((5, 4))), 1 + np.broadcast_to(rows, (5, 4)))
    with pytest.raises(ShapeError, match="broadcast"):
        f(np.ones((5, 6)))


def test_many_shapes_that_cannot_be_one_are_warned_of_once():
    @bp.compile
    def f(x):
        return np.sum(x) * len(x)

    for n in range(2, 9):
        assert f(np.ones(n)) == n * n
    with pytest.warns(RetraceWarning, match=r"f has been compiled for 8 shapes(.|\n)*x \(n,\)(.|\n)*len\(\)"):
        f(np.ones(9))
    for n in range(10, 14):  # and no warning
        assert f(np.ones(n)) == n * n


def test_symbols_can_be_turned_off():
    f = bp.compile(lambda x: x + 1.0, dynamic_axes=False)
    g = bp.differentiable(lambda x: np.sum(x * x), dynamic_axes=False).grad
    for n in range(2, 12):  # and nothing is warned of
        f(np.ones(n))
        g(np.ones(n))
    assert forms(f) == forms(g) == 10


def test_a_pullback_that_is_returned_is_of_one_size():
    f = bp.differentiable(loss)
    w = np.ones(3)
    for n in (4, 5, 6):
        X, y = batch(n)
        _, pullback = f.vjp(w, X, y)
        np.testing.assert_allclose(pullback(1.0), gradient(w, X, y), rtol=1e-12)


def test_a_value_that_tracing_froze_is_compared_here_too():
    settings = {"rate": 2.0}

    class Model:
        rate = 2.0

    model = Model()

    @bp.compile
    def f(x):
        return model.rate * x

    for n in (2, 3, 4):
        assert f(np.ones(n))[0] == settings["rate"]
    model.rate = 5.0
    for n in (5, 2, 3):
        assert f(np.ones(n))[0] == 5.0


def test_strided_and_foreign_arrays_are_taken_at_every_size():
    f = bp.compile(lambda x: x * 2.0)
    for n in (3, 4, 5):
        x = np.arange(2.0 * n)[::2]
        np.testing.assert_array_equal(f(x), 2 * x)
        np.testing.assert_array_equal(f(x.astype(">f8")), 2 * x)


def test_donated_arrays_of_every_size_are_updated_in_place():
    f = bp.compile(lambda x, y: x + y, donate_argnums=0)
    for n in (3, 4, 5):
        x = np.ones((n, 2))
        assert f(x, np.ones(2)) is x
        assert (x == 2).all()
    shared = np.ones(10)
    g = bp.compile(lambda x, y: x + y, donate_argnums=0)
    g(np.ones(4), np.ones(4))
    g(np.ones(5), np.ones(5))
    with pytest.raises(DonationError, match="shares memory"):
        g(shared[:6], shared[2:8])


def test_threads_call_it_with_sizes_of_their_own():
    f = bp.compile(lambda x: np.tanh(x @ x.T) @ x)
    wanted = {n: np.tanh(np.ones((n, 3)) @ np.ones((3, n))) @ np.ones((n, 3)) for n in range(2, 30)}
    wrong = []

    def work(offset):
        wrong.extend(n for n in range(2 + offset, 30) if not np.allclose(f(np.ones((n, 3))), wanted[n]))

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# ---- declared -------------------------------------------------------------------------------------------------------


def test_declared_sizes_need_one_compilation():
    f = bp.differentiable(loss, dynamic_axes={"X": {0: "rows"}, "y": {0: "rows"}})
    w = RNG.normal(size=3)
    for n in (5, 2, 64):
        X, y = batch(n)
        np.testing.assert_allclose(f.grad(w, X, y), gradient(w, X, y), rtol=1e-10)
        np.testing.assert_allclose(f(w, X, y), loss(w, X, y))
    assert forms(f) == forms(f.grad) == 1
    assert "X: f64[rows,3], y: f64[rows]" in str(f.inspect(w, X, y).graph)
    assert "rows = X.shape[0]" in f.inspect(w, X, y).source


def test_declared_sizes_of_one_and_none_are_compiled_as_they_are():
    f = bp.compile(lambda x: np.sum(x, axis=0) + 0.0, dynamic_axes={"x": {0: "n"}})
    for n in (1, 0, 3, 1, 2):
        np.testing.assert_array_equal(f(np.ones((n, 2))), [n, n])
    assert forms(f) == 3


def test_sizes_of_one_name_have_to_be_the_same():
    f = bp.compile(loss, dynamic_axes={"X": {0: "n"}, "y": {0: "n"}})
    with pytest.raises(ArgumentError, match="the size n is 5 in X, but 4 in y"):
        f(np.ones(3), np.ones((5, 3)), np.ones(4))


def test_a_declaration_reaches_into_structures():
    @bp.compile(dynamic_axes={"data": {-1: "n"}})
    def f(data):
        return np.sum(data["x"] * data["y"][0])

    assert f({"x": np.ones(3), "y": [np.ones((2, 3))]}) == 6
    assert f({"x": np.ones(5), "y": [np.ones((2, 5))]}) == 10
    assert forms(f) == 1


def test_what_needs_a_declared_size_is_an_error_that_names_the_line():
    @bp.compile(dynamic_axes={"x": {0: "n"}})
    def f(x):
        return [x[i] for i in range(x.shape[0])]

    with pytest.raises(ConcreteSizeError, match=r"needs the size n(.|\n)*for i in range\(x.shape\[0\]\)"):
        f(np.ones(3))


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"z": {0: "n"}}, "dynamic_axes names 'z', but the arguments of f are x"),
        ({"x": {1: "n"}}, "axis 1 of x, which has no such axis"),
        ({"x": {0: "two words"}}, "'two words', which is not a name"),
        ({"x": "n"}, "dynamic_axes of 'x' is 'n'"),
    ],
)
def test_wrong_declarations_are_refused(axes, message):
    def f(x):
        return x

    with pytest.raises(ArgumentError, match=message):
        bp.compile(f, dynamic_axes=axes)(np.ones(3))


def test_cost_and_memory_are_those_of_the_sizes_at_hand():
    f = bp.compile(lambda x, w: np.tanh(np.tanh(x @ w) @ w), dynamic_axes={"x": {0: "n"}})
    at = [f.inspect(np.ones((n, 5)), np.ones((5, 5))) for n in (4, 8)]
    assert at[1].cost.total.flops == 2 * at[0].cost.total.flops
    assert at[1].memory.workspace > at[0].memory.workspace
