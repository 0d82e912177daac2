"""Matrices taken apart, by SciPy's names: a part of `linalg`."""

from __future__ import annotations

from typing import Any

import numpy as np

from staticbp.api.loops import fold
from staticbp.ops import matrix_functions as ops
from staticbp.ops.decompositions import as_float
from staticbp.ops.registry import refuse
from staticbp.scipy._matrices import or_scipy

# ---- LU ----------------------------------------------------------------------------------------------------


def _order(places: Any) -> Any:
    """Where each row came from, when one row after the other has changed places."""
    size = places.shape[-1]
    numbers = np.arange(size)

    def exchange(order: Any, row: tuple[Any, Any]) -> Any:
        here, place = row
        there = np.expand_dims(place, -1)
        at_here, at_there = np.expand_dims(np.take(order, here, axis=-1), -1), np.take_along_axis(order, there, axis=-1)
        return np.where(numbers == here, at_there, np.where(numbers == there, at_here, order))

    start = np.zeros(places.shape, np.int64) + numbers
    return fold(exchange, start, (numbers, np.moveaxis(places, -1, 0).astype(np.int64)))


@or_scipy
def lu_factor(a: Any, **options: Any) -> tuple[Any, Any]:
    """The triangular factors of a matrix with its rows in another order.

    Parameters
    ----------
    a : array of shape (..., n, n)
        The matrix.

    Returns
    -------
    lu : array of shape (..., n, n)
        U, and below it L without the ones of its diagonal.
    piv : array of shape (..., n), int32
        The row with which each row changed places.

    Notes
    -----
    ``dL = L tril(W)``, without the diagonal, and ``dU = triu(W) U``, for ``W = L⁻¹ P dA U⁻¹``.  A derivative by a
    singular matrix is a `staticbp.errors.LinAlgError`.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.lu_solve(linalg.lu_factor(np.array([[0.0, 2.0], [4.0, 0.0]])), np.array([2.0, 4.0]))
    array([1., 1.])
    """
    factors, places, _ = ops.lu(as_float(a), _order)
    return factors, places


@or_scipy
def lu_solve(lu_and_piv: tuple[Any, Any], b: Any, trans: int = 0, **options: Any) -> Any:
    """Solve ``a @ x == b`` by what `lu_factor` gave.

    Parameters
    ----------
    lu_and_piv : tuple
        What `lu_factor` returned.
    b : array of shape (n,) or (..., n, k)
        The right-hand sides.
    trans : {0, 1, 2}, optional
        Whether to solve by `a` itself, its transpose or its conjugate transpose.

    Returns
    -------
    array
        The solutions, in the shape of `b`.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.lu_solve((np.array([[2.0]]), np.array([0])), np.array([8.0]))
    array([4.])
    """
    factors, places = lu_and_piv
    order = _order(np.asarray(places) if isinstance(places, list) else places)
    if trans:
        order = np.argsort(order, axis=-1)
        half = ops.solve_triangular(factors, b, lower=False, transposed=trans, unit=False)
        return _reordered(ops.solve_triangular(factors, half, lower=True, transposed=trans, unit=True), order)
    half = ops.solve_triangular(factors, _reordered(b, order), lower=True, transposed=0, unit=True)
    return ops.solve_triangular(factors, half, lower=False, transposed=0, unit=False)


def _reordered(b: Any, order: Any) -> Any:
    if np.ndim(b) == 1:
        return np.take(b, order)
    return np.take_along_axis(b, np.expand_dims(order, -1), axis=-2)


@or_scipy
def lu(a: Any, permute_l: bool = False, **options: Any) -> tuple[Any, ...]:
    """The factors of ``a == p @ l @ u``, as `scipy.linalg.lu`, of square matrices.

    Parameters
    ----------
    a : array of shape (..., n, n)
        The matrix.
    permute_l : bool, optional
        Whether to return ``p @ l`` in place of both.
    p_indices : bool, optional
        Whether to return in place of `p` the rows of `l` that make those of `a`.

    Returns
    -------
    p, l, u : arrays of shape (..., n, n)
        A permutation, and the lower and the upper triangular factor.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.lu(np.array([[0.0, 2.0], [4.0, 1.0]]))[2]
    array([[4., 1.],
           [0., 2.]])
    """
    by_index = options.pop("p_indices", False)
    factors, _, order = ops.lu(as_float(a), _order)
    one = np.eye(factors.shape[-1], dtype=factors.dtype)
    lower, upper, back = np.tril(factors, -1) + one, np.triu(factors), np.argsort(order, axis=-1)
    if permute_l:
        return _reordered(lower, back), upper
    return back if by_index else _reordered(one + 0 * lower.real, back), lower, upper


# ---- orthogonal factors ------------------------------------------------------------------------------------


@or_scipy
def qr(a: Any, overwrite_a: bool = False, lwork: Any = None, mode: str = "full", pivoting: bool = False) -> Any:
    """Orthogonal and triangular factors: see `numpy.linalg.qr`, whose modes are 'economic' and 'full' here.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> [factor.shape for factor in linalg.qr(np.ones((3, 2)), mode="economic")]
    [(3, 2), (2, 2)]
    """
    refuse("scipy.linalg.qr", pivoting=pivoting or None, mode=mode if mode == "raw" else None)
    if mode == "r":
        return (np.linalg.qr(a, "complete")[1],)
    return tuple(np.linalg.qr(a, "reduced" if mode == "economic" else "complete"))


@or_scipy
def polar(a: Any, side: str = "right") -> tuple[Any, Any]:
    """A matrix as one with orthonormal columns and one without negative eigenvalues, ``a == u @ p``.

    Parameters
    ----------
    a : array of shape (m, n)
        The matrix.
    side : {'right', 'left'}, optional
        On which side of `u` to have `p`.

    Returns
    -------
    u : array of shape (m, n)
        Orthonormal columns, or rows where they are fewer.
    p : array of shape (n, n), or (m, m) on the left
        Hermitian, with eigenvalues that are the singular values of `a`.

    Notes
    -----
    By the singular values and vectors (Higham 2008, 8.1), and so are the derivatives.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.polar(np.array([[0.0, -2.0], [2.0, 0.0]]))[1].round(12)
    array([[2., 0.],
           [0., 2.]])
    """
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    if side == "right":
        return u @ vh, (np.conjugate(vh.T) * s) @ vh
    return u @ vh, (u * s) @ np.conjugate(u.T)


@or_scipy
def orthogonal_procrustes(A: Any, B: Any, check_finite: bool = True) -> tuple[Any, Any]:
    """The orthogonal `r` for which ``a @ r`` comes nearest to `b`, and the sum of the singular values of ``a.T @ b``.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.orthogonal_procrustes(np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]]))[0]
    array([[0., 1.],
           [1., 0.]])
    """
    u, s, vh = np.linalg.svd(np.swapaxes(np.matmul(np.swapaxes(B, -1, -2), np.conjugate(A)), -1, -2))
    return u @ vh, np.sum(s)


# ---- eigenvalues -------------------------------------------------------------------------------------------


@or_scipy
def eigh(
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    eigvals_only: bool = False,
    type: int = 1,  # noqa: A002
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    **options: Any,
) -> Any:
    """Eigenvalues and vectors of Hermitian matrices, ``a @ v == w * v`` or ``a @ v == w * (b @ v)``.

    Parameters
    ----------
    a : array of shape (n, n)
        A Hermitian matrix, of which a triangle is read.
    b : array of shape (n, n), optional
        A positive definite matrix.
    lower : bool, optional
        Which triangle of both is read.
    eigvals_only : bool, optional
        Whether to leave out the vectors.
    subset_by_index : pair of int, optional
        The first and the last of the eigenvalues that are wanted.

    Returns
    -------
    w : array of shape (n,)
        The eigenvalues, rising.
    v : array of shape (n, n)
        The vectors, in columns, with ``v.T @ b @ v`` the identity; the sign of each is NumPy's, which may be
        another than SciPy's.

    Notes
    -----
    With a `b` by its Cholesky factor: the eigenvalues are those of ``L⁻¹ a L⁻ᴴ``.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.eigh(np.diag([2.0, 6.0]), np.diag([1.0, 2.0]), eigvals_only=True)
    array([2., 3.])
    """
    refuse("scipy.linalg.eigh", type=None if type == 1 else type, subset_by_value=subset_by_value)
    triangle: Any = "L" if lower else "U"
    wanted = slice(None) if subset_by_index is None else slice(subset_by_index[0], subset_by_index[1] + 1)
    matrix, factor = a, None
    if b is not None:
        factor = np.linalg.cholesky(b if lower else np.conjugate(np.swapaxes(b, -1, -2)))
        half = ops.solve_triangular(factor, _whole(a, lower), lower=True, transposed=0, unit=False)
        matrix = ops.solve_triangular(
            factor, np.conjugate(np.swapaxes(half, -1, -2)), lower=True, transposed=0, unit=False
        )
        triangle = "L"
    if eigvals_only:
        return np.linalg.eigvalsh(matrix, triangle)[..., wanted]
    w, v = np.linalg.eigh(matrix, triangle)
    if factor is not None:
        v = ops.solve_triangular(factor, v, lower=True, transposed=2, unit=False)
    return w[..., wanted], v[..., wanted]


def _whole(a: Any, lower: bool) -> Any:
    """The Hermitian matrix of which a triangle is given."""
    part = np.tril(a, -1) if lower else np.triu(a, 1)
    diagonal = np.eye(np.shape(a)[-1]) * np.real(a)
    return part + np.conjugate(np.swapaxes(part, -1, -2)) + diagonal


@or_scipy
def eigvalsh(a: Any, b: Any = None, *, lower: bool = True, **options: Any) -> Any:
    """Eigenvalues of Hermitian matrices: see `eigh`.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.eigvalsh(np.array([[2.0, 1.0], [1.0, 2.0]])).round(12)
    array([1., 3.])
    """
    return eigh(a, b, lower=lower, eigvals_only=True, **options)


@or_scipy
def eigh_tridiagonal(d: Any, e: Any, eigvals_only: bool = False, select: str = "a", **options: Any) -> Any:
    """Eigenvalues and vectors of a symmetric matrix with the diagonal `d` and `e` beside it: see `eigh`.

    Traced, the whole matrix is made.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.eigh_tridiagonal(np.array([2.0, 2.0]), np.array([1.0]), eigvals_only=True).round(12)
    array([1., 3.])
    """
    refuse("scipy.linalg.eigh_tridiagonal", select=None if select == "a" else select)
    return eigh(np.diag(d) + np.diag(e, -1) + np.diag(e, 1), eigvals_only=eigvals_only)


@or_scipy
def eig(a: Any, b: Any = None, left: bool = False, right: bool = True, **options: Any) -> Any:
    """Eigenvalues and vectors of any square matrix, complex: see `numpy.linalg.eig`.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.eig(np.diag([2.0, 3.0]))[0]
    array([2.+0.j, 3.+0.j])
    """
    refuse("scipy.linalg.eig", b=b, left=left or None)
    return tuple(np.linalg.eig(a)) if right else np.linalg.eigvals(a)


@or_scipy
def eigvals(a: Any, b: Any = None, **options: Any) -> Any:
    """Eigenvalues of any square matrix, complex: see `numpy.linalg.eigvals`.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.eigvals(np.diag([2.0, 3.0]))
    array([2.+0.j, 3.+0.j])
    """
    refuse("scipy.linalg.eigvals", b=b)
    return np.linalg.eigvals(a)
