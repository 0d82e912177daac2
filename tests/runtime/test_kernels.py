"""Sorting and scanning rows, compiled, against NumPy."""

import numba
import numpy as np
import pytest

from staticbp.runtime import kernels


@numba.njit
def sort(x, out):
    kernels.sort(x, out)


@numba.njit
def argsort(x, out):
    kernels.argsort(x, out)


@numba.njit
def cumsum(x, out):
    kernels.cumsum(x, out)


DTYPES = (np.float64, np.float32, np.int64, np.int32, np.bool_)


def rows(dtype, shape, largest, seed=0):
    x = np.random.default_rng(seed).integers(0, largest, shape).astype(dtype)
    if np.dtype(dtype).kind == "f" and shape[1] > 2:
        x[:, ::7] = np.nan
        x[:, 1::11] = np.inf
        x[:, 2::13] = -np.inf
    return x


def assert_sorted(x):
    out, order = np.empty_like(x), np.empty(x.shape, np.int64)
    sort(x, out)
    argsort(x, order)
    np.testing.assert_array_equal(out, np.sort(x, axis=-1))
    np.testing.assert_array_equal(order, np.argsort(x, axis=-1, kind="stable"))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("largest", [2, 10**6])
def test_sorting_with_and_without_many_equal_elements(dtype, largest):
    for shape in ((0, 3), (2, 0), (3, 1), (4, 16), (4, 17), (3, 100), (2, 3000)):
        assert_sorted(rows(dtype, shape, largest))


def test_orders_that_are_bad_for_some_methods():
    n = 2000
    up = np.arange(n, dtype=np.float64)
    organ_pipes = np.concatenate([up[: n // 2], up[: n // 2][::-1]])
    # The middle element is the smallest of what is left, again and again.
    killer = np.empty(n)
    places = list(range(n))
    for value in range(n):
        killer[places.pop(len(places) // 2)] = value
    assert_sorted(np.stack([up, up[::-1], organ_pipes, killer, np.zeros(n), np.full(n, np.nan)]))


RUNNING_SUMS = {np.float64: np.float64, np.float32: np.float32, np.int32: np.int64, np.bool_: np.int64}


@pytest.mark.parametrize(("dtype", "result"), list(RUNNING_SUMS.items()))
def test_cumsum(dtype, result):
    for shape in ((0, 3), (2, 0), (1, 1), (3, 50)):
        x = np.random.default_rng(0).integers(0, 5, shape).astype(dtype)
        out = np.empty(shape, result)
        cumsum(x, out)
        want = np.cumsum(x, axis=-1)
        np.testing.assert_array_equal(out, want)
        assert want.dtype == result


@pytest.mark.parametrize("name", kernels.__all__)
def test_python_and_compiled_code_agree(name):
    x = rows(np.float64, (3, 40), 100)
    function = getattr(kernels, name)
    by_python = np.empty(x.shape, np.int64 if name == "argsort" else np.float64)
    by_machine = by_python.copy()
    function(x, by_python)
    {"sort": sort, "argsort": argsort, "cumsum": cumsum}[name](x, by_machine)
    np.testing.assert_array_equal(by_python, by_machine)


def test_nothing_is_allocated():
    for function in (sort, argsort):
        x = np.ones((2, 2))
        function(x, np.empty((2, 2), np.int64 if function is argsort else np.float64))
        for signature in function.signatures:
            assert "NRT_Allocate" not in function.inspect_llvm(signature)
            assert "NRT_MemInfo_alloc" not in function.inspect_llvm(signature)
