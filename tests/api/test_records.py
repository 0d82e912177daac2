"""Records: structures with arithmetic."""

import copy
import pickle
from dataclasses import FrozenInstanceError, field
from typing import Generic, TypeVar

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import ArgumentError, StructureError

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
class Wide(Layer):
    extra: float = 2.0


@bp.record
class Boxed(Generic[T]):
    value: T
    parts: list = field(default_factory=list)


def layer(k=1.0):
    return Layer(np.array([[1.0, 2.0]]) * k, np.array([3.0]) * k)


def test_arithmetic_goes_leaf_by_leaf():
    a, b = layer(), layer(10.0)
    assert a + b == layer(11.0)
    assert b - a == layer(9.0)
    assert a * 2 == 2 * a == layer(2.0)
    assert b / 2.0 == layer(5.0)
    assert -a == layer(-1.0)
    assert +a == a
    assert abs(-a) == a
    assert a**2 == a * a
    assert (1.0 / a).weights[0, 1] == 0.5
    assert (2.0**a).biases[0] == 8.0
    assert (b // 3).biases[0] == 10.0
    assert (b % 4).biases[0] == 2.0
    assert (7.0 - a).weights[0, 0] == 6.0
    assert sum([a, b]) == layer(11.0)


@pytest.mark.parametrize("two", [2, 2.0, np.float64(2.0), np.float32(2.0), np.array(2.0)])
def test_scalars_of_every_kind(two):
    assert two * layer() == layer(2.0)
    assert layer() * two == layer(2.0)
    assert isinstance(two * layer(), Layer)


def test_nested_records_and_static_fields():
    net = Net([layer(), layer(2.0)], 3.0)
    doubled = net + net
    assert doubled == 2 * net
    assert doubled.layers[1].name == "tanh"
    assert doubled.scale == 6.0
    with pytest.raises(StructureError, match="different structures"):
        layer() + Layer(np.ones((1, 2)), np.ones(1), "relu")
    with pytest.raises(TypeError):
        layer() + Net([], 1.0)
    with pytest.raises(TypeError):
        layer() + np.ones(3)
    with pytest.raises(TypeError):
        layer() + "one"


def test_equality_is_one_answer():
    assert layer() == layer()
    assert layer() != layer(2.0)
    assert layer() != Layer(np.ones((1, 2)), np.ones(1), "relu")
    assert (layer() == 3) is False
    assert Boxed(1.0) == Boxed(1.0)
    assert hash(Boxed(1.0, ())) == hash(Boxed(1.0, ()))
    with pytest.raises(TypeError, match="unhashable"):
        hash(layer())


def test_records_are_frozen_values():
    record = layer()
    with pytest.raises(FrozenInstanceError):
        record.weights = None
    other = bp.replace(record, biases=np.zeros(1))
    assert other.biases[0] == 0.0
    assert record.biases[0] == 3.0
    with pytest.raises(StructureError, match="no field 'bias': its fields are weights, biases, name"):
        bp.replace(record, bias=1.0)
    with pytest.raises(ArgumentError, match="takes a record"):
        bp.replace(3.0, x=1)
    assert copy.copy(record) == record
    assert copy.deepcopy(record) == record
    assert pickle.loads(pickle.dumps(record)) == record
    assert "weights=array([[1., 2.]])" in repr(record)


def test_subclasses_generics_and_defaults():
    wide = Wide(np.ones(2), np.ones(2))
    assert (wide * 3).extra == 6.0
    assert isinstance(wide * 3, Wide)
    assert Boxed[float](2.0).parts == []
    assert (Boxed(2.0, [1.0]) + 1.0).parts == [2.0]


def test_zero_and_one():
    record = layer(3.0)
    assert record + bp.tree.zeros_like(record) == record
    assert record * bp.tree.ones_like(record) == record
    assert bp.tree.zeros_like(record).name == "tanh"


def test_arithmetic_on_traced_records():
    @bp.compile
    def f(a, b, rate):
        moved = a - rate * b + bp.tree.zeros_like(a)
        return bp.replace(moved, biases=moved.biases * 2)

    out = f(layer(), layer(10.0), 0.5)
    assert isinstance(out, Layer)
    assert out.name == "tanh"
    assert np.array_equal(out.weights, [[-4.0, -8.0]])
    assert np.array_equal(out.biases, [-24.0])


def test_static_fields_are_compiled_for():
    @bp.compile
    def f(layer, x):
        return np.tanh(layer.weights @ x) if layer.name == "tanh" else layer.weights @ x

    x = np.ones(2)
    assert f(layer(), x)[0] == pytest.approx(np.tanh(3.0))
    assert f(Layer(np.ones((1, 2)), np.ones(1), "linear"), x)[0] == 2.0

    @bp.record
    class Scaled:
        x: float
        by: float = bp.static(default=1)

    scale = bp.compile(lambda s: s.x * s.by)
    assert type(scale(Scaled(np.float32(1.0), 1))) is np.float32
    assert scale(Scaled(3, 2)) == 6
    assert type(scale(Scaled(3, 2.0))) is np.float64
    with pytest.raises(ArgumentError, match="hash"):
        scale(Scaled(1.0, [1]))
