"""Cases of indexing."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.ops.cases_shape import Entry, drawn

MASK = np.array([[True, False, True, True], [False, False, True, False], [True, True, False, False]])
ROWS = np.array([2, -1, 0, 2])

# Keys of an array of shape (3, 4, 2) that are known when it is traced.
STATIC: tuple[Any, ...] = (
    0,
    -1,
    (1, 2, 0),
    slice(None, None, -1),
    slice(2, None, -2),
    slice(5, 1),
    (slice(None), slice(1, -1)),
    (..., 0),
    (None, 1, ..., None),
    (slice(1), None, -2),
    [0, 2],
    [[0, 1], [2, 2]],
    ROWS,
    ROWS.astype(np.int8),
    (ROWS, [0, 1, 2, 3]),
    (ROWS, slice(None), [0, 1, 1, 0]),
    (0, slice(None), [0, 1, 1]),
    (slice(None), 1, [0, 1]),
    (slice(None), None, [0, 1]),
    (slice(None), [[0], [3]], [0, 1]),
    (slice(None, None, -2), ..., [1, 0, 1]),
    MASK,
    (MASK, 0),
    (slice(None), [True, False, True, True]),
    (MASK[0, :3], slice(None), [0]),
    True,
    False,
    (0, True),
    (slice(None), []),
)

# What is taken by index arrays that are traced, of integers between -2 and 1.
TRACED: tuple[tuple[str, Callable[..., Any], tuple[int, ...], tuple[int, ...]], ...] = (
    ("scalar", lambda x, i: x[i], (3, 2), ()),
    ("scalar behind", lambda x, i: x[..., i], (3, 2), ()),
    ("scalar and slice", lambda x, i: x[::2, i], (4, 3), ()),
    ("two scalars", lambda x, i: x[i, i], (2, 3), ()),
    ("vector", lambda x, i: x[i], (3, 2), (4,)),
    ("no indexes", lambda x, i: x[i], (3, 2), (0,)),
    ("matrix", lambda x, i: x[:, i], (3, 2), (2, 2)),
    ("apart", lambda x, i: x[i, :, [1]], (2, 3, 2), (4,)),
    ("in a list", lambda x, i: x[[i, 0]], (3,), ()),
    ("broadcast", lambda x, i: x[i, i[:, None]], (2, 3), (4,)),
    ("take", np.take, (3, 2), (2, 2)),
    ("take along", lambda x, i: np.take(x, i, axis=-1), (3, 2), (2, 2)),
    ("take wrap", lambda x, i: np.take(x, 5 * i, axis=0, mode="wrap"), (3, 2), (4,)),
    ("take clip", lambda x, i: np.take(x, 5 * i, axis=0, mode="clip"), (3, 2), (4,)),
    ("take scalar", lambda x, i: x.take(i, axis=1), (3, 2), ()),
    ("along axis", lambda x, i: np.take_along_axis(x, i, axis=1), (3, 2), (3, 4)),
    ("along first axis", lambda x, i: np.take_along_axis(x, i, axis=0), (3, 2), (1, 2)),
    ("along all", lambda x, i: np.take_along_axis(x, i, axis=None), (3, 2), (4,)),
    ("choose", lambda x, i: np.choose(i % 3, x), (3, 4), (4,)),
    ("table", lambda x, i: np.arange(6.0).reshape(3, 2)[0] * np.take(x, i), (4,), (2,)),
)


def _by(key: Any) -> Callable[[Any], Any]:
    return lambda x: x[key]


def _with(change: Callable[..., None]) -> Callable[..., Any]:
    """The function whose result is its first argument, changed."""

    def changed(x: Any, *others: Any) -> Any:
        x = x.copy()
        change(x, *others)
        return x

    return changed


# Assignments to an array of shape (3, 4), of an array and at indexes between -2 and 1.
ASSIGNED: tuple[tuple[str, Callable[..., None], tuple[int, ...], tuple[int, ...]], ...] = (
    ("assign", lambda x, v, i: x.__setitem__((slice(None, None, 2), slice(1, 3)), v), (2, 2), ()),
    ("assign backwards", lambda x, v, i: x.__setitem__(slice(None, None, -1), x * v), (4,), ()),
    ("scatter_set", lambda x, v, i: x.__setitem__(i, v), (4,), ()),
    ("scatter_set rows", lambda x, v, i: x.__setitem__(i, v), (5, 4), (5,)),
    ("scatter_set elements", lambda x, v, i: x.__setitem__((i, i), v), (3,), (3,)),
    ("scatter_set along", lambda x, v, i: np.put_along_axis(x, i, v, 1), (3, 2), (3, 2)),
    ("add_at", lambda x, v, i: np.add.at(x, i, v), (5, 4), (5,)),
    ("add_at elements", lambda x, v, i: np.subtract.at(x, (slice(None), i), v), (3, 1), (2,)),  # type: ignore[arg-type]
)


def _entries() -> Iterator[Entry]:
    for name, change, shape, index_shape in ASSIGNED:
        x, v = drawn(name, (3, 4), shape)
        (numbers,) = drawn(f"{name} indexes", index_shape)
        yield name, _with(change), (x, v, np.asarray(np.floor(numbers), np.int64))
    for number, key in enumerate(STATIC):
        yield f"getitem {number}", _by(key), drawn(f"getitem {number}", (3, 4, 2))
    for name, function, shape, index_shape in TRACED:
        (x,) = drawn(name, shape)
        (numbers,) = drawn(f"{name} indexes", index_shape)
        yield f"index {name}", function, (x, np.asarray(np.floor(numbers), np.int64))
    (x,) = drawn("select", (6,))
    yield "select", lambda x: np.select([x > 1, x > -0.5], [x * x, -x]), (x,)
    yield "select default", lambda x, b: np.select([b, x > 0], [x, 2 * x], 5), (x, x > -1)
    yield "iteration", lambda x: x[0] * [row.sum() for row in x][1], drawn("iteration", (2, 3))


CASES: list[Entry] = list(_entries())
