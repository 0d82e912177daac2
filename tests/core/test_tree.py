import dataclasses
from collections import OrderedDict
from enum import Enum
from typing import NamedTuple

import numpy as np
import pytest

from staticbp.core import tree
from staticbp.errors import ArgumentError, StructureError


class Pair(NamedTuple):
    left: object
    right: object


class Mode(Enum):
    FAST = 1


@dataclasses.dataclass(frozen=True)
class Layer:
    weights: np.ndarray
    biases: np.ndarray
    name: str = dataclasses.field(default="", metadata={tree.STATIC: True})


@dataclasses.dataclass
class Net:
    layers: list
    rate: float


NET = Net([Layer(np.ones((2, 3)), np.zeros(2), "hidden"), Layer(np.ones((1, 2)), np.zeros(1), "out")], 0.5)


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (1.0, 1),
        ((1, 2.0, np.ones(3)), 3),
        ([1, [2, (3,)]], 3),
        ({"b": 1, "a": 2}, 2),
        (OrderedDict(b=1, a=2), 2),
        (Pair(1, {"x": 2}), 2),
        (None, 0),
        ((), 0),
        ((1, None, "text", len, Mode.FAST, float), 1),
        (NET, 5),
    ],
    ids=str,
)
def test_what_is_taken_apart_is_put_together_again(value, count):
    leaves, structure = tree.flatten(value)
    assert len(leaves) == structure.count == count
    again = structure.unflatten(leaves)
    assert type(again) is type(value)
    assert str(again) == str(value)


def test_static_fields_strings_and_functions_are_structure():
    leaves, structure = tree.flatten(NET)
    assert all(isinstance(leaf, np.ndarray | float) for leaf in leaves)
    assert structure.unflatten(leaves).layers[1].name == "out"
    renamed = dataclasses.replace(NET, layers=[NET.layers[0], dataclasses.replace(NET.layers[1], name="last")])
    assert tree.flatten(renamed)[1] != structure
    assert tree.flatten((1, "a"))[1] != tree.flatten((1, "b"))[1]
    assert tree.flatten((1, "a"))[1] == tree.flatten((2, "a"))[1]
    assert hash(tree.flatten((1, "a"))[1]) == hash(tree.flatten((2, "a"))[1])
    assert tree.flatten((1, np.sin))[1] != tree.flatten((1, np.cos))[1]


def test_equal_static_values_of_other_types_are_other_structures():
    @dataclasses.dataclass(frozen=True)
    class Step:
        x: float
        size: object = dataclasses.field(metadata={tree.STATIC: True})

    assert tree.flatten(Step(1.0, 1))[1] != tree.flatten(Step(1.0, 1.0))[1]
    assert tree.flatten(Step(1.0, 1))[1] == tree.flatten(Step(2.0, 1))[1]
    with pytest.raises(ArgumentError, match=r"the static field .*Step.size is a list without a hash"):
        tree.flatten(Step(1.0, [1]))


def test_kinds_of_containers_are_not_mixed():
    structures = {tree.flatten(value)[1] for value in ((1, 2), [1, 2], Pair(1, 2), {"a": 1, "b": 2}, {"a": 1, "c": 2})}
    assert len(structures) == 5


def test_what_is_no_number_is_refused_by_its_path():
    with pytest.raises(ArgumentError, match=r"a set at layers\[1\]\['x'\] is neither a number"):
        tree.flatten(Net([1.0, {"x": {1, 2}}], 0.5))
    with pytest.raises(ArgumentError, match="a object is neither"):
        tree.flatten(object())


def test_paths():
    assert tree.path_texts(NET, "net") == [
        "net.layers[0].weights",
        "net.layers[0].biases",
        "net.layers[1].weights",
        "net.layers[1].biases",
        "net.rate",
    ]
    assert tree.path_texts(1.0, "x") == ["x"]
    assert tree.path_texts({"key": [1]}, "x") == ["x['key'][0]"]


def test_leaf_by_leaf():
    doubled = tree.map_leaves(lambda x: 2 * x, NET)
    np.testing.assert_array_equal(doubled.layers[0].weights, np.full((2, 3), 2.0))
    assert doubled.rate == 1.0
    assert doubled.layers[0].name == "hidden"
    assert tree.map_leaves(lambda x, y: x - y, (3, {"a": 5}), (1, {"a": 2})) == (2, {"a": 3})
    with pytest.raises(
        StructureError, match=r"these structures differ: \('\*', '\*'\) and \['\*', '\*'\]|these structures"
    ):
        tree.map_leaves(lambda x, y: x, (1, 2), [1, 2])
    assert tree.leaves_of({"b": 1, "a": (2, None)}) == [2, 1]


def test_a_structure_shows_where_its_leaves_are():
    assert repr(tree.flatten((1, {"a": 2}))[1]) == "(*, {'a': *})"
    assert repr(tree.flatten(None)[1]) == "None"
