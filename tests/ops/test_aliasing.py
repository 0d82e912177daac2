"""What shares the memory of an array and what is a copy: for each of NumPy's functions as NumPy has it, or refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from staticbp import numpy as bnp
from staticbp.core.interpret import interpret
from staticbp.errors import MutationError, UnsupportedFunctionError
from tests.support import graph_of

M = np.arange(9.0).reshape(3, 3) + 1

REAL: dict[str, Callable[[Any, Any], Any]] = {
    "real": lambda np_, x: x.real,
    "np.real": lambda np_, x: np.real(x),
    "conj": lambda np_, x: x.conj(),
    "conjugate": lambda np_, x: x.conjugate(),
    "np.conj": lambda np_, x: np.conj(x),
    "np.real_if_close": lambda np_, x: np.real_if_close(x),
    "astype": lambda np_, x: x.astype(float),
    "astype without copy": lambda np_, x: x.astype(float, copy=False),
    "np.astype without copy": lambda np_, x: np.astype(x, float, copy=False),
    "astype of another dtype": lambda np_, x: x.astype(np.float32, copy=False),
    "np.nan_to_num": lambda np_, x: np.nan_to_num(x),
    "np.meshgrid": lambda np_, x: np.meshgrid(x[0], x[0])[0],
    "np.meshgrid of one": lambda np_, x: np.meshgrid(x[0])[0],
    "np.meshgrid without copy": lambda np_, x: np.meshgrid(x[0], x[0], sparse=True, copy=False)[1],
    "np.diff of no order": lambda np_, x: np.diff(x, n=0),
    "np.linalg.matrix_power": lambda np_, x: np.linalg.matrix_power(x, 1),
    "np.einsum, a transpose": lambda np_, x: np.einsum("ij->ji", x),
    "np.einsum, a diagonal": lambda np_, x: np.einsum("ii->i", x),
    "np.einsum, the same": lambda np_, x: np.einsum("ij->ij", x),
    "np.einsum, a sum": lambda np_, x: np.einsum("ij->i", x),
    "np.einsum of two": lambda np_, x: np.einsum("ij,->ij", x, 1.0),
    "np.diag": lambda np_, x: np.diag(x),
    "np.diag of a vector": lambda np_, x: np.diag(x[0]),
    "np.diagonal": lambda np_, x: np.diagonal(x),
    "reshape": lambda np_, x: x.reshape(9),
    "np.reshape with copy": lambda np_, x: np.reshape(x, 9, copy=True),
    "np.array": lambda np_, x: np_.array(x),
    "np.array with axes": lambda np_, x: np_.array(x, ndmin=3),
    "np.array with axes, without copy": lambda np_, x: np_.array(x, copy=None, ndmin=3),
    "np.asarray": lambda np_, x: np_.asarray(x),
    "np.asarray of a dtype": lambda np_, x: np_.asarray(x, float),
    "np.broadcast_arrays": lambda np_, x: np.broadcast_arrays(x, 1.0)[0],
    "np.unstack": lambda np_, x: np.unstack(x, axis=1)[1],
    "np.dsplit": lambda np_, x: np.dsplit(x[None], 3)[0],
    "np.rot90": lambda np_, x: np.rot90(x, 0),
    "mT": lambda np_, x: x.mT,
    "np.rollaxis": lambda np_, x: np.rollaxis(x, 1),
    "np.permute_dims": lambda np_, x: np.permute_dims(x),
    "clip": lambda np_, x: x.clip(),
    "+x": lambda np_, x: +x,
    "round": lambda np_, x: x.round(),
    "take": lambda np_, x: x.take([0], axis=0),
    "flatten": lambda np_, x: x.flatten(),
    "np.tile": lambda np_, x: np.tile(x, 1),
    "np.roll": lambda np_, x: np.roll(x, 0),
    "np.where": lambda np_, x: np.where(True, x, x),
    "np.pad": lambda np_, x: np.pad(x, 0),
    "sum over nothing": lambda np_, x: x.sum(axis=()),
    "max over nothing": lambda np_, x: x.max(axis=()),
    "np.block": lambda np_, x: np.block([x]),
    "np.choose": lambda np_, x: np.choose(0, [x]),
    "np.squeeze": lambda np_, x: np.squeeze(x),
    "np.atleast_2d": lambda np_, x: np.atleast_2d(x),
}


def changing(share: Callable[[Any, Any], Any], base: bool) -> Callable[[Any, Any], list[Any]]:
    """The array and what `share` makes of it, after one of the two was written to."""

    def function(np_: Any, x: Any) -> list[Any]:
        x = x.copy()
        y = share(np_, x)
        if base:
            x[0] = 7.0
        else:
            y[0] = 9.0
        return [x * 1, y * 1]

    return function


@pytest.mark.parametrize("base", [True, False], ids=["the array is written to", "the other is written to"])
@pytest.mark.parametrize("name", REAL)
def test_memory_is_shared_where_numpy_shares_it(name, base):
    function = changing(REAL[name], base)
    try:
        wanted = function(np, M)
    except ValueError:  # NumPy: assignment destination is read-only
        with pytest.raises(MutationError, match="NumPy lets nobody write to"):
            graph_of(lambda x: function(bnp, x), M)
        return
    for ours, numpys in zip(interpret(graph_of(lambda x: function(bnp, x), M), [M]), wanted, strict=True):
        np.testing.assert_array_equal(ours, numpys)


@pytest.mark.parametrize("part", ["real", "imag"])
def test_parts_of_complex_numbers_follow_them_and_are_not_written_to(part):
    def followed(z):
        z = z.copy()
        seen = getattr(z, part)
        z[0] = 5 + 6j
        return seen

    (found,) = interpret(graph_of(followed, M * (1 + 2j)), [M * (1 + 2j)])
    np.testing.assert_array_equal(found, followed(M * (1 + 2j)))

    def written(z):
        z = z.copy()
        getattr(z, part)[0] = 1.0
        return z

    with pytest.raises(MutationError, match="part of complex numbers"):
        graph_of(written, M * (1 + 2j))


def test_parts_are_assigned_as_a_whole():
    def assigned(z):
        z = z.copy()
        z.real = z.imag
        z.imag = 3.0
        return z

    (found,) = interpret(graph_of(assigned, M * (1 + 2j)), [M * (1 + 2j)])
    np.testing.assert_array_equal(found, assigned(M * (1 + 2j)))


def test_grids_repeat_their_elements_and_are_not_written_to():
    def followed(x):
        x = x.copy()
        grid = np.meshgrid(x, x, copy=False)[1]
        x[0] = 7.0
        return grid

    (found,) = interpret(graph_of(followed, M[0]), [M[0]])
    np.testing.assert_array_equal(found, followed(M[0]))

    def written(x):
        grid = np.meshgrid(x.copy(), x, copy=False)[0]
        grid[0, 0] = 7.0
        return grid

    with pytest.raises(MutationError, match="repeats the same elements"):
        graph_of(written, M[0])


def test_replacing_nan_in_place_is_refused():
    with pytest.raises(UnsupportedFunctionError, match=r"x\[...\] = np.nan_to_num\(x\)"):
        graph_of(lambda x: np.nan_to_num(x, copy=False), M)
