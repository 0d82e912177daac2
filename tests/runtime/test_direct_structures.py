"""Builtin functions that take structures apart and make others, before and behind the builtin that they call."""

import gc
import sys
from dataclasses import dataclass, field

import numpy as np
import pytest

from staticbp.api.records import static
from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.tree import flatten
from staticbp.runtime.direct import Straight, direct_call
from staticbp.runtime.dispatch import Entry


@dataclass
class Pair:
    x: object
    y: object


@dataclass(frozen=True, slots=True)
class Slotted:
    x: object
    y: object


@dataclass
class Checked:
    x: object
    y: object

    def __post_init__(self):
        assert self.x is not None


class Numbers(list):
    pass


@dataclass
class Listed(Numbers):
    x: object
    y: object


@dataclass
class Named:
    x: object
    name: str = static()


def otherwise(*args, **kwargs):
    return "otherwise", args, kwargs


def built(args, outcome):
    """What `divmod`, of the leaves of `args`, is when its results are put into the structure of `outcome`."""
    straight = Straight.of(args, {}, Entry(divmod, [], [Aval((), FLOAT64)] * 2), flatten(outcome)[1], plain=False)
    return None if straight is None else direct_call("built", otherwise, straight, [])


STRUCTURES = {
    "record": Pair(7, 2),
    "slots": Slotted(7, 2),
    "list": [7, 2],
    "tuple": (7, 2),
    "checked": Checked(7, 2),
    "records in a list": [Pair(7, 2)],
    "lists in a record": Pair([7], (2,)),
}


@pytest.mark.parametrize("outcome", STRUCTURES)
@pytest.mark.parametrize("given", STRUCTURES)
def test_structures_are_taken_apart_and_made(given, outcome):
    call = built((STRUCTURES[given],), STRUCTURES[outcome])
    made = call(STRUCTURES[given])
    leaves, structure = flatten(made)
    assert leaves == [3, 1]
    assert structure == flatten(STRUCTURES[outcome])[1]


def test_one_result_and_one_among_several_structures():
    assert built((Pair(7, 2),), (1, 1))(Pair(9, 4)) == (2, 1)
    call = built((7, [2]), Pair(1, 1))
    assert call(9, [4]) == Pair(2, 1)


@pytest.mark.parametrize(
    "args",
    [
        (),
        (Pair(7, 2), 1),
        (Slotted(7, 2),),
        (Pair(7, 2.0),),
        (Pair(7, [2]),),
        ((7, 2),),
        (None,),
    ],
)
def test_all_else_is_handed_on_as_it_was_given(args):
    assert built((Pair(7, 2),), (1, 1))(*args) == ("otherwise", args, {})


@pytest.mark.parametrize("given", [[7], [7, 2, 1], []])
def test_a_list_of_another_length_is_handed_on(given):
    assert built(([7, 2],), (1, 1))(given) == ("otherwise", (given,), {})


def test_what_a_record_has_no_longer_is_handed_on():
    pair = Pair(7, 2)
    call = built((pair,), (1, 1))
    del pair.y
    assert call(pair) == ("otherwise", (pair,), {})
    assert sys.exc_info() == (None, None, None)


def test_an_exception_begins_anew():
    pair = Pair(7, 0)
    assert built((Pair(7, 2),), Pair(1, 1))(pair) == ("otherwise", (pair,), {})


def test_references_are_counted():
    pair = Pair(10**30, 10**20)
    call = built((pair,), [Pair(1, 1)])
    before = sys.getrefcount(pair.x), sys.getrefcount(pair)
    for given in (pair, Pair(pair.x, 0), Pair(pair.x, 2.0)):
        for _ in range(50):
            call(given)
    del given
    assert (sys.getrefcount(pair.x), sys.getrefcount(pair)) == before
    gc.collect()
    kept = len(gc.get_objects())
    for _ in range(1000):
        call(pair)
    assert len(gc.get_objects()) < kept + 100


@pytest.mark.parametrize(
    "odd", [Listed(7, 2), {"x": 7, "y": 2}, Named(7, "a"), Pair(7, "text"), Pair(7, None), Pair(7, np.array(2.0))]
)
def test_other_structures_take_the_way_of_python(odd):
    assert built((odd, 2), (1, 1)) is None


def test_a_field_that_is_no_leaf_of_the_result_takes_the_way_of_python():
    @dataclass
    class Marked:
        x: object
        y: object
        mark: object = field(default=None)

    assert built((7, 2), Marked(1, 1)) is None
