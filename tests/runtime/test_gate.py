"""Gates take arguments apart as the generic walk does, and notice everything that differs."""

import inspect
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

import numpy as np
import pytest

from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.schedule import Failure
from staticbp.core.tree import STATIC, flatten
from staticbp.errors import NumericalError
from staticbp.runtime.dispatch import Constant, Entry
from staticbp.runtime.frame import MISFIT, framed
from staticbp.runtime.gate import MISS, Passage, write_assembler, write_gate
from staticbp.runtime.spec import Frame, Spec


class Pair(NamedTuple):
    left: object
    right: object


class Color(Enum):
    RED = 1
    BLUE = 2


@dataclass
class Layer:
    w: np.ndarray
    name: str = field(default="tanh", metadata={STATIC: True})


class Slotted:
    pass


X = np.arange(6.0).reshape(2, 3)
MATRIX = Spec(np.float64, 2, True, readonly=True, shape=(2, 3))


def spec_of(leaf):
    """What compiled code would take for a leaf."""
    array = isinstance(leaf, np.ndarray) and leaf.ndim > 0
    dtype = leaf.dtype.newbyteorder("=") if array else None
    return Spec(dtype, leaf.ndim, True, True, leaf.shape) if array else Spec(np.float64, 0, False)


def gate_to_leaves(args, kwargs, static=None):
    """A gate behind which is nothing but a list of the leaves as compiled code takes them."""
    static = static or {}
    left = tuple(None if i in static else arg for i, arg in enumerate(args))
    leaves, _ = flatten((left, {name: value for name, value in kwargs.items() if name not in static}))
    seen = []

    def function(*leaves):
        seen[:] = leaves
        return 0

    entry = Entry(framed(function, Frame(tuple(map(spec_of, leaves)), ())), [], [])
    gate = write_gate(args, kwargs, static, Passage(entry, flatten(())[1], [], tuple))
    return gate and (lambda args, kwargs: MISS if gate(args, kwargs) is MISS else list(seen))


def tree():
    return {"layers": [Layer(X), Layer(X + 1, "relu")], "pair": Pair(1.0, (2, None)), 3: np.float32(1.0)}


def test_leaves_come_in_the_order_of_the_walk():
    args, kwargs = (tree() | {}, X, 1.5), {"mode": "a", "b": True, "a": [X]}
    args[0].pop(3)
    gate = gate_to_leaves(args, kwargs)
    expected = flatten((args, kwargs))[0]
    found = gate(args, kwargs)
    assert len(found) == len(expected)
    assert all(a is b for a, b in zip(found, expected, strict=True))
    assert gate(args, dict(reversed(kwargs.items()))) is not MISS


def test_keys_without_an_order_have_no_gate():
    assert gate_to_leaves((tree(),), {}) is None


BASE = ({"layers": [Layer(X)], "pair": Pair(1.0, (2, None)), "color": Color.RED, "f": np.sin}, X, 1.5)


def changed(**changes):
    return ({**BASE[0], **changes}, X, 1.5)


@pytest.mark.parametrize(
    "args",
    [
        changed(layers=[Layer(X, "relu")]),
        changed(layers=[Layer(X.astype(np.float32))]),
        changed(layers=[Layer(X[:1])]),
        changed(layers=[Layer(X), Layer(X)]),
        changed(layers=(Layer(X),)),
        changed(layers=[Pair(X, "tanh")]),
        changed(pair=(1.0, (2, None))),
        changed(pair=Pair(1, (2, None))),
        changed(pair=Pair(1.0, (True, None))),
        changed(pair=Pair(1.0, (2, 1.0))),
        changed(pair=None),
        changed(color=Color.BLUE),
        changed(f=np.cos),
        changed(extra=1.0),
        ({k: v for k, v in BASE[0].items() if k != "color"} | {"colour": Color.RED}, X, 1.5),
        (*BASE[:1], X.tolist(), 1.5),
        (*BASE[:2], np.float64(1.5)),
        (*BASE[:2], 1),
        (*BASE[:2], np.array(1.5)),
        BASE[:2],
        (*BASE, 1.0),
        (Slotted(), X, 1.5),
    ],
)
def test_what_differs_does_not_pass(args):
    gate = gate_to_leaves(BASE, {})
    assert gate(BASE, {}) is not MISS
    assert gate(args, {}) is MISS
    assert gate(BASE, {"k": 1}) is MISS


def test_arrays_come_as_code_takes_them():
    gate = gate_to_leaves((X,), {})
    for odd in (np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2]):
        (found,) = gate((odd,), {})
        assert found.flags.c_contiguous
        assert np.array_equal(found, odd)
    assert gate((X,), {})[0] is X
    swapped = X.astype(">f8")
    gate = gate_to_leaves((swapped, np.array(2.0)), {})
    found, scalar = gate((swapped, np.array(2.0)), {})
    assert found.dtype.isnative
    assert np.array_equal(found, X)
    assert type(scalar) is np.float64


def test_static_arguments_are_compared():
    gate = gate_to_leaves((X, 3), {"n": (1, 2)}, {1: 3, "n": (1, 2)})
    assert len(gate((X, 3), {"n": (1, 2)})) == 1
    assert gate((X, 3.0), {"n": (1, 2)}) is MISS
    assert gate((X, 4), {"n": (1, 2)}) is MISS
    assert gate((X, 3), {"n": (1, 3)}) is MISS


def test_assemblers_put_results_where_they_belong():
    for value in (tree()["layers"], tree()["pair"], {"b": 1.0, "a": (2.0,), "s": "x", "n": None}, 5.0, ()):
        leaves, structure = flatten(value)
        made = write_assembler(structure, [])(leaves)
        assert flatten(made)[1] == structure
        assert all(a is b for a, b in zip(flatten(made)[0], leaves, strict=True))
        if isinstance(value, dict):
            assert list(made) == list(value)
    _, structure = flatten([1.0, 2, 3.0])
    assert write_assembler(structure, [(1, 2)])([10.0, 30.0]) == [10.0, 2, 30.0]


@pytest.mark.parametrize("with_constant", [False, True])
@pytest.mark.parametrize("workspace", [0, 64, 100_000])
def test_what_is_behind_a_gate(with_constant, workspace):
    def function(x, *rest):
        if workspace:
            *rest, work = rest
            assert work.size == workspace
        total, doubled = rest[-2:]
        total[()] = x.sum() + sum(constant.sum() for constant in rest[:-2])
        doubled[:] = 2 * x
        return 0

    rate = 0.5
    result = {"layer": Layer(2.0, "relu"), "n": 3, "total": 1.0, "still": 4.0}
    _, structure = flatten(result)
    constants = [Constant(np.ones(2), Aval((2,), FLOAT64))] if with_constant else []
    given = (MATRIX, *[Spec(np.float64, 1, True, readonly=True, shape=(2,)) for _ in constants])
    frame = Frame(given, (Spec(np.float64, 0, True, shape=()), Spec(np.float64, 2, True, shape=(2, 3))), workspace)
    avals = [Aval((), FLOAT64), Aval((4,), FLOAT64), Aval((2, 3), FLOAT64)]
    work = workspace if frame.takes_work else 0
    entry = Entry(framed(function, frame), constants, avals, zeros=[1], workspace=work)
    names = {"e0": rate, "s0": {"rate": rate}}
    passage = Passage(entry, structure, [(1, 3)], list, "s0['rate'] is e0", names)
    gate = write_gate((X,), {}, {}, passage, ["x"])
    for x in (X, np.asfortranarray(X)):  # the second is converted, and then goes the same way
        found = gate((x,), {})
        assert type(found["layer"]) is Layer
        assert found["layer"].name == "relu"
        assert type(found["layer"].w) is np.float64
        assert found["layer"].w == 15.0 + 2 * with_constant
        assert found["n"] == 3
        assert np.array_equal(found["still"], np.zeros(4))
        assert np.array_equal(found["total"], 2 * X)
    assert gate((X.astype(np.float32),), {}) is MISS
    names["s0"]["rate"] = 0.25
    assert gate((X,), {}) is MISS
    names["e0"] = 0.25
    assert gate((X,), {}) is not MISS
    del names["s0"]["rate"]
    assert gate((X,), {}) is MISS


def test_failures_behind_a_gate_become_errors():
    failures = [Failure("NumericalError", "it is", None)]
    entry = Entry(framed(lambda x: 1, Frame((MATRIX,), ())), [], [], failures=failures)
    gate = write_gate((X,), {}, {}, Passage(entry, flatten(())[1], [], tuple))
    for x in (X, np.asfortranarray(X)):
        with pytest.raises(NumericalError, match="it is"):
            gate((x,), {})


def test_gates_can_be_read():
    gate = write_gate((Layer(X), X), {}, {}, Passage(Entry(lambda *a: MISFIT, [], []), flatten(())[1], [], tuple), "ab")
    source = inspect.getsource(gate)
    assert "a, b = args" in source
    assert "a_w = a.w" in source
    assert "type(a) is not Layer" in source


def test_names_that_mean_something_to_gates_are_kept_apart():
    names = ["args", "function", "type", "results", "work", "class"]
    gate = write_gate(
        (1.0, 2.0, 3.0, 4.0, 5.0, 6.0),
        {},
        {},
        Passage(Entry(lambda *a: a[::-1], [], [Aval((), FLOAT64)] * 6), flatten([0.0] * 6)[1], [], list),
        names,
    )
    assert gate((1.0, 2.0, 3.0, 4.0, 5.0, 6.0), {}) == [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]


class WithSlots(NamedTuple):
    inner: object


@dataclass(slots=True)
class Slots:
    a: object
    b: object


class Guarded(Layer):
    @property
    def name(self):
        return self.__dict__["kept"]

    @name.setter
    def name(self, value):
        self.__dict__["kept"] = value


def test_dataclasses_of_every_kind_are_put_together():
    for value in (Slots(1.0, 2.0), WithSlots(Slots(1.0, 2.0)), Guarded(3.0, "relu"), Layer(1.0)):
        leaves, structure = flatten(value)
        assemble = write_assembler(structure, [])
        assert assemble is not None
        made = assemble(leaves)
        assert type(made) is type(value)
        assert flatten(made) == flatten(value)
