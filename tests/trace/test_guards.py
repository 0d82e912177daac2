"""Guards: what a traced function reads from around it, and whether it is noticed when that changes."""

import enum
import gc
import types
import weakref

import numpy as np
import pytest

from staticbp.trace.guards import MISSING, Guards, collect, same
from staticbp.trace.reach import reads
from tests.trace.scopes import program

SCALE = 2.0


class Model:
    """What a user's class may have in it."""

    shared = 1.0

    def __init__(self, depth=2):
        self.depth = depth
        self.cfg = types.SimpleNamespace(rate=0.5)
        self.weights = np.ones(3)

    @property
    def width(self):
        return self.depth * 10

    def loss(self, x):
        return self.twice(x) * self.depth

    def twice(self, x):
        return x * self.cfg.rate

    def wide(self, x):
        return x * self.width

    def by_class(self, x):
        return x * self.shared

    def weighted(self, x):
        return self.weights @ x

    @classmethod
    def made(cls, x):
        return x * cls.shared


def test_global_scalar_is_compared_by_value_and_type():
    scope = program(
        "rate = 0.5\ndef f(x): return rate * x",
    )
    guards = collect(scope["f"])
    assert [(g.where, g.kind, g.expected) for g in guards] == [("global `rate`", "global", 0.5)]
    assert guards.changed() is None
    scope["rate"] = float("0.5")  # another object, the same value
    assert guards.changed() is None
    scope["rate"] = 0.25
    assert guards.changed() == "global `rate`"
    scope["rate"] = 0.5
    assert guards.changed() is None
    del scope["rate"]
    assert guards.changed() == "global `rate`"


@pytest.mark.parametrize(
    ("value", "equal", "other"),
    [
        (1, 1, 1.0),
        (1, 1, True),
        (0.0, 0.0, -0.0),
        (float("nan"), float("nan"), 0.0),
        (1e300, 1e300, 1e301),
        ("relu", str(b"relu", "ascii"), "tanh"),
        (None, None, 0),
        ((300, 100), (300, 100), (300, 100.0)),
        ((1, ("a", 2.0)), (1, ("a", 2.0)), (1, ("a", -2.0))),
        ((), (), None),
        (np.float32(0.1), np.float32(0.1), np.float64(np.float32(0.1))),
        (np.int64(3), np.int64(3), 3),
        (np.dtype("f4"), np.dtype(np.float32), np.dtype("f8")),
        (range(3), range(3), range(4)),
        (1j, 1j, complex(0, -1)),
    ],
)
def test_values(value, equal, other):
    assert same(equal, value)
    assert not same(other, value)
    scope = program("def f(x): return value", value=value)
    guards = collect(scope["f"])
    scope["value"] = equal
    assert guards.changed() is None
    scope["value"] = other
    assert guards.changed() == "global `value`"


def test_an_equal_value_is_compared_by_value_only_once(monkeypatch):
    scope = program("rate = 0.5\ndef f(x): return rate * x")
    guards = collect(scope["f"])
    searches = []
    search = Guards._search
    monkeypatch.setattr(Guards, "_search", lambda self: searches.append(1) or search(self))
    scope["rate"] = float("0.5")
    assert [guards.changed() for _ in range(5)] == [None] * 5
    assert len(searches) == 1


def test_enums_and_other_objects_are_compared_by_identity():
    class Mode(enum.Enum):
        FAST = 1
        EXACT = 2

    first, twin = [1], [1]
    assert same(Mode.FAST, Mode.FAST)
    assert not same(Mode.EXACT, Mode.FAST)
    assert same(first, first)
    assert not same(twin, first)


def test_contents_of_arrays_may_change_but_the_array_may_not():
    scope = program("def f(x): return w @ x", w=np.zeros(3))
    guards = collect(scope["f"])
    scope["w"][:] = 1.0
    assert guards.changed() is None
    scope["w"] = np.ones(3)
    assert guards.changed() == "global `w`"


def test_arrays_are_not_kept_alive():
    scope = program("def f(x): return w @ x", w=np.zeros(3))
    guards = collect(scope["f"])
    array = weakref.ref(scope["w"])
    scope["w"] = None  # not to be taken for the dead array
    gc.collect()
    assert array() is None
    assert guards.changed() == "global `w`"


def test_global_that_does_not_exist_yet():
    scope = program("def f(x): return later(x) + len(x)")
    guards = collect(scope["f"])
    assert [(g.where, g.expected) for g in guards] == [("global `later`", MISSING), ("global `len`", MISSING)]
    scope["unrelated"] = 1
    assert guards.changed() is None
    scope["len"] = lambda x: 3  # hides the builtin
    assert guards.changed() == "global `len`"
    scope["later"] = np.tanh
    assert guards.changed() == "global `later`"


def test_closure_variables():
    scale, unit, array = 2.0, "mm", np.ones(2)

    def f(x):
        return scale * x + array if unit == "mm" else inch * x

    guards = collect(f)
    assert sorted(g.where for g in guards) == [
        "closure variable `array`",
        "closure variable `inch`",
        "closure variable `scale`",
        "closure variable `unit`",
    ]
    assert {g.kind for g in guards} == {"closure"}
    assert guards.changed() is None
    inch = 25.4
    assert guards.changed() == "closure variable `inch`"
    guards = collect(f)
    array = np.ones(2)
    assert guards.changed() == "closure variable `array`"
    guards = collect(f)
    scale, unit = 3.0, "mm"
    assert guards.changed() == "closure variable `scale`"


def test_closure_variable_that_is_emptied():
    def f(x):
        return scale * x

    scale = 2.0
    guards = collect(f)
    del f.__closure__[0].cell_contents
    assert guards.changed() == "closure variable `scale`"
    scale = 2.0
    assert guards.changed() is None


def test_defaults():
    def f(x, power=2, *, scale=1.0):
        return scale * x**power

    guards = collect(f)
    assert [g.where for g in guards] == ["default of `power`", "default of `scale`"]
    f.__defaults__ = (2,)  # another tuple with the same in it
    assert guards.changed() is None
    f.__defaults__ = (3,)
    assert guards.changed() == "default of `power`"
    f.__defaults__ = (2,)
    f.__kwdefaults__["scale"] = 2.0
    assert guards.changed() == "default of `scale`"
    f.__kwdefaults__["scale"] = 1.0
    f.__defaults__ = None
    assert guards.changed() == "default of `power`"


def test_attributes_of_a_bound_self():
    model = Model()
    guards = collect(model.loss)
    assert [g.where for g in guards] == [
        "attribute `self.twice`",
        "attribute `self.depth`",
        "attribute `self.cfg`",
        "attribute `self.cfg.rate`",
    ]
    assert guards.changed() is None
    model.unread = 1
    assert guards.changed() is None
    model.cfg.rate = 0.25
    assert guards.changed() == "attribute `self.cfg.rate`"
    model.cfg.rate = 0.5
    model.depth = 3
    assert guards.changed() == "attribute `self.depth`"
    model.depth = 2
    assert guards.changed() is None
    del model.depth
    assert guards.changed() == "attribute `self.depth`"


def test_attributes_found_on_the_class_and_behind_properties(monkeypatch):
    model = Model()
    guards = collect(model.by_class)
    assert [g.where for g in guards] == ["attribute `self.shared`"]
    model.shared = 2.0
    assert guards.changed() == "attribute `self.shared`"

    model = Model()
    guards = collect(model.wide)
    model.depth = 5  # read by the property
    assert guards.changed() == "attribute `self.depth`"

    guards = collect(Model.made)
    monkeypatch.setattr(Model, "shared", 3.0)
    assert guards.changed() == "attribute `cls.shared`"


def test_a_method_that_is_replaced_is_noticed(monkeypatch):
    model = Model()
    guards = collect(model.loss)
    monkeypatch.setattr(Model, "twice", lambda self, x: x)
    assert guards.changed() == "attribute `self.twice`"


def test_slots():
    class Slotted:
        __slots__ = ("__weakref__", "rate")

        def loss(self, x):
            return self.rate * x

    model = Slotted()
    model.rate = 1.0
    guards = collect(model.loss)
    assert guards.changed() is None
    model.rate = 2.0
    assert guards.changed() == "attribute `self.rate`"


def test_self_is_not_kept_alive():
    model = Model()
    guards = collect(model.weighted)
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None
    assert guards.changed() is not None


def test_what_takes_no_guards():
    assert len(collect(np.tanh)) == 0
    assert len(collect(len)) == 0
    assert collect(lambda x: x * 2).changed() is None
    assert isinstance(collect(lambda x: x), Guards)


def test_reads_tell_free_variables_from_those_of_nested_functions():
    source = """
    def f(self, x):
        def g(cfg):
            return cfg.rate + self.bias
        return g(x).attr
    """
    found = reads(program(source)["f"].__code__)
    assert found.locals == (("self", "bias"),)
    assert found.global_names == ()
    assert found.attributes == {"rate", "bias", "attr"}


def test_comparison_reads_nothing_but_what_is_watched(monkeypatch):
    # The hot path must not run code of the user's, such as a property or an __eq__ of an array.
    class Noisy:
        def __eq__(self, other):
            raise AssertionError("compared by value")

        __hash__ = None

    scope = program("def f(x): return noisy, array, x", noisy=Noisy(), array=np.arange(3))
    guards = collect(scope["f"])
    assert guards.changed() is None
    scope["noisy"] = Noisy()
    assert guards.changed() == "global `noisy`"


def test_attributes_of_global_objects_and_modules():
    helpers = types.ModuleType("helpers")
    helpers.__dict__.update(program("scale = 2.0\nfactor = 2.0\ndef double(x): return factor * x"))
    scope = program(
        "def f(x): return helpers.double(x) * helpers.scale + cfg.rate + model.loss(x)",
        helpers=helpers,
        cfg=types.SimpleNamespace(rate=0.1, unread=1),
        model=Model(),
    )
    guards = collect(scope["f"])
    assert [g.where for g in guards][:6] == [
        "global `helpers`",
        "global `helpers.double`",
        "global `helpers.scale`",
        "global `cfg`",
        "attribute `cfg.rate`",
        "global `model`",
    ]
    helpers.scale = 3.0
    assert guards.changed() == "global `helpers.scale`"
    guards = collect(scope["f"])
    scope["cfg"].rate = 0.2
    assert guards.changed() == "attribute `cfg.rate`"
    guards = collect(scope["f"])
    scope["model"].depth = 7
    assert guards.changed() == "attribute `self.depth`"
    scope["model"].depth = 2
    scope["helpers"].__dict__["factor"] = 9.0  # the function reads the globals that it was defined in
    assert guards.changed() is None
