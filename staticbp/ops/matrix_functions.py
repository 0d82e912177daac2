"""Functions of matrices, and systems with structure: what SciPy's ``linalg`` has besides NumPy's."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.primitive import Value, value_aval
from staticbp.errors import ShapeError
from staticbp.ops.control import stop_gradient
from staticbp.ops.decompositions import Tangents, as_float, columns_of
from staticbp.ops.diagonal import triangle
from staticbp.ops.factors import (
    lu_factor,
    repeated_squares,
    schur_factors,
    square_dim,
    triangular_solve,
    triangular_sylvester,
)
from staticbp.ops.linear import add_all, broadcast_to, fill
from staticbp.ops.options import alike, traced
from staticbp.ops.products import matmul
from staticbp.ops.ruled import cotangents, differential, ruled
from staticbp.ops.shape import concatenate, reshaped, sliced, swapped
from staticbp.ops.systems import identity_like, inv, solve_matrices

# ---- triangular systems ------------------------------------------------------------------------------------


def solve_triangular(t: Any, b: Any, *, lower: bool, transposed: int | str, unit: bool) -> Value:
    """``t @ x == b`` for a triangular `t`; `transposed` is 0, 1 or 2, or N, T or C, as SciPy has it."""
    matrix, right = alike(as_float(t), as_float(b))
    n = square_dim("scipy.linalg.solve_triangular", value_aval(matrix))
    shape = value_aval(right).shape
    is_vector = len(shape) == 1
    columns = columns_of(right) if is_vector else right
    if not shape or not shapes.same((value_aval(columns).shape[-2],), (n,)):
        raise ShapeError(f"a triangular system: {value_aval(right)} is no right-hand side for {value_aval(matrix)}")
    leading = shapes.broadcast(value_aval(matrix).shape[:-2], value_aval(columns).shape[:-2])
    matrix = traced(broadcast_to(matrix, (*leading, *value_aval(matrix).shape[-2:])))
    columns = traced(broadcast_to(columns, (*leading, *value_aval(columns).shape[-2:])))
    if transposed in (2, "C"):
        matrix = np.conjugate(matrix)
    flags = {"lower": bool(lower), "transposed": transposed not in (0, "N"), "unit": bool(unit)}
    x = swapped(triangular_solve(matrix, swapped(columns), **flags))
    return reshaped(x, value_aval(x).shape[:-1]) if is_vector else x


def cho_solve(c: Any, lower: bool, b: Any) -> Value:
    """``a @ x == b`` by the Cholesky factor of `a`."""
    first, second = (0, 2) if lower else (2, 0)
    half = solve_triangular(c, b, lower=lower, transposed=first, unit=False)
    return solve_triangular(c, half, lower=lower, transposed=second, unit=False)


# ---- LU ----------------------------------------------------------------------------------------------------


def lu(x: Value, order: Callable[[Value], Value]) -> tuple[Value, Value, Value]:
    """L without its ones and U in one matrix, the row that each row changed places with, and where each came from.

    `order` makes the last of the one before: it is a loop, and made where loops are.
    """
    rows, pivots = lu_factor(x)
    places = pivots - 1
    came_from = order(places)
    return ruled("lu", swapped(rows), x, came_from), places, came_from


@differential("lu")
def _lu_jvp(tangents: Tangents, factors: Value, a: Value, came_from: Value) -> Value:
    """``dL = L tril(W)`` without the diagonal and ``dU = triu(W) U`` for ``W = L⁻¹ P dA U⁻¹`` (Seeger et al. 2017)."""
    moved = np.take_along_axis(tangents[0], columns_of(came_from), axis=-2)
    half = swapped(triangular_solve(factors, swapped(moved), lower=True, transposed=False, unit=True))
    inner = triangular_solve(factors, half, lower=False, transposed=True, unit=False)
    below, above = triangle(factors, k=-1, lower=True), triangle(factors, k=0, lower=False)
    inner_below = triangle(inner, k=-1, lower=True)
    return inner_below + matmul(below, inner_below) + matmul(inner - inner_below, above)


# ---- the exponential ---------------------------------------------------------------------------------------

# N. J. Higham, "The scaling and squaring method for the matrix exponential revisited" (2005), SIAM J. Matrix Anal.
# Appl. 26: coefficients of the Padé approximant of degree 13, and the norm up to which it is exact in double precision.
_PADE = (
    *(64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0),
    *(10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0),
)
_BOUND = 5.371920351148152


def _expm_value(a: Value) -> Value:
    """``(N(a / 2^k) / D(a / 2^k)) ^ (2^k)``: a quotient of polynomials, squared k times."""
    norm = np.max(np.sum(np.abs(a), axis=-2), axis=-1)
    is_large = (norm > _BOUND) & (norm < inf)
    times = np.ceil(np.log2(np.where(is_large, norm, _BOUND) / _BOUND)).astype(np.int64)
    scale = np.exp2(-times.astype(value_aval(norm).dtype))
    x = a * columns_of(columns_of(scale)).astype(value_aval(a).dtype)
    one, b = identity_like(x), _PADE
    x2 = matmul(x, x)
    x4 = matmul(x2, x2)
    x6 = matmul(x2, x4)
    odd = matmul(x6, b[13] * x6 + b[11] * x4 + b[9] * x2) + b[7] * x6 + b[5] * x4 + b[3] * x2 + b[1] * one
    even = matmul(x6, b[12] * x6 + b[10] * x4 + b[8] * x2) + b[6] * x6 + b[4] * x4 + b[2] * x2 + b[0] * one
    odd = matmul(x, odd)
    return repeated_squares(solve_matrices(even - odd, even + odd), times)


def expm(a: Any) -> Value:
    """The exponential of matrices."""
    x = as_float(a)
    square_dim("scipy.linalg.expm", value_aval(x))
    return ruled("expm", _expm_value(x), x)


def expm_frechet(a: Value, direction: Value) -> Value:
    """The change of ``expm(a)`` in a direction E: ``expm([[a, E], [0, a]])`` has it in its corner."""
    *leading, n, _ = value_aval(a).shape
    still, ones = tuple(0 for _ in leading), tuple(1 for _ in leading)
    rank = len(leading)
    nothing = fill(0, value_aval(a))
    above = concatenate(a, direction, axis=rank + 1)
    below = concatenate(nothing, a, axis=rank + 1)
    whole = expm(concatenate(above, below, axis=rank))
    return sliced(whole, (*still, 0, n), (*ones, 1, 1), (*leading, n, n))


@differential("expm")
def _expm_jvp(tangents: Tangents, out: Value, a: Value) -> Value:
    """``expm([[A, dA], [0, A]])`` has it in its corner (C. F. Van Loan 1978; Higham 2008, 3.2)."""
    return expm_frechet(a, tangents[0])


@cotangents("expm")
def _expm_vjp(ct: Value, out: Value, a: Value) -> Value:
    return expm_frechet(swapped(a), ct)


# ---- Sylvester's equation, and the square root ----------------------------------------------------------------


def _sylvester_value(a: Value, b: Value, q: Value) -> Value:
    """By Schur decompositions ``a = U T Uᴴ`` and ``b = V S Vᴴ`` (Bartels and Stewart 1972)."""
    (t, u), (s, v) = schur_factors(a), schur_factors(b)  # all four transposed
    f = matmul(matmul(v, swapped(q)), np.conjugate(swapped(u)))
    y = triangular_sylvester(t, s, f)
    return matmul(matmul(swapped(u), swapped(y)), np.conjugate(v))


def sylvester(a: Value, b: Value, q: Value) -> Value:
    """The solution of ``a @ x + x @ b == q``, for operands with the same leading axes."""
    return ruled("sylvester", _sylvester_value(a, b, q), a, b, q)


@differential("sylvester")
def _sylvester_jvp(tangents: Tangents, x: Value, a: Value, b: Value, q: Value) -> Value:
    """``A dX + dX B = dQ - dA X - X dB`` (Giles 2008, 2.2 for the linear system that it is)."""
    da, db, dq = tangents
    terms = [dq, None if da is None else -matmul(da, x), None if db is None else -matmul(x, db)]
    return sylvester(a, b, add_all(terms))


@cotangents("sylvester")
def _sylvester_vjp(ct: Value, x: Value, a: Value, b: Value, q: Value) -> tuple[Value, Value, Value]:
    solved = sylvester(swapped(a), swapped(b), ct)
    return -matmul(solved, swapped(x)), -matmul(swapped(x), solved), solved


def solve_sylvester(a: Any, b: Any, q: Any) -> Value:
    """``a @ x + x @ b == q``."""
    left, right, given = alike(as_float(a), as_float(b), as_float(q))
    m, n = (square_dim("scipy.linalg.solve_sylvester", value_aval(x)) for x in (left, right))
    if not shapes.same(value_aval(given).shape[-2:], (m, n)):
        raise ShapeError(
            f"a @ x + x @ b = q: {value_aval(given)} is no q for {value_aval(left)} and {value_aval(right)}"
        )
    leading = shapes.broadcast(*(value_aval(x).shape[:-2] for x in (left, right, given)))
    spread = (traced(broadcast_to(x, (*leading, *value_aval(x).shape[-2:]))) for x in (left, right, given))
    return sylvester(*spread)


@differential("sqrtm")
def _sqrtm_jvp(tangents: Tangents, root: Value, a: Value) -> Value:
    """``X dX + dX X = dA`` (Higham 2008, 6.1)."""
    return sylvester(root, root, tangents[0])


_STEPS = 12  # twice what a condition number of 1e10 takes


def _sqrtm_value(a: Value) -> Value:
    """By the product form of the Denman-Beavers iteration, with determinants to scale it (Cheng et al. 2001)."""
    one = identity_like(a)
    n = shapes.static(value_aval(a).shape[-1], "scipy.linalg.sqrtm")
    product, root = a, a
    for step in range(_STEPS):
        inverse = inv(product)
        scale: Value = 1.0
        if step < _STEPS // 2:
            scale = columns_of(columns_of(np.exp(np.linalg.slogdet(product)[1] * (-0.5 / n))))
        root = 0.5 * scale * matmul(root, one + inverse / (scale * scale))
        product = 0.5 * (one + 0.5 * (scale * scale * product + inverse / (scale * scale)))
    missing = np.max(np.abs(matmul(root, root) - a), axis=(-2, -1), keepdims=True)
    size = np.max(np.abs(a), axis=(-2, -1), keepdims=True)
    tolerance = float(np.sqrt(np.finfo(value_aval(a).dtype).eps))
    return np.where(missing <= tolerance * size, root, np.nan)


def sqrtm(a: Any) -> Value:
    """The principal square root of matrices; NaN where a real matrix has none that is real."""
    x = as_float(a)
    square_dim("scipy.linalg.sqrtm", value_aval(x))
    return ruled("sqrtm", _sqrtm_value(stop_gradient(x)), x)


# ---- matrices with structure -------------------------------------------------------------------------------


def block_diag(*arrays: Any) -> Value:
    """Matrices one after the other along the diagonal, zeros beside them."""
    blocks = [np.atleast_2d(x) for x in alike(*arrays)]
    width = shapes.total([value_aval(x).shape[-1] for x in blocks])
    dtype = value_aval(blocks[0]).dtype
    rows: list[Value] = []
    before: Any = 0
    for block in blocks:
        height, own = value_aval(block).shape
        after = shapes.total([width, shapes.negate(shapes.total([before, own]))])
        parts = [fill(0, Aval((height, before), dtype)), block, fill(0, Aval((height, after), dtype))]
        rows.append(concatenate(*(traced(part) for part in parts), axis=1))
        before = shapes.total([before, own])
    return concatenate(*rows, axis=0)


def toeplitz(c: Any, r: Any = None) -> Value:
    """The matrix with the first column `c` and the first row `r`, constant along its diagonals."""
    column, row = alike(c, np.conjugate(traced(c)) if r is None else r)
    column, row = np.ravel(column), np.ravel(row)
    height, width = shapes.static_shape((value_aval(column).shape[0], value_aval(row).shape[0]), "a Toeplitz matrix")
    values = concatenate(np.flip(column), sliced(row, (1,), (1,), (width - 1,)), axis=0)
    places = height - 1 + np.arange(width)[None, :] - np.arange(height)[:, None]
    return np.take(values, places)


__all__ = [
    "block_diag",
    "cho_solve",
    "expm",
    "expm_frechet",
    "lu",
    "solve_sylvester",
    "solve_triangular",
    "sqrtm",
    "toeplitz",
]
