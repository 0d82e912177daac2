"""bp.tree: structures taken apart and put together, traced and plain."""

from typing import NamedTuple

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import ArgumentError, ShapeError, StructureError


class Pair(NamedTuple):
    left: object
    right: object


TREE = {"b": (1.0, [np.arange(3.0)]), "a": Pair(np.float32(2.0), None), "name": "x"}


def test_flatten_and_unflatten():
    leaves, structure = bp.tree.flatten(TREE)
    assert leaves[0] == np.float32(2.0)
    assert leaves[1] == 1.0
    assert len(leaves) == structure.count == 3
    again = bp.tree.unflatten(structure, leaves)
    assert list(again) == ["b", "a", "name"]
    assert type(again["a"]) is Pair
    assert structure == bp.tree.flatten(again)[1]
    assert hash(structure) == hash(bp.tree.flatten(again)[1])
    assert structure != bp.tree.flatten([1.0])[1]
    with pytest.raises(StructureError, match="takes 3 leaves, not 1"):
        bp.tree.unflatten(structure, [1.0])


def test_map_and_leaves():
    doubled = bp.tree.map(lambda x: 2 * x, TREE)
    assert bp.tree.leaves(doubled)[1] == 2.0
    assert doubled["name"] == "x"
    assert bp.tree.map(lambda x, y: x + y, (1.0, 2.0), (3.0, 4.0)) == (4.0, 6.0)
    with pytest.raises(StructureError, match="differ"):
        bp.tree.map(lambda x, y: x, (1.0,), [1.0])
    with pytest.raises(ArgumentError, match=r"a set at \['x'\]"):
        bp.tree.leaves({"x": {1}})


def test_zeros_and_ones():
    zeros = bp.tree.zeros_like(TREE)
    assert type(zeros["a"].left) is np.float32
    assert zeros["b"][0] == 0.0
    assert np.array_equal(bp.tree.ones_like(TREE)["b"][1][0], np.ones(3))


def test_ravel():
    tree = {"w": np.arange(6.0).reshape(2, 3), "b": np.float32(7.0), "n": 3}
    vector, unravel = bp.tree.ravel(tree)
    assert np.array_equal(vector, [7.0, 3.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    again = unravel(vector)
    assert np.array_equal(again["w"], tree["w"])
    assert type(again["b"]) is np.float32
    assert type(again["n"]) is np.int64
    with pytest.raises(ShapeError, match="8 elements"):
        unravel(np.ones(3))
    empty, unravel = bp.tree.ravel(())
    assert empty.shape == (0,)
    assert unravel(empty) == ()


def test_ravel_of_traced_values():
    def f(vector):
        tree = unravel(vector)
        again, _ = bp.tree.ravel({"w": tree["w"] * 2.0, "b": tree["b"]})
        return np.sum(again**2)

    tree = {"w": np.arange(6.0).reshape(2, 3), "b": 7.0}
    vector, unravel = bp.tree.ravel(tree)
    assert np.allclose(bp.grad(f)(vector), 2 * vector * np.array([1.0, *[4.0] * 6]))
