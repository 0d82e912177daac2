"""Cases of arrays put together and taken apart by places."""

from typing import Any

import numpy as np

RNG = np.random.default_rng(25)
M = RNG.normal(size=(2, 3))
CUBE = RNG.normal(size=(2, 3, 4))
PAIR = RNG.normal(size=2)
SQUARE = RNG.normal(size=(2, 2))
SQUARES = RNG.normal(size=(3, 3))
MASK = np.array([True, False, True])

PLACES: dict[str, Any] = {"one": 1, "last": -1, "two": [0, 2], "slice": slice(None, None, 2), "mask": MASK, "none": []}

CASES: list[tuple[str, Any, tuple[Any, ...]]] = [
    (f"{name}/{which}", function, (M,))
    for which, places in PLACES.items()
    for name, function in {
        "delete": lambda x, p=places: np.delete(x, p, axis=1),
        "insert": lambda x, p=places: np.insert(x, p, 5, axis=1),
    }.items()
]
CASES += [
    ("delete/flat", lambda x: np.delete(x, [1, 3]), (M,)),
    ("insert/flat", lambda x, v: np.insert(x, 2, v), (M, PAIR)),
    ("insert/columns", lambda x, v: np.insert(x, [1, 1, 2], v, axis=1), (M, RNG.normal(size=(2, 3)))),
    ("insert/column", lambda x, v: np.insert(x, 1, v, axis=1), (M, PAIR)),
    ("insert/rows", lambda x, v: np.insert(x, -1, v, axis=1), (M, SQUARE)),
    ("insert/as list", lambda x, v: np.insert(x, [1], v, axis=1), (M, SQUARE)),
    ("insert/at end", lambda x: np.insert(x, 3, 7.0, axis=1), (M,)),
    ("block", lambda x, y: np.block([[x, y], [y, x]]), (M, M + 1)),
    ("block/flat", lambda x: np.block([x, 1.0]), (M[0],)),
    ("block/uneven", lambda x: np.block([[x, np.ones((2, 1))], [np.zeros(4)]]), (M,)),
    ("block/deep", lambda x: np.block([[[x]], [[x]]]), (CUBE,)),
    ("resize/larger", lambda x: np.resize(x, (3, 4)), (M,)),
    ("resize/smaller", lambda x: np.resize(x, 2), (M,)),
    ("compress", lambda x: np.compress(MASK, x, axis=1), (M,)),
    ("compress/flat", lambda x: np.compress([1, 0, 1], x), (M,)),  # type: ignore[arg-type]
    ("extract", lambda x: np.extract(M > 0, x), (M,)),
    ("piecewise", lambda x: np.piecewise(x, [x < 0, x >= 0.5], [lambda x: -x, lambda x: x * x, 3.0]), (M,)),
    ("piecewise/zero elsewhere", lambda x: np.piecewise(x, [x < 0], [np.exp]), (M,)),
    ("piecewise/one condition", lambda x: np.piecewise(x, x < 0, [np.exp, np.sqrt]), (M[0],)),
    ("piecewise/int", lambda x: np.piecewise(x, [x < 2, x >= 2], [-1.5, lambda x: x * 1.5]), (np.arange(4),)),
    ("apply_along_axis/number", lambda x: np.apply_along_axis(np.sum, 0, x), (M,)),
    ("apply_along_axis/vector", lambda x: np.apply_along_axis(np.sort, 0, x), (M,)),
    ("apply_along_axis/matrix", lambda x: np.apply_along_axis(lambda v: np.outer(v, v), 1, x), (CUBE[..., :2],)),
    ("apply_over_axes", lambda x: np.apply_over_axes(np.sum, x, [0, 2]), (CUBE,)),
    ("cumulative_sum", np.cumulative_sum, (M[0],)),
    ("cumulative_sum/initial", lambda x: np.cumulative_sum(x, axis=1, include_initial=True), (M,)),
    ("cumulative_prod", lambda x: np.cumulative_prod(x, axis=0, include_initial=True), (M,)),
    ("cumulative_prod/int", lambda x: np.cumulative_prod(x, axis=1), (np.arange(6, dtype=np.int32).reshape(2, 3),)),
    ("ix_", lambda x, i: x[np.ix_(i, [0, 2])], (M, np.array([1, 0]))),
    ("ravel_multi_index", lambda i, j: np.ravel_multi_index((i, j), (4, 5)), (np.array([1, 3]), np.array([0, 4]))),
    (
        "ravel_multi_index/modes",
        lambda i, j: np.ravel_multi_index((i, j), (4, 5), mode=("wrap", "clip"), order="F"),
        (np.array([1, 7]), np.array([0, 9])),
    ),
    ("unravel_index", lambda i: np.unravel_index(i, (4, 5)), (np.array([1, 13]),)),
    ("unravel_index/F", lambda i: np.unravel_index(i, (4, 5), order="F"), (np.array([1, 13]),)),
    ("geomspace", lambda a, b: np.geomspace(a, b, 5), (np.float64(1.0), np.float64(100.0))),
    ("geomspace/axis", lambda a, b: np.geomspace(a, b, 4, axis=-1), (np.array([1.0, 2.0]), np.array([3.0, 5.0]))),
    ("geomspace/open", lambda a, b: np.geomspace(a, b, 4, endpoint=False), (np.float64(-1.0), np.float64(-100.0))),
    ("real_if_close", np.real_if_close, (M,)),
    ("tril_indices_from", lambda x: x[np.tril_indices_from(x)], (SQUARES,)),
    ("triu_indices_from", lambda x: x[np.triu_indices_from(x, 1)], (SQUARES,)),
    ("diag_indices_from", lambda x: x[np.diag_indices_from(x)], (SQUARES,)),
    # by other names
    ("amax", lambda x: np.amax(x, axis=0), (M,)),
    ("amin", lambda x: np.amin(x, axis=1), (M,)),
    ("dsplit", lambda x: np.dsplit(x, 2), (CUBE,)),
    ("unstack", lambda x: np.unstack(x, axis=1), (M,)),
    ("rad2deg", np.rad2deg, (M,)),
    ("empty_like", lambda x: 0 * np.empty_like(x) + x, (np.zeros((2, 3)),)),
    ("result_type", lambda x: x.astype(np.result_type(x, np.float32)), (np.arange(3, dtype=np.int8),)),
    ("shape and size", lambda x: x * np.size(x) + np.shape(x)[1], (M,)),
    ("einsum_path", lambda x: x * len(np.einsum_path("ij,kj", x, x)[0]), (M,)),
    ("linalg.diagonal", lambda x: np.linalg.diagonal(x, offset=1), (CUBE,)),
    ("linalg.matrix_transpose", np.linalg.matrix_transpose, (CUBE,)),
    ("linalg.matmul", lambda x: np.linalg.matmul(x, x.T), (M,)),
    ("linalg.tensordot", lambda x: np.linalg.tensordot(x, x, axes=([1], [1])), (M,)),
]
