"""associative_scan: partial results, along any axis, either way."""

import itertools

import numpy as np
import pytest

import staticbp as bp
from staticbp.core.interpret import interpret
from staticbp.errors import ControlFlowError, ShapeError

RNG = np.random.default_rng(9)


def interpreted(f, *args):
    return interpret(list(bp.inspect(f, *args).stages.values())[-1], bp.tree.leaves(args))


def composed(one, two):
    """Of maps ``x -> a x + b``, the first one first."""
    return one[0] * two[0], two[0] * one[1] + two[1]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_numpys_accumulations(axis, reverse):
    x = RNG.normal(size=(4, 3, 5))
    for ours, theirs in ((np.add, np.add), (np.maximum, np.maximum), (lambda a, b: a * b, np.multiply)):
        (found,) = interpreted(lambda x, f=ours: bp.associative_scan(f, x, reverse=reverse, axis=axis), x)
        wanted = np.flip(theirs.accumulate(np.flip(x, axis), axis), axis) if reverse else theirs.accumulate(x, axis)
        np.testing.assert_allclose(found, wanted, rtol=1e-14)


@pytest.mark.parametrize("reverse", [False, True])
def test_products_of_matrices_which_do_not_commute(reverse):
    x = RNG.normal(size=(5, 2, 2))
    (found,) = interpreted(lambda x: bp.associative_scan(np.matmul, x, reverse=reverse), x)
    order = x[::-1] if reverse else x
    wanted = list(itertools.accumulate(order, lambda a, b: a @ b))
    np.testing.assert_allclose(found[::-1] if reverse else found, wanted, rtol=1e-12)


def test_gradients_of_a_recurrence():
    a, b = RNG.normal(size=6), RNG.normal(size=6)

    def by_scan(a, b):
        return np.sum(bp.associative_scan(composed, (a, b))[1] ** 2)

    def by_loop(a, b):
        x, total = 0.0, 0.0
        for t in range(6):
            x = a[t] * x + b[t]
            total = total + x**2
        return total

    for derived in (
        lambda f: bp.grad(f, (0, 1)),
        lambda f: bp.hessian(f, 0),
        lambda f: bp.vmap(bp.grad(f), in_axes=(0, None)),
    ):
        given = (np.stack([a, -a]), b) if "vmap" in derived.__code__.co_names else (a, b)
        for found, wanted in zip(*(interpreted(derived(f), *given) for f in (by_scan, by_loop)), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-12)


def test_one_loop_is_compiled():
    f = bp.compile(lambda a, b: bp.associative_scan(composed, (a, b)))
    a, b = np.full(7, 0.5), np.ones(7)
    assert f(a, b)[1][-1] == pytest.approx(2 - 0.5**6)
    assert f.inspect(a, b).source.count("for t in range(6)") == 1


def test_few_elements():
    assert bp.associative_scan(np.add, np.ones((0, 3))).shape == (0, 3)
    assert bp.associative_scan(np.add, np.full((1, 3), 2.0)).tolist() == [[2.0] * 3]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="axes of different lengths"):
        bp.associative_scan(composed, (np.ones(2), np.ones(3)))
    with pytest.raises(ShapeError, match="goes along axis 2 of"):
        bp.associative_scan(np.add, np.ones((2, 3)), axis=2)
    with pytest.raises(ControlFlowError, match="is given an element of"):
        bp.associative_scan(lambda a, b: a > b, np.ones(3))
    with pytest.raises(ControlFlowError, match="is given elements of structure"):
        bp.associative_scan(lambda a, b: (a, b), np.ones(3))
