"""The branch that a `where` did not choose adds nothing to a derivative, not even 0 * inf."""

import numpy as np
import pytest

import staticbp as bp

HERE = np.array([True, False, False])

CHOICES = {
    "log": (lambda x: np.where(x > 0, np.log(x), 0.0), [0, 0, 0.5], [0, 0, -0.25]),
    "other side": (lambda x: np.where(x <= 0, 0.0, np.sqrt(x)), [0, 0, 8**-0.5], [0, 0, -(2**-3.5)]),
    "two paths": (lambda x: np.where(x > 0, x * np.log(x), 0.0), [0, 0, 1 + np.log(2)], [0, 0, 0.5]),
    "a sum of two": (
        lambda x: np.where(x > 0, np.sqrt(2 * x) * np.log(2 * x), 0.0),
        [0, 0, np.log(4) / 2 + 1],
        [0, 0, -np.log(4) / 8],
    ),
    "nested": (lambda x: np.where(HERE, np.where(x < 0, np.log(-x), np.log(x)), 0.0), [-1, 0, 0], [-1, 0, 0]),
    "moved": (lambda x: np.where(HERE, np.log(np.stack([x, x]).T).sum(axis=1), 0.0)[1:], [0, 0, 0], [0, 0, 0]),
}


@pytest.mark.parametrize("name", CHOICES)
def test_what_was_not_chosen(name: str) -> None:
    f, first, second = CHOICES[name]
    x = np.array([-1.0, 0.0, 2.0])

    def total(x: np.ndarray) -> np.ndarray:
        return np.sum(f(x))

    def slope(x: np.ndarray) -> np.ndarray:
        return np.sum(bp.grad(total)(x))

    np.testing.assert_allclose(bp.grad(total)(x), first, rtol=1e-14)
    np.testing.assert_allclose(bp.grad(slope)(x), second, rtol=1e-13)
    np.testing.assert_allclose(bp.jvp(total, (x,), (np.ones(3),))[1], sum(first), rtol=1e-14)


def test_what_was_chosen_keeps_its_infinity() -> None:
    slope = bp.grad(lambda x: np.sum(np.where(x >= 0, np.sqrt(x), 0.0)))(np.array([0.0, 4.0]))
    np.testing.assert_array_equal(slope, [np.inf, 0.25])


def test_a_product_that_the_user_wrote_is_left_alone() -> None:
    x = np.array([0.0, 2.0])
    value = bp.compile(lambda x: np.where(x > 0, 1.0, 0.0) * np.log(x))(x)
    np.testing.assert_array_equal(value, [np.nan, np.log(2.0)])


def test_a_number_of_pythons() -> None:
    """It has to be cast first, which is an operation of its own."""
    slope = bp.grad(lambda x: np.where(x > 0, np.sqrt(x), 0.0))
    assert slope(0.0) == 0.0
    assert slope(4.0) == 0.25
