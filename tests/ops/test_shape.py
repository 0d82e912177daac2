"""Shape operations: what is recorded for them, their dtypes, what they refuse. Values are in ``cases_shape.py``."""

from typing import Any

import numpy as np
import pytest

from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.check import check_graph
from staticbp.core.graph import Graph, Lit
from staticbp.core.interpret import interpret
from staticbp.core.shape import symbol
from staticbp.errors import DtypeError, ShapeError, StaticbpError, UnsupportedFunctionError
from staticbp.ops import shape
from staticbp.ops.linear import fill
from staticbp.trace.trace import trace
from tests.ops.cases_shape import CASES
from tests.ops.checks import assert_value, graph_of


def x(*dims: int, dtype: type = np.float64) -> np.ndarray:
    return np.arange(int(np.prod(dims)), dtype=dtype).reshape(dims)


NO_INDEXING: dict[str, Any] = {"indexing": "no"}


def ops_of(graph: Graph) -> list[str]:
    return [eqn.op.name for eqn in graph.eqns]


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint8, np.bool_])
def test_every_case_in_other_dtypes(dtype):
    for name, function, args in CASES:
        if dtype in (np.uint8, np.bool_) and any(word in name for word in ("space", "vander", "trap", "diff")):
            continue  # differences and quotients of these are tested with arithmetic
        assert_value(function, [np.asarray(3 * a).astype(dtype) for a in args])


@pytest.mark.parametrize(
    "function",
    [
        lambda a: a.reshape(2, 3),
        lambda a: a.transpose(0, 1),
        lambda a: a[:, ::1],
        lambda a: a[...],
        lambda a: np.broadcast_to(a, (2, 3)),
        lambda a: np.atleast_2d(a),
        lambda a: np.squeeze(a),
        lambda a: np.moveaxis(a, 0, 0),
        lambda a: np.rot90(a, 4),
        lambda a: np.roll(a, 6),
        lambda a: np.tile(a, 1),
        lambda a: np.pad(a, 0),
        lambda a: a.astype(np.float64),
        lambda a: a.copy(),
    ],
)
def test_what_changes_nothing_records_nothing(function):
    assert graph_of(function, [x(2, 3)]).eqns == ()


@pytest.mark.parametrize(
    ("function", "recorded"),
    [
        (np.flip, ["slice"]),
        (lambda a: a[::-1, 1:], ["slice"]),
        (lambda a: np.pad(a, 2), ["embed"]),
        (lambda a: np.roll(a, 1, axis=0), ["slice", "slice", "concatenate"]),
        (lambda a: np.diagonal(a), ["reshape", "slice"]),
        (lambda a: np.tile(a, 2), ["broadcast", "reshape"]),
        (lambda a: np.repeat(a, 2, axis=0), ["broadcast", "reshape"]),
        (lambda a: a.T, ["transpose"]),
        (lambda a: np.stack([a, a])[1], ["reshape", "reshape", "concatenate", "slice", "reshape"]),
    ],
)
def test_what_is_recorded(function, recorded):
    assert ops_of(graph_of(function, [x(2, 3)])) == recorded


def test_literals_stay_literals_when_they_are_moved():
    def function(a):
        ones = np.ones_like(a)
        return ones.T, ones.reshape(-1), ones[:1], np.flip(ones), np.broadcast_to(ones, (4, 2, 3))

    graph = graph_of(function, [x(2, 3)])
    assert graph.eqns == ()
    assert all(isinstance(out, Lit) and out.value == 1 for out in graph.outs)


def test_copies_are_values_of_their_own():
    def function(a):
        b = np.copy(a)
        b += 1
        c = np.concatenate([a])
        c *= 2
        return a, b, c

    first, second, third = interpret(graph_of(function, [x(3)]), [x(3)])
    np.testing.assert_array_equal(first, x(3))
    np.testing.assert_array_equal(second, x(3) + 1)
    np.testing.assert_array_equal(third, x(3) * 2)


def test_captured_arrays_are_moved_when_the_code_runs():
    table = x(2, 3)
    graph = graph_of(lambda a: np.concatenate([a, table[:0].T.T, table]), [x(1, 3)])
    assert any(array is table for _, array in graph.consts)


def test_constants_join_as_literals():
    graph = graph_of(lambda a: np.concatenate([a, np.zeros_like(a), np.full_like(a, 2.5)]), [x(3)])
    assert ops_of(graph) == ["concatenate"]


def test_symbolic_sizes():
    n = symbol("n")
    avals = [Aval((n, 3), FLOAT64)]

    def function(a):
        flat = a.reshape(-1)
        return [flat, a.T, a[::-1], a[1:], a[:, 1:], np.stack([a, a]), np.concatenate([a, a]), np.squeeze(a[:, :1])]

    graph = check_graph(trace(function, "f", avals, ["a"]))
    listed = [",".join(map(str, aval.shape)) for aval in graph.out_avals]
    assert listed == ["3*n", "3,n", "n,3", "n - 1,3", "n,2", "2,n,3", "2*n,3", "n"]


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (lambda a: a.reshape(4), ShapeError),
        (lambda a: a.reshape(-1, -1), ShapeError),
        (lambda a: a.reshape(3, 2, order="F"), UnsupportedFunctionError),
        (lambda a: np.transpose(a, (0, 0)), ShapeError),
        (lambda a: np.transpose(a, (0,)), ShapeError),
        (lambda a: np.squeeze(a, 0), ShapeError),
        (lambda a: np.moveaxis(a, (0, 1), 0), ShapeError),
        (lambda a: np.swapaxes(a, 0, 2), ShapeError),
        (lambda a: np.broadcast_to(a, (3, 2)), ShapeError),
        (lambda a: np.concatenate([a, a[0]]), ShapeError),
        (lambda a: np.concatenate([a[0, 0], a[0, 0]]), ShapeError),
        (lambda a: np.concatenate([a, a], dtype=np.int64), DtypeError),
        (lambda a: np.concatenate([a, a], out=np.zeros((4, 3))), UnsupportedFunctionError),
        (lambda a: np.stack([a, a.T]), ShapeError),
        (lambda a: np.stack([a, a], axis=5), ShapeError),
        (lambda a: np.split(a, 2, axis=1), ShapeError),
        (lambda a: np.array_split(a, 0), ShapeError),
        (lambda a: np.pad(a, -1), ShapeError),
        (lambda a: np.pad(a, ((1, 2), (3, 4), (5, 6))), ShapeError),
        (lambda a: np.pad(a, 1, mode="empty"), UnsupportedFunctionError),
        (lambda a: np.pad(a, 1, mode="reflect", reflect_type="odd"), UnsupportedFunctionError),
        (lambda a: np.repeat(a, [1, 2, 3], axis=0), ShapeError),
        (lambda a: np.repeat(a, a[0, 0].astype(int)), UnsupportedFunctionError),
        (lambda a: np.roll(a, a[0, 0].astype(int)), UnsupportedFunctionError),
        (lambda a: np.diag(a[None]), ShapeError),
        (lambda a: np.diagonal(a[0]), ShapeError),
        (lambda a: np.vander(a), ShapeError),
        (lambda a: np.meshgrid(a[0], **NO_INDEXING), ShapeError),
        (lambda a: a.astype(np.float16), DtypeError),
        (lambda a: np.zeros_like(a, dtype=np.float16), DtypeError),
        (lambda a: np.unique(a), UnsupportedFunctionError),
    ],
)
def test_what_is_refused_names_the_line(function, error):
    with pytest.raises(error) as caught:
        graph_of(function, [x(2, 3)])
    assert isinstance(caught.value, StaticbpError)
    assert "test_shape.py" in str(caught.value.src)


def test_slices_are_checked_against_the_array():
    with pytest.raises(ShapeError, match="leaves an axis of size 4"):
        shape.slice.avals([Aval((4,), FLOAT64)], {"starts": (2,), "steps": (1,), "shape": (3,)})
    with pytest.raises(ShapeError, match="leaves an axis of size 4"):
        shape.embed.avals([Aval((2,), FLOAT64)], {"starts": (0,), "steps": (-1,), "shape": (4,)})


def test_operations_evaluate_on_plain_arrays():
    np.testing.assert_array_equal(shape.reshaped(x(2, 3), (3, -1)), x(3, 2))
    np.testing.assert_array_equal(shape.permuted(x(2, 3), (1, 0)), x(2, 3).T)
    embedded = shape.embed(x(2) + 1, starts=(4,), steps=(-2,), shape=(5,))
    np.testing.assert_array_equal(embedded, [0, 0, 2, 0, 1])
    assert isinstance(fill(1.0, Aval((2,), FLOAT64)), Lit)


def test_questions_are_answered_at_once():
    def function(a):
        assert np.shape(a) == (2, 3)
        assert np.ndim(a) == 2
        assert np.size(a) == 6
        assert np.size(a, 1) == 3
        assert not np.iscomplexobj(a)
        assert np.isrealobj(a)
        assert np.result_type(a, np.float32) == np.float64
        return np.real(a)

    assert graph_of(function, [x(2, 3)]).eqns == ()


def test_copies_and_new_names_may_be_changed():
    def function(a):
        part = a[1:].copy()
        part += 1
        rows = a[[0, 1]]
        rows *= 2
        flat = a.flatten()
        flat -= 1
        fresh = a[0] + 0
        fresh /= 2
        element = a[0, 0]
        element += 1
        return a, part, rows, flat, fresh, element

    assert_value(function, [x(2, 3)])
