"""Structures saved and loaded: what comes back is what was saved, and what does not fit is named."""

import enum
import json
import os
from collections import OrderedDict, deque
from typing import NamedTuple

import numpy as np
import pytest

import staticbp as bp
from staticbp.api import saving
from staticbp.core import packages
from staticbp.errors import (
    ArgumentError,
    DtypeError,
    MissingPackageError,
    SavedFileError,
    ShapeError,
    StructureError,
)

numpy_files = pytest.importorskip("safetensors.numpy")


class Mode(enum.Enum):
    FAST = 1


@bp.record
class Layer:
    weights: np.ndarray
    biases: np.ndarray
    name: str = bp.static(default="tanh")
    activation: object = np.tanh


@bp.record
class Other:
    weights: np.ndarray
    biases: np.ndarray


@bp.register(leaves=lambda q: q.amount, static=lambda q: q.unit, make=lambda amount, unit: Quantity(amount, unit))
class Quantity:
    def __init__(self, amount, unit):
        self.amount, self.unit = amount, unit


class Pair(NamedTuple):
    left: object
    right: object


def tree(k=1):
    return {
        "layers": [Layer(k * np.arange(6.0).reshape(2, 3), k * np.ones(2)), None],
        "pair": Pair(np.float32(k * 0.5), (k * 3, True)),
        "mass": Quantity(k * np.ones((2, 0)), "kg"),
        "rest": deque([OrderedDict(z=k * 1.5, a=np.array(k * 2.5))]),
        "mode": Mode.FAST,
        "counts": np.arange(3, dtype=np.uint8),
    }


@pytest.fixture
def path(tmp_path):
    return tmp_path / "values.safetensors"


def assert_same(found, expected):
    leaves, structure = bp.tree.flatten(found)
    others, other_structure = bp.tree.flatten(expected)
    assert structure == other_structure
    for leaf, other in zip(leaves, others, strict=True):
        assert type(leaf) is type(other)
        assert np.asarray(leaf).dtype == np.asarray(other).dtype
        np.testing.assert_array_equal(leaf, other)


def test_what_is_saved_is_loaded(path):
    bp.save(path, tree())
    assert_same(bp.load(str(path), like=tree(0)), tree())
    bp.save(path, tree(3))
    assert_same(bp.load(path, like=tree(0)), tree(3))
    assert os.listdir(path.parent) == [path.name], "nothing is left behind"


def test_the_file_is_one_that_others_read(path):
    bp.save(path, tree())
    arrays = numpy_files.load_file(path)
    assert sorted(arrays) == [
        "counts",
        "layers.0.biases",
        "layers.0.weights",
        "mass",
        "pair.left",
        "pair.right.0",
        "pair.right.1",
        "rest.0.a",
        "rest.0.z",
    ]
    assert np.array_equal(arrays["layers.0.weights"], np.arange(6.0).reshape(2, 3))
    assert arrays["counts"].dtype == np.uint8


def test_a_file_of_others_is_loaded(path):
    numpy_files.save_file({"weights": np.ones((1, 2)), "biases": np.zeros(1)}, path)
    like = Layer(np.zeros((1, 2)), np.ones(1), "relu")
    assert bp.load(path, like=like) == Layer(np.ones((1, 2)), np.zeros(1), "relu")
    assert bp.load(path, like={"weights": np.zeros((1, 2)), "biases": np.ones(1)})["biases"] == 0.0


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4)[:, ::2],
        np.arange(12.0).reshape(3, 4).T,
        np.arange(3.0)[::-1],
        np.arange(3, dtype=">f8"),
        np.zeros((0, 3), np.float32),
        np.array(2.0),
        np.float16(2.0),
        7,
        True,
        2.5,
    ],
    ids=repr,
)
def test_arrays_of_every_kind(path, array):
    bp.save(path, array)
    assert np.array_equal(bp.load(path, like=array), array)


def test_nan_and_infinity_come_back(path):
    bp.save(path, np.array([np.nan, np.inf, -0.0]))
    found = bp.load(path, like=np.zeros(3))
    assert np.isnan(found[0])
    assert found[1] == np.inf
    assert np.signbit(found[2])


def layer(**changes):
    return bp.replace(Layer(np.ones((2, 3)), np.ones(2)), **changes)


@pytest.mark.parametrize(
    ("like", "error", "message"),
    [
        ([layer(weights=np.ones((3, 2)))], ShapeError, r"0.weights has the shape \(2, 3\) in .*, and \(3, 2\) in"),
        ([layer(biases=np.ones(2, np.float32))], DtypeError, "0.biases is float64 in .*, and float32 in `like`"),
        ([layer(biases=1.0)], ShapeError, r"0.biases has the shape \(2,\)"),
        ([layer(biases=None)], StructureError, "`like` has no 0.biases, which the file has"),
        ([layer(), layer()], StructureError, "has no 1.weights, 1.biases$"),
        ([layer()] * 4, StructureError, "has no 1.weights, 1.biases, 2.weights, 2.biases, 3.weights and 1 more"),
        ([layer(name="relu")], StructureError, "0.name is 'tanh' in .*, and 'relu' in `like`"),
        ([layer(activation=np.sin)], StructureError, "0.activation is .*tanh in .*, and .*sin in `like`"),
        ([Other(np.ones((2, 3)), np.ones(2))], StructureError, "0 is Layer in .*, and Other in `like`"),
        ({"0": {"weights": np.ones((2, 3)), "biases": np.ones(1)}}, ShapeError, "0.biases"),
        (layer(), StructureError, r"has no weights, biases, and `like` has no 0.biases, 0.weights, which"),
    ],
)
def test_what_does_not_fit_is_named(path, like, error, message):
    bp.save(path, [layer()])
    with pytest.raises(error, match=f"(?m){message}") as caught:
        bp.load(path, like=like)
    assert "test_saving.py" in str(caught.value)


def test_static_parts_of_registered_classes_are_compared(path):
    bp.save(path, Quantity(1.0, "kg"))
    assert bp.load(path, like=Quantity(0.0, "kg")).amount == 1.0
    with pytest.raises(StructureError, match=r"is 'kg' in .*, and 'm' in `like`"):
        bp.load(path, like=Quantity(0.0, "m"))
    bp.save(path, [1.0, Mode.FAST, len, float, "text"])
    with pytest.raises(StructureError, match=r"2 is builtins.len in .* and builtins.abs in `like`"):
        bp.load(path, like=[1.0, Mode.FAST, abs, float, "text"])


def test_texts_of_static_values_are_the_same_in_every_process():
    assert saving._said(Mode.FAST) == "Mode.FAST"
    assert saving._said(object()) == "a object"
    assert saving._said((1, "a", None)) == "(1, 'a', None)"
    assert "0x" not in saving._said(lambda: 3) + saving._said(np.tanh) + saving._said(bp.grad(np.sin))


def test_what_cannot_be_saved(path):
    with pytest.raises(DtypeError, match="z has dtype complex128"):
        bp.save(path, {"z": 1j})
    with pytest.raises(ArgumentError, match=r"two leaves are called 'a.b'"):
        bp.save(path, {"a.b": 1.0, "a": {"b": 2.0}})
    with pytest.raises(ArgumentError, match="a set at"):
        bp.save(path, [{1}])
    with pytest.raises(ArgumentError, match=r"x is a traced value(.|\n)*save what that returns"):
        bp.compile(lambda x: bp.save(path, {"x": x}))(1.0)
    assert os.listdir(path.parent) == []


@pytest.mark.parametrize("cut", [0, 4, 20, -1])
def test_damaged_files_are_no_tracebacks(path, cut):
    bp.save(path, tree())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(SavedFileError, match=r"values.safetensors is damaged"):
        bp.load(path, like=tree())


def test_damaged_metadata(path):
    for text in ("{", "[]", json.dumps({"classes": 3})):
        numpy_files.save_file({"value": np.ones(1)}, path, {"staticbp": text})
        with pytest.raises(SavedFileError, match="metadata"):
            bp.load(path, like=np.ones(1))


def test_files_that_are_not_there(path, tmp_path):
    with pytest.raises(FileNotFoundError):
        bp.load(path, like=1.0)
    with pytest.raises(IsADirectoryError):
        bp.load(tmp_path, like=1.0)
    with pytest.raises(FileNotFoundError, match=r"nowhere'$"):
        bp.save(tmp_path / "nowhere" / "x", 1.0)


def test_a_writer_that_fails_leaves_the_old_file(path, monkeypatch):
    bp.save(path, 1.0)
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        bp.save(path, 2.0)
    monkeypatch.undo()
    assert bp.load(path, like=0.0) == 1.0
    assert os.listdir(path.parent) == [path.name]


def test_without_the_package_the_error_says_what_to_install(path, monkeypatch):
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"staticbp\[io\]"):
        bp.save(path, 1.0)
