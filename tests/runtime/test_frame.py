"""Calls by a frame: compiled entries and their Python twin take, refuse and return the same."""

import gc
import sys

import numpy as np
import pytest

from staticbp.runtime import spec as specs
from staticbp.runtime.compiler import jit
from staticbp.runtime.frame import ALIGNED, MISFIT, framed
from staticbp.runtime.load import compile_module
from staticbp.runtime.spec import STACK, Frame, Spec

F8 = np.float64
TEXT = """
import numpy as np


def update(x, y, factor, doubled, total, work):
    scaled = work[0:24].view(np.float64)
    for i in range(3):
        scaled[i] = x[i] * factor
    total[()] = 0.0
    for i in range(3):
        y[i] += scaled[i]
        doubled[i] = 2.0 * x[i]
        total[()] += scaled[i]
    if factor > 5.0:
        return 7
    return 0
"""


def vector(readonly=True, n=3):
    return Spec(F8, 1, True, readonly, (n,))


def frame_of(workspace):
    results = (vector(readonly=False), Spec(F8, 0, True, shape=()))
    return Frame((vector(), vector(readonly=False), Spec(F8, 0, False)), results, workspace)


def plain(frame):
    """The function as Python."""
    namespace = {}
    exec(TEXT, namespace)
    return framed(namespace["update"], frame)


SMALL, LARGE = frame_of(64), frame_of(STACK + 64)


@pytest.fixture(scope="module")
def compiled():
    return {frame: compile_module(TEXT, {"update": frame})["update"] for frame in (SMALL, LARGE)}


@pytest.mark.parametrize("frame", [SMALL, LARGE])
@pytest.mark.parametrize("uncompiled", [False, True])
def test_calls_by_a_frame(compiled, frame, uncompiled):
    update = plain(frame) if uncompiled else compiled[frame]
    work = [np.empty(frame.workspace, np.uint8)] if frame.takes_work else []
    x, y = np.arange(3.0), np.ones(3)
    doubled, total = update(x, y, 2.0, *work)
    assert np.array_equal(doubled, [0.0, 2.0, 4.0])
    assert type(total) is F8
    assert total == 6.0
    assert np.array_equal(y, [1.0, 3.0, 5.0])
    assert update(x, y, 6.0, *work) == 7

    whole, fixed = np.arange(6.0), np.ones(3)
    fixed.flags.writeable = False
    assert type(update(fixed, y, 1.0, *work)) is tuple
    assert type(update(whole[:3], whole[3:], 0.0, *work)) is tuple
    unaligned = np.frombuffer(bytearray(25), np.uint8)[1:].view(F8)
    odd = [whole[::2], np.arange(4.0), x.astype(np.float32), x.astype(">f8"), x[None], [0.0, 1.0, 2.0], None, unaligned]
    for value in odd:
        assert update(value, y, 1.0, *work) == MISFIT
        assert update(x, value, 1.0, *work) == MISFIT
    assert update(x, fixed, 1.0, *work) == MISFIT
    assert update(x, x, 1.0, *work) == MISFIT
    assert update(whole[:3], whole[2:5], 1.0, *work) == MISFIT
    assert update(whole[2:5], whole[:3], 1.0, *work) == MISFIT


def test_entries_count_arguments(compiled):
    with pytest.raises(TypeError, match=r"update\(\) takes 3 arguments"):
        compiled[SMALL](np.ones(3))
    with pytest.raises(TypeError, match="real number"):
        compiled[SMALL](np.ones(3), np.ones(3), "a")


@pytest.mark.parametrize("factor", [1.0, 6.0])
def test_entries_lose_no_references(compiled, factor):
    update, x, y = compiled[SMALL], np.arange(3.0), np.ones(3)
    gc.collect()  # what other tests have left
    held = [x, y, np.dtype(F8), update]
    before = [sys.getrefcount(value) for value in held]
    blocks = sys.getallocatedblocks()
    for _ in range(1000):
        update(x, y, factor)
        update(x, x, factor)
    gains = [sys.getrefcount(value) - count for value, count in zip(held, before, strict=True)]
    assert max(gains) < 100
    assert min(gains) > -100
    assert sys.getallocatedblocks() - blocks < 200


@pytest.mark.parametrize("dtype", ["?", "i1", "i4", "i8", "u1", "u8", "f4", "f8"])
def test_results_of_every_dtype(dtype):
    text = "def f(x, y, s):\n    for i in range(2):\n        y[i] = x[i]\n    s[()] = x[1]\n    return 0"
    kind = np.dtype(dtype)
    frame = Frame((Spec(kind, 1, True, True, (2,)),), (Spec(kind, 1, True, shape=(2,)), Spec(kind, 0, True, shape=())))
    x = np.array([0, 1]).astype(kind)
    y, s = compile_module(text, {"f": frame})["f"](x)
    assert y.dtype == kind
    assert np.array_equal(y, x)
    assert y.flags.owndata
    assert y.flags.writeable
    assert type(s) is kind.type
    assert s == 1


def test_memory_of_large_results_is_lent(monkeypatch):
    monkeypatch.setattr(specs, "LARGE", 24)
    text = (
        "def f(x, y, s, z):\n    for i in range(3):\n        y[i] = x[i] + 1.0\n    for i in range(2):\n"
        "        z[i] = x[i]\n    s[()] = x[0]\n    return 0"
    )
    frame = Frame((vector(),), (vector(False), Spec(F8, 0, True, shape=()), vector(False, 2)))
    assert frame.lent == (True, False, False)
    namespace = {}
    exec(text, namespace)
    for call in (compile_module(text, {"f": frame})["f"], framed(namespace["f"], frame)):
        large = np.empty(3)
        s, z = call(np.arange(3.0), large)
        assert np.array_equal(large, [1.0, 2.0, 3.0])
        assert np.array_equal(z, [0.0, 1.0])
        assert s == 0.0


def test_frames_without_object_code(monkeypatch):
    def broken(*args, **kwargs):
        raise AttributeError("Numba has changed")

    monkeypatch.setattr(jit, "write_entry", broken)
    text = "def f(x, y):\n    for i in range(3):\n        y[i] = x[i] * 12.5\n    return 0"
    call = compile_module(text, {"f": Frame((vector(),), (vector(readonly=False),))})["f"]
    (found,) = call(np.arange(3.0))
    assert np.array_equal(found, [0.0, 12.5, 25.0])
    assert call(np.arange(4.0)) == MISFIT


def test_what_a_long_loop_goes_over_begins_at_a_cache_line():
    large = ALIGNED // 8
    held = []

    def note(*arrays):
        held.extend(arrays)
        return 0

    call = framed(note, Frame((), (vector(readonly=False, n=large), vector(readonly=False)), 200))
    for _ in range(4):
        kept = call()
        assert [result.size for result in kept] == [large, 3]
    assert [array.ctypes.data % 64 for array in held if array.size != 3] == [0] * 8
