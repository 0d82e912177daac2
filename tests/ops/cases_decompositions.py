"""Cases of the decompositions, and of what is solved by them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from staticbp.scipy import linalg
from tests.ops.cases_shape import Entry, drawn


def _definite(a: Any) -> Any:
    """A positive definite matrix for each matrix."""
    return a @ np.swapaxes(a, -1, -2) + np.eye(3)


def _regular(a: Any) -> Any:
    """A matrix far from singular, with eigenvalues that are far from one another, for each matrix."""
    return 0.3 * a + np.diag([1.0, 2.5, -3.0])


def _sylvester(a: Any, b: Any, q: Any) -> Any:
    return linalg.solve_sylvester(_regular(a), _regular(b) + 10 * np.eye(3), q)


def _tensorsolve_axes(a: Any, b: Any) -> Any:
    return np.linalg.tensorsolve(a + 5 * np.eye(6).reshape(6, 2, 3), b, (0,))


SQUARE: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("inv", lambda a: np.linalg.inv(_regular(a))),
    ("det", lambda a: np.linalg.det(_regular(a))),
    ("slogdet", lambda a: tuple(np.linalg.slogdet(_regular(a)))),
    ("cholesky", lambda a: np.linalg.cholesky(_definite(a))),
    ("cholesky upper", lambda a: np.linalg.cholesky(_definite(a), upper=True)),
    ("eigh", lambda a: tuple(np.linalg.eigh(_regular(a) + np.swapaxes(_regular(a), -1, -2)))),
    ("eigh upper", lambda a: np.linalg.eigh(_regular(a) + np.swapaxes(_regular(a), -1, -2), UPLO="U")[0]),
    ("eigvalsh", lambda a: np.linalg.eigvalsh(_regular(a) + np.swapaxes(_regular(a), -1, -2))),
    ("matrix_power -2", lambda a: np.linalg.matrix_power(_regular(a), -2)),
    ("matrix_power 0", lambda a: np.linalg.matrix_power(a, 0)),
    ("cond 1", lambda a: np.linalg.cond(_regular(a), 1)),
    ("expm", lambda a: linalg.expm(a)),
    ("sqrtm", lambda a: linalg.sqrtm(_definite(a))),
)

ANY: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("qr", lambda a: tuple(np.linalg.qr(a))),
    ("qr r", lambda a: np.linalg.qr(a, mode="r")),
    ("svd", lambda a: tuple(np.linalg.svd(a, full_matrices=False))),
    ("svd values", lambda a: np.linalg.svd(a, compute_uv=False)),
    ("svdvals", lambda a: np.linalg.svdvals(a)),
    ("pinv", lambda a: np.linalg.pinv(a)),
    ("pinv rtol", lambda a: np.linalg.pinv(a, rtol=None)),  # type: ignore[call-overload]
    ("norm nuc", lambda a: np.linalg.norm(a, "nuc", axis=(-2, -1))),
    ("norm 2", lambda a: np.linalg.norm(a, 2, axis=(-1, -2), keepdims=True)),
    ("norm -2", lambda a: np.linalg.norm(a, -2, axis=(-2, -1))),
    ("matrix_norm 2", lambda a: np.linalg.matrix_norm(a, ord=2)),
    ("cond", lambda a: np.linalg.cond(a)),
    ("cond -2", lambda a: np.linalg.cond(a, -2)),
)

SYSTEMS: tuple[tuple[str, Callable[..., Any], tuple[tuple[int, ...], ...]], ...] = (
    ("solve vector", lambda a, b: np.linalg.solve(_regular(a), b), ((3, 3), (3,))),
    ("solve", lambda a, b: np.linalg.solve(_regular(a), b), ((3, 3), (3, 2))),
    ("solve vectors", lambda a, b: np.linalg.solve(_regular(a), b), ((2, 3, 3), (3,))),
    ("solve many", lambda a, b: np.linalg.solve(_regular(a), b), ((3, 3), (2, 3, 2))),
    ("solve each", lambda a, b: np.linalg.solve(_regular(a), b), ((2, 3, 3), (2, 3, 2))),
    ("solve spread", lambda a, b: np.linalg.solve(_regular(a), b), ((2, 1, 3, 3), (2, 3, 1))),
    ("solve_sylvester", _sylvester, ((3, 3), (3, 3), (3, 3))),
    ("solve_sylvester each", _sylvester, ((2, 3, 3), (3, 3), (2, 3, 3))),
    ("tensorsolve", lambda a, b: np.linalg.tensorsolve(a + 5 * np.eye(6).reshape(2, 3, 6), b), ((2, 3, 6), (2, 3))),
    ("tensorsolve axes", _tensorsolve_axes, ((6, 2, 3), (2, 3))),
    ("tensorinv", lambda a: np.linalg.tensorinv(a + 5 * np.eye(6).reshape(6, 2, 3), 1), ((6, 2, 3),)),
    ("lstsq tall", lambda a, b: np.linalg.lstsq(a, b)[:2], ((4, 2), (4,))),
    ("lstsq", lambda a, b: np.linalg.lstsq(a, b)[0], ((3, 2), (3, 2))),
    ("lstsq wide", lambda a, b: np.linalg.lstsq(a, b, rcond=1e-9), ((2, 4), (2,))),
)


def _entries() -> list[Entry]:
    found: list[Entry] = []
    for name, function in SQUARE:
        found += [(f"{name} {shape}", function, drawn(name, shape)) for shape in ((3, 3), (2, 3, 3))]
    for name, function in ANY:
        shapes = ((4, 2), (2, 4), (3, 3), (2, 2, 3)) if name in ("qr", "svd", "pinv") else ((3, 2), (2, 2, 3))
        found += [(f"{name} {shape}", function, drawn(name, shape)) for shape in shapes]
    found += [(name, function, drawn(name, *shapes)) for name, function, shapes in SYSTEMS]
    return found


CASES = _entries()
