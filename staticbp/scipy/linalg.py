"""SciPy's ``linalg``, whose functions take traced values as well as arrays.

What is not defined here is SciPy's own.  The functions here are SciPy's own too when no argument is traced; of their
options those are taken that say what is to be computed, and the others, which say how, have no effect on traced
values.  All take any number of leading axes.

Examples
--------
>>> import numpy as np
>>> import staticbp as bp
>>> from staticbp.scipy import linalg
>>> bp.grad(lambda a: np.sum(linalg.expm(a)))(np.zeros((2, 2)))
array([[1., 1.],
       [1., 1.]])
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from staticbp.ops import matrix_functions as ops
from staticbp.ops.building import banded
from staticbp.scipy._decompositions import (
    eig,
    eigh,
    eigh_tridiagonal,
    eigvals,
    eigvalsh,
    lu,
    lu_factor,
    lu_solve,
    orthogonal_procrustes,
    polar,
    qr,
)
from staticbp.scipy._elsewhere import advised
from staticbp.scipy._matrices import block_diag, expm, or_scipy, solve_sylvester, sqrtm, toeplitz
from staticbp.scipy._structured import (
    circulant,
    companion,
    coshm,
    cosm,
    expm_frechet,
    hankel,
    khatri_rao,
    matmul_toeplitz,
    sinhm,
    sinm,
    solve_circulant,
    solve_continuous_lyapunov,
    solve_discrete_lyapunov,
    solve_toeplitz,
    solveh_banded,
    tanhm,
    tanm,
)


def __getattr__(name: str) -> Any:
    return advised("linalg", name)


def __dir__() -> list[str]:
    return sorted({*dir(import_module("scipy.linalg")), *__all__})


# ---- solving -----------------------------------------------------------------------------------------------


@or_scipy
def solve(a: Any, b: Any, lower: bool = False, *, transposed: bool = False, **options: Any) -> Any:
    """Solve ``a @ x == b``; see `numpy.linalg.solve`.

    Parameters
    ----------
    a : array of shape (..., n, n)
        The matrix.
    b : array of shape (n,) or (..., n, k)
        The right-hand sides.
    lower : bool, optional
        No matter: the whole of `a` is read.
    transposed : bool, optional
        Whether to solve ``a.T @ x == b``.

    Returns
    -------
    array
        The solutions, in the shape of `b`.

    Raises
    ------
    staticbp.errors.LinAlgError
        When the matrix is singular.

    Notes
    -----
    ``b_bar`` solves ``a.T @ b_bar == x_bar``, and ``a_bar = -outer(b_bar, x)`` (Giles 2008, 2.2.3).  The factors of
    `a` are computed once for both.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.solve(np.diag([2.0, 4.0]), np.ones(2))
    array([0.5 , 0.25])
    """
    return np.linalg.solve(np.matrix_transpose(a) if transposed else a, b)


@or_scipy
def solve_triangular(
    a: Any, b: Any, trans: int | str = 0, lower: bool = False, unit_diagonal: bool = False, **options: Any
) -> Any:
    """Solve ``a @ x == b`` for a triangular `a`, of which the other triangle is not read.

    Parameters
    ----------
    a : array of shape (..., n, n)
        The matrix.
    b : array of shape (n,) or (..., n, k)
        The right-hand sides.
    trans : {0, 1, 2, 'N', 'T', 'C'}, optional
        Whether to take `a` itself, its transpose or its conjugate transpose.
    lower : bool, optional
        Whether the lower triangle is the one.
    unit_diagonal : bool, optional
        Whether the diagonal counts as ones and is not read.

    Returns
    -------
    array
        The solutions, in the shape of `b`.

    Raises
    ------
    staticbp.errors.LinAlgError
        When there is a zero on the diagonal.

    Notes
    -----
    The derivative is that of `solve`, its triangle.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.solve_triangular(np.array([[2.0, 0.0], [1.0, 4.0]]), np.array([2.0, 9.0]), lower=True)
    array([1., 2.])
    """
    return ops.solve_triangular(a, b, lower=lower, transposed=trans, unit=unit_diagonal)


@or_scipy
def solve_banded(l_and_u: Any, ab: Any, b: Any, **options: Any) -> Any:
    """Solve ``a @ x == b`` for a matrix of which `ab` has the diagonals, `l` below and `u` above the main one.

    Traced, the whole matrix is made and solved.

    Examples
    --------
    >>> from staticbp.scipy import linalg
    >>> linalg.solve_banded((0, 1), [[0.0, 1.0], [2.0, 4.0]], [4.0, 8.0])
    array([1., 2.])
    """
    below, above = l_and_u
    return np.linalg.solve(banded(ab, below, above), b)


@or_scipy
def cholesky(a: Any, lower: bool = False, **options: Any) -> Any:
    """The triangular `c` with ``c.T @ c == a``, or ``c @ c.T == a`` when it is to be `lower`.

    Parameters
    ----------
    a : array of shape (..., n, n)
        Positive definite matrices, of which the triangle that is asked for is read.
    lower : bool, optional
        Which triangle.

    Returns
    -------
    array of shape (..., n, n)
        The factor, zeros in its other triangle.

    Raises
    ------
    staticbp.errors.LinAlgError
        When the matrix is not positive definite.

    Notes
    -----
    ``dL = L Φ(L⁻¹ dA L⁻ᵀ)``, where Φ takes the lower triangle and half of the diagonal (Murray 2016).

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.cholesky(np.array([[4.0, 2.0], [2.0, 2.0]]))
    array([[2., 1.],
           [0., 1.]])
    """
    return np.linalg.cholesky(a, upper=not lower)


@or_scipy
def cho_factor(a: Any, lower: bool = False, **options: Any) -> tuple[Any, bool]:
    """The Cholesky factor and the flag that `cho_solve` wants; the other triangle is of no meaning.

    Parameters
    ----------
    a : array of shape (..., n, n)
        Positive definite matrices.
    lower : bool, optional
        Which triangle.

    Returns
    -------
    c : array of shape (..., n, n)
        The factor.
    lower : bool
        The flag.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.cho_solve(linalg.cho_factor(np.diag([4.0, 2.0])), np.ones(2))
    array([0.25, 0.5 ])
    """
    return cholesky(a, lower=lower), bool(lower)


@or_scipy
def cho_solve(c_and_lower: tuple[Any, bool], b: Any, **options: Any) -> Any:
    """Solve ``a @ x == b`` by the Cholesky factor of `a`.

    Parameters
    ----------
    c_and_lower : tuple
        What `cho_factor` returned.
    b : array of shape (n,) or (..., n, k)
        The right-hand sides.

    Returns
    -------
    array
        The solutions, in the shape of `b`.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.cho_solve((np.array([[2.0]]), True), np.array([8.0]))
    array([2.])
    """
    c, lower = c_and_lower
    return ops.cho_solve(c, lower, b)


# ---- NumPy's, by SciPy's names -----------------------------------------------------------------------------


@or_scipy
def inv(a: Any, **options: Any) -> Any:
    """The inverse: see `numpy.linalg.inv`.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.inv(np.diag([2.0, 4.0]))
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    return np.linalg.inv(a)


@or_scipy
def det(a: Any, **options: Any) -> Any:
    """The determinant: see `numpy.linalg.det`.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> float(linalg.det(np.diag([2.0, 4.0])))
    8.0
    """
    return np.linalg.det(a)


@or_scipy
def pinv(a: Any, *, rtol: float | None = None, **options: Any) -> Any:
    """The pseudoinverse: see `numpy.linalg.pinv`; `rtol` is the larger size of `a`, times the precision, by default.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.pinv(np.array([[2.0], [0.0]]))
    array([[0.5, 0. ]])
    """
    limit: Any = rtol
    return np.linalg.pinv(a, rtol=limit)


@or_scipy
def norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, **options: Any) -> Any:  # noqa: A002
    """Norms of vectors and matrices: see `numpy.linalg.norm`.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> float(linalg.norm(np.array([3.0, 4.0])))
    5.0
    """
    return np.linalg.norm(a, ord, axis, keepdims)


@or_scipy
def lstsq(a: Any, b: Any, cond: Any = None, **options: Any) -> Any:
    """Least squares: see `numpy.linalg.lstsq`.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.lstsq(np.array([[2.0], [0.0]]), np.array([4.0, 1.0]))[0]
    array([2.])
    """
    return np.linalg.lstsq(a, b, cond)


@or_scipy
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, **options: Any) -> Any:
    """Singular values and vectors: see `numpy.linalg.svd`.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.svd(np.diag([2.0, 3.0]), compute_uv=False)
    array([3., 2.])
    """
    return tuple(np.linalg.svd(a, full_matrices)) if compute_uv else np.linalg.svdvals(a)


@or_scipy
def svdvals(a: Any, **options: Any) -> Any:
    """Singular values: see `numpy.linalg.svdvals`.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.svdvals(np.diag([2.0, 3.0]))
    array([3., 2.])
    """
    return np.linalg.svdvals(a)


__all__ = [
    "block_diag",
    "cho_factor",
    "cho_solve",
    "cholesky",
    "circulant",
    "companion",
    "coshm",
    "cosm",
    "det",
    "eig",
    "eigh",
    "eigh_tridiagonal",
    "eigvals",
    "eigvalsh",
    "expm",
    "expm_frechet",
    "hankel",
    "inv",
    "khatri_rao",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_solve",
    "matmul_toeplitz",
    "norm",
    "orthogonal_procrustes",
    "pinv",
    "polar",
    "qr",
    "sinhm",
    "sinm",
    "solve",
    "solve_banded",
    "solve_circulant",
    "solve_continuous_lyapunov",
    "solve_discrete_lyapunov",
    "solve_sylvester",
    "solve_toeplitz",
    "solve_triangular",
    "solveh_banded",
    "sqrtm",
    "svd",
    "svdvals",
    "tanhm",
    "tanm",
    "toeplitz",
]
