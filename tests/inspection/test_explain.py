"""What the compiler decided, and why: the decisions are those of the passes, the causes those of the calls."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.core.recording import RECORDING, decided, listening

X, Y = np.linspace(1, 2, 60).reshape(20, 3), np.ones(20)
W = np.ones(3)


def misfit(w, X, y):
    r = X @ w - y
    return np.sum(np.log1p(r * r))


@bp.differentiable
def net_err(w, x, t):
    h = np.tanh(w @ x)
    p = np.exp(h) / np.sum(np.exp(h))
    return -np.sum(np.log(p) * t)


@pytest.fixture(scope="module")
def explanation():
    return bp.inspect(misfit, np.ones(300), np.ones((200, 300)), np.ones(200), mode="grad").explain()


# ---- what was decided -------------------------------------------------------------------------------------------


def test_lines_that_share_a_loop(explanation):
    (nest,) = explanation.nests
    assert nest.label == "for i < 200"
    assert [line.text for line in nest.lines] == ["r = X @ w - y", "return np.sum(np.log1p(r * r))"]
    assert nest.adjoint
    assert not nest.shared


def test_what_is_written_out_and_what_has_a_place(explanation):
    inlined = {decision.subject for decision in explanation.of("inlined")}
    assert "r" in inlined
    (kept,) = explanation.of("kept")
    assert (kept.subject, kept.reason) == ("r_bar", "vecmat reads it as a whole")
    assert kept.adjoint


def test_what_the_derivative_needs(explanation):
    stored = {(r.name, r.type, r.nbytes) for r in explanation.residuals if r.stored}
    assert stored == {("r_matvec", "f64[200]", 1600)}
    assert {r.name for r in explanation.residuals if not r.stored} == {"r", "mul"}


def test_formulas_that_were_stabilised():
    explanation = net_err.grad.inspect(np.ones((4, 3)), W, np.ones(4)).explain()
    rules = {decision.subject: decision for decision in explanation.of("stabilised")}
    assert "softmax" in rules or any(name.startswith("log") for name in rules)
    assert all(decision.src is not None and decision.reason for decision in rules.values())
    assert "p = np.exp(h) / np.sum(np.exp(h))" in {decision.src.text for decision in rules.values()}


def test_loops_that_stay_apart_say_why():
    def normalised(x):
        return np.sum((x / np.sum(x)) ** 2)

    def shifted(x):
        y = np.tanh(x)
        return y[1:] * y[:-1] + np.sin(y[1:])

    (apart,) = bp.inspect(normalised, W).explain().of("apart")
    assert "is not complete before its end" in apart.reason
    reasons = [decision.reason for decision in bp.inspect(shifted, Y).explain().of("apart")]
    assert any("steps, not" in reason or "would need more of" in reason for reason in reasons)


def test_what_loops_carry():
    def descent(x, rows):
        return bp.fold(lambda x, row: x - 0.1 * (x @ row) * row, x, rows)

    def mixed(x, rows):
        return bp.fold(lambda x, row: x[::-1] * row, x, rows)

    assert [d.subject for d in bp.inspect(descent, W, X).explain().of("in place")]
    assert [d.subject for d in bp.inspect(mixed, W, X).explain().of("copied")]
    assert "copied at each step" in str(bp.inspect(mixed, W, X).explain())


def test_a_backward_loop_computes_some_of_the_forward_steps_again():
    def recurrence(w, rows):
        def step(h, row):
            z = w * h + row
            return np.tanh(z)

        return np.sum(bp.fold(step, np.zeros(3), rows))

    explanation = bp.inspect(recurrence, W, X, mode="grad").explain()
    stored = [residual for residual in explanation.residuals if residual.stored]
    assert any(residual.type == "f64[20,3]" for residual in stored)
    assert "stored for the derivative" in str(explanation)


def test_loops_that_threads_share_and_one_that_they_cannot():
    large = np.ones(200_000)
    (nest,) = bp.inspect(lambda x: np.exp(x) + 1, large).explain().nests
    assert nest.shared
    (total,) = bp.inspect(lambda x: np.max(x), large).explain().nests
    assert not total.shared
    assert total.obstacle is not None
    assert f"by one thread: {total.obstacle}" in str(bp.inspect(lambda x: np.max(x), large).explain())


def test_as_text_and_as_html(explanation):
    text = str(explanation)
    assert "r_bar: vecmat reads it as a whole" in text
    assert "stored for the derivative (1.6 kB)\n  r_matvec: f64[200]" in text
    assert "r_bar: vecmat reads it as a whole" in explanation._repr_html_()


def test_decisions_are_collected_while_somebody_listens_only():
    decided("kept", "x")
    with listening() as outer:
        decided("kept", "y")
        with listening() as inner:
            decided("kept", "z")
    assert [d.subject for d in outer] == ["y"]
    assert [d.subject for d in inner] == ["z"]
    assert RECORDING.decisions is None


# ---- why it is compiled -----------------------------------------------------------------------------------------

rate = 0.5


def why(function, *args, **kwargs):
    return function.inspect(*args, **kwargs).explain().cause


def test_the_first_call_and_one_that_is_compiled():
    scaled = bp.compile(lambda x: x * 2)
    assert why(scaled, W) == "the first call in this process"
    scaled(W)
    assert why(scaled, W) == "the first call in this process (compiled already)"


def test_shapes_and_dtypes_against_the_nearest():
    @bp.compile(dynamic_axes=False)
    def total(x, y):
        return np.sum(x) + np.sum(y)

    total(np.ones(3), np.ones((2, 2), np.float32))
    total(np.ones(8), np.ones(8))
    assert why(total, np.ones(4), np.ones((2, 2), np.float32)) == "x is float64[4] instead of float64[3]"
    assert why(total, np.ones(8), np.ones(8, np.int32)) == "y is int32[8] instead of float64[8]"
    assert why(total, 1.0, np.ones(8)) == "x is float instead of float64[8]"


def test_structures():
    @bp.compile
    def first(net):
        return net["w"] * 2

    first({"w": 1.0})
    assert why(first, {"w": 1.0, "b": 2.0}) == "net['b'] is new, float"
    assert why(first, {"w": 1.0, "name": "relu"}).startswith("the arguments are ")


def test_static_arguments():
    @bp.compile(static_argnames="times")
    def power(x, times):
        return x**times

    power(2.0, times=3)
    assert why(power, 2.0, times=4) == "static argument times is 4 instead of 3"
    assert "static argument times = 4" in str(power.inspect(2.0, times=4).signature)


def test_what_was_frozen_and_has_changed(monkeypatch):
    scaled = bp.compile(lambda x: x * rate)
    scaled(W)
    monkeypatch.setitem(globals(), "rate", 0.7)
    assert why(scaled, W) == "global `rate` has changed"
    assert scaled.inspect(W).signature.frozen["global `rate`"] == 0.7
    assert "global `rate` = 0.7" in str(scaled.inspect(W).signature)
