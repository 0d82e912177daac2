"""`grad_with`: what becomes of each leaf and its derivative."""

import numpy as np
import pytest

import staticbp as bp


@bp.record
class Line:
    slope: np.ndarray
    start: float


def misfit(line, x, t):
    return np.sum((line.slope @ x + line.start - t) ** 2)


LINE = Line(np.array([1.0, 2.0]), 3.0)
X, T = np.array([[1.0, 0.0, 2.0], [0.5, 1.0, 1.0]]), np.array([1.0, 2.0, 3.0])


def descend(leaf, derivative):
    return leaf - 0.1 * derivative


def test_each_leaf_meets_its_derivative():
    assert bp.grad_with(descend, misfit)(LINE, X, T) == LINE - 0.1 * bp.grad(misfit)(LINE, X, T)
    assert bp.grad_with(lambda _, d: d, misfit)(LINE, X, T) == bp.grad(misfit)(LINE, X, T)


def test_several_arguments():
    line, x = bp.grad_with(descend, misfit, (0, -2))(LINE, X, T)
    line_bar, x_bar = bp.grad(misfit, (0, 1))(LINE, X, T)
    assert line == LINE - 0.1 * line_bar
    np.testing.assert_allclose(x, X - 0.1 * x_bar)


def test_value_and_aux():
    def with_aux(line, x, t):
        return misfit(line, x, t), {"n": len(t)}

    moved = bp.grad_with(descend, misfit)(LINE, X, T)
    value = misfit(LINE, X, T)
    assert bp.grad_with(descend, misfit, with_value=True)(LINE, X, T) == (value, moved)
    assert bp.grad_with(descend, with_aux, has_aux=True)(LINE, X, T) == (moved, {"n": 3})
    assert bp.grad_with(descend, with_aux, has_aux=True, with_value=True)(LINE, X, T) == ((value, {"n": 3}), moved)
    assert bp.grad_with(descend, bp.differentiable(with_aux, has_aux=True))(LINE, X, T) == (moved, {"n": 3})


def test_pairs():
    """As Haskell's ``gradWith (,)``."""
    pairs = bp.grad_with(lambda x, dx: (x, dx), lambda v: v[0] * v[1])([2.0, 3.0])
    assert pairs == [(2.0, 3.0), (3.0, 2.0)]


def test_what_the_combination_reads_may_change():
    rate = 0.1

    def combine(x, dx):
        return x - rate * dx

    step = bp.grad_with(combine, lambda x: x * x)
    assert step(1.0) == pytest.approx(0.8)
    rate = 0.5
    assert step(1.0) == 0.0
    assert bp.grad_with(combine, bp.grad_with) is not step


def test_it_takes_part_in_other_transforms():
    def square(x):
        return x * x

    step = bp.grad_with(descend, square)
    assert bp.fold(lambda x, _: step(x), 1.0, None, length=2) == pytest.approx(0.64)
    assert bp.grad(step)(5.0) == pytest.approx(0.8)
    assert bp.vmap(step)(np.array([1.0, 2.0])) == pytest.approx([0.8, 1.6])


def test_generated_code_is_one_pass():
    source = bp.grad_with(descend, misfit).inspect(LINE, X, T).source
    assert source.count("def ") == 1
    assert "combined by descend" in source
