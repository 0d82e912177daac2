"""Cases of the products and norms."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.ops.cases_shape import Entry, drawn

Shapes = tuple[tuple[int, ...], ...]

FIRST: dict[str, Any] = {"axis": 0}  # NumPy's stubs do not know that products of vectors take it

PRODUCTS: tuple[tuple[str, Callable[..., Any], tuple[Shapes, ...]], ...] = (
    (
        "matmul",
        np.matmul,
        (
            ((4,), (4,)),
            ((3, 4), (4,)),
            ((4,), (4, 2)),
            ((3, 4), (4, 2)),
            ((5, 3, 4), (4, 2)),
            ((3, 4), (5, 4, 2)),
            ((5, 3, 4), (5, 4, 2)),
            ((5, 1, 3, 4), (2, 4, 2)),
            ((4,), (5, 4, 2)),
            ((5, 3, 4), (4,)),
            ((0, 4), (4, 2)),
            ((3, 0), (0, 2)),
            ((0,), (0,)),
        ),
    ),
    ("vecdot", np.vecdot, (((5, 4), (4,)), ((5, 4), (5, 4)), ((2, 1, 4), (3, 4)))),
    ("vecdot along", lambda x, y: np.vecdot(x, y, **FIRST), (((4, 2), (4, 2)),)),
    ("linalg.vecdot", lambda x, y: np.linalg.vecdot(x, y, **FIRST), (((4, 2), (4, 2)),)),
    ("matvec", np.matvec, (((3, 4), (4,)), ((3, 4), (5, 4)), ((5, 3, 4), (4,)), ((5, 3, 4), (5, 4)))),
    ("vecmat", np.vecmat, (((3,), (3, 4)), ((5, 3), (3, 4)), ((3,), (5, 3, 4)), ((5, 3), (5, 3, 4)))),
    ("dot", np.dot, (((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 3, 5)), ((3,), (4, 3, 5)), ((), (3,)))),
    ("inner", np.inner, (((3,), (3,)), ((2, 3), (4, 3)), ((2, 3), (3,)), ((2,), ()))),
    ("vdot", np.vdot, (((2, 3), (3, 2)),)),
    ("outer", np.outer, (((2, 3), (4,)), ((2,), ()), ((0,), (3,)))),
    ("linalg.outer", np.linalg.outer, (((2,), (3,)),)),
    ("kron", np.kron, (((2, 3), (1, 2)), ((3,), (2, 2)))),
    ("tensordot 1", lambda x, y: np.tensordot(x, y, 1), (((2, 3), (3, 4)),)),
    ("tensordot 0", lambda x, y: np.tensordot(x, y, 0), (((2, 3), (2,)),)),
    ("tensordot 2", np.tensordot, (((5, 2, 3), (2, 3, 4)),)),
    ("tensordot pairs", lambda x, y: np.tensordot(x, y, ([0, 2], [1, 0])), (((5, 2, 3), (3, 5, 4)),)),
    ("tensordot pair", lambda x, y: np.tensordot(x, y, (1, -2)), (((5, 2, 3), (2, 4)),)),
    ("transposed", lambda x, y: x.T @ y.T, (((4, 3), (2, 4)), ((4, 3), (4,)))),
    ("rmatmul", lambda x, y: np.ones((2, 3)) @ x + y @ np.ones((4, 4)), (((3, 4), (2, 4)),)),
)

EINSUMS: tuple[tuple[str, Shapes], ...] = (
    ("ij,jk->ik", ((2, 3), (3, 4))),
    ("ij,jk", ((2, 3), (3, 4))),
    ("ij,ij->", ((2, 3), (2, 3))),
    ("ii->i", ((3, 3),)),
    ("ii", ((3, 3),)),
    ("ij->ji", ((2, 3),)),
    ("ba", ((2, 3),)),
    ("...ij,...jk->...ik", ((5, 2, 3), (3, 4))),
    ("...j->...", ((2, 3),)),
    ("i,j->ij", ((2,), (3,))),
    ("i,j->ji", ((2,), (3,))),
    ("ij,kj,kl->il", ((2, 3), (4, 3), (4, 5))),
    ("abc,bcd,dae->e", ((2, 3, 4), (3, 4, 5), (5, 2, 6))),
    ("ijk->k", ((2, 3, 4),)),
    ("iij->j", ((3, 3, 4),)),
    ("iiij->j", ((2, 2, 2, 3),)),
    ("i,i,i->i", ((3,), (3,), (3,))),
    ("...,...", ((2, 3), (3,))),
    ("bij,bj->bi", ((5, 2, 3), (5, 3))),
    ("bhqd,bhkd->bhqk", ((2, 2, 3, 4), (2, 2, 5, 4))),
    ("ij,j", ((2, 3), (3,))),
    (",ij", ((), (2, 3))),
    ("ij,j->ij", ((1, 3), (3,))),
    ("ij,jk->ik", ((2, 1), (3, 4))),
    ("...a->a...", ((2, 3, 4),)),
    ("i...->...", ((2, 3),)),
    ("ab,bc,cd,de", ((2, 3), (3, 4), (4, 5), (5, 2))),
    ("i,i", ((0,), (0,))),
)

NORMS: tuple[tuple[str, Callable[..., Any], Shapes], ...] = (
    ("norm", np.linalg.norm, ((3,), (3, 4), (2, 2, 2))),
    ("norm kept", lambda x: np.linalg.norm(x, None, None, True), ((3, 4),)),
    ("norm along", lambda x: np.linalg.norm(x, axis=1), ((3, 4),)),
    ("norm 1", lambda x: np.linalg.norm(x, 1), ((3,), (3, 4))),
    ("norm inf", lambda x: np.linalg.norm(x, np.inf), ((3,), (3, 4))),
    ("norm -inf", lambda x: np.linalg.norm(x, -np.inf, axis=0, keepdims=True), ((3, 4),)),
    ("norm 3", lambda x: np.linalg.norm(x, 3), ((4,),)),
    ("norm 0", lambda x: np.linalg.norm(x, 0), ((4,),)),
    ("norm fro", lambda x: np.linalg.norm(x, "fro", axis=(0, 2)), ((3, 2, 4),)),
    ("vector_norm", np.linalg.vector_norm, ((3, 4),)),
    ("matrix_norm", np.linalg.matrix_norm, ((2, 3, 4),)),
    ("trace", np.trace, ((3, 4), (2, 2, 3))),
    ("trace offset", lambda x: np.trace(x, 1, 2, 0), ((3, 4, 5),)),
    ("linalg.trace", np.linalg.trace, ((2, 3, 3),)),
    ("matrix_power", lambda x: np.linalg.matrix_power(x, 5), ((2, 2),)),
    ("matrix_power 0", lambda x: x + np.linalg.matrix_power(x, 0), ((2, 2),)),
)


def _einsum(subscripts: str) -> Callable[..., Any]:
    return lambda *operands: np.einsum(subscripts, *operands)


def _entries() -> Iterator[Entry]:
    for name, function, pairs in PRODUCTS:
        for shapes in pairs:
            yield f"{name}{'x'.join(str(list(s)) for s in shapes)}", function, drawn(name, *shapes)
    for subscripts, shapes in EINSUMS:
        yield f"einsum {subscripts} of {shapes}", _einsum(subscripts), drawn(subscripts, *shapes)
    for name, function, shapes in NORMS:
        for shape in shapes:
            yield f"{name}{list(shape)}", function, drawn(name, shape)
    matrices = drawn("lists", (2, 3), (3, 4))
    yield "einsum of lists", lambda x, y: np.einsum(x, [0, 1], y, [1, 2], [0, 2]), matrices
    yield "einsum of lists, implicit", lambda x, y: np.einsum(x, [0, 1], y, [1, 2]), matrices
    yield "einsum of lists, dots", lambda x, y: np.einsum(x, [..., 1], y, [1, 2], [..., 2]), matrices
    chain = drawn("chain", (3, 4), (4, 5), (5,))
    yield "multi_dot", lambda x, y, z: np.linalg.multi_dot([x, y, z]), chain


CASES: list[Entry] = list(_entries())
