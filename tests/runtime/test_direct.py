"""Builtin functions that look at their arguments and call another builtin: or else begin anew, in Python."""

import gc
import sys
import threading
import weakref

import numpy as np
import pytest

from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.recording import attending
from staticbp.core.tree import flatten
from staticbp.runtime.direct import Straight, direct_call
from staticbp.runtime.dispatch import Entry


def otherwise(*args, **kwargs):
    return "otherwise", args, kwargs


def dividing(frozen=(), *, one=False):
    return direct_call("dividing", otherwise, Straight(divmod, (int, int), one), frozen)


def test_what_fits_goes_straight():
    assert dividing()(7, 2) == (3, 1)


def test_one_result_is_not_in_a_tuple():
    found = dividing(one=True)(7, 2)
    assert found == 3
    assert type(found) is int


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((7,), {}),
        ((7, 2, 1), {}),
        ((), {}),
        ((7, 2.0), {}),
        ((True, 2), {}),
        ((7, 2), {"z": 1}),
        ((), {"x": 7, "y": 2}),
    ],
)
def test_all_else_is_handed_on_as_it_was_given(args, kwargs):
    assert dividing()(*args, **kwargs) == ("otherwise", args, kwargs)


def test_an_exception_begins_anew():
    assert dividing()(7, 0) == ("otherwise", (7, 0), {})
    assert sys.exc_info() == (None, None, None)


def test_what_is_no_tuple_begins_anew():
    call = direct_call("sum", otherwise, Straight(sum, (list,), True), [])
    assert call([1, 2]) == ("otherwise", ([1, 2],), {})


def test_an_exception_of_the_other_way_is_the_callers():
    def refuse(*args):
        raise KeyError(args)

    with pytest.raises(KeyError):
        direct_call("dividing", refuse, Straight(divmod, (int, int), False), [])(7, 0)


def test_what_was_frozen_is_compared():
    first, second = {"a": int, "b": len}, {"c": max}
    call = dividing([(first, "a", int), (first, "b", len), (second, "c", max)])
    assert call(7, 2) == (3, 1)
    second["c"] = min
    assert call(7, 2)[0] == "otherwise"
    second["c"] = max
    assert call(7, 2) == (3, 1)
    del first["b"]
    assert call(7, 2)[0] == "otherwise"


def test_nothing_goes_straight_while_somebody_attends_in_any_thread():
    call, begun, done = dividing(), threading.Event(), threading.Event()

    def attend():
        with attending():
            begun.set()
            done.wait()

    thread = threading.Thread(target=attend)
    thread.start()
    begun.wait()
    assert call(7, 2)[0] == "otherwise"
    done.set()
    thread.join()
    assert call(7, 2) == (3, 1)
    with attending(), attending():
        pass
    assert call(7, 2) == (3, 1)


def test_references_are_counted():
    result = object()
    call = direct_call("replaced", otherwise, Straight(dict(a=(result,)).get, (str,), True), [])
    before = sys.getrefcount(result)
    for _ in range(100):
        assert call("a") is result
    assert call("b")[0] == "otherwise"
    assert sys.getrefcount(result) == before


def test_it_is_collected_with_what_it_refers_to():
    class Scope(dict):
        pass

    scope = Scope(found=int)
    scope["call"] = dividing([(scope, "found", int)])
    assert scope["call"](7, 2) == (3, 1)
    watch = weakref.ref(scope)
    del scope
    gc.collect()
    assert watch() is None


def test_only_leaves_as_compiled_code_takes_them_go_straight():
    assert Straight.of((object(),), {}, *_form(), plain=False) is None
    assert Straight.of((np.array(1.0),), {}, *_form(), plain=False) is None
    assert Straight.of((np.zeros(3, ">f8"),), {}, *_form(), plain=False) is None
    assert Straight.of((1.0,), {"y": 2.0}, *_form(), plain=False) is None
    assert Straight.of((1.0,), {}, *_form(), plain=True) is None
    assert Straight.of((1.0, np.zeros(3)), {}, *_form(), plain=False) == Straight(divmod, (float, np.ndarray), True)


def _form():
    return Entry(divmod, [], [Aval((), FLOAT64)]), flatten(1.0)[1]
