"""Parts of structures, by path and by kind, plain and traced."""

from collections import OrderedDict, deque
from dataclasses import field
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import ArgumentError, StructureError, TracedBranchError

T = TypeVar("T")


@bp.record
class Layer:
    weights: np.ndarray
    biases: np.ndarray
    name: str = bp.static(default="tanh")


@bp.record
class Net:
    layers: list
    scale: float = 1.0


@bp.record
class Boxed(Generic[T]):
    value: T


class Pair(NamedTuple):
    left: object
    right: object


def net():
    return Net([Layer(np.ones((2, 3)), np.zeros(2)), Layer(np.full((1, 2), 2.0), np.ones(1), "linear")], 3.0)


# ---- replace and update -----------------------------------------------------------------------------------------


def test_replace_by_field_and_by_path():
    before = net()
    assert bp.replace(before, scale=5.0) == Net(before.layers, 5.0)
    changed = bp.replace(before, {"layers.1.weights": 0.0, "layers.0.name": "relu"}, scale=7.0)
    assert changed.layers[1].weights == 0.0
    assert changed.layers[0].name == "relu"
    assert changed.scale == 7.0
    assert before == net(), "what was changed is a copy"
    assert changed.layers[0].weights is before.layers[0].weights, "the rest is shared"
    assert bp.replace(before) == before
    assert bp.replace(before, **{"layers.0.biases": 4.0}).layers[0].biases == 4.0


@pytest.mark.parametrize(
    ("tree", "path", "expected"),
    [
        ([1.0, [2.0, 3.0]], "1.0", [1.0, [-2.0, 3.0]]),
        ([1.0, [2.0, 3.0]], "1.-1", [1.0, [2.0, -3.0]]),
        ((1.0, (2.0,)), ("1", 0), (1.0, (-2.0,))),
        ({"a": 1.0, "b": 2.0}, "b", {"a": 1.0, "b": -2.0}),
        ({"a.b": 1.0}, ("a.b",), {"a.b": -1.0}),
        ({1: 1.0, 2: 2.0}, "2", {1: 1.0, 2: -2.0}),
        ({1: 1.0, "1": 2.0}, ("1",), {1: 1.0, "1": -2.0}),
        ({1: 1.0, "1": 2.0}, (1,), {1: -1.0, "1": 2.0}),
        (OrderedDict(b=1.0, a=2.0), "a", OrderedDict(b=1.0, a=-2.0)),
        (deque([1.0, 2.0]), "0", deque([-1.0, 2.0])),
        (Pair(1.0, {"x": 2.0}), "right.x", Pair(1.0, {"x": -2.0})),
        (Boxed((1.0, 2.0)), "value.*", Boxed((-1.0, -2.0))),
        ([{"w": 1.0, "b": 2.0}, {"w": 3.0, "b": 4.0}], "*.w", [{"w": -1.0, "b": 2.0}, {"w": -3.0, "b": 4.0}]),
        ([], "*", []),
        (3.0, "", -3.0),
        ((), (), ()),
    ],
    ids=str,
)
def test_update_reaches_into_every_container(tree, path, expected):
    changed = bp.update(tree, path, lambda x: -x if x != () else x)
    assert changed == expected
    assert type(changed) is type(tree)
    assert list(changed) == list(expected) if isinstance(tree, dict) else True


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("layers.0.wieghts", r"a Layer at 'layers.0' has no field 'wieghts': its fields are weights, biases, name"),
        ("layers.0.wieghts", r"Did you mean 'layers.0.weights'\?"),
        ("layer", r"a Net has no field 'layer': its fields are layers, scale"),
        ("layers.2", r"a list at 'layers' has no item '2': it has 2"),
        ("layers.-3", r"a list at 'layers' has no item '-3': it has 2"),
        ("layers.first", r"a list at 'layers' has no item 'first'"),
        ("scale.x", r"there is no 'x' in a float at 'scale': it has no parts"),
        ("layers.0.weights.0", r"there is no '0' in an array f64\[2,3\] at 'layers.0.weights'"),
        ("layers.0.weights.*", r"there is no '\*' in an array"),
    ],
)
def test_where_nothing_is_the_error_says_what_is_there(path, message):
    with pytest.raises(StructureError, match=message) as caught:
        bp.update(net(), path, abs)
    assert "test_lenses.py" in str(caught.value)


def test_other_mistakes():
    with pytest.raises(StructureError, match="a dict has no key 'rat': its keys are rate, seed") as caught:
        bp.replace({"rate": 1.0, "seed": 2.0}, {"rat": 0.0})
    assert "Did you mean 'rate'?" in str(caught.value)
    with pytest.raises(StructureError, match=r"two of the changes are about the same place, 'layers.0'"):
        bp.replace(net(), {"layers.0": None, "layers.0.weights": 1.0})
    with pytest.raises(ArgumentError, match="takes a record or another structure, not a float"):
        bp.replace(3.0, {"x": 1})
    with pytest.raises(ArgumentError, match="takes a record or another structure, not an array"):
        bp.replace(np.ones(2), {"0": 1})
    with pytest.raises(ArgumentError, match="a path is a string"):
        bp.update(net(), 3, abs)
    with pytest.raises(StructureError, match="made by __init__"):
        bp.replace(Derived(2.0), double=1.0)


def test_the_method_that_checks_a_record_sees_all_changes_at_once():
    pair = Even(np.ones(2), np.ones(2))
    changed = bp.replace({"pair": pair}, {"pair.left": np.ones(3), "pair.right": np.ones(3)})
    assert changed["pair"].left.shape == (3,)
    with pytest.raises(ValueError, match="as long as"):
        bp.replace(pair, left=np.ones(3))


@bp.record
class Even:
    left: np.ndarray
    right: np.ndarray

    def __post_init__(self):
        if self.left.shape != self.right.shape:
            raise ValueError("one is not as long as the other")


@bp.record
class Derived:
    x: float
    double: float = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "double", 2 * self.x)


def test_paths_in_traced_code():
    @bp.grad
    def slope(net, by):
        scaled = bp.update(net, "layers.*.weights", lambda w: by * w)
        other = bp.replace(scaled, {"layers.1.biases": net.layers[1].biases ** 2, "layers.0.name": "none"})
        assert other.layers[0].name == "none"
        return sum(np.sum(leaf) for leaf in bp.tree.leaves(other)) + other.scale

    found = slope(net(), 10.0)
    assert np.array_equal(found.layers[0].weights, np.full((2, 3), 10.0))
    assert np.array_equal(found.layers[1].biases, [2.0])
    assert found.layers[0].name == "tanh"
    assert found.scale == 2.0
    with pytest.raises(StructureError, match=r"no field 'width'.*\n.*bp.compile\(lambda"):
        bp.compile(lambda net: bp.update(net, "layers.0.width", abs))(net())


# ---- leaves -----------------------------------------------------------------------------------------------------


def test_leaves_by_class():
    assert bp.leaves(net(), Layer) == net().layers
    assert list(bp.leaves(net(), Layer, paths=True)) == ["layers.0", "layers.1"]
    assert bp.leaves(net(), Net) == [net()]
    assert bp.leaves(net(), Layer | Net) == [net(), *net().layers]
    assert bp.leaves([Boxed(1.0), Boxed(Boxed(2.0))], Boxed[float]) == [Boxed(1.0), Boxed(Boxed(2.0)), Boxed(2.0)]
    assert bp.leaves({"names": ["a", "b"]}, str) == ["a", "b"]
    assert bp.leaves(net(), str) == [], "static fields are no parts of the structure"
    assert bp.leaves(None, Layer) == []
    assert bp.leaves(Layer, Layer) == [], "a class is not a value of itself"


def test_leaves_by_dtype():
    tree = {"a": np.float32(1.0), "b": [2.0, np.ones(3)], "n": 3, "m": np.arange(2), "ok": True, "none": None}
    assert list(bp.leaves(tree, paths=True)) == ["a", "b.0", "b.1", "m", "n", "ok"]
    assert list(bp.leaves(tree, float, paths=True)) == ["a", "b.0", "b.1"]
    assert list(bp.leaves(tree, int, paths=True)) == ["m", "n"]
    assert list(bp.leaves(tree, bool, paths=True)) == ["ok"]
    assert list(bp.leaves(tree, np.float32, paths=True)) == ["a"]
    assert list(bp.leaves(tree, np.dtype("f8"), paths=True)) == ["b.0", "b.1"]
    assert list(bp.leaves(tree, np.number, paths=True)) == ["a", "b.0", "b.1", "m", "n"]
    assert list(bp.leaves(tree, np.ndarray, paths=True)) == ["b.1", "m"]


def test_leaves_by_a_function():
    assert bp.leaves(net(), lambda x: getattr(x, "name", None) == "linear") == [net().layers[1]]
    assert list(bp.leaves(net(), lambda x: np.ndim(x) == 2 and not isinstance(x, list), paths=True)) == [
        "layers.0.weights",
        "layers.1.weights",
    ]
    with pytest.raises(ArgumentError, match="a class, a dtype or a function as the kind, not 'Layer'"):
        bp.leaves(net(), "Layer")


def test_paths_lead_back():
    tree = {"a.b": [1.0, 2.0], 0: {"0": 3.0, 0: 4.0}, "*": 5.0, "": 7.0, "pair": Pair(6.0, net())}
    found = bp.leaves(tree, paths=True)
    assert ("a.b", 0) in found
    assert ("*",) in found
    assert ("",) in found
    assert "pair.right.layers.0.weights" in found
    assert len(found) == len(bp.tree.leaves(tree))
    for path, leaf in found.items():
        seen = []
        bp.update(tree, path, seen.append)
        assert len(seen) == 1
        assert seen[0] is leaf


def test_leaves_in_traced_code():
    @bp.grad
    def penalty(net):
        assert all(isinstance(layer, Layer) for layer in bp.leaves(net, Layer))
        assert list(bp.leaves(net, float, paths=True)) == list(bp.leaves(net, paths=True))
        assert len(bp.leaves(net, np.ndarray)) == 4
        return sum(np.sum(layer.weights**2) for layer in bp.leaves(net, Layer))

    found = penalty(net())
    assert np.array_equal(found.layers[1].weights, [[4.0, 4.0]])
    assert not found.layers[1].biases.any()
    with pytest.raises(TracedBranchError):
        bp.compile(lambda net: bp.leaves(net, lambda x: isinstance(x, float) or (not isinstance(x, list) and x > 0)))(
            [1.0]
        )


# ---- preview ----------------------------------------------------------------------------------------------------


def test_preview():
    layer = net().layers[0]
    assert bp.preview(layer, Layer) is layer
    assert bp.preview(layer, Net) is None
    assert bp.preview(layer, Net | Layer) is layer
    assert bp.preview(Boxed(1.0), Boxed[float]) == Boxed(1.0)
    assert bp.preview(None, Layer) is None
    with pytest.raises(ArgumentError, match="a class as its variant, not 'Layer'"):
        bp.preview(layer, "Layer")


def test_preview_in_traced_code():
    @bp.differentiable
    def size(shape):
        layer = bp.preview(shape, Layer)
        return np.sum(shape.scale**2) if layer is None else np.sum(layer.biases**2)

    assert size.grad(Layer(np.ones(1), np.array([3.0]))).biases[0] == 6.0
    assert size.grad(Net([], 2.0)) == Net([], 4.0)
