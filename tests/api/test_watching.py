"""Values read from around a function are watched: another value, another trace; and what is kept, and for how long."""

import gc
import warnings
import weakref

import numpy as np
import pytest

import staticbp as bp
from staticbp.api.home import Home
from staticbp.errors import (
    RetraceWarning,
)
from tests.support import Counting

RATE = 1.0
TABLE = np.array([1.0, 2.0])


def test_what_is_read_from_around_is_guarded():
    global RATE
    f = bp.compile(lambda x: x * RATE)
    assert f(2.0) == 2.0
    RATE = 3.0
    assert f(2.0) == 6.0
    RATE = 1.0
    assert f(2.0) == 2.0
    scale = 1.0

    def g(x):
        return x * scale

    gradient = bp.grad(g)
    assert gradient(1.0) == 1.0
    scale = 7.0
    assert gradient(1.0) == 7.0


def test_what_called_functions_read_is_guarded():
    global RATE

    def scaled(x):
        return x * RATE

    called = bp.compile(lambda x: scaled(x) + 1.0)
    inner = bp.compile(scaled)
    nested = bp.compile(lambda x: inner(x) + 1.0)
    given = bp.compile(lambda f, x: f(x) + 1.0)
    looped = bp.compile(lambda x: bp.fold(lambda c, _: scaled(c), x, None, length=2))
    for RATE in (1.0, 4.0):
        assert called(2.0) == nested(2.0) == given(scaled, 2.0) == 2.0 * RATE + 1.0
        assert looped(2.0) == 2.0 * RATE**2
    RATE = 1.0


def test_captured_arrays_count_as_they_are():
    global TABLE
    f = bp.compile(lambda x: x @ TABLE)
    x = np.array([1.0, 1.0])
    assert f(x) == 3.0
    TABLE[0] = 5.0
    assert f(x) == 7.0
    TABLE = np.array([1.0, 1.0])
    assert f(x) == 2.0
    strided = np.arange(4.0)[::2]
    g = bp.compile(lambda x: x @ strided)
    assert g(x) == 2.0
    strided[:] = 1.0
    assert g(x) == 2.0
    assert g(2 * x) == 4.0
    rate = np.array(0.5)
    h = bp.grad(lambda x: rate * x * x)
    assert h(1.0) == 1.0
    rate[...] = 2.0
    assert h(1.0) == 4.0
    assert bp.compile(lambda: np.sin(x))()[0] == np.sin(1.0)


def test_the_third_retrace_for_one_name_warns():
    step = 0.0

    def f(x):
        return x + step

    compiled = bp.compile(f)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for step in (0.0, 1.0, 2.0):
            assert compiled(1.0) == 1.0 + step
    step = 3.0
    with pytest.warns(RetraceWarning, match="`step` keeps changing; pass it as an argument") as caught:
        assert compiled(1.0) == 4.0
    assert caught[0].filename == __file__


def test_transforms_asked_for_afresh_are_found_again():
    traced = Counting(lambda x: x * x)
    for _ in range(3):
        assert bp.grad(traced)(3.0) == 6.0
        assert bp.grad(bp.grad(traced))(3.0) == 2.0
        bp.vjp(traced, 3.0)
    assert traced.count == 3
    assert bp.grad(traced) is bp.grad(traced, 0)
    calls = []
    for _ in range(3):
        bp.grad(lambda x: (calls.append(1), x * x)[1])(2.0)
    assert len(calls) == 1
    scales = [1.0, 2.0, 3.0]
    # Each lambda has a variable of its own.
    assert [bp.grad(lambda x, s=s: s * x)(1.0) for s in scales] == scales

    def make(s):
        return lambda x: s * x

    assert [bp.grad(make(s))(1.0) for s in scales] == scales


def test_homes_die_with_their_functions():
    def f(x):
        return x

    home = weakref.ref(bp.grad(f))
    Home._recent.clear()
    del f
    gc.collect()
    assert home() is None


def test_what_is_made_while_tracing_is_kept_by_nobody():
    kept = []

    @bp.compile
    def f(x):
        def step(c, _):
            return c * x

        kept.append(weakref.ref(step))
        return bp.fold(step, x, None, length=2) + bp.grad(lambda y: y * x)(x)

    assert f(2.0) == 10.0
    gc.collect()
    assert kept[0]() is None
