"""The kernels of `linalg`: compiled, they do what their NumPy twins do, for every dtype and many at once."""

import numba
import numpy as np
import pytest

from staticbp.runtime import inner_loops, linalg, symbols

RNG = np.random.default_rng(5)


def drawn(dtype, *shape):
    x = RNG.normal(size=shape)
    return (x + 1j * RNG.normal(size=shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


@numba.njit
def systems(a, b, definite, lu, pivots, x, y, t, low):
    linalg.lu_factor(a, lu, pivots)
    return (
        linalg.lu_solve(lu, pivots, b, x),
        linalg.lu_solve(lu, pivots, b, y, True),
        linalg.solve_triangular(a, b, t, True, True, False),
        linalg.cholesky(definite, low),
    )


@numba.njit
def decompositions(a, definite, u, s, vh, values, w, v, wh, z, vz):
    return (
        linalg.svd(a, u, s, vh),
        linalg.svdvals(a, values),
        linalg.eigh(definite, w, v),
        linalg.eigvalsh(definite, wh),
        linalg.eig(definite, z, vz),
    )


@numba.njit
def orthogonal(a, q, r, q2, r2, definite, times, powers):
    linalg.qr(a, q, r)
    linalg.qr_complete(a, q2, r2)
    linalg.repeated_squares(definite, times, powers)


@numba.njit
def equations(a, b, f, t, z, s, v, y):
    return linalg.schur(a, t, z), linalg.schur(b, s, v), linalg.sylvester(t, s, f, y)


def agree(function, ins, outs, tolerance=1e-11):
    """The compiled function fills what it is given with what the function itself does."""
    found, wanted = ([np.full_like(out, value) for out in outs] for value in (3, 5))
    assert function(*ins, *found) == function.py_func(*ins, *wanted)
    for ours, numpys in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, numpys, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128, np.float32])
def test_systems(dtype):
    a, b = drawn(dtype, 2, 3, 3) + 3 * np.eye(3, dtype=dtype), drawn(dtype, 2, 4, 3)
    definite = a @ np.conj(np.swapaxes(a, -1, -2))
    outs = [np.empty_like(a), np.empty((2, 3), np.int32), *(np.empty_like(b) for _ in range(3)), np.empty_like(a)]
    agree(systems, [a, b, definite], outs, 1e-4 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_decompositions(dtype):
    a = drawn(dtype, 2, 4, 3)
    definite = np.conj(np.swapaxes(a, -1, -2)) @ a
    vectors = [np.empty((2, 3)) for _ in range(4)]
    square = np.empty((2, 3, 3), dtype)
    wide = np.empty((2, 3), complex), np.empty((2, 3, 3), complex)
    agree(
        decompositions,
        [a, definite],
        [np.empty_like(a), vectors[0], square, vectors[1], vectors[2], square, vectors[3], *wide],
    )
    factors = [np.empty_like(a), square, np.empty((2, 4, 4), dtype), np.empty_like(a)]
    found, wanted = ([np.full_like(out, value) for out in [*factors, definite]] for value in (3, 5))
    times = np.array([0, 2])
    orthogonal(a, *found[:4], definite, times, found[4])
    orthogonal.py_func(a, *wanted[:4], definite, times, wanted[4])
    for ours, numpys in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, numpys, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.complex64])
def test_equations(dtype):
    a, b, f = (drawn(dtype, 2, *shape) for shape in ((3, 3), (4, 4), (4, 3)))
    square = np.empty_like(a), np.empty_like(a), np.empty_like(b), np.empty_like(b)
    agree(equations, [a, b, f], [*square, np.empty_like(f)], 1e-10 if dtype == np.float64 else 1e-2)


def test_failures():
    one, pivots = np.ones((1, 2, 2)), np.empty((1, 2), np.int32)
    singular = one.copy(), np.ones((1, 1, 2)), -one
    outs = np.empty_like(one), pivots, np.empty((1, 1, 2)), np.empty((1, 1, 2)), np.empty((1, 1, 2)), one.copy()
    assert systems(*singular, *outs) == (False, False, True, False)


def test_flags_of_the_processor_that_are_set_before_do_not_matter():
    definite = np.eye(2)
    with np.errstate(invalid="ignore"):
        _ = np.sqrt(np.full(3, -1.0))
    a, b = definite[None], np.ones((1, 1, 2))
    outs = np.empty_like(a), np.empty((1, 2), np.int32), *(np.empty_like(b) for _ in range(3)), np.empty_like(a)
    assert systems(a, b, a, *outs) == (True, True, True, True)


def test_loops_are_found_by_type():
    assert inner_loops.inner_loop("linalg.solve", "dd").address != inner_loops.inner_loop("linalg.solve", "ff").address
    for name, types in (("linalg.solve", "dF"), ("linalg.qr_r_raw", "f")):
        with pytest.raises(LookupError, match=f"{name} has no loop for {types}"):
            inner_loops.inner_loop(name, types)
    loop = inner_loops.inner_loop("linalg.svd_s", "D")
    assert loop.letters == ("m", "n", "p")
    assert symbols.address(loop.symbol) == loop.address
    assert symbols.address("staticbp.loop.linalg.no_such_ufunc.d") is None
    assert symbols.address(inner_loops.GET_FLAGS) != symbols.address(inner_loops.CLEAR_FLAGS)
