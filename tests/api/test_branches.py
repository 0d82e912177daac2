"""cond and switch as users write them, compiled."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import ControlFlowError, TracedBranchError

XS = np.array([0.5, 2.0, 4.0])


@bp.differentiable
def safe_log(x):
    return bp.cond(x > 1.0, np.log, lambda x: 1.5 * x - 1.5, x)


def test_only_what_is_picked_counts():
    assert safe_log(-1.0) == -3.0
    assert safe_log(4.0) == pytest.approx(np.log(4.0))
    assert (safe_log.grad(0.0), safe_log.grad(4.0)) == (1.5, 0.25)
    assert bp.hessian(safe_log)(4.0) == -1 / 16
    assert bp.jvp(safe_log, (4.0,), (2.0,))[1] == 0.5


def test_a_batch():
    assert np.allclose(bp.vmap(safe_log)(XS), [-0.75, np.log(2.0), np.log(4.0)])
    assert np.allclose(bp.vmap(bp.grad(safe_log))(XS), [1.5, 0.5, 0.25])
    assert np.allclose(bp.vmap(bp.hessian(safe_log))(XS), [0.0, -0.25, -1 / 16])
    total = bp.differentiable(lambda xs: np.sum(bp.vmap(safe_log)(xs)))
    assert np.allclose(total.grad(XS), [1.5, 0.5, 0.25])


def test_plain_values():
    assert bp.cond(True, lambda x: x + 1.0, lambda x: x - 1.0, 1.0) == 2.0
    assert bp.cond(np.bool_(False), lambda x: x + 1.0, lambda x: x - 1.0, 1.0) == 0.0
    assert bp.cond(3, lambda: "left" and 1.0, lambda: 2.0) == 1.0
    found = [bp.switch(n, [lambda x: x, lambda x: x * x, lambda x: -x], XS) for n in (-1, 0, 1, 2, 3)]
    assert np.array_equal(found, [XS, XS, XS * XS, -XS, -XS])
    assert bp.switch(np.uint8(0), [lambda: 5.0]) == 5.0
    assert bp.cond(True, lambda: None, lambda: None) is None


def test_a_function_that_another_branch_reads_may_change():
    rate = 2.0

    def scaled(x):
        return rate * x

    assert bp.cond(False, lambda x: x, scaled, 3.0) == 6.0
    rate = 5.0
    assert bp.cond(False, lambda x: x, scaled, 3.0) == 15.0


def test_structures_and_captured_values():
    @bp.differentiable
    def f(w, x):
        shift = np.sum(x)

        def up(p):
            return {"a": p["a"] * shift, "b": (p["b"], 1)}

        def down(p):
            return {"a": p["a"] - w[0], "b": (p["b"] * w[1] * shift, 0)}

        out = bp.cond(x[0] > 0, up, down, {"a": x, "b": 2.0})
        return np.sum(out["a"]) * out["b"][0] + out["b"][1]

    w, x = np.array([3.0, 0.5]), np.array([1.0, 2.0])
    assert f(w, x) == (x * 3).sum() * 2 + 1
    assert f(w, -x) == pytest.approx(((-x - 3).sum()) * (2 * 0.5 * -3))
    w_bar, x_bar = bp.grad(f, argnums=(0, 1))(w, -x)
    step = 1e-6
    for bar, args in ((w_bar[0], [np.array([step, 0]), 0 * x]), (x_bar[1], [0 * w, np.array([0, step])])):
        ahead, behind = f(w + args[0], -x + args[1]), f(w - args[0], -x - args[1])
        assert bar == pytest.approx((ahead - behind) / (2 * step), rel=1e-6)


def test_python_scalars_go_along():
    assert type(bp.cond(True, lambda x: x, lambda x: 0, np.float32(2.0))) is np.float32
    assert type(bp.cond(True, lambda x: 0, lambda x: x, np.float32(2.0))) is np.float32
    single = bp.differentiable(lambda x: x * bp.cond(x > 0, lambda: 1.0, lambda: 2.0))
    assert type(single(np.float32(3.0))) is np.float32
    assert type(bp.cond(True, lambda: 1, lambda: 2.5)) is np.float64
    assert single.grad(np.float32(-3.0)) == 2.0


def test_a_recurrence_with_branches():
    @bp.differentiable
    def f(w, xs):
        def step(c, x):
            c = bp.cond(np.sum(c) > 0.5, lambda: 0.5 * c, lambda: np.tanh(w @ c) + x)
            return c, bp.switch((x * 2).astype(int), [lambda s: s, lambda s: 3.0, lambda s: s * s], np.sum(c))

        c, ys = bp.scan(step, np.ones(3), xs)
        return np.sum(c) + np.sum(ys)

    def plain(w, xs):
        c, ys = np.ones(3), []
        for x in xs:
            c = 0.5 * c if c.sum() > 0.5 else np.tanh(w @ c) + x
            ys.append([c.sum(), 3.0, c.sum() ** 2][int(x * 2)])
        return c.sum() + sum(ys)

    w, xs = np.random.default_rng(0).normal(size=(3, 3)), np.linspace(0, 1.2, 6)
    assert f(w, xs) == pytest.approx(plain(w, xs))
    w_bar = f.grad(w, xs)
    step = np.zeros((3, 3))
    step[1, 2] = 1e-6
    assert w_bar[1, 2] == pytest.approx((plain(w + step, xs) - plain(w - step, xs)) / 2e-6, rel=1e-6)
    assert "if " in f.grad.inspect(w, xs).source


def test_branches_that_disagree_are_refused():
    with pytest.raises(ControlFlowError, match=r"returns the result\['a'\] of shape \(1,\).*\(3,\)") as caught:
        bp.cond(True, lambda x: {"a": x}, lambda x: {"a": x[:1]}, XS)
    assert "test_branches.py" in str(caught.value)
    with pytest.raises(ControlFlowError, match="returns the result of dtype int64, where another branch"):
        bp.cond(True, lambda x: x, lambda x: x.astype(int), XS)
    with pytest.raises(ControlFlowError, match="same structure"):
        bp.cond(True, lambda x: (x, x), lambda x: x, XS)
    with pytest.raises(ControlFlowError, match=r"takes a truth value, and is given an array of shape \(3,\)"):
        bp.cond(XS > 1, lambda x: x, lambda x: x, XS)
    with pytest.raises(ControlFlowError, match="an integer, and is given float64"):
        bp.switch(1.0, [lambda x: x, lambda x: x], XS)
    with pytest.raises(ControlFlowError, match="switch has no branches"):
        bp.switch(0, [])


def test_the_error_of_an_if_shows_what_to_write():
    def f(x):
        if x > 0:
            return x
        return -x

    with pytest.raises(TracedBranchError, match=r"bp\.cond\(x > 0, f, g, x\)"):
        bp.grad(f)(1.0)
