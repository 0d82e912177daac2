"""Functions of whole matrices, and matrices from parts: a part of `linalg`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from staticbp.ops import matrix_functions as ops
from staticbp.ops.scipyfunctions import or_from
from staticbp.trace.tracer import located

F = TypeVar("F", bound=Callable[..., Any])


def or_scipy(function: F) -> F:
    """`function` where an argument is traced, else SciPy's of that name."""
    return or_from("scipy.linalg")(located(function))


@or_scipy
def expm(A: Any) -> Any:
    """The exponential of a matrix, ``I + A + A @ A / 2 + ...``.

    Parameters
    ----------
    A : array of shape (..., n, n)
        The matrices.

    Returns
    -------
    array of shape (..., n, n)
        Their exponentials.

    Notes
    -----
    By scaling and squaring, with a Padé approximant (Higham 2005).  The change in a direction E stands in the corner
    of ``expm([[A, E], [0, A]])``, so derivatives of any order are exponentials of larger matrices.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.expm(np.array([[0.0, 1.0], [0.0, 0.0]]))
    array([[1., 1.],
           [0., 1.]])
    """
    return ops.expm(A)


@or_scipy
def sqrtm(A: Any) -> Any:
    """The principal square root of a matrix: ``x @ x == A``, with eigenvalues to the right of the imaginary axis.

    Parameters
    ----------
    A : array of shape (..., n, n)
        Matrices without eigenvalues that are zero or negative.

    Returns
    -------
    array of shape (..., n, n)
        Their roots, in the dtype of `A`; NaN where there is none.

    Raises
    ------
    staticbp.errors.LinAlgError
        When the matrix is singular.

    Notes
    -----
    By the product form of the Denman-Beavers iteration (Cheng, Higham, Kenney and Laub 2001).  The differential solves
    ``x @ dx + dx @ x == dA`` (Higham 2008, 6.1).

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.sqrtm(np.diag([4.0, 9.0])).round(12)
    array([[2., 0.],
           [0., 3.]])
    """
    return ops.sqrtm(A)


@or_scipy
def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """Solve ``a @ x + x @ b == q``.

    Parameters
    ----------
    a : array of shape (..., m, m)
        The left matrix.
    b : array of shape (..., n, n)
        The right matrix.
    q : array of shape (..., m, n)
        The right-hand side.

    Returns
    -------
    array of shape (..., m, n)
        The solution.

    Raises
    ------
    staticbp.errors.LinAlgError
        When an eigenvalue of `a` is minus one of `b`.

    Notes
    -----
    By Schur decompositions (Bartels and Stewart 1972).  ``q_bar`` solves ``a.T @ y + y @ b.T == x_bar``,
    ``a_bar = -q_bar @ x.T`` and ``b_bar = -x.T @ q_bar``.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.solve_sylvester(np.array([[1.0]]), np.array([[3.0]]), np.array([[8.0]]))
    array([[2.]])
    """
    return ops.solve_sylvester(a, b, q)


@or_scipy
def block_diag(*arrs: Any) -> Any:
    """Matrices one after the other along the diagonal, zeros beside them.

    Parameters
    ----------
    *arrs : array
        Matrices; vectors and numbers count as matrices of one row.

    Returns
    -------
    array of two dimensions
        As many rows and columns as all of them together.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.block_diag(np.ones((1, 2)), 3.0)
    array([[1., 1., 0.],
           [0., 0., 3.]])
    """
    return ops.block_diag(*arrs)


@or_scipy
def toeplitz(c: Any, r: Any = None) -> Any:
    """The matrix that is constant along its diagonals.

    Parameters
    ----------
    c : array
        The first column.
    r : array, optional
        The first row, whose first element is not read; the conjugate of `c` by default.

    Returns
    -------
    array of shape (len(c), len(r))
        The matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.scipy import linalg
    >>> linalg.toeplitz(np.array([1.0, 2.0]), np.array([1.0, 5.0, 6.0]))
    array([[1., 5., 6.],
           [2., 1., 5.]])
    """
    return ops.toeplitz(c, r)
