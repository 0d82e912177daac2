"""Factorisations of matrices, and what is solved by them.

Arrays are C-contiguous, with any number of leading axes, the same for all arrays of a call: one matrix or right-hand
side for each.  Outputs overlap nothing.  Right-hand sides are rows: those of `x` solve for those of `b`.  Functions
that can fail return whether they succeeded; what they have written is of no use then.

Each function is one Python object with two lives, as in `vecmath`: NumPy's or SciPy's when Python calls it, a call of
the LAPACK inside NumPy or SciPy (see `lapack`) when compiled code does.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = [
    "cholesky",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "lu_factor",
    "lu_solve",
    "qr",
    "qr_complete",
    "repeated_squares",
    "schur",
    "solve_triangular",
    "svd",
    "svd_complete",
    "svdvals",
    "sylvester",
]

Array = np.ndarray[Any, Any]

JIT = os.environ.get("STATICBP_JIT", "1") != "0"


def _succeeds(function: Callable[..., Any], *args: Any, outs: tuple[Array, ...]) -> bool:
    """Write the results of a function of NumPy's; whether it did not raise ``LinAlgError``."""
    try:
        found = function(*args)
    except np.linalg.LinAlgError:
        return False
    for out, value in zip(outs, found if isinstance(found, tuple) else (found,), strict=True):
        out[...] = value
    return True


def _each(*arrays: Array, ranks: tuple[int, ...]) -> Any:
    """The matrices and vectors that belong together, `ranks` being their numbers of axes."""
    flat = [a.reshape((-1, *a.shape[a.ndim - rank :])) for a, rank in zip(arrays, ranks, strict=True)]
    return zip(*flat, strict=True)


def _lapack(routine: str, dtype: Any) -> Any:
    """A LAPACK routine of SciPy for a dtype."""
    letter = {"f": "s", "d": "d", "F": "c", "D": "z"}[np.dtype(dtype).char]
    return getattr(importlib.import_module("scipy.linalg.lapack"), letter + routine)


def cholesky(a: Array, out: Array) -> bool:
    """The lower triangular `out` with ``out @ out.conj().T == a``, of which the lower triangle is read.

    Examples
    --------
    >>> out = np.empty((1, 1))
    >>> cholesky(np.array([[4.0]]), out), out
    (True, array([[2.]]))
    >>> cholesky(np.array([[-4.0]]), out)
    False
    """
    factor = _lapack("potrf", a.dtype)
    for matrix, to in _each(a, out, ranks=(2, 2)):
        if matrix.size:
            found, failure = factor(matrix.T, lower=0)
            if failure:
                return False
            to[...] = found.T
    return True


def lu_factor(a: Array, lu: Array, pivots: Array) -> None:
    """``a = P @ L @ U``: `lu` holds L and U transposed, `pivots` (int32) the row that each row changed places with.

    Examples
    --------
    >>> lu, pivots = np.empty((2, 2)), np.empty(2, np.int32)
    >>> lu_factor(np.array([[1.0, 2.0], [4.0, 4.0]]), lu, pivots)
    >>> lu, pivots
    (array([[4.  , 0.25],
           [4.  , 1.  ]]), array([2, 2], dtype=int32))
    """
    factor = _lapack("getrf", a.dtype)
    for matrix, to, swaps in _each(a, lu, pivots, ranks=(2, 2, 1)):
        if matrix.size:
            found, places, _ = factor(matrix)
            to[...], swaps[...] = found.T, places + 1


def lu_solve(lu: Array, pivots: Array, b: Array, x: Array, transposed: bool = False) -> bool:
    """Solve ``a @ x[i] == b[i]`` (or ``a.T @ x[i] == b[i]``) for each row, by the result of `lu_factor`.

    Examples
    --------
    >>> lu, pivots, x = np.empty((2, 2)), np.empty(2, np.int32), np.empty((1, 2))
    >>> lu_factor(np.array([[1.0, 2.0], [4.0, 4.0]]), lu, pivots)
    >>> lu_solve(lu, pivots, np.array([[3.0, 8.0]]), x), x
    (True, array([[1., 1.]]))
    """
    solve = _lapack("getrs", lu.dtype)
    for factors, swaps, rows, to in _each(lu, pivots, b, x, ranks=(2, 1, 2, 2)):
        if not np.all(factors.diagonal()):
            return False
        if to.size:
            to[...] = solve(factors.T, swaps - 1, rows.T, trans=int(transposed))[0].T
    return True


def solve_triangular(
    t: Array, b: Array, x: Array, lower: bool = False, transposed: bool = False, unit: bool = False
) -> bool:
    """Solve ``t @ x[i] == b[i]`` (or ``t.T @ x[i] == b[i]``) for each row, `t` being triangular.

    The other triangle is not read, nor the diagonal where it is `unit`.

    Examples
    --------
    >>> x = np.empty((1, 2))
    >>> solve_triangular(np.array([[2.0, 9.0], [1.0, 4.0]]), np.array([[2.0, 9.0]]), x, True), x
    (True, array([[1., 2.]]))
    """
    solve = _lapack("trtrs", t.dtype)
    for matrix, rows, to in _each(t, b, x, ranks=(2, 2, 2)):
        if not unit and not np.all(matrix.diagonal()):
            return False
        if to.size:
            to[...] = solve(matrix, rows.T, lower=lower, trans=int(transposed), unitdiag=unit)[0].T
    return True


def qr(a: Array, q: Array, r: Array) -> None:
    """``a = q @ r``, with as many columns in `q` as `a` has rows or columns, whichever are fewer.

    Examples
    --------
    >>> q, r = np.empty((2, 1)), np.empty((1, 1))
    >>> qr(np.array([[3.0], [4.0]]), q, r)
    >>> q, r
    (array([[-0.6],
           [-0.8]]), array([[-5.]]))
    """
    q[...], r[...] = np.linalg.qr(a)


def qr_complete(a: Array, q: Array, r: Array) -> None:
    """``a = q @ r`` with a square `q`.

    Examples
    --------
    >>> q, r = np.empty((2, 2)), np.empty((2, 1))
    >>> qr_complete(np.array([[3.0], [4.0]]), q, r)
    >>> r
    array([[-5.],
           [ 0.]])
    """
    q[...], r[...] = np.linalg.qr(a, mode="complete")


def svd(a: Array, u: Array, s: Array, vh: Array) -> bool:
    """``a = u @ diag(s) @ vh``, with as many singular vectors as values.

    Examples
    --------
    >>> u, s, vh = np.empty((1, 1)), np.empty(1), np.empty((1, 2))
    >>> svd(np.array([[3.0, 4.0]]), u, s, vh), s
    (True, array([5.]))
    """
    return _succeeds(lambda: tuple(np.linalg.svd(a, full_matrices=False)), outs=(u, s, vh))


def svd_complete(a: Array, u: Array, s: Array, vh: Array) -> bool:
    """As `svd`, with square `u` and `vh`.

    Examples
    --------
    >>> u, s, vh = np.empty((1, 1)), np.empty(1), np.empty((2, 2))
    >>> svd_complete(np.array([[3.0, 4.0]]), u, s, vh), s
    (True, array([5.]))
    """
    return _succeeds(lambda: tuple(np.linalg.svd(a, full_matrices=True)), outs=(u, s, vh))


def svdvals(a: Array, s: Array) -> bool:
    """The singular values of `a`, the largest first.

    Examples
    --------
    >>> s = np.empty(1)
    >>> svdvals(np.array([[3.0, 4.0]]), s), s
    (True, array([5.]))
    """
    return _succeeds(lambda: np.linalg.svd(a, compute_uv=False), outs=(s,))


def eigh(a: Array, w: Array, v: Array) -> bool:
    """The eigenvalues `w`, in ascending order, and eigenvectors of a Hermitian `a`, whose lower triangle is read.

    Examples
    --------
    >>> w, v = np.empty(2), np.empty((2, 2))
    >>> eigh(np.array([[1.0, 0.0], [2.0, 1.0]]), w, v), w
    (True, array([-1.,  3.]))
    """
    return _succeeds(lambda: tuple(np.linalg.eigh(a)), outs=(w, v))


def eigvalsh(a: Array, w: Array) -> bool:
    """The eigenvalues of a Hermitian `a`, in ascending order; its lower triangle is read.

    Examples
    --------
    >>> w = np.empty(2)
    >>> eigvalsh(np.array([[1.0, 0.0], [2.0, 1.0]]), w), w
    (True, array([-1.,  3.]))
    """
    return _succeeds(lambda: np.linalg.eigvalsh(a), outs=(w,))


def eig(a: Array, w: Array, v: Array) -> bool:
    """The eigenvalues and eigenvectors, both complex, of a square `a`.

    Examples
    --------
    >>> w, v = np.empty(2, complex), np.empty((2, 2), complex)
    >>> eig(np.array([[0.0, 1.0], [-1.0, 0.0]]), w, v), w
    (True, array([0.+1.j, 0.-1.j]))
    """
    return _succeeds(lambda: tuple(np.linalg.eig(a)), outs=(w, v))


def eigvals(a: Array, w: Array) -> bool:
    """The eigenvalues, complex, of a square `a`.

    Examples
    --------
    >>> w = np.empty(2, complex)
    >>> eigvals(np.array([[0.0, 1.0], [-1.0, 0.0]]), w), w
    (True, array([0.+1.j, 0.-1.j]))
    """
    return _succeeds(lambda: np.linalg.eigvals(a), outs=(w,))


def schur(a: Array, t: Array, z: Array) -> bool:
    """``a = Z @ T @ Z.conj().T`` with a unitary Z and a (block) triangular T; `t` and `z` hold them transposed.

    Examples
    --------
    >>> t, z = np.empty((1, 1)), np.empty((1, 1))
    >>> schur(np.array([[4.0]]), t, z), t
    (True, array([[4.]]))
    """
    factor = importlib.import_module("scipy.linalg").schur
    for matrix, to_t, to_z in _each(a, t, z, ranks=(2, 2, 2)):
        if matrix.size:
            found = _schur(factor, matrix)
            if found is None:
                return False
            to_t[...], to_z[...] = found[0].T, found[1].T
    return True


def _schur(factor: Callable[..., Any], matrix: Array) -> Any:
    try:
        return factor(matrix, check_finite=False)
    except np.linalg.LinAlgError:
        return None


def sylvester(t: Array, s: Array, f: Array, y: Array) -> bool:
    """Solve ``T @ Y + Y @ S == F`` for T and S as `schur` has them; `t`, `s`, `f` and `y` hold all four transposed.

    Examples
    --------
    >>> y = np.empty((1, 1))
    >>> sylvester(np.array([[1.0]]), np.array([[3.0]]), np.array([[8.0]]), y), y
    (True, array([[2.]]))
    """
    solve = _lapack("trsyl", t.dtype)
    for left, right, given, to in _each(t, s, f, y, ranks=(2, 2, 2, 2)):
        if given.size:
            found, scale, info = solve(left.T, right.T, given.T)
            to[...] = found.T
            if info or scale != 1:
                return False
    return True


def repeated_squares(a: Array, times: Array, out: Array) -> None:
    """The powers ``a ** (2 ** times)``, by squaring; `times` are int64, one for each matrix.

    Examples
    --------
    >>> out = np.empty((1, 1))
    >>> repeated_squares(np.array([[3.0]]), np.array(2), out)
    >>> out
    array([[81.]])
    """
    for matrix, count, to in _each(a, times, out, ranks=(2, 0, 2)):
        to[...] = matrix
        for _ in range(count):
            to[...] = to @ to


if JIT:
    from staticbp.runtime.intrinsics import lapack

    lapack.register({name: globals()[name] for name in __all__})
