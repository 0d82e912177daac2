"""Fourier transforms by butterflies and by NumPy's loops: any size, direction, type and axis, one or many of them."""

import mpmath
import numba
import numpy as np
import pytest

from staticbp.runtime import fft
from staticbp.runtime.intrinsics import butterflies, fourier
from staticbp.runtime.load import Spec, compile_module

RNG = np.random.default_rng(7)


def drawn(dtype, *shape):
    x = RNG.normal(size=shape)
    return (x + 1j * RNG.normal(size=shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


def compiled(lines, arguments):
    """What compiles a function of generated text for some arrays."""
    body = "\n".join(f"    fft.{line}" for line in lines)
    source = f"from staticbp.runtime import fft\n\ndef f({arguments}):\n{body}\n    return 0\n"
    return lambda *arrays: compile_module(source, {"f": tuple(Spec(a.dtype, a.ndim, array=True) for a in arrays)})["f"]


def agree(found, wanted):
    """To the last few digits, as sizes of the whole."""
    error = np.abs(found - wanted).max() / np.abs(wanted).max()
    assert error < (1e-14 if found.dtype.itemsize == (16 if found.dtype.kind == "c" else 8) else 2e-6)


# Of a size with factors that have butterflies, side by side and fewer than lanes; in two, alone and many; NumPy's.
COMPLEX = [
    ((4, 4), 1, np.complex128),
    ((2, 6, 3), 1, np.complex128),
    ((5, 26), 1, np.complex64),
    ((35, 9), 0, np.complex128),
    ((600,), 0, np.complex128),
    ((17, 600), 1, np.complex128),
    ((2, 2079, 3), 1, np.complex64),
    ((2, 17, 3), 1, np.complex128),
    ((3, 1), 1, np.complex64),
]


@pytest.mark.parametrize(("shape", "axis", "dtype"), COMPLEX)
def test_complex_numbers_along_an_axis(shape, axis, dtype):
    n = shape[axis]
    build = compiled([f"fft(z, forward, {n}, {axis})", f"ifft(z, backward, {n}, {axis})"], "z, forward, backward")
    z = drawn(dtype, *shape)
    forward, backward = np.empty_like(z), np.empty_like(z)
    assert build(z, forward, backward)(z, forward, backward) == 0
    agree(forward, np.fft.fft(z.astype(complex), axis=axis))
    agree(backward, np.fft.ifft(z.astype(complex), axis=axis, norm="forward"))


@pytest.mark.parametrize(
    ("rows", "n", "dtype"),
    [(3, 2, np.float64), (9, 10, np.float32), (5, 24, np.float64), (2, 7, np.float64), (2, 4160, np.float64)],
)
def test_real_numbers_and_half_of_their_transform(rows, n, dtype):
    build = compiled([f"rfft(x, half, {n})", f"irfft(z, whole, {n})"], "x, z, half, whole")
    x = drawn(dtype, rows, n)
    z = drawn(np.result_type(dtype, np.complex64), rows, n // 2 + 1)  # what is imaginary at the ends is nobody's
    half, whole = np.empty_like(z), np.empty_like(x)
    assert build(x, z, half, whole)(x, z, half, whole) == 0
    agree(half, np.fft.rfft(x.astype(float)))
    agree(whole, np.fft.irfft(z.astype(complex), n, norm="forward"))


def test_both_ways_of_a_size_that_has_two():
    z = drawn(np.complex128, 40, 520)
    assert fourier.ALONE < 520 <= fourier.DIRECT
    build = compiled(["fft(z, out, 520)"], "z, out")
    for count in (1, 40):
        out = np.empty((count, 520), complex)
        build(z, out)(z[:count].copy(), out)
        agree(out, np.fft.fft(z[:count]))


def test_numba_compiles_the_same_numbers():
    z = drawn(np.complex128, 6, 12)
    build = compiled(["fft(z, out, 12)"], "z, out")

    @numba.njit
    def transform(z, out):
        fft.fft(z, out, 12)

    ours, numbas = np.empty_like(z), np.empty_like(z)
    build(z, ours)(z, ours)
    transform(z, numbas)
    assert ours.tobytes() == numbas.tobytes()


def test_python_takes_the_same_arguments():
    z, x = drawn(np.complex128, 4, 3), drawn(np.float64, 2, 6)
    out, half, whole = np.empty_like(z), np.empty((2, 4), complex), np.empty_like(x)
    fft.fft(z, out, 4, 0)
    agree(out, np.fft.fft(z, axis=0))
    fft.ifft(z, out, 3)
    agree(out, np.fft.ifft(z) * 3)
    fft.rfft(x, half, 6)
    fft.irfft(half, whole, 6)
    agree(whole, 6 * x)


@pytest.mark.parametrize("n", [1, 3, 8, 60, 1001, 4096])
def test_roots_are_as_exact_as_their_type(n):
    for k in {*range(0, n, n // 40 + 1), n - 1}:
        with mpmath.workdps(30):
            wanted = mpmath.expjpi(-2 * mpmath.mpf(k) / n)
        assert abs(mpmath.mpc(*butterflies.root(k, n)) - wanted) < 2**-52


def test_sizes_are_ours_or_numpys():
    assert all(np.prod(butterflies.factors(n)) == n for n in range(2, 200) if butterflies.factors(n))
    for n in (*range(513, 5000), 2**20):
        if fourier.is_ours(n):
            assert n <= fourier.DIRECT or np.prod(fourier.halves(n)) == n
    assert not fourier.is_ours(2 * 521)
    assert not fourier.is_ours(2**21)
