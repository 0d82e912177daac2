"""Factorisations of matrices as they are computed: kernels, whose differentials stand elsewhere (`decompositions.py`).

All take any number of leading axes.  What is solved for are rows: ``a @ x[i] == b[i]``.  So a right-hand side with
columns is transposed, which products take for free, and many of them for one matrix are the rows of one array.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.lowering import Kernel
from staticbp.core.primitive import Value, value_aval
from staticbp.core.schedule import Call, Ref, Stmt
from staticbp.core.shape import Dim
from staticbp.errors import DtypeError, ShapeError
from staticbp.ops.diagonal import triangle
from staticbp.ops.families import ZERO, General, general
from staticbp.ops.linear import batch_operand
from staticbp.ops.products import matmul
from staticbp.ops.shape import move_axis, reshaped, swapped

INT32 = np.dtype(np.int32)
SINGULAR = "the matrix is singular"

# ---- types -------------------------------------------------------------------------------------------------


def matrix_dims(name: str, a: Aval) -> tuple[Dim, Dim]:
    """The rows and columns of the matrices of an array."""
    if a.ndim < 2:
        raise ShapeError(f"{name} takes matrices, not an array of shape {shapes.text(a.shape)}")
    if not a.is_float:
        raise DtypeError(f"{name} of {a}: not an array of floats")
    return a.shape[-2], a.shape[-1]


def square_dim(name: str, a: Aval) -> Dim:
    """The rows of the square matrices of an array."""
    rows, columns = matrix_dims(name, a)
    if not shapes.same((rows,), (columns,)):
        raise ShapeError(f"{name} takes square matrices, not an array of shape {shapes.text(a.shape)}")
    return rows


def real(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of the real part."""
    return np.empty(0, dtype).real.dtype


def complex_of(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of complex numbers of this precision."""
    return np.result_type(dtype, np.complex64)


# ---- how they become calls ---------------------------------------------------------------------------------


def _call(kernel: str, failure: str = "", takes: slice = slice(None), flags: Sequence[str] = ()) -> Kernel:
    """A call of a kernel of `linalg` with the operands that it `takes`, the results, and parameters."""

    def emit(ins: Sequence[Ref], outs: Sequence[Ref], params: dict[str, Any]) -> list[Stmt]:
        given, found = tuple(ins[takes]), tuple(outs)
        return [Call(kernel, (*given, *found, *(params[flag] for flag in flags)), reads=given, writes=found)]

    return Kernel(emit, failure=failure)


def _batched(ins: Sequence[Value], size: Any, batched: Sequence[bool]) -> list[Value]:
    return [batch_operand(x, size, flag) for x, flag in zip(ins, batched, strict=True)]


# ---- triangular, orthogonal and diagonal factors -----------------------------------------------------------


def _cholesky_aval(a: Aval) -> Aval:
    square_dim("np.linalg.cholesky", a)
    return a


cholesky_factor: General = general(
    "cholesky",
    aval=_cholesky_aval,
    numpy=np.linalg.cholesky,
    vjp=ZERO,
    jvp=ZERO,
    batch=lambda size, ins, batched: cholesky_factor(ins[0]),
    lower=_call("linalg.cholesky", "the matrix is not positive definite"),
)


def _qr_aval(a: Aval, complete: bool) -> tuple[Aval, Aval]:
    rows, columns = shapes.static_shape(matrix_dims("np.linalg.qr", a), "np.linalg.qr")
    inner = rows if complete else min(rows, columns)
    return a.with_shape((*a.shape[:-2], rows, inner)), a.with_shape((*a.shape[:-2], inner, columns))


_QR: dict[bool, Kernel] = {False: _call("linalg.qr"), True: _call("linalg.qr_complete")}

qr_factors: General = general(
    "qr",
    results=("q", "r"),
    aval=_qr_aval,
    numpy=lambda a, complete: tuple(np.linalg.qr(a, mode="complete" if complete else "reduced")),
    vjp=ZERO,
    jvp=ZERO,
    batch=lambda size, ins, batched, complete: qr_factors(ins[0], complete=complete),
    lower=Kernel(lambda ins, outs, params: _QR[params["complete"]].emit(ins, outs, params)),
)

NO_CONVERGENCE = "the iteration does not converge, as with NaN or infinity in the matrix"


def _svd_aval(a: Aval, complete: bool) -> tuple[Aval, Aval, Aval]:
    rows, columns = shapes.static_shape(matrix_dims("np.linalg.svd", a), "np.linalg.svd")
    inner, leading = min(rows, columns), a.shape[:-2]
    return (
        a.with_shape((*leading, rows, rows if complete else inner)),
        Aval((*leading, inner), real(a.dtype)),
        a.with_shape((*leading, columns if complete else inner, columns)),
    )


_SVD: dict[bool, Kernel] = {False: _call("linalg.svd"), True: _call("linalg.svd_complete")}

svd_factors: General = general(
    "svd",
    results=("u", "s", "vh"),
    aval=_svd_aval,
    numpy=lambda a, complete: tuple(np.linalg.svd(a, full_matrices=complete)),
    vjp=ZERO,
    jvp=ZERO,
    batch=lambda size, ins, batched, complete: svd_factors(ins[0], complete=complete),
    lower=Kernel(lambda ins, outs, params: _SVD[params["complete"]].emit(ins, outs, params), failure=NO_CONVERGENCE),
)

svdvals_of: General = general(
    "svdvals",
    aval=lambda a: _svd_aval(a, False)[1],
    numpy=lambda a: np.linalg.svd(a, compute_uv=False),
    vjp=ZERO,
    jvp=ZERO,
    batch=lambda size, ins, batched: svdvals_of(ins[0]),
    lower=_call("linalg.svdvals", NO_CONVERGENCE),
)


def _eigh_aval(a: Aval) -> tuple[Aval, Aval]:
    n = square_dim("np.linalg.eigh", a)
    return Aval((*a.shape[:-2], n), real(a.dtype)), a


eigh_factors: General = general(
    "eigh",
    results=("w", "v"),
    aval=_eigh_aval,
    numpy=lambda a: tuple(np.linalg.eigh(a)),
    vjp=ZERO,
    jvp=ZERO,
    batch=lambda size, ins, batched: eigh_factors(ins[0]),
    lower=_call("linalg.eigh", NO_CONVERGENCE),
)

eigvalsh_of: General = general(
    "eigvalsh",
    aval=lambda a: _eigh_aval(a)[0],
    numpy=np.linalg.eigvalsh,
    vjp=ZERO,
    jvp=ZERO,
    batch=lambda size, ins, batched: eigvalsh_of(ins[0]),
    lower=_call("linalg.eigvalsh", NO_CONVERGENCE),
)


def _eig_aval(a: Aval) -> tuple[Aval, Aval]:
    n = square_dim("np.linalg.eig", a)
    dtype = complex_of(a.dtype)
    return Aval((*a.shape[:-2], n), dtype), a.with_dtype(dtype)


def _eig_numpy(a: Any) -> tuple[Any, Any]:
    w, v = np.linalg.eig(a)
    return w.astype(complex_of(a.dtype)), v.astype(complex_of(a.dtype))


eig_factors: General = general(
    "eig",
    results=("w", "v"),
    aval=_eig_aval,
    numpy=_eig_numpy,
    vjp=ZERO,
    jvp=ZERO,
    batch=lambda size, ins, batched: eig_factors(ins[0]),
    lower=_call("linalg.eig", NO_CONVERGENCE),
)

eigvals_of: General = general(
    "eigvals",
    aval=lambda a: _eig_aval(a)[0],
    numpy=lambda a: np.linalg.eigvals(a).astype(complex_of(a.dtype)),
    vjp=ZERO,
    jvp=ZERO,
    batch=lambda size, ins, batched: eigvals_of(ins[0]),
    lower=_call("linalg.eigvals", NO_CONVERGENCE),
)

# ---- solutions by triangular factors -----------------------------------------------------------------------


def _lu_aval(a: Aval) -> tuple[Aval, Aval]:
    n = square_dim("an LU factorisation", a)
    return a, Aval((*a.shape[:-2], n), INT32)


def _lu_numpy(a: Any) -> tuple[Any, Any]:
    """As the kernel: L and U transposed, and the row that each row changes places with, counted from one."""
    lapack: Any = importlib.import_module("scipy.linalg.lapack")
    factor = lapack.get_lapack_funcs("getrf", (a,))
    lu, pivots = np.empty_like(a), np.empty(a.shape[:-1], INT32)
    for index in np.ndindex(a.shape[:-2]):
        found, places, _ = factor(a[index])
        lu[index], pivots[index] = found.T, places + 1
    return lu, pivots


lu_factor: General = general(
    "lu_factor",
    results=("lu", "pivots"),
    aval=_lu_aval,
    numpy=_lu_numpy,
    vjp=ZERO,
    jvp=ZERO,
    batch=lambda size, ins, batched: lu_factor(ins[0]),
    lower=_call("linalg.lu_factor"),
)


def _rows_aval(name: str, a: Aval, b: Aval) -> Aval:
    n = square_dim(name, a)
    if not shapes.same((*a.shape[:-2], n), (*b.shape[:-2], *b.shape[-1:])) or a.dtype != b.dtype:
        raise ShapeError(f"{name}: {b} does not hold rows for {a}")
    return b


def _merged(ins: Sequence[Value], size: Any, solve: Callable[[Value], Value]) -> Value:
    """Many right-hand sides for one matrix are further rows."""
    b = ins[1]
    rank = value_aval(b).ndim
    rows = move_axis(b, 0, rank - 3)
    *leading, count, each, n = value_aval(rows).shape
    x = solve(reshaped(rows, (*leading, shapes.size((count, each)), n)))
    return move_axis(reshaped(x, (*leading, count, each, n)), rank - 3, 0)


def _lu_solve_numpy(a: Any, b: Any, lu: Any, pivots: Any, transposed: bool) -> Any:
    matrix = np.swapaxes(a, -1, -2) if transposed else a
    return np.swapaxes(np.linalg.solve(matrix, np.swapaxes(b, -1, -2)), -1, -2)


def _lu_solve_vjp(ct: Value, x: Value, a: Value, b: Value, lu: Value, pivots: Value, transposed: bool) -> Any:
    """``b_bar`` solves the transposed system, and ``a_bar = -outer(b_bar, x)`` (Giles 2008, 2.2.3)."""
    b_bar = lu_solve(a, ct, lu, pivots, transposed=not transposed)
    left, right = (x, b_bar) if transposed else (b_bar, x)
    return -matmul(swapped(left), right), b_bar


def _lu_solve_jvp(
    tangents: Sequence[Value | None], x: Value, a: Value, b: Value, lu: Value, pivots: Value, transposed: bool
) -> Value | None:
    da, db, *_ = tangents
    if da is not None:
        moved = matmul(x, da if transposed else swapped(da))
        db = -moved if db is None else db - moved
    return None if db is None else lu_solve(a, db, lu, pivots, transposed=transposed)


def _lu_solve_batch(size: Any, ins: Sequence[Value], batched: Sequence[bool], transposed: bool) -> Value:
    a, _, lu, pivots = ins
    if batched[1] and not batched[0] and not batched[2]:
        return _merged(ins, size, lambda rows: lu_solve(a, rows, lu, pivots, transposed=transposed))
    return lu_solve(*_batched(ins, size, batched), transposed=transposed)


lu_solve: General = general(
    "lu_solve",
    aval=lambda a, b, lu, pivots, transposed: _rows_aval("a linear system", a, b),
    numpy=_lu_solve_numpy,
    vjp=_lu_solve_vjp,
    jvp=_lu_solve_jvp,
    batch=_lu_solve_batch,
    lower=Kernel(lambda ins, outs, params: _lu_solve_call(ins, outs, params), failure=SINGULAR),
)


def _with_flags(kernel: str, given: tuple[Ref, ...], out: Ref, flags: Sequence[bool]) -> list[Stmt]:
    """A call that leaves out the last flags that are false, as the kernels take them to be."""
    kept = list(flags)
    while kept and not kept[-1]:
        kept.pop()
    return [Call(kernel, (*given, out, *kept), reads=given, writes=(out,))]


def _lu_solve_call(ins: Sequence[Ref], outs: Sequence[Ref], params: dict[str, Any]) -> list[Stmt]:
    _, b, lu, pivots = ins
    return _with_flags("linalg.lu_solve", (lu, pivots, b), outs[0], [params["transposed"]])


def _triangular_numpy(t: Any, b: Any, lower: bool, transposed: bool, unit: bool) -> Any:
    matrix = np.tril(t) if lower else np.triu(t)
    if unit:
        matrix = matrix - matrix * np.eye(t.shape[-1], dtype=t.dtype) + np.eye(t.shape[-1], dtype=t.dtype)
    return _lu_solve_numpy(matrix, b, None, None, transposed)


def _triangular_vjp(ct: Value, x: Value, t: Value, b: Value, lower: bool, transposed: bool, unit: bool) -> Any:
    """As of `lu_solve`, the triangle of it."""
    b_bar = triangular_solve(t, ct, lower=lower, transposed=not transposed, unit=unit)
    left, right = (x, b_bar) if transposed else (b_bar, x)
    return _own_triangle(-matmul(swapped(left), right), lower, unit), b_bar


def _own_triangle(t: Value, lower: bool, unit: bool) -> Value:
    return triangle(t, k=(-1 if lower else 1) if unit else 0, lower=lower)


def _triangular_jvp(
    tangents: Sequence[Value | None], x: Value, t: Value, b: Value, lower: bool, transposed: bool, unit: bool
) -> Value | None:
    dt, db = tangents
    if dt is not None:
        inside = _own_triangle(dt, lower, unit)
        moved = matmul(x, inside if transposed else swapped(inside))
        db = -moved if db is None else db - moved
    return None if db is None else triangular_solve(t, db, lower=lower, transposed=transposed, unit=unit)


def _triangular_batch(size: Any, ins: Sequence[Value], batched: Sequence[bool], **params: bool) -> Value:
    if batched[1] and not batched[0]:
        return _merged(ins, size, lambda rows: triangular_solve(ins[0], rows, **params))
    return triangular_solve(*_batched(ins, size, batched), **params)


triangular_solve: General = general(
    "triangular_solve",
    aval=lambda t, b, lower, transposed, unit: _rows_aval("a triangular system", t, b),
    numpy=_triangular_numpy,
    vjp=_triangular_vjp,
    jvp=_triangular_jvp,
    batch=_triangular_batch,
    lower=Kernel(
        lambda ins, outs, params: _with_flags(
            "linalg.solve_triangular", tuple(ins), outs[0], [params[n] for n in ("lower", "transposed", "unit")]
        ),
        failure=SINGULAR,
    ),
)


repeated_squares: General = general(
    "repeated_squares",
    aval=lambda a, times: a,
    numpy=lambda a, times: _squares_numpy(a, times),
    vjp=ZERO,
    jvp=ZERO,
    batch=lambda size, ins, batched: repeated_squares(*_batched(ins, size, batched)),
    lower=_call("linalg.repeated_squares"),
)


def _squares_numpy(a: Any, times: Any) -> Any:
    out = np.array(a)
    for index in np.ndindex(np.shape(times)):
        for _ in range(times[index]):
            out[index] = out[index] @ out[index]
    return out


def _schur_aval(a: Aval) -> tuple[Aval, Aval]:
    square_dim("a Schur decomposition", a)
    return a, a


def _schur_numpy(a: Any) -> tuple[Any, Any]:
    """As the kernel: both factors transposed."""
    factor = importlib.import_module("scipy.linalg").schur
    t, z = np.empty_like(a), np.empty_like(a)
    for index in np.ndindex(a.shape[:-2]):
        triangle_, vectors = factor(a[index])
        t[index], z[index] = triangle_.T, vectors.T
    return t, z


schur_factors: General = general(
    "schur",
    results=("t", "z"),
    aval=_schur_aval,
    numpy=_schur_numpy,
    vjp=ZERO,
    jvp=ZERO,
    batch=lambda size, ins, batched: schur_factors(ins[0]),
    lower=_call("linalg.schur", NO_CONVERGENCE),
)


def _sylvester_numpy(t: Any, s: Any, f: Any) -> Any:
    solve = importlib.import_module("scipy.linalg").solve_sylvester
    y = np.empty_like(f)
    for index in np.ndindex(f.shape[:-2]):
        y[index] = solve(t[index].T, s[index].T, f[index].T).T
    return y


triangular_sylvester: General = general(
    "triangular_sylvester",
    aval=lambda t, s, f: f,
    numpy=_sylvester_numpy,
    vjp=ZERO,
    jvp=ZERO,
    batch=lambda size, ins, batched: triangular_sylvester(*_batched(ins, size, batched)),
    lower=_call("linalg.sylvester", "a @ x + x @ b has no inverse: an eigenvalue of a is minus one of b"),
)
