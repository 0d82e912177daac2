import itertools

import numpy as np
import pytest

from staticbp.core import shape as shapes
from staticbp.core.shape import DimExpr, symbol
from staticbp.errors import ShapeError

N, M = symbol("n"), symbol("m")
SIZES = [{"n": n, "m": m} for n, m in itertools.product((1, 2, 5), (1, 3, 4))]


def value(dim, sizes):
    return dim.evaluate(sizes) if isinstance(dim, DimExpr) else dim


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (N + 2, lambda n, m: n + 2),
        (2 + N, lambda n, m: n + 2),
        (N - 1, lambda n, m: n - 1),
        (7 - N, lambda n, m: 7 - n),
        (3 * N * M - N, lambda n, m: 3 * n * m - n),
        ((N + 1) * (M - 2), lambda n, m: (n + 1) * (m - 2)),
        ((N + M) * (N - M), lambda n, m: n * n - m * m),
        (-(N * N), lambda n, m: -(n**2)),
    ],
    ids=lambda value: None if callable(value) else str(value),
)
def test_polynomials_compute_what_integers_do(made, wanted):
    for sizes in SIZES:
        assert value(made, sizes) == wanted(**sizes)


def test_equal_polynomials_are_the_same_however_they_were_made():
    assert (N + 1) * (N - 1) == N * N - 1
    assert M * N == N * M
    assert hash(M * N + 2) == hash(2 + N * M)
    assert shapes.same((N + N, 3), (2 * N, 3))
    assert not shapes.same((N,), (M,))
    assert not shapes.same((N,), (N, 1))


def test_what_has_no_symbols_left_is_an_integer():
    assert N - N == 0
    assert isinstance(N - N + 4, int)
    assert isinstance(0 * N, int)
    assert (N * M + 2).symbols() == {"n", "m"}


@pytest.mark.parametrize(
    ("dim", "text"), [(N * 3 + 2, "3*n + 2"), (-N, "-n"), (2 - N, "-n + 2"), (N * M - 4 * M, "m*n - 4*m"), (N, "n")]
)
def test_text(dim, text):
    assert str(dim) == text


@pytest.mark.parametrize(
    "group",
    [
        [(3, 1), (4,)],
        [(2, 3), (2, 3)],
        [(), (5,)],
        [(1,), (0,)],
        [(7, 1, 5), (6, 1), (1, 1, 1, 5)],
        [()],
        [(0, 3), (3,)],
    ],
    ids=str,
)
def test_broadcasting_is_numpys(group):
    assert shapes.broadcast(*group) == np.broadcast_shapes(*group)


def test_broadcasting_symbols():
    assert shapes.broadcast((N, 1), (3,)) == (N, 3)
    assert shapes.broadcast((N,), (N,)) == (N,)
    with pytest.raises(ShapeError, match=r"shapes \(n,\) and \(4,\) cannot be broadcast"):
        shapes.broadcast((N,), (4,))
    with pytest.raises(ShapeError, match=r"shapes \(2, 3\) and \(2,\)"):
        shapes.broadcast((2, 3), (2,))


@pytest.mark.parametrize(
    ("old", "new"), [((6,), (2, 3)), ((2, 3), (-1,)), ((4, 0), (0, 7)), ((4,), (2, -1, 1)), ((), (1, 1)), ((1,), ())]
)
def test_reshapes_are_numpys(old, new):
    assert shapes.resolve_reshape(old, new) == np.zeros(old).reshape(new).shape


def test_reshapes_of_symbols():
    assert shapes.resolve_reshape((N, 6), (-1, 3)) == (2 * N, 3)
    assert shapes.resolve_reshape((N * M,), (N, -1)) == (N, M)
    assert shapes.resolve_reshape((N, 2), (2 * N,)) == (2 * N,)


@pytest.mark.parametrize(
    ("old", "new"),
    [((6,), (4,)), ((6,), (-1, 4)), ((6,), (-1, -1)), ((N,), (3,)), ((N + 1,), (-1, N)), ((0,), (0, -1))],
)
def test_impossible_reshapes(old, new):
    with pytest.raises(ShapeError):
        shapes.resolve_reshape(old, new)


@pytest.mark.parametrize(
    ("dividend", "divisor", "quotient"),
    [
        (12, 4, 3),
        (12, 5, None),
        (0, 0, 0),
        (3, 0, None),
        (6 * N * M, 2 * N, 3 * M),
        (N, 2, None),
        (N + M, N, None),
        (N + 1, N + 1, 1),
        (N * N + N, N, N + 1),
        (0, N, 0),
    ],
)
def test_division(dividend, divisor, quotient):
    assert shapes.divide(dividend, divisor) == quotient


def test_axes():
    assert shapes.normalize_axis(-1, 3) == 2
    assert shapes.normalize_axes(None, 2) == (0, 1)
    assert shapes.normalize_axes((-1, 0), 3) == (0, 2)
    assert shapes.normalize_axes(np.int64(1), 3) == (1,)
    with pytest.raises(ShapeError, match="axis 3 is out of bounds"):
        shapes.normalize_axis(3, 3)
    with pytest.raises(ShapeError, match="names an axis twice"):
        shapes.normalize_axes((0, -2), 2)


def test_small_change():
    assert shapes.size((2, N, 3)) == 6 * N
    assert shapes.size(()) == 1
    assert shapes.total((N, 2, N)) == 2 * N + 2
    assert shapes.negate(N - 2) == 2 - N
    assert shapes.without((2, 3, 4), (1, 2)) == (2,)
    assert shapes.permute((2, 3, N), (2, 0, 1)) == (N, 2, 3)
    assert shapes.squeezed((1, N, 1, 3)) == (N, 3)
    assert shapes.text((3,)) == "(3,)"
    assert shapes.text((N, 4)) == "(n, 4)"
    assert shapes.evaluate((N, 4, M + 1), {"n": 7, "m": 2}) == (7, 4, 3)


def test_a_concrete_size_is_asked_for_by_name():
    assert shapes.static_shape((2, 3)) == (2, 3)
    assert shapes.is_static((2,))
    assert not shapes.is_static((2, N))
    with pytest.raises(ShapeError, match=r"len\(\) needs a concrete size, but this dimension is the symbol n \+ 1"):
        shapes.static(N + 1, "len()")
