"""Guards of what is read by functions that a traced function calls, however it reaches them."""

import dataclasses
import functools
import gc
import types
import weakref

import numpy as np
import pytest

from staticbp.trace.guards import collect
from tests.trace.scopes import program, watched

SCALE = 2.0


def test_functions_that_are_called_are_followed():
    scope = program(
        """
        rate, unread = 0.5, 1
        def outer(x):
            def inner(y):
                return [middle(v) for v in y]
            return inner(x)
        def middle(x): return (lambda y: leaf(y))(x)
        def leaf(x): return rate * x
        def elsewhere(x): return unread
        """
    )
    guards = collect(scope["outer"])
    assert [g.where for g in guards] == ["global `middle`", "global `leaf`", "global `rate`"]
    scope["rate"] = 1.0
    assert guards.changed() == "global `rate`"
    scope["rate"] = 0.5
    scope["leaf"] = scope["elsewhere"]
    assert guards.changed() == "global `leaf`"


def test_recursive_functions_are_walked_once():
    scope = program(
        """
        base = 1
        def even(n): return base if n == 0 else odd(n - 1)
        def odd(n): return 0 if n == 0 else even(n - 1)
        """
    )
    assert watched(scope["even"]) == ["global `base`", "global `odd`", "global `even`"]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda f: functools.partial(f, 1.0),
        lambda f: functools.partial(max, key=f),
        lambda f: functools.lru_cache(f),
        lambda f: functools.wraps(f)(lambda *args: f(*args)),
        lambda f: lambda x: f(x),
        lambda f: types.MethodType(f, 3),
        lambda f: type("Callable", (), {"__call__": lambda self, x: f(x)})(),
        lambda f: type("Factory", (), {"__init__": lambda self, x: f(x)}),
        lambda f: (lambda table: lambda x: table["f"](x))({"f": f}),
        lambda f: (lambda layers: lambda x: [g(x) for g in layers])([np.tanh, f]),
        lambda f: lambda x, act=f: act(x),
    ],
    ids=[
        "partial",
        "keyword",
        "cache",
        "wraps",
        "lambda",
        "method",
        "object",
        "class",
        "dict",
        "list",
        "default",
    ],
)
def test_ways_to_reach_a_function(wrap):
    scope = program("rate = 0.5\ndef f(x): return rate * x")
    guards = collect(wrap(scope["f"]))
    assert guards.changed() is None
    scope["rate"] = 1.0
    assert guards.changed() == "global `rate`"


def test_libraries_are_not_descended_into():
    scope = program("import math\ndef f(x): return np.linalg.norm(x) * math.pi + functools.reduce(max, x)")
    scope.update(np=np, functools=functools)
    assert watched(scope["f"]) == ["global `np`", "global `math`", "global `functools`", "global `max`"]


def test_methods_of_the_arguments_classes():
    scope = program(
        """
        gain, unread = 1.0, 2.0
        class Layer:
            def run(self, x): return gain * x
            def __add__(self, other): return self
            def never(self): return unread
        def f(layer, x): return layer.run(x)
        """
    )
    assert watched(scope["f"]) == []
    guards = collect(scope["f"], [scope["Layer"]])
    assert [g.where for g in guards] == ["global `gain`"]


def test_a_recursive_local_function_does_not_stay_alive():
    def make():
        def f(n):
            return f(n - 1) if n else 0

        f.guards = collect(f)
        return weakref.ref(f)

    ref = make()
    gc.collect()
    assert ref() is None


def test_what_dataclasses_write_is_not_watched_but_what_it_calls_is(monkeypatch):
    @dataclasses.dataclass(frozen=True)
    class Layer:
        width: int
        start: float = dataclasses.field(default_factory=lambda: SCALE)

    def made(x):
        return Layer(3).start * x

    guards = collect(made)
    assert {guard.where for guard in guards} == {"closure variable `Layer`", "global `SCALE`"}
    monkeypatch.setitem(globals(), "SCALE", 5.0)
    assert guards.changed() == "global `SCALE`"
