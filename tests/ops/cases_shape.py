"""Cases of the operations that move elements about."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.ops.table import generator

Entry = tuple[str, Callable[..., Any], tuple[Any, ...]]


def drawn(name: str, *shapes: tuple[int, ...]) -> tuple[Any, ...]:
    """Random numbers, the same on every run."""
    rng = generator(name)
    return tuple(np.asarray(rng.uniform(-2, 2, shape)) for shape in shapes)


# Each function of one array, with the shapes it is tried on.
ANY = ((), (3,), (0,), (2, 3), (0, 4), (2, 1, 3))
VECTORS = ((5,), (0,), (1,))
MATRICES = ((3, 4), (3, 3), (0, 4), (2, 3, 4), (1, 5))

UNARY: tuple[tuple[str, Callable[..., Any], tuple[tuple[int, ...], ...]], ...] = (
    ("transpose", np.transpose, ANY),
    ("ravel", np.ravel, ANY),
    ("squeeze", np.squeeze, ANY),
    ("copy", np.copy, ANY),
    ("atleast_1d", np.atleast_1d, ANY),
    ("atleast_2d", np.atleast_2d, ANY),
    ("atleast_3d", np.atleast_3d, ANY),
    ("flip", np.flip, ANY),
    ("expand_dims", lambda x: np.expand_dims(x, (0, -1)), ANY),
    ("roll", lambda x: np.roll(x, 2), ANY),
    ("tile", lambda x: np.tile(x, (2, 1, 3)), ANY),
    ("repeat", lambda x: np.repeat(x, 3), ANY),
    ("broadcast_to", lambda x: np.broadcast_to(x, (2, *x.shape)), ANY),
    ("pad", lambda x: np.pad(x, 1), ANY),
    ("zeros_like", lambda x: x + np.zeros_like(x), ANY),
    ("ones_like", lambda x: x * np.ones_like(x, shape=(1, *x.shape)), ANY),
    ("full_like", lambda x: x * np.full_like(x, 0.5), ANY),
    ("full_like itself", lambda x: np.full_like(x, x), ANY),
    ("astype", lambda x: np.astype(x, np.float64) * 2, ANY),
    ("concatenate flat", lambda x: np.concatenate([x, 2 * x], axis=None), ANY),
    ("flip one", lambda x: np.flip(x, -1), MATRICES),
    ("fliplr", np.fliplr, MATRICES),
    ("flipud", np.flipud, MATRICES),
    ("rot90 once", np.rot90, MATRICES),
    ("rot90 twice", lambda x: np.rot90(x, 2), MATRICES),
    ("rot90 back", lambda x: np.rot90(x, -1, (1, 0)), MATRICES),
    ("swapaxes", lambda x: np.swapaxes(x, 0, -1), MATRICES),
    ("moveaxis", lambda x: np.moveaxis(x, 0, -1), MATRICES),
    ("moveaxis several", lambda x: np.moveaxis(x, (0, 1), (-1, 0)), MATRICES),
    ("rollaxis", lambda x: np.rollaxis(x, 1), MATRICES),
    ("rollaxis forward", lambda x: np.rollaxis(x, 0, 2), MATRICES),
    ("matrix_transpose", np.matrix_transpose, MATRICES),
    ("transpose axes", lambda x: x.transpose(1, 0), ((2, 3),)),
    ("transpose axes of three", lambda x: np.transpose(x, (2, 0, 1)), ((2, 3, 4),)),
    ("reshape", lambda x: x.reshape(-1, 2), ((4,), (3, 4), (2, 2, 3))),
    ("reshape empty", lambda x: np.reshape(x, (0, 7)), ((0,), (2, 0))),
    ("squeeze one", lambda x: np.squeeze(x, 1), ((2, 1, 3), (0, 1))),
    ("tril", np.tril, (*MATRICES, (3,))),
    ("triu", lambda x: np.triu(x, 1), (*MATRICES, (3,))),
    ("tril below", lambda x: np.tril(x, -2), MATRICES),
    ("diagonal", np.diagonal, MATRICES),
    ("diagonal above", lambda x: np.diagonal(x, 1), MATRICES),
    ("diagonal below", lambda x: np.diagonal(x, -2, 1, 0), MATRICES),
    ("diagonal outside", lambda x: np.diagonal(x, 7), MATRICES),
    ("diag of a matrix", lambda x: np.diag(x, -1), ((3, 4), (2, 2))),
    ("diag of a vector", np.diag, VECTORS),
    ("diag above", lambda x: np.diag(x, 2), VECTORS),
    ("diag below", lambda x: np.diag(x, -1), VECTORS),
    ("diagflat", np.diagflat, ((2, 2), (3,))),
    ("roll along axes", lambda x: np.roll(x, (1, -2), (0, 1)), MATRICES),
    ("repeat along an axis", lambda x: np.repeat(x, 2, axis=1), MATRICES),
    ("repeat unequally", lambda x: np.repeat(x, [2, 0, 3], axis=0), ((3, 4), (3,))),
    ("repeat never", lambda x: np.repeat(x, 0, axis=0), MATRICES),
    ("array_split", lambda x: np.array_split(x, 3), MATRICES),
    ("split at", lambda x: np.split(x, [2, 1, -1, 10], axis=-1), MATRICES),
    ("hsplit", lambda x: np.hsplit(x, [1]), MATRICES),
    ("vsplit", lambda x: np.vsplit(x, [1]), MATRICES),
    ("diff", np.diff, MATRICES),
    ("diff twice", lambda x: np.diff(x, 2, axis=0), MATRICES),
    ("diff with ends", lambda x: np.diff(x, prepend=0.0, append=x), MATRICES),
    ("ediff1d", np.ediff1d, MATRICES),
    ("trapezoid", np.trapezoid, MATRICES),
    ("trapezoid along", lambda x: np.trapezoid(x, dx=0.5, axis=0), MATRICES),
    ("pad unevenly", lambda x: np.pad(x, ((2, 0), (1, 3))), ((3, 4), (0, 2))),
    ("pad with a value", lambda x: np.pad(x, 1, constant_values=2.5), MATRICES),
    ("pad edge", lambda x: np.pad(x, (2, 1), mode="edge"), ((3, 4), (1,))),
    ("pad reflect", lambda x: np.pad(x, 5, mode="reflect"), ((3, 4), (1, 3))),
    ("pad symmetric", lambda x: np.pad(x, (5, 2), mode="symmetric"), ((3, 4), (2,))),
    ("pad mean", lambda x: np.pad(x, (2, 1), mode="mean"), ((3, 4), (2,))),
    ("pad maximum", lambda x: np.pad(x, ((1, 2), (0, 3)), mode="maximum", stat_length=2), ((3, 4),)),
    ("pad minimum", lambda x: np.pad(x, 1, mode="minimum", stat_length=((2, 1), (9, 3))), ((3, 4),)),
    ("pad median", lambda x: np.pad(x, (0, 2), mode="median"), ((3, 4),)),
    ("pad ramp", lambda x: np.pad(x, (3, 1), mode="linear_ramp", end_values=((5, -4), (2, 0.5))), ((3, 4),)),
    ("pad ramp to zero", lambda x: np.pad(x, 2, mode="linear_ramp"), ((3,),)),
    ("pad wrap", lambda x: np.pad(x, 4, mode="wrap"), ((3, 4), (2,))),
    ("unpacking", lambda x: sum(x[1:], start=x[0]), ((3,), (2, 3))),
    ("stack of rows", lambda x: np.stack(x, axis=1), ((2, 3), (2, 2, 2))),
    ("meshgrid of one", np.meshgrid, ((3,),)),
    ("vander", lambda x: np.vander(x, 4), ((3,),)),
    ("linspace up", lambda x: np.linspace(0.0, x, 5), ((), (2,))),
    ("broadcast method", lambda x: x.reshape((1, -1)).swapaxes(0, 1).flatten(), ((2, 3),)),
    ("inverse moves", lambda x: x.T.T.transpose(), ((2, 3),)),
)

# Functions of two arrays of one shape.
BINARY: tuple[tuple[str, Callable[..., Any], tuple[tuple[int, ...], ...]], ...] = (
    ("stack", lambda x, y: np.stack([x, y]), ANY),
    ("stack last", lambda x, y: np.stack([x, y, x], axis=-1), ANY),
    ("hstack", lambda x, y: np.hstack([x, y]), ANY),
    ("vstack", lambda x, y: np.vstack([x, y]), ANY),
    ("dstack", lambda x, y: np.dstack([x, y]), ANY),
    ("append", np.append, ANY),
    ("column_stack", lambda x, y: np.column_stack([x, y]), ((3,), (2, 3))),
    ("concatenate", lambda x, y: np.concatenate([x, y, 2 * x]), ((3,), (2, 3), (0, 2))),
    ("concatenate along", lambda x, y: np.concatenate([x, y], axis=-1), ((3,), (2, 3), (2, 0))),
    ("concatenate constants", lambda x, y: np.concatenate([x, np.ones(x.shape), y * y]), ((3,), (2, 3))),
    ("trapezoid of points", lambda x, y: np.trapezoid(x, y, axis=0), ((4,), (3, 2))),
    ("where over pieces", lambda x, y: np.stack([x, y])[1] * np.concatenate([x, y])[: x.shape[0]], ((3,),)),
)


def _entries() -> Iterator[Entry]:
    for name, function, shapes in UNARY:
        for shape in shapes:
            yield f"{name}{list(shape)}", function, drawn(name, shape)
    for name, function, shapes in BINARY:
        for shape in shapes:
            yield f"{name}{list(shape)}", function, drawn(name, shape, shape)
    yield "broadcast_arrays", lambda x, y: np.broadcast_arrays(x, y), drawn("broadcast", (3, 1), (2,))
    yield "meshgrid", np.meshgrid, drawn("meshgrid", (3,), (2,), (2,))
    yield "meshgrid ij", lambda x, y: np.meshgrid(x, y, indexing="ij"), drawn("ij", (3,), (2,))
    yield "meshgrid sparse", lambda x, y: np.meshgrid(x, y, sparse=True), drawn("sparse", (3,), (2,))
    yield "linspace", lambda x, y: np.linspace(x, y, 4, axis=-1), drawn("linspace", (3,), (2, 1))
    yield "linspace open", lambda x, y: np.linspace(x, y, 3, endpoint=False), drawn("open", (), ())
    yield "logspace", lambda x, y: np.logspace(x, y, 3), drawn("logspace", (), (2,))
    yield "full_like broadcast", lambda x, y: np.full_like(x, y), drawn("full", (2, 3), (3,))


CASES: list[Entry] = list(_entries())
