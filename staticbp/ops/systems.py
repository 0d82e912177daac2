"""Linear systems, and what is had by solving them: NumPy's `solve`, `inv`, `det`, `slogdet`, `pinv`, `lstsq`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.primitive import Value, value_aval
from staticbp.core.shape import Shape
from staticbp.errors import ShapeError
from staticbp.ops.compare import not_equal
from staticbp.ops.decompositions import (
    Tangents,
    adjoint,
    as_float,
    columns_of,
    diagonal,
    svd,
    svdvals,
)
from staticbp.ops.diagonal import diag
from staticbp.ops.factors import lu_factor, lu_solve, matrix_dims, real, square_dim
from staticbp.ops.linear import broadcast_to, fill
from staticbp.ops.options import alike, as_ints, given, traced
from staticbp.ops.products import matmul
from staticbp.ops.registry import implements, refuse
from staticbp.ops.ruled import differential, ruled
from staticbp.ops.shape import permuted, reshaped, swapped

SlogdetResult = type(np.linalg.slogdet(np.eye(1)))


def identity_like(a: Value) -> Value:
    """The identity in the place of each of the matrices."""
    aval = value_aval(a)
    return broadcast_to(diag(fill(1, Aval(aval.shape[-1:], aval.dtype))), aval.shape)


# ---- solving -----------------------------------------------------------------------------------------------


def solve_matrices(a: Value, b: Value) -> Value:
    """``a @ x == b`` for matrices with leading axes that broadcast; many `b` for one `a` are further columns of it."""
    shape_a, shape_b = value_aval(a).shape, value_aval(b).shape
    if len(shape_a) == 2 and len(shape_b) > 2:
        *leading, n, k = shape_b
        many = permuted(b, (*range(len(leading)), len(leading) + 1, len(leading)))
        rows = reshaped(many, (shapes.size((*leading, k)), n))
        found = lu_solve(a, rows, *lu_factor(a), transposed=False)
        return swapped(reshaped(found, (*leading, k, n)))
    leading_shape = shapes.broadcast(shape_a[:-2], shape_b[:-2])
    a = traced(broadcast_to(a, (*leading_shape, *shape_a[-2:])))
    b = traced(broadcast_to(b, (*leading_shape, *shape_b[-2:])))
    return swapped(lu_solve(a, swapped(b), *lu_factor(a), transposed=False))


@implements(np.linalg.solve)
def solve(a: Any, b: Any) -> Value:
    """As `np.linalg.solve`; a singular matrix is a `LinAlgError`."""
    matrix, right = alike(as_float(a), as_float(b))
    n = square_dim("np.linalg.solve", value_aval(matrix))
    shape = value_aval(right).shape
    if not shape or not shapes.same((shape[-2 if len(shape) > 1 else -1],), (n,)):
        raise ShapeError(f"np.linalg.solve: {value_aval(right)} is no right-hand side for {value_aval(matrix)}")
    if len(shape) == 1:
        columns = solve_matrices(matrix, columns_of(right))
        return reshaped(columns, value_aval(columns).shape[:-1])
    return solve_matrices(matrix, right)


@implements(np.linalg.inv)
def inv(a: Any) -> Value:
    """As `np.linalg.inv`; a singular matrix is a `LinAlgError`."""
    x = as_float(a)
    square_dim("np.linalg.inv", value_aval(x))
    return inverse(x)


def inverse(x: Value) -> Value:
    """The inverses of matrices: rows that solve the transposed system for those of the identity."""
    return lu_solve(x, identity_like(x), *lu_factor(x), transposed=True)


@implements(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Value:
    """As `np.linalg.tensorsolve`."""
    x, right = alike(as_float(a), as_float(b))
    if axes is not None:
        moved = [shapes.normalize_axis(axis, value_aval(x).ndim) for axis in as_ints(axes)]
        x = permuted(x, [*(axis for axis in range(value_aval(x).ndim) if axis not in moved), *moved])
    result = value_aval(x).shape[value_aval(right).ndim :]
    n = shapes.size(result)
    return reshaped(solve(reshaped(x, (n, n)), reshaped(right, (-1,))), result)


@implements(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Value:
    """As `np.linalg.tensorinv`."""
    x = as_float(a)
    shape: Shape = value_aval(x).shape
    if ind <= 0:
        raise ShapeError("np.linalg.tensorinv takes a positive ind")
    flat = reshaped(x, (shapes.size(shape[:ind]), shapes.size(shape[ind:])))
    return reshaped(inv(flat), (*shape[ind:], *shape[:ind]))


# ---- determinants ------------------------------------------------------------------------------------------


def _sign_and_log(x: Value) -> tuple[Value, Value]:
    """The sign and the logarithm of the determinant, by the diagonal of U and the parity of the exchanges."""
    aval = value_aval(x)
    lu, pivots = lu_factor(x)
    n = shapes.static(aval.shape[-1], "a determinant")
    places = traced(np.arange(1, n + 1, dtype=np.int32))
    exchanges = np.prod(np.where(not_equal(pivots, places), -1, 1), axis=-1)
    factors = diagonal(lu)
    sizes = np.abs(factors)
    sign = np.prod(np.where(sizes == 0, 0, factors / np.where(sizes == 0, 1, sizes)), axis=-1)
    return (exchanges * sign).astype(aval.dtype), np.sum(np.log(sizes), axis=-1).astype(real(aval.dtype))


def _relative(da: Value, a: Value) -> Value:
    """``trace(A⁻¹ dA)``: by how much, relative to it, the determinant changes (Giles 2008, 2.2.4)."""
    return np.sum(swapped(inverse(a)) * da, axis=(-2, -1))


@differential("slogdet")
def _slogdet_jvp(tangents: Tangents, values: tuple[Value, Value], a: Value) -> tuple[Value | None, Value]:
    """The real part of ``trace(A⁻¹ dA)``, by which the logarithm grows; the imaginary part turns the sign."""
    sign, _ = values
    moved = _relative(tangents[0], a)
    return (1j * moved.imag * sign if value_aval(a).dtype.kind == "c" else None), moved.real


@differential("det")
def _det_jvp(tangents: Tangents, det: Value, a: Value) -> Value:
    """``det A trace(A⁻¹ dA)`` (Giles 2008, 2.2.4)."""
    return det * _relative(tangents[0], a)


@implements(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    """As `np.linalg.slogdet`; the derivative at a singular matrix is a `LinAlgError`."""
    x = as_float(a)
    square_dim("np.linalg.slogdet", value_aval(x))
    return SlogdetResult(*ruled("slogdet", _sign_and_log(x), x))


@implements(np.linalg.det)
def det(a: Any) -> Value:
    """As `np.linalg.det`; the derivative at a singular matrix is a `LinAlgError`."""
    x = as_float(a)
    square_dim("np.linalg.det", value_aval(x))
    sign, logarithm = _sign_and_log(x)
    return ruled("det", sign * np.exp(logarithm), x)


# ---- least squares -----------------------------------------------------------------------------------------


@differential("pinv")
def _pinv_jvp(tangents: Tangents, inverse: Value, a: Value) -> Value:
    """``-A⁺ dA A⁺ + A⁺ A⁺ᴴ dAᴴ (I - A A⁺) + (I - A⁺ A) dAᴴ A⁺ᴴ A⁺`` (Golub and Pereyra 1973)."""
    da = tangents[0]
    dah, across = adjoint(da), adjoint(inverse)
    total = -matmul(matmul(inverse, da), inverse)
    left = matmul(matmul(inverse, across), dah)
    total = total + left - matmul(matmul(left, a), inverse)
    right = matmul(matmul(dah, across), inverse)
    return total + right - matmul(inverse, matmul(a, right))


@implements(np.linalg.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue) -> Value:
    """As `np.linalg.pinv`, without `hermitian`; the derivative is that for matrices whose rank stays."""
    refuse("np.linalg.pinv", hermitian=hermitian or None)
    x = as_float(a)
    rows, columns = shapes.static_shape(matrix_dims("np.linalg.pinv", value_aval(x)), "np.linalg.pinv")
    limit: Any = 1e-15 if rcond is None else rcond
    if given(rtol):
        limit = rtol
    elif rtol is None:
        limit = max(rows, columns) * float(np.finfo(value_aval(x).dtype).eps)
    return ruled("pinv", _pseudoinverse(x, limit), x)


def _pseudoinverse(x: Value, limit: Any) -> Value:
    u, s, vh = svd(x, full_matrices=False)
    return matmul(adjoint(vh), columns_of(_inverted(s, limit)) * adjoint(u))


def _inverted(s: Value, limit: Any) -> Value:
    """``1 / s``, and 0 for the singular values that are too small, relative to the largest, to count."""
    bound = traced(limit) * np.max(s, axis=-1)
    counts = s > columns_of(bound)
    return np.where(counts, 1 / np.where(counts, s, 1), 0)


@implements(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Value, Value, Value, Value]:
    """As `np.linalg.lstsq`, of one matrix; there are residuals whenever it has more rows than columns."""
    matrix, right = alike(as_float(a), as_float(b))
    if value_aval(matrix).ndim != 2 or value_aval(right).ndim not in (1, 2):
        raise ShapeError("np.linalg.lstsq takes a matrix, and a vector or a matrix")
    rows, columns = shapes.static_shape(value_aval(matrix).shape, "np.linalg.lstsq")
    limit: Any = max(rows, columns) * float(np.finfo(value_aval(matrix).dtype).eps)
    limit = limit if rcond is None else max(rcond, 0.0) or float(np.finfo(value_aval(matrix).dtype).eps)
    x = ruled("pinv", _pseudoinverse(matrix, limit), matrix) @ right
    s = svdvals(matrix)
    rank = np.sum(s > limit * np.max(s), dtype=np.int32)
    if rows > columns:
        missing = np.abs(right - matrix @ x)
        residuals = np.atleast_1d(np.sum(missing * missing, axis=0))
    else:
        residuals = traced(np.zeros(0, value_aval(s).dtype))
    return x, residuals, rank, s


# ---- ranks and conditions ----------------------------------------------------------------------------------


@implements(np.linalg.matrix_rank)
def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Value:
    """As `np.linalg.matrix_rank`, without `hermitian`."""
    refuse("np.linalg.matrix_rank", hermitian=hermitian or None)
    x = as_float(A)
    if value_aval(x).ndim < 2:
        return np.any(x != 0).astype(np.int64)
    s = svdvals(x)
    rows, columns = shapes.static_shape(value_aval(x).shape[-2:], "np.linalg.matrix_rank")
    largest = np.max(s, axis=-1)
    if tol is None:
        scale = max(rows, columns) * float(np.finfo(value_aval(s).dtype).eps) if rtol is None else traced(rtol)
        tol = largest * scale
    return np.sum(s > columns_of(traced(tol)), axis=-1)


@implements(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Value:
    """As `np.linalg.cond`; a singular matrix is a `LinAlgError` for the norms that need its inverse."""
    value = as_float(x)
    if p is None or p in (2, -2):
        s = svdvals(value)
        first, last = (np.take(s, i, axis=-1) for i in (0, -1))
        return last / first if p == -2 else first / last
    square_dim("np.linalg.cond", value_aval(value))
    norms = [np.linalg.norm(matrix, p, axis=(-2, -1)) for matrix in (value, inverse(value))]
    return norms[0] * norms[1]


def powers(x: Value, exponent: int) -> Value:
    """``x @ x @ … @ x``, by squaring; of the inverse for a negative exponent."""
    if exponent < 0:
        return powers(inverse(x), -exponent)
    if not exponent:
        return identity_like(x)
    result: Value | None = None
    while exponent:
        if exponent % 2:
            result = x if result is None else matmul(result, x)
        exponent //= 2
        x = matmul(x, x) if exponent else x
    return result


@implements(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Value:
    """As `np.linalg.matrix_power`; negative powers are those of the inverse."""
    power = int(n.__index__())
    (x,) = alike(a) if power >= 0 else (as_float(a),)
    shape = value_aval(x).shape
    if len(shape) < 2 or not shapes.same(shape[-1:], shape[-2:-1]):
        raise ShapeError(f"np.linalg.matrix_power takes square matrices, not an array of shape {shapes.text(shape)}")
    return powers(x, power)


__all__: Sequence[str] = ("cond", "det", "inv", "lstsq", "matrix_power", "pinv", "slogdet", "solve")
