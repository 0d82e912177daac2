"""fori_loop and while_loop as users write them, compiled."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import ControlFlowError


@bp.differentiable
def root(a):
    """By Newton's method; how many steps that took, too."""

    def going(state):
        return abs(state["x"] * state["x"] - a) > 1e-12 * a

    def step(state):
        return {"x": 0.5 * (state["x"] + a / state["x"]), "n": state["n"] + 1}

    return bp.while_loop(going, step, {"x": a, "n": 0})


def test_until_it_is_enough():
    found = root(9.0)
    assert found["x"] == pytest.approx(3.0)
    assert 3 < found["n"] < 10
    assert root(1.0)["n"] == 0
    _, dots = bp.jvp(lambda a: root(a)["x"], (9.0,), (1.0,))
    assert dots == pytest.approx(1 / 6)
    assert bp.jacfwd(lambda a: root(a)["x"])(4.0) == pytest.approx(0.25)
    assert "while " in root.inspect(2.0).source


def test_a_batch_goes_on_until_all_are_done():
    found = bp.vmap(root)(np.array([1.0, 4.0, 1e6]))
    assert np.allclose(found["x"], [1.0, 2.0, 1e3])
    assert [int(n) for n in found["n"]] == [int(root(a)["n"]) for a in (1.0, 4.0, 1e6)]


def test_plain_values():
    assert bp.while_loop(lambda n: n < 10, lambda n: n + 3, 0) == 12
    assert bp.while_loop(lambda x: np.sum(x) < 1.0, lambda x: 2.0 * x, np.full(3, 0.1)).sum() == pytest.approx(1.2)
    assert type(bp.while_loop(lambda x: x < 4, lambda x: x * np.float32(2.0), 1.5)) is np.float32
    assert bp.while_loop(lambda x: False, lambda x: x, 1.5) == 1.5


def test_what_the_test_reads_may_change():
    limit = 5.0

    def going(x):
        return x < limit

    assert bp.while_loop(going, lambda x: x + 1.0, 0.0) == 5.0
    limit = 9.0
    assert bp.while_loop(going, lambda x: x + 1.0, 0.0) == 9.0


def test_a_gradient_takes_the_steps_again():
    assert bp.grad(lambda a: root(a)["x"])(2.0) == pytest.approx(0.5 / 2**0.5)
    assert bp.grad(bp.grad(lambda a: root(a)["x"]))(4.0) == pytest.approx(-0.25 / 8)
    assert bp.hessian(lambda a: root(a)["x"])(4.0) == pytest.approx(-0.25 / 8)
    many = bp.vmap(bp.grad(lambda a: root(a)["x"]))(np.array([2.0, 4.0, 1e6]))
    assert np.allclose(many, [0.5 / 2**0.5, 0.25, 5e-4])
    halved = bp.differentiable(lambda a: a * bp.stop_gradient(root(a)["x"]))
    assert halved.grad(4.0) == pytest.approx(2.0)


@pytest.mark.parametrize("n", [0, 5, 300, 5000])
def test_a_number_of_steps_that_is_an_argument(n):
    assert spun.grad(0.7, n) == pytest.approx(bp.grad(lambda x: bp.fori_loop(0, n, turn(x), x))(0.7), rel=1e-12)


def turn(x):
    return lambda i, c: np.sin(c) * x + 1e-3 * i / (1.0 + i)


@bp.differentiable
def spun(x, n):
    return bp.fori_loop(0, n, turn(x), x, checkpoints=16)


def test_how_much_is_kept():
    @bp.differentiable
    def cooled(x, n):
        return np.sum(bp.fori_loop(0, n, lambda i, x: 0.9 * np.sin(x), x))

    @bp.differentiable
    def few(x, n):
        return np.sum(bp.fori_loop(0, n, lambda i, x: 0.9 * np.sin(x), x, checkpoints=8))

    x = np.ones(100)
    much, little = (f.grad.inspect(x, 3).memory.workspace for f in (cooled, few))
    assert little < 2 * 8 * 1000 < 2 * 256 * 800 < much
    assert np.allclose(few.grad(x, 30), cooled.grad(x, 30), rtol=1e-12)
    for wrong in (0, 1, 12, 2.0):
        with pytest.raises(ControlFlowError, match="power of two"):
            bp.while_loop(lambda x: x < 3.0, lambda x: x + 1.0, 0.0, checkpoints=wrong)


def test_a_counted_loop_has_all_derivatives():
    @bp.differentiable
    def power(x):
        return bp.fori_loop(0, 4, lambda i, c: c * x + i, 1.0)

    def plain(x):
        return x**4 + x**2 + 2 * x + 3

    assert power(1.5) == pytest.approx(plain(1.5))
    assert power.grad(1.5) == pytest.approx(4 * 1.5**3 + 2 * 1.5 + 2)
    assert bp.hessian(power)(1.5) == pytest.approx(12 * 1.5**2 + 2)
    assert bp.jvp(power, (1.5,), (2.0,))[1] == pytest.approx(2 * (4 * 1.5**3 + 2 * 1.5 + 2))
    assert np.allclose(bp.vmap(power.grad)(np.array([0.0, 1.5])), [2.0, 4 * 1.5**3 + 5])
    assert bp.fori_loop(3, 3, lambda i, c: c + i, 7) == 7
    assert bp.fori_loop(5, 3, lambda i, c: c + i, 7) == 7
    assert bp.fori_loop(-2, 3, lambda i, c: c + i * i, 0) == 10


def test_rows_by_their_number():
    @bp.differentiable
    def path(xs):
        return bp.fori_loop(1, 5, lambda i, s: s + (xs[i] - xs[i - 1]) ** 2, 0.0)

    xs = np.array([0.0, 1.0, 3.0, 2.0, 5.0])
    assert path(xs) == np.sum(np.diff(xs) ** 2)
    step = np.diff(xs)
    assert np.allclose(path.grad(xs), 2 * (np.append(0, step) - np.append(step, 0)))


def test_bounds_that_only_the_compiled_code_knows():
    @bp.differentiable
    def power(x, n):
        return bp.fori_loop(0, n, lambda i, c: c * x + i, 1.0)

    assert [power(2.0, n) for n in (-1, 0, 1, 3)] == [1.0, 1.0, 2.0, 12.0]
    assert bp.jvp(lambda x: power(x, 3), (2.0,), (1.0,))[1] == pytest.approx(13.0)
    assert np.array_equal(bp.vmap(power)(np.array([2.0, 2.0, 3.0]), np.array([3, 0, 1])), [12.0, 1.0, 3.0])


def test_a_branch_in_a_loop_in_a_loop():
    @bp.differentiable
    def f(x):
        def inner(i, c):
            return bp.cond(i % 2 == 0, lambda c: c * x, lambda c: np.sin(c) + x, c)

        return bp.fold(lambda c, y: bp.fori_loop(0, 3, inner, c) + y, 0.3, np.arange(3.0))

    def plain(x):
        c = 0.3
        for y in range(3):
            c = np.sin(c * x) * x + x * x + y
        return c

    assert f(0.7) == pytest.approx(plain(0.7))
    assert f.grad(0.7) == pytest.approx((plain(0.7 + 1e-6) - plain(0.7 - 1e-6)) / 2e-6, rel=1e-7)


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(ControlFlowError, match=r"returns an array of shape \(2,\), where while_loop expects") as caught:
        bp.while_loop(lambda x: x < 1, lambda x: x, np.zeros(2))
    assert "test_iteration.py" in str(caught.value)
    with pytest.raises(ControlFlowError, match=r"changes the shape of x from \(2,\) to \(1,\)"):
        bp.while_loop(lambda x: x[0] < 1, lambda x: x[:1], np.zeros(2))
    with pytest.raises(ControlFlowError, match="changes the dtype of x from int64 to float64"):
        bp.while_loop(lambda x: x[0] < 1, lambda x: x * 0.5, np.zeros(2, int))
    with pytest.raises(ControlFlowError, match="carry of structure"):
        bp.while_loop(lambda x: x < 1, lambda x: (x, x), 0.0)
    with pytest.raises(ControlFlowError, match=r"the bounds of fori_loop are 0 and 2\.5, not integers"):
        bp.fori_loop(0, 2.5, lambda i, c: c, 0.0)
