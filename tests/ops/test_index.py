"""Indexing: random keys against NumPy, what is recorded, what is refused. More values: ``cases_index.py``."""

from typing import Any

import numpy as np
import pytest

import staticbp as bp
from staticbp.core.graph import Graph
from staticbp.core.interpret import interpret
from staticbp.errors import MutationError, StaticbpError, TracedIndexError, UnsupportedFunctionError
from staticbp.ops.index import gather
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.checks import assert_batching, assert_derivatives, assert_value, graph_of

KINDS = ("slice", "int", "none", "ellipsis", "array", "list", "mask", "bool", "traced int", "traced array")
WEIGHTS = (0.34, 0.15, 0.08, 0.06, 0.1, 0.06, 0.05, 0.03, 0.07, 0.06)
SHAPES = ((2,), (1,), (3, 1), (2, 2), (), (2, 1))


class Hole:
    """Where a traced index goes into a key."""


class Keys:
    """Random keys of an array."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def entry(self, extent: int) -> Any:
        rng = self.rng
        kind = rng.choice(KINDS, p=WEIGHTS)
        indexes = rng.integers(-extent, extent, size=SHAPES[rng.integers(len(SHAPES))])
        match kind:
            case "slice":
                start, stop = [
                    None if rng.random() < 0.3 else int(rng.integers(-extent - 2, extent + 3)) for _ in range(2)
                ]
                return slice(start, stop, None if rng.random() < 0.4 else int(rng.choice([1, 2, 3, -1, -2, -3])))
            case "int":
                return int(rng.integers(-extent, extent + (rng.random() < 0.03)))
            case "none":
                return None
            case "ellipsis":
                return Ellipsis
            case "array":
                return indexes.astype([np.int64, np.int32, np.int8][rng.integers(3)])
            case "list":
                return np.atleast_1d(indexes).tolist()
            case "mask":
                return rng.random(extent) < 0.5
            case "bool":
                return bool(rng.random() < 0.7)
            case "traced int":
                return Hole, np.int64(indexes.flat[0])
            case _:
                return Hole, indexes

    def draw(self) -> tuple[np.ndarray, list[Any], list[Any]]:
        """An array, a key for it, and the traced parts of the key."""
        rng = self.rng
        shape = tuple(rng.integers(1, 5, size=rng.integers(1, 5)).tolist())
        key: list[Any] = []
        axis = 0
        for _ in range(rng.integers(1, len(shape) + 2)):
            entry = self.entry(shape[min(axis, len(shape) - 1)])
            key.append(entry)
            axis += entry is not None and entry is not Ellipsis and not isinstance(entry, bool)
        if rng.random() < 0.06 and len(shape) > 1:
            key = [rng.random(shape[:2]) < 0.5, *key[2:]]
        holes = [entry[1] for entry in key if isinstance(entry, tuple)]
        return rng.normal(size=shape), key, holes


def indexed(key: list[Any]) -> Any:
    """``x[key]``, with the traced parts of the key as further arguments."""

    def function(x: Any, *holes: Any) -> Any:
        rest = iter(holes)
        entries = tuple(next(rest) if isinstance(entry, tuple) else entry for entry in key)
        return x[entries[0] if len(entries) == 1 else entries]

    return function


@pytest.mark.parametrize("seed", range(4))
def test_random_keys(seed):
    keys = Keys(seed)
    given = refused = 0
    for number in range(500):
        x, key, holes = keys.draw()
        function = indexed(key)
        try:
            function(x, *holes)
        except IndexError:
            with pytest.raises(IndexError):
                interpret(graph_of(function, [x, *holes]), [x, *holes])
            refused += 1
            continue
        assert_value(function, [x, *holes])
        given += 1
        if number % 10 == 0:
            graph = graph_of(function, [x, *holes])
            assert_derivatives(graph, [x, *holes], keys.rng)
            assert_batching(graph, [x, *holes], [True] * (1 + len(holes)))
    assert given > 300
    assert refused > 30


def ops_of(graph: Graph) -> list[str]:
    return [eqn.op.name for eqn in graph.eqns]


X = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(
    ("key", "recorded"),
    [
        (0, ["slice", "reshape"]),
        ((..., slice(1, None)), ["slice"]),
        (None, ["reshape"]),
        ((slice(None), slice(None, None, -1)), ["slice"]),
        ((slice(None), np.array([0, 2])), ["gather", "transpose"]),
        (([1, 0],), ["gather"]),
        ((1, slice(None), [0, 2]), ["slice", "reshape", "gather", "transpose"]),
    ],
)
def test_what_is_recorded(key, recorded):
    if isinstance(key, tuple) and 1 in key[:1]:  # an integer apart from an array counts as one: the array's axis leads
        recorded = recorded[:-1]
    assert ops_of(graph_of(lambda x: x[key], [X])) == recorded


def test_the_derivative_of_a_gather_is_a_scatter():
    graph = vjp(RULES, graph_of(lambda x, i: x[i], [X, np.array([1, 1, 0])]), [True, False])
    assert ops_of(graph) == ["gather", "scatter_add"]
    _, bar = interpret(graph, [X, np.array([1, 1, 0]), np.ones((3, 3, 4))])
    np.testing.assert_array_equal(bar[:, 0, 0], [1, 2])


def test_captured_indexes_are_read_when_the_code_runs():
    rows = np.array([0, 1])
    graph = graph_of(lambda x: x[rows], [X])
    rows[:] = 1
    np.testing.assert_array_equal(interpret(graph, [X])[0], X[[1, 1]])


def test_indexes_out_of_range_are_found():
    with pytest.raises(TracedIndexError, match="index 2 is out of bounds for axis 0 with size 2"):
        graph_of(lambda x: x[2], [X])
    with pytest.raises(TracedIndexError, match="index -4 is out of bounds for axis 1 with size 3"):
        graph_of(lambda x: x[:, [0, -4]], [X])
    with pytest.raises(TracedIndexError, match="out of bounds for axis 2"):
        graph_of(lambda x: np.take(x, [4], axis=2), [X])
    graph = graph_of(lambda x, i: x[i], [X, np.int64(0)])
    with pytest.raises(IndexError):
        interpret(graph, [X, np.int64(2)])


@pytest.mark.parametrize(
    ("function", "error", "advice"),
    [
        (lambda x: x[x > 0], TracedIndexError, "np.where(mask, x, 0)"),
        (lambda x: x[x[0, 0, 0].astype(int) :], TracedIndexError, "np.arange(n)"),
        (lambda x: x[0.5], TracedIndexError, "only integers"),
        (lambda x: x["name"], TracedIndexError, "only integers"),
        (lambda x: x[x], TracedIndexError, "astype(int)"),
        (lambda x: x[0, 0, 0, 0], TracedIndexError, "too many indexes"),
        (lambda x: x[..., ...], TracedIndexError, "ellipsis"),
        (lambda x: x[np.array([True, False, True])], TracedIndexError, "did not match"),
        (lambda x: x[[0, 1, 1], [0, 1]], TracedIndexError, "broadcast"),
        (lambda x: x[::0], TracedIndexError, "not valid"),
        (lambda x: np.nonzero(x), UnsupportedFunctionError, "np.where"),
        (lambda x: np.put(x, 0, 1.0), MutationError, "np.where"),
        (lambda x: x.__setitem__(0, 1.0), MutationError, "np.where"),
        (lambda x: np.take(x, x), TracedIndexError, "astype(int)"),
        (lambda x: np.take(x, 0, out=np.zeros(())), UnsupportedFunctionError, "out="),
        (lambda x: x.take(x.astype(int), mode="no"), TracedIndexError, "'clip'"),
    ],
)
def test_what_is_refused_says_what_to_write(function, error, advice):
    with pytest.raises(error) as caught:
        graph_of(function, [X])
    assert isinstance(caught.value, StaticbpError)
    assert advice in str(caught.value)
    assert "test_index.py" in str(caught.value.src)


def test_empty_axes():
    empty = np.zeros((0, 3))
    assert_value(lambda x: x[:, 1], [empty])
    assert_value(lambda x: x[::-1], [empty])
    assert_value(lambda x: x[[]], [empty])
    assert_value(lambda x, i: x[i], [empty, np.zeros(0, np.int64)])


def test_compiled_code_finds_indexes_out_of_range():
    @bp.compile
    def pick(x, i):
        return x[i] * 2

    assert pick(np.arange(3.0), np.int64(-1)) == 4
    with pytest.raises(TracedIndexError, match="out of range") as caught:
        pick(np.arange(3.0), np.int64(3))
    assert caught.value.src is not None
    assert caught.value.src.text == "return x[i] * 2"

    # The gradient needs no element of the array, yet must not write beyond it.
    gradient = bp.grad(lambda x, i: np.sum(x[i]))
    np.testing.assert_array_equal(gradient(np.arange(3.0), np.array([0, 0, -1])), [2, 0, 1])
    with pytest.raises(IndexError):
        gradient(np.arange(3.0), np.array([0, 3, 1]))


def test_what_is_known_to_be_in_range_is_not_checked():
    known = [lambda x: x[[0, 1]], lambda x: np.pad(x, 1, mode="edge"), lambda x: x[np.array([True, False])]]
    for function in known:
        (gathered,) = {eqn.params.get("safe") for eqn in graph_of(function, [X]).eqns if eqn.op is gather}
        assert gathered
    for function in (lambda x: x[np.array([0, 1])], lambda x: np.take(x, np.array([1]))):
        (gathered,) = {eqn.params.get("safe") for eqn in graph_of(function, [X]).eqns if eqn.op is gather}
        assert gathered is None
