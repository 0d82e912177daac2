"""NumPy's decompositions of matrices, and their differentials.

Where a decomposition is not unique (the sign of a vector, a basis of an eigenspace), derivatives are those of what does
not depend on the choice.  Equal eigenvalues or singular values leave directions open; there the differential takes
no turn within their space, which is right for everything that depends on the space alone.

- M. B. Giles, "An extended collection of matrix derivative results for forward and reverse mode algorithmic
  differentiation", Oxford University Computing Laboratory, report 08/01 (2008).
- I. Murray, "Differentiation of the Cholesky decomposition" (2016), arXiv:1602.07527.
- J. Townsend, "Differentiating the singular value decomposition" (2016).
- S. F. Walter and L. Lehmann, "Algorithmic differentiation of linear algebra functions with application in optimum
  experimental design" (2010), arXiv:1001.1654.
- C. Boeddeker, P. Hanebrink, L. Drude, J. Heymann, R. Haeb-Umbach, "On the computation of complex-valued gradients
  with application to statistically optimum beamforming" (2017), arXiv:1701.00392.
- M. Seeger, A. Hetzel, Z. Dai, E. Meissner, N. D. Lawrence, "Auto-differentiating linear algebra" (2017),
  arXiv:1710.08717.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.primitive import Value, value_aval
from staticbp.errors import NotDifferentiableError, UnsupportedFunctionError
from staticbp.ops.arithmetic import divide_or_zero
from staticbp.ops.complex import as_complex
from staticbp.ops.diagonal import diagonal_of, triangle
from staticbp.ops.factors import (
    cholesky_factor,
    complex_of,
    eig_factors,
    eigh_factors,
    eigvals_of,
    eigvalsh_of,
    lu_factor,
    lu_solve,
    matrix_dims,
    qr_factors,
    square_dim,
    svd_factors,
    svdvals_of,
    triangular_solve,
)
from staticbp.ops.options import alike, traced
from staticbp.ops.products import matmul
from staticbp.ops.registry import implements, refuse
from staticbp.ops.ruled import differential, ruled
from staticbp.ops.shape import concatenate, reshaped, sliced, swapped

# The results are NumPy's named tuples, which its interface does not hand out.
EigResult = type(np.linalg.eig(np.eye(1)))
EighResult = type(np.linalg.eigh(np.eye(1)))
QRResult = type(np.linalg.qr(np.eye(1)))
SVDResult = type(np.linalg.svd(np.eye(1)))

Tangents = Sequence[Value | None]


def as_float(x: Any) -> Value:
    """An array of floats; integers become float64."""
    (value,) = alike(x)
    return value if value_aval(value).is_float else traced(value).astype(np.float64)


def adjoint(x: Value) -> Value:
    """The conjugate transpose."""
    return np.conjugate(swapped(x))


def diagonal(x: Value) -> Value:
    """The diagonals of matrices."""
    return diagonal_of(x, 0, -2, -1)


def hermitian_part(x: Value) -> Value:
    """``(x + x.H) / 2``."""
    return 0.5 * (x + adjoint(x))


def rows_of(x: Value) -> Value:
    """A vector, or many, as a row to be broadcast along."""
    shape = value_aval(x).shape
    return reshaped(x, (*shape[:-1], 1, shape[-1]))


def columns_of(x: Value) -> Value:
    """A vector, or many, as a column to be broadcast along."""
    return reshaped(x, (*value_aval(x).shape, 1))


def differences(x: Value) -> Value:
    """``x[j] - x[i]``."""
    return rows_of(x) - columns_of(x)


# ---- Cholesky ----------------------------------------------------------------------------------------------


@differential("cholesky")
def _cholesky_jvp(tangents: Tangents, low: Value, a: Value) -> Value:
    """``L Φ(L⁻¹ dA L⁻ᴴ)``, where Φ takes the lower triangle and half of the diagonal (Murray 2016)."""
    moved = np.conjugate(_lower_solve(low, np.conjugate(hermitian_part(tangents[0]))))
    inner = swapped(_lower_solve(low, swapped(moved)))
    return matmul(low, 0.5 * (triangle(inner, k=0, lower=True) + triangle(inner, k=-1, lower=True)))


def _lower_solve(low: Value, rows: Value) -> Value:
    return triangular_solve(low, rows, lower=True, transposed=False, unit=False)


@implements(np.linalg.cholesky)
def cholesky(a: Any, /, *, upper: bool = False) -> Value:
    """As `np.linalg.cholesky`; the derivative is that for matrices that stay Hermitian, and is Hermitian itself."""
    x = as_float(a)
    square_dim("np.linalg.cholesky", value_aval(x))
    read = adjoint(x) if upper else x
    low = ruled("cholesky", cholesky_factor(read), read)
    return adjoint(low) if upper else low


# ---- QR ----------------------------------------------------------------------------------------------------


@differential("qr")
def _qr_jvp(tangents: Tangents, factors: tuple[Value, Value], a: Value) -> tuple[Value, Value]:
    """With ``W = Qᴴ dA R⁻¹``: ``dQ = dA R⁻¹ - Q (W - Ω)`` and ``dR = (W - Ω) R``, Ω skew (Walter and Lehmann 2010)."""
    q, r = factors
    if value_aval(q).shape[-1] != value_aval(r).shape[-1]:
        raise NotDifferentiableError(
            "np.linalg.qr of a matrix with more rows than columns, in mode 'complete', has no derivative: the last "
            "columns of q are any basis",
            advice="Write mode='reduced'.",
        )
    scaled = triangular_solve(r, tangents[0], lower=False, transposed=True, unit=False)
    inner = matmul(adjoint(q), scaled)
    below = triangle(inner, k=-1, lower=True)
    upper = inner - below + adjoint(below)  # what is skew has gone into Q
    if value_aval(q).dtype.kind == "c":
        upper = upper - 1j * triangle(triangle(inner.imag, k=0, lower=True), k=0, lower=False)
    return scaled - matmul(q, upper), matmul(upper, r)


def _qr(x: Value, complete: bool) -> tuple[Value, Value]:
    """The factors of a matrix; those of a wide one are made of those of its first columns."""
    rows, columns = shapes.static_shape(matrix_dims("np.linalg.qr", value_aval(x)), "np.linalg.qr")
    if rows >= columns:
        q, r = ruled("qr", qr_factors(x, complete=complete and rows > columns), x)
        return q, r
    leading = value_aval(x).shape[:-2]
    still, ones = tuple(0 for _ in leading), tuple(1 for _ in leading)
    first = sliced(x, (*still, 0, 0), (*ones, 1, 1), (*leading, rows, rows))
    rest = sliced(x, (*still, 0, rows), (*ones, 1, 1), (*leading, rows, columns - rows))
    q, r = _qr(first, False)
    return q, concatenate(r, matmul(adjoint(q), rest), axis=len(leading) + 1)


@implements(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    """As `np.linalg.qr`, without the mode 'raw'."""
    if mode not in ("reduced", "complete", "r"):
        raise UnsupportedFunctionError(f"np.linalg.qr with mode={mode!r} is not supported on traced values")
    x = as_float(a)
    dtype = value_aval(x).dtype
    wide = np.result_type(dtype, np.float64)  # NumPy's factorisation is in double precision
    q, r = _qr(traced(x).astype(wide), mode == "complete")
    q, r = traced(q).astype(dtype), traced(r).astype(dtype)
    return r if mode == "r" else QRResult(q, r)


# ---- singular values ---------------------------------------------------------------------------------------


@differential("svd")
def _svd_jvp(tangents: Tangents, factors: tuple[Value, Value, Value], a: Value) -> tuple[Value, Value, Value]:
    """With ``P = Uᴴ dA V``: ``ds = diag P``, ``dU = U ((P S + S Pᴴ)_ij / (s_j² - s_i²)) + …`` (Townsend 2016)."""
    da, (u, s, vh) = tangents[0], factors
    rows, columns, count = shapes.static_shape((*value_aval(a).shape[-2:], value_aval(s).shape[-1]), "np.linalg.svd")
    if value_aval(u).shape[-1] != value_aval(vh).shape[-2]:
        raise NotDifferentiableError(
            "the singular vectors of a matrix that is not square have no derivative where np.linalg.svd completes "
            "them: the last ones are any basis",
            advice="Write full_matrices=False.",
        )
    uh, v = adjoint(u), adjoint(vh)
    inner = matmul(matmul(uh, da), v)
    ds = diagonal(inner).real
    row, column = rows_of(s), columns_of(s)
    gaps = (row - column) * (row + column)
    scaled = inner * row
    turned_u = divide_or_zero(scaled + adjoint(scaled), gaps)
    scaled = column * inner
    turned_v = divide_or_zero(scaled + adjoint(scaled), gaps)
    if value_aval(a).dtype.kind == "c":
        turned_u = turned_u + divide_or_zero(_on_diagonal(0.5 * (inner - adjoint(inner))), row)
    du, dv = matmul(u, turned_u), matmul(v, turned_v)
    if rows > count:
        moved = matmul(da, v)
        du = du + divide_or_zero(moved - matmul(u, matmul(uh, moved)), row)
    if columns > count:
        moved = matmul(adjoint(da), u)
        dv = dv + divide_or_zero(moved - matmul(v, matmul(vh, moved)), row)
    return du, ds, adjoint(dv)


def _on_diagonal(x: Value) -> Value:
    return triangle(triangle(x, k=0, lower=True), k=0, lower=False)


@differential("svdvals")
def _svdvals_jvp(tangents: Tangents, s: Value, a: Value) -> Value:
    """``diag(Uᴴ dA V)`` (Giles 2008, 3.3)."""
    u, _, vh = svd(a, full_matrices=False)
    return np.sum(np.conjugate(u) * matmul(tangents[0], adjoint(vh)), axis=-2).real


@implements(np.linalg.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """As `np.linalg.svd`, without `hermitian`."""
    refuse("np.linalg.svd", hermitian=hermitian or None)
    if not compute_uv:
        return svdvals(a)
    x = as_float(a)
    rows, columns = matrix_dims("np.linalg.svd", value_aval(x))
    complete = bool(full_matrices) and not shapes.same((rows,), (columns,))
    return SVDResult(*ruled("svd", svd_factors(x, complete=complete), x))


@implements(np.linalg.svdvals)
def svdvals(x: Any, /) -> Value:
    """As `np.linalg.svdvals`."""
    value = as_float(x)
    matrix_dims("np.linalg.svdvals", value_aval(value))
    return ruled("svdvals", svdvals_of(value), value)


# ---- eigenvalues of Hermitian matrices ---------------------------------------------------------------------


@differential("eigh")
def _eigh_jvp(tangents: Tangents, factors: tuple[Value, Value], a: Value) -> tuple[Value, Value]:
    """With ``P = Vᴴ dA V``: ``dw = diag P`` and ``dV = V (P_ij / (w_j - w_i))`` (Giles 2008, 3.1)."""
    w, v = factors
    inner = matmul(matmul(adjoint(v), hermitian_part(tangents[0])), v)
    return diagonal(inner).real, matmul(v, divide_or_zero(inner, differences(w)))


@differential("eigvalsh")
def _eigvalsh_jvp(tangents: Tangents, w: Value, a: Value) -> Value:
    """``diag(Vᴴ dA V)`` (Giles 2008, 3.1)."""
    _, v = eigh(a)
    return np.sum(np.conjugate(v) * matmul(hermitian_part(tangents[0]), v), axis=-2).real


def _read_triangle(name: str, a: Any, uplo: str) -> Value:
    """The matrix whose lower triangle is to be read."""
    x = as_float(a)
    square_dim(name, value_aval(x))
    if uplo.upper() not in ("L", "U"):
        raise UnsupportedFunctionError(f"{name} with UPLO={uplo!r}: there are 'L' and 'U'")
    return adjoint(x) if uplo.upper() == "U" else x


@implements(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> Any:
    """As `np.linalg.eigh`; the derivative is that for matrices that stay Hermitian, and is Hermitian itself."""
    x = _read_triangle("np.linalg.eigh", a, UPLO)
    return EighResult(*ruled("eigh", eigh_factors(x), x))


@implements(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Value:
    """As `np.linalg.eigvalsh`; the derivative is Hermitian."""
    x = _read_triangle("np.linalg.eigvalsh", a, UPLO)
    return ruled("eigvalsh", eigvalsh_of(x), x)


# ---- eigenvalues of any matrix -----------------------------------------------------------------------------


@differential("eig")
def _eig_jvp(tangents: Tangents, factors: tuple[Value, Value], a: Value) -> tuple[Value, Value]:
    """With ``P = V⁻¹ dA V``: ``dw = diag P``, ``dV = V (P_ij / (w_j - w_i))``, at unit length (Boeddeker 2017)."""
    w, v = factors
    moved = matmul(as_complex(tangents[0]), v)
    inner = swapped(lu_solve(v, swapped(moved), *lu_factor(v), transposed=False))
    turned = matmul(v, divide_or_zero(inner, differences(w)))
    longer = np.sum(np.conjugate(v) * turned, axis=-2).real
    return diagonal(inner), turned - v * rows_of(longer)


@differential("eigvals")
def _eigvals_jvp(tangents: Tangents, w: Value, a: Value) -> Value:
    """``diag(V⁻¹ dA V)`` (Giles 2008, 3.1)."""
    _, v = eig(a)
    moved = matmul(as_complex(tangents[0]), v)
    return diagonal(swapped(lu_solve(v, swapped(moved), *lu_factor(v), transposed=False)))


def _widened(name: str, a: Any) -> tuple[Value, np.dtype[Any]]:
    """The matrix in a precision that LAPACK's wrappers have, and the dtype of what is returned."""
    x = as_float(a)
    square_dim(name, value_aval(x))
    dtype = value_aval(x).dtype
    return (x.astype(np.complex128) if dtype == np.complex64 else x), complex_of(dtype)


@implements(np.linalg.eig)
def eig(a: Any) -> Any:
    """As `np.linalg.eig`; the results are complex, where NumPy's are real if they can be."""
    x, dtype = _widened("np.linalg.eig", a)
    w, v = ruled("eig", eig_factors(x), x)
    return EigResult(w.astype(dtype), v.astype(dtype))


@implements(np.linalg.eigvals)
def eigvals(a: Any) -> Value:
    """As `np.linalg.eigvals`; the results are complex, where NumPy's are real if they can be."""
    x, dtype = _widened("np.linalg.eigvals", a)
    return ruled("eigvals", eigvals_of(x), x).astype(dtype)
