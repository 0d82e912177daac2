"""Gates take arguments apart as the generic walk does, and notice everything that differs."""

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
from staticbp.runtime.gate import MISS, Passage, write_assembler, write_gate


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


def tree():
    return {"layers": [Layer(X), Layer(X + 1, "relu")], "pair": Pair(1.0, (2, None)), 3: np.float32(1.0)}


def test_leaves_come_in_the_order_of_the_walk():
    args, kwargs = (tree() | {}, X, 1.5), {"mode": "a", "b": True, "a": [X]}
    args[0].pop(3)
    gate = write_gate(args, kwargs, {})
    expected = flatten((args, kwargs))[0]
    found = gate(args, kwargs)
    assert len(found) == len(expected)
    assert all(a is b for a, b in zip(found, expected, strict=True))
    assert gate(args, dict(reversed(kwargs.items()))) is not MISS


def test_keys_without_an_order_have_no_gate():
    assert write_gate((tree(),), {}, {}) is None


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
    gate = write_gate(BASE, {}, {})
    assert gate(BASE, {}) is not MISS
    assert gate(args, {}) is MISS
    assert gate(BASE, {"k": 1}) is MISS


def test_arrays_come_as_code_takes_them():
    gate = write_gate((X,), {}, {})
    for odd in (np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2]):
        (found,) = gate((odd,), {})
        assert found.flags.c_contiguous
        assert np.array_equal(found, odd)
    assert gate((X,), {})[0] is X
    swapped = X.astype(">f8")
    gate = write_gate((swapped, np.array(2.0)), {}, {})
    found, scalar = gate((swapped, np.array(2.0)), {})
    assert found.dtype.isnative
    assert np.array_equal(found, X)
    assert type(scalar) is np.float64


def test_static_arguments_are_compared():
    gate = write_gate((X, 3), {"n": (1, 2)}, {1: 3, "n": (1, 2)})
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
def test_what_is_behind_a_gate(with_constant):
    def function(x, *rest):
        total, doubled = rest[-2:]
        total[()] = x.sum() + sum(constant.sum() for constant in rest[:-2])
        doubled[:] = 2 * x
        return 0

    changes = [None]
    result = {"layer": Layer(2.0, "relu"), "n": 3, "total": 1.0}
    _, structure = flatten(result)
    constants = [Constant(np.ones(2), Aval((2,), FLOAT64))] if with_constant else []
    entry = Entry(function, constants, [Aval((), FLOAT64), Aval((2, 3), FLOAT64)])
    passage = Passage(lambda: changes[0], entry, structure, [(1, 3)], lambda values: values)
    gate = write_gate((X,), {}, {}, passage)
    found = gate((X,), {})
    assert type(found["layer"]) is Layer
    assert found["layer"].name == "relu"
    assert type(found["layer"].w) is np.float64
    assert found["layer"].w == 15.0 + 2 * with_constant
    assert found["n"] == 3
    assert np.array_equal(found["total"], 2 * X)
    changes[0] = "global `x`"
    assert gate((X,), {}) is MISS


def test_failures_behind_a_gate_become_errors():
    _, structure = flatten(())
    entry = Entry(lambda x: 1, [], [], failures=[Failure("NumericalError", "it is singular", None)])
    gate = write_gate((X,), {}, {}, Passage(lambda: None, entry, structure, [], tuple))
    with pytest.raises(NumericalError, match="singular"):
        gate((X,), {})
