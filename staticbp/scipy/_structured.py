"""Matrices with a structure, systems of them, and functions by the exponential: a part of `linalg`."""

from __future__ import annotations

from typing import Any

import numpy as np

from staticbp.ops import matrix_functions as ops
from staticbp.ops.building import banded
from staticbp.ops.decompositions import as_float
from staticbp.scipy._matrices import expm, or_scipy, solve_sylvester

# ---- by the exponential ------------------------------------------------------------------------------------


@or_scipy
def expm_frechet(A: Any, E: Any, method: Any = None, compute_expm: bool = True, check_finite: bool = True) -> Any:
    """The exponential of a matrix, and its change in a direction.

    Parameters
    ----------
    A : array of shape (n, n)
        The matrix.
    E : array of shape (n, n)
        The direction.
    compute_expm : bool, optional
        Whether to return the exponential as well.

    Returns
    -------
    expm_A, expm_frechet_AE : arrays of shape (n, n)
        The exponential and its change.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.expm_frechet(np.zeros((2, 2)), np.ones((2, 2)), compute_expm=False)
    array([[1., 1.],
           [1., 1.]])
    """
    a = as_float(A)
    change = ops.expm_frechet(a, np.asarray(E, a.dtype) if isinstance(E, list) else as_float(E))
    return (ops.expm(a), change) if compute_expm else change


def _turned(A: Any) -> tuple[Any, Any]:
    """``exp(i A)`` and ``exp(-i A)``."""
    a = as_float(A)
    ahead = expm(1j * a)
    return ahead, np.conjugate(ahead) if a.dtype.kind == "f" else expm(-1j * a)


def _as_real(value: Any, like: Any) -> Any:
    return np.real(value) if as_float(like).dtype.kind == "f" else value


@or_scipy
def cosm(A: Any) -> Any:
    """The cosine of a matrix, ``(exp(i A) + exp(-i A)) / 2``.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.cosm(np.zeros((1, 1)))
    array([[1.]])
    """
    ahead, behind = _turned(A)
    return _as_real(0.5 * (ahead + behind), A)


@or_scipy
def sinm(A: Any) -> Any:
    """The sine of a matrix, ``(exp(i A) - exp(-i A)) / 2i``.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.sinm(np.zeros((1, 1)))
    array([[0.]])
    """
    ahead, behind = _turned(A)
    return _as_real(-0.5j * (ahead - behind), A)


@or_scipy
def tanm(A: Any) -> Any:
    """The tangent of a matrix, which solves ``cosm(A) @ x == sinm(A)``.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.tanm(np.zeros((1, 1)))
    array([[0.]])
    """
    return np.linalg.solve(cosm(A), sinm(A))


@or_scipy
def coshm(A: Any) -> Any:
    """The hyperbolic cosine of a matrix, ``(exp(A) + exp(-A)) / 2``.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.coshm(np.zeros((1, 1)))
    array([[1.]])
    """
    return 0.5 * (expm(A) + expm(-A))


@or_scipy
def sinhm(A: Any) -> Any:
    """The hyperbolic sine of a matrix, ``(exp(A) - exp(-A)) / 2``.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.sinhm(np.zeros((1, 1)))
    array([[0.]])
    """
    return 0.5 * (expm(A) - expm(-A))


@or_scipy
def tanhm(A: Any) -> Any:
    """The hyperbolic tangent of a matrix, which solves ``coshm(A) @ x == sinhm(A)``.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.tanhm(np.zeros((1, 1)))
    array([[0.]])
    """
    return np.linalg.solve(coshm(A), sinhm(A))


# ---- matrix equations --------------------------------------------------------------------------------------


@or_scipy
def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    """Solve ``a @ x + x @ a.T == q``, with the conjugate of `a` where it is complex: see `solve_sylvester`.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.solve_continuous_lyapunov(np.array([[2.0]]), np.array([[8.0]]))
    array([[2.]])
    """
    return solve_sylvester(a, np.conjugate(np.swapaxes(a, -1, -2)), q)


@or_scipy
def solve_discrete_lyapunov(a: Any, q: Any, method: Any = None) -> Any:
    """Solve ``a @ x @ a.T - x + q == 0``, with the conjugate of `a` where it is complex.

    Parameters
    ----------
    a, q : arrays of shape (n, n)
        The matrices.
    method : str, optional
        No matter: traced, the equation is solved as one system of ``n * n`` unknowns.

    Returns
    -------
    array of shape (n, n)
        The solution.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.solve_discrete_lyapunov(np.array([[0.5]]), np.array([[3.0]]))
    array([[4.]])
    """
    matrix, right = as_float(a), as_float(q)
    whole = np.eye(right.size) - np.kron(matrix, np.conjugate(matrix))
    return np.reshape(np.linalg.solve(whole, np.ravel(right)), right.shape)


@or_scipy
def solveh_banded(ab: Any, b: Any, overwrite_ab: bool = False, overwrite_b: bool = False, lower: bool = False) -> Any:
    """Solve ``a @ x == b`` for a Hermitian positive definite matrix of which `ab` has the diagonals of one triangle.

    Traced, the whole matrix is made and solved.

    Examples
    --------
    >>> from staticbp.scipy import linalg
    >>> linalg.solveh_banded([[0.0, 1.0], [2.0, 2.0]], [3.0, 3.0])
    array([1., 1.])
    """
    count = np.shape(ab)[0] - 1
    part = banded(ab, count, 0) if lower else banded(ab, 0, count)
    diagonal = np.diag(np.diagonal(part))
    return np.linalg.solve(part + np.conjugate(np.transpose(part - diagonal)), b)


@or_scipy
def solve_toeplitz(c_or_cr: Any, b: Any, check_finite: bool = True) -> Any:
    """Solve ``toeplitz(c, r) @ x == b`` for `c`, or a tuple of `c` and `r`.

    Traced, the whole matrix is made and solved.

    Examples
    --------
    >>> from staticbp.scipy import linalg
    >>> linalg.solve_toeplitz([2.0, 1.0], [3.0, 3.0])
    array([1., 1.])
    """
    return np.linalg.solve(_toeplitz(c_or_cr), b)


@or_scipy
def matmul_toeplitz(c_or_cr: Any, x: Any, check_finite: bool = False, workers: Any = None) -> Any:
    """``toeplitz(c, r) @ x`` for `c`, or a tuple of `c` and `r`.

    Examples
    --------
    >>> from staticbp.scipy import linalg
    >>> linalg.matmul_toeplitz([2.0, 1.0], [1.0, 1.0]).round(12)
    array([3., 3.])
    """
    return np.matmul(_toeplitz(c_or_cr), x)


def _toeplitz(c_or_cr: Any) -> Any:
    return ops.toeplitz(*c_or_cr) if isinstance(c_or_cr, tuple) else ops.toeplitz(c_or_cr)


@or_scipy
def solve_circulant(c: Any, b: Any) -> Any:
    """Solve ``circulant(c) @ x == b``, by Fourier transforms.

    Parameters
    ----------
    c : array of shape (n,)
        The first column.
    b : array of shape (n,) or (n, k)
        The right-hand sides.

    Returns
    -------
    array
        The solutions, in the shape of `b`.

    Examples
    --------
    >>> from staticbp.scipy import linalg
    >>> linalg.solve_circulant([2.0, 1.0], [3.0, 3.0])
    array([1., 1.])
    """
    column, right = as_float(c), as_float(b)
    waves = np.fft.fft(column)
    solved = np.fft.ifft(np.fft.fft(right, axis=0) / (waves if right.ndim == 1 else waves[:, None]), axis=0)
    return np.real(solved) if column.dtype.kind == right.dtype.kind == "f" else solved


# ---- matrices from parts -----------------------------------------------------------------------------------


@or_scipy
def circulant(c: Any) -> Any:
    """The matrix whose columns are `c`, each moved on by one.

    Examples
    --------
    >>> from staticbp.scipy import linalg
    >>> linalg.circulant([1, 2, 3])
    array([[1, 3, 2],
           [2, 1, 3],
           [3, 2, 1]])
    """
    places = np.arange(np.shape(c)[-1])
    return np.take(c, (places[:, None] - places) % len(places), axis=-1)


@or_scipy
def hankel(c: Any, r: Any = None) -> Any:
    """The matrix that is constant along the diagonals that rise, with the first column `c` and the last row `r`.

    Examples
    --------
    >>> from staticbp.scipy import linalg
    >>> linalg.hankel([1, 2], [2, 7, 8])
    array([[1, 2, 7],
           [2, 7, 8]])
    """
    column = np.ravel(c)
    row = np.zeros_like(column) if r is None else np.ravel(r)
    places = np.arange(column.shape[0])[:, None] + np.arange(row.shape[0])
    return np.take(np.concatenate([column, row[1:]]), places)


@or_scipy
def companion(a: Any) -> Any:
    """The matrix whose eigenvalues are the roots of a polynomial, the highest power first.

    Examples
    --------
    >>> from staticbp.scipy import linalg
    >>> linalg.companion([1.0, -10.0, 31.0])
    array([[ 10., -31.],
           [  1.,   0.]])
    """
    coefficients = as_float(a)
    first = -coefficients[..., 1:] / coefficients[..., :1]
    size = first.shape[-1]
    below = np.zeros((*first.shape[:-1], size - 1, size)) + np.eye(size - 1, size)
    return np.concatenate([np.expand_dims(first, -2), below.astype(coefficients.dtype)], axis=-2)


@or_scipy
def khatri_rao(a: Any, b: Any) -> Any:
    """The products of all rows of `a` with all rows of `b`, element by element.

    Examples
    --------
    >>> from staticbp.scipy import linalg
    >>> linalg.khatri_rao([[1, 2]], [[3, 4], [5, 6]])
    array([[ 3,  8],
           [ 5, 12]])
    """
    products = np.expand_dims(a, -2) * np.expand_dims(b, -3)
    return np.reshape(products, (*products.shape[:-3], -1, products.shape[-1]))


__all__ = [
    "circulant",
    "companion",
    "coshm",
    "cosm",
    "expm_frechet",
    "hankel",
    "khatri_rao",
    "matmul_toeplitz",
    "sinhm",
    "sinm",
    "solve_circulant",
    "solve_continuous_lyapunov",
    "solve_discrete_lyapunov",
    "solve_toeplitz",
    "solveh_banded",
    "tanhm",
    "tanm",
]
