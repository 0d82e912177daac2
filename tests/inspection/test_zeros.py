"""`explain_zero` names the line at which a path to the output ends: one planted fault each."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import ArgumentError


def unused(x, y):
    return y * y


def stopped(x, y):
    h = bp.stop_gradient(x * y)
    return np.sum(h) + y


def rounded(x, y):
    q = np.round(x * y)
    return np.sum(q * q)


def counted(x, y):
    n = np.sum(x > 0)
    return n * y


def to_integers(x, y):
    n = x.astype(np.int64)
    return np.sum(n) * y


def sorted_only(x, y):
    order = np.argsort(x)
    return order[0] * y


def dead_units(x, y):
    h = np.maximum(x - 10.0, 0.0)
    return np.sum(h) * y


def clipped(x, y):
    h = np.minimum(np.abs(x) + 9.0, 5.0)
    return np.sum(h) * y


def other_branch(x, y):
    h = np.where(y > 0, y, np.sum(x))
    return h * h


def saturated(x, y):
    h = np.tanh(100.0 * (np.abs(x) + 1.0))
    return np.sum(h) * y


def times_zero(x, y):
    off = y - y
    return np.sum(x * off)


def products_with_zero(x, y):
    h = np.zeros((2, 3)) @ x
    return np.sum(h) * y


def at_the_kink(x, y):
    d = np.abs(x - np.array([0.5, -1.5, 2.5]))
    return d[0] * y


def in_a_loop(x, y):
    def step(total, row):
        return total + np.floor(row) * y

    return bp.fold(step, 0.0, x)


def in_a_branch(x, y):
    return bp.cond(y > 0, lambda: y * y, lambda: np.sum(x))


def flat_bottom(x, y):
    return np.sum((x - x[0] * 0.0 - np.array([0.5, -1.5, 2.5])) ** 2) * y


FAULTS = {
    unused: ("unused", None),
    stopped: ("cut", "h = bp.stop_gradient(x * y)"),
    rounded: ("cut", "q = np.round(x * y)"),
    counted: ("cut", "n = np.sum(x > 0)"),
    to_integers: ("cut", "n = x.astype(np.int64)"),
    sorted_only: ("cut", "order = np.argsort(x)"),
    dead_units: ("vanishes", "h = np.maximum(x - 10.0, 0.0)"),
    clipped: ("vanishes", "h = np.minimum(np.abs(x) + 9.0, 5.0)"),
    other_branch: ("vanishes", "h = np.where(y > 0, y, np.sum(x))"),
    saturated: ("vanishes", "h = np.tanh(100.0 * (np.abs(x) + 1.0))"),
    times_zero: ("vanishes", "return np.sum(x * off)"),
    products_with_zero: ("vanishes", "h = np.zeros((2, 3)) @ x"),
    at_the_kink: ("vanishes", "d = np.abs(x - np.array([0.5, -1.5, 2.5]))"),
    in_a_loop: ("vanishes", "return bp.fold(step, 0.0, x)"),
    in_a_branch: ("vanishes", "return bp.cond(y > 0, lambda: y * y, lambda: np.sum(x))"),
    flat_bottom: ("vanishes", "return np.sum((x - x[0] * 0.0 - np.array([0.5, -1.5, 2.5])) ** 2) * y"),
}

X = np.array([0.5, -1.5, 2.5])


@pytest.mark.parametrize("function", FAULTS, ids=lambda function: function.__name__)
def test_a_planted_fault(function):
    kind, line = FAULTS[function]
    (finding,) = bp.explain_zero(function, X, 2.0).findings
    assert (finding.path, finding.kind) == ("x", kind)
    assert finding.zero
    lines = [end.src.text for end in finding.ends]
    assert lines == [] if line is None else line in lines
    assert not np.any(bp.grad(function)(X, 2.0))


def test_the_line_within_a_loop_is_named():
    (finding,) = bp.explain_zero(in_a_loop, X, 2.0).findings
    assert "return total + np.floor(row) * y" in finding.ends[0].reason


def test_what_is_not_zero_is_said_not_to_be():
    @bp.differentiable
    def f(x):
        return np.sum(np.maximum(x, 0.0) ** 2)

    (finding,) = bp.explain_zero(f, X).findings
    assert (finding.kind, finding.zero) == ("partly", False)
    assert finding.text == "zero in 1 of 3 elements, elsewhere up to 5"
    (finding,) = bp.explain_zero(lambda x: np.sum(x**2), X).findings
    assert str(finding) == "  x: not zero: up to 5"


def test_contributions_that_cancel():
    def f(x, y):
        a = 3.0 * x
        b = 3.0 * x + y
        return np.sum(a - b)

    (finding,) = bp.explain_zero(f, X, 2.0).findings
    assert finding.kind == "cancels"


def test_leaves_of_records_and_integers():
    report = bp.explain_zero(
        lambda net, n: np.sum(net["w"]) * n + net["k"], {"w": X, "k": 3, "b": X}, 2, argnums=(0, 1)
    )
    assert {finding.path: finding.kind for finding in report.findings} == {
        "net['b']": "unused",
        "net['k']": "integer",
        "net['w']": "nonzero",
        "n": "integer",
    }
    assert [finding.path for finding in report.zero] == ["net['b']", "net['k']", "n"]
    assert "net['k']: has no derivative: it is an integer; give it as a float" in str(report)


def test_what_cannot_be_explained():
    with pytest.raises(ArgumentError, match="argnums names argument 5, but the call has 1"):
        bp.explain_zero(np.sum, X, argnums=5)


def test_the_line_within_a_while_loop_is_named():
    def rounded(x):
        def step(state):
            count, y = state
            return count + 1, np.floor(y)

        return bp.while_loop(lambda state: state[0] < 3, step, (0, x))[1]

    (finding,) = bp.explain_zero(rounded, 1.5).zero
    assert [end.op for end in finding.ends] == ["while"]
    assert "floor" in finding.ends[0].reason
    assert "return count + 1, np.floor(y)" in finding.ends[0].reason
