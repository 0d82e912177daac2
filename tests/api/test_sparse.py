"""Sparse Jacobians and Hessians: the entries of the whole ones, from few products."""

import numpy as np
import pytest
from scipy import sparse

import staticbp as bp
from staticbp.transforms.colouring import column_colours, star_colours

X = np.random.default_rng(0).uniform(0.5, 1.5, 8)
TABLE = np.array([3, 0, 5, 5])


def tridiagonal(x):
    inner = 2 * x[1:-1] - x[:-2] * x[2:] + np.sin(x[1:-1])
    return np.concatenate([x[:1] * x[1:2], inner, x[-1:] ** 2])


def banded(x):
    padded = np.pad(x, 1)
    return np.roll(padded, 1)[2:] * x + np.flip(padded)[1:-1]


def gathered(x):
    return np.exp(x[TABLE]) * x[:4]


def by_rows(x):
    return np.sum(np.reshape(x, (4, 2)) ** 2, axis=1) + np.max(np.reshape(x, (2, 4)), axis=0)


def dense_row(x):
    return np.concatenate([np.sum(x * x)[None], x[1:] ** 2])


def products(x):
    return np.tri(8) @ x


CASES = [(tridiagonal, 3), (banded, None), (gathered, None), (by_rows, None), (dense_row, 2), (products, 8)]


@pytest.mark.parametrize(("function", "colours"), CASES, ids=lambda case: getattr(case, "__name__", ""))
def test_the_entries_of_the_jacobian(function, colours):
    derivative = bp.sparse_jacobian(function)
    whole = bp.jacobian(function)(X)
    found = derivative(X)
    assert isinstance(found, sparse.csr_array)
    np.testing.assert_allclose(found.toarray(), whole, rtol=1e-13, atol=1e-15)
    if colours is not None:
        assert len(derivative.plan(X).seeds) == colours


def arrow(x):
    return np.sum(x[1:] ** 3 * x[0]) + x[0] ** 4


def chain(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def grid(x):
    square = np.reshape(x, (2, 4))
    return np.sum((square[1:] * square[:-1]) ** 2) + np.sum(np.exp(square[:, 1:] - square[:, :-1]))


@pytest.mark.parametrize(
    ("function", "colours"), [(arrow, 2), (chain, 3), (grid, None)], ids=lambda case: getattr(case, "__name__", "")
)
def test_the_entries_of_the_hessian(function, colours):
    derivative = bp.sparse_hessian(function)
    np.testing.assert_allclose(derivative(X).toarray(), bp.hessian(function)(X), rtol=1e-12, atol=1e-14)
    if colours is not None:
        assert len(derivative.plan(X).seeds) == colours


def test_other_arguments_and_argnum():
    def scaled(rate, x, shift):
        return rate * x**2 + shift

    found = bp.sparse_jacobian(scaled, argnum=1)(2.0, X, np.ones(8))
    np.testing.assert_allclose(found.toarray(), np.diag(4.0 * X))


def test_captured_indexes_may_change():
    table = np.array([1, 2])

    def picked(x):
        return x[table] * 2.0

    derivative = bp.sparse_jacobian(picked)
    before = derivative(X).toarray()
    table[:] = [0, 3]
    np.testing.assert_array_equal(np.flatnonzero(before), [1, 10])
    np.testing.assert_array_equal(np.flatnonzero(derivative(X).toarray()), [0, 11])


def test_what_is_no_vector():
    with pytest.raises(bp.errors.ArgumentError, match="a sparse matrix is of vectors"):
        bp.sparse_jacobian(lambda x: np.sum(x))(X)
    with pytest.raises(bp.errors.ArgumentError, match=r"shape \(4, 2\)"):
        bp.sparse_hessian(lambda x: np.sum(x**2))(X.reshape(4, 2))


@pytest.mark.parametrize("seed", range(20))
def test_colours_of_random_patterns(seed):
    rng = np.random.default_rng(seed)
    entries = rng.random((12, 9)) < rng.uniform(0.05, 0.5)
    colours = column_colours(sparse.csr_array(entries))
    for row in entries:
        assert len(set(colours[row])) == row.sum()
    adjacency = rng.random((10, 10)) < rng.uniform(0.05, 0.5)
    adjacency |= adjacency.T
    np.fill_diagonal(adjacency, True)
    star = star_colours(sparse.csr_array(adjacency))
    edges = {(int(a), int(b)) for a, b in zip(*np.nonzero(adjacency), strict=True) if a != b}
    for a, b in edges:
        assert star[a] != star[b]
    for a, b in edges:
        for c in range(10):
            for d in range(10):
                if (b, c) in edges and (c, d) in edges and len({a, b, c, d}) == 4:
                    assert len({star[a], star[b], star[c], star[d]}) > 2


def test_products_of_what_depends_on_the_argument():
    def outer(x):
        return np.reshape(x, (2, 4)).T @ x[:2] + np.roll(x, 2)[:4] * x[0]

    found = bp.sparse_jacobian(outer)
    np.testing.assert_allclose(found(X).toarray(), bp.jacobian(outer)(X), rtol=1e-13)


def test_a_loop_that_does_nothing_for_some_numbers():
    def grown(x):
        return bp.while_loop(lambda x: np.sum(x) < 9.0, lambda x: x + np.flip(x), x)

    found = bp.sparse_jacobian(grown)
    np.testing.assert_allclose(found(X).toarray(), bp.jacobian(grown)(X), rtol=1e-13)


def test_float32_and_a_captured_permutation():
    order = np.eye(8)[::-1].copy()

    def permuted(x):
        return (order @ x).astype(np.float32) * np.float32(2)

    derivative = bp.sparse_jacobian(permuted)
    np.testing.assert_allclose(derivative(X).toarray(), 2 * order, rtol=1e-6)
    order[:] = np.eye(8)
    np.testing.assert_allclose(derivative(X).toarray(), 2 * order, rtol=1e-6)


@pytest.mark.parametrize("argnum", ["x", (0, 1), -1])
def test_an_argument_is_named_by_its_position(argnum):
    for derivative in (bp.sparse_jacobian, bp.sparse_hessian):
        with pytest.raises(bp.errors.ArgumentError, match=r"test_sparse\.py:\d+[^$]*Write 0 for the first"):
            derivative(np.sin, argnum)
