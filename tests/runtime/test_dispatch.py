"""The boundary: what goes in, what comes out, whose memory it is."""

import threading
import time

import numpy as np
import pytest

from staticbp.core.aval import FLOAT32, FLOAT64, Aval
from staticbp.core.graph import SrcLine
from staticbp.core.schedule import Failure
from staticbp.errors import ArgumentError, DtypeError, TracedIndexError
from staticbp.runtime import dispatch
from staticbp.runtime.dispatch import PAUSED, Constant, Entry, Slices, admit, converter, reporting, signature
from staticbp.runtime.frame import framed
from staticbp.runtime.memory import Arenas, Buffers
from staticbp.runtime.spec import Frame, Spec


def vector(n, readonly=True):
    return Spec(np.float64, 1, True, readonly, (n,))


NUMBER = Spec(np.float64, 0, True, shape=())


def test_signatures_tell_apart_what_code_depends_on():
    x = np.zeros((2, 3))
    assert signature([x, 1.0]) == signature([x + 1, 2.0])
    different = [x.T, x.astype(np.float32), x.astype(">f8"), 1.0, 1, True, np.float64(1.0), np.array(1.0)]
    found = {signature([value]) for value in [x, *different]}
    assert len(found) == len(different) + 1


def test_admitted_leaves():
    assert admit(np.zeros((2, 3), ">f4"), "x") == Aval((2, 3), FLOAT32)
    assert admit(np.float64(1.0), "x") == Aval((), FLOAT64)
    assert admit(1.5, "x") == Aval((), FLOAT64, weak=True)


@pytest.mark.parametrize(
    ("leaf", "error", "message"),
    [
        (np.zeros(2, np.float16), DtypeError, "net.w has dtype float16"),
        (np.zeros(2, np.clongdouble), DtypeError, "net.w has dtype c"),
        (np.zeros(2, np.longdouble), DtypeError, "net.w has dtype"),
        (np.zeros(2, "M8[s]"), DtypeError, "net.w has dtype datetime64"),
        (np.zeros(2, "U3"), DtypeError, "net.w has dtype <U3"),
        (np.zeros(2, [("a", "f8")]), DtypeError, "net.w has dtype"),
        (np.array([None]), DtypeError, "net.w has dtype object"),
        (np.ma.ones(3), ArgumentError, "net.w is a MaskedArray"),
    ],
)
def test_refused_leaves_are_named(leaf, error, message):
    with pytest.raises(error, match=message):
        admit(leaf, "net.w")


def test_matrices_are_refused():
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix([[1.0]])
    with pytest.raises(ArgumentError, match="x is a matrix"):
        admit(matrix, "x")


def test_conversion_makes_what_code_takes():
    base = np.arange(12.0).reshape(3, 4)
    assert converter(1.0) is None
    assert converter(base)(base) is base
    unaligned = np.frombuffer(b"x" + base.tobytes(), np.uint8)[1:].view(np.float64).reshape(3, 4)
    for odd in (base[:, ::2], base.T, base[::-1], base.astype(">f8"), unaligned):
        found = converter(odd)(odd)
        assert found.flags.c_contiguous
        assert found.flags.aligned
        assert found.dtype.isnative
        assert np.array_equal(found, odd)
    scalar = converter(np.array(2.0, ">f8"))(np.array(2.0, ">f8"))
    assert scalar == 2.0
    assert scalar.dtype.isnative


def add(x, constant, total, out):
    """What a generated function looks like."""
    total[()] = x.sum()
    out[:] = x + constant
    return 0


def test_results_are_fresh_and_scalars_are_scalars():
    constant = np.ones(3)
    function = framed(add, Frame((vector(3), vector(3)), (NUMBER, vector(3, readonly=False))))
    entry = Entry(function, [Constant(constant, Aval((3,), FLOAT64))], [Aval((), FLOAT64), Aval((3,), FLOAT64)])
    total, out = entry([np.arange(3.0)])
    assert type(total) is np.float64
    assert total == 3.0
    constant[:] = 10.0
    again = entry([np.arange(3.0)])[1]
    assert np.array_equal(out, [1.0, 2.0, 3.0])
    assert np.array_equal(again, [10.0, 11.0, 12.0])
    constant.shape = (3, 1)
    with pytest.raises(ArgumentError, match="has become"):
        entry([np.arange(3.0)])


def test_statuses_become_errors_that_name_the_line():
    src = SrcLine("net.py", 7, "y = x[i]")
    failures = [Failure("NumericalError", "other", None), Failure("TracedIndexError", "index out of range", src)]
    entry = Entry(lambda *args: 2, [], [], failures=failures)
    with pytest.raises(TracedIndexError, match=r"net.py:7  y = x\[i\]"):
        entry([])


def test_arenas_are_shared_by_no_two_calls():
    arenas = Arenas(1 << 20, Buffers(0))
    taken = [arenas.take(100) for _ in range(12)]
    assert len({a.ctypes.data for a in taken}) == 12
    assert all(a.ctypes.data % 64 == 0 and a.size == 100 for a in taken)
    for arena in taken:
        arenas.give(arena)
    again = arenas.take(100)
    assert any(again is a for a in taken)
    seen, lock = [], threading.Lock()

    def function(out, work):
        work[:8] = np.frombuffer(np.int64(threading.get_ident()).tobytes(), np.uint8)
        time.sleep(0.005)
        out[()] = work[:8].view(np.int64)[0]
        return 0

    frame = Frame((), (Spec(np.int64, 0, True, shape=()),), workspace=20_000)
    entry = Entry(framed(function, frame), [], [Aval((), np.dtype(np.int64))], workspace=20_000)

    def call():
        (found,) = entry([])
        with lock:
            seen.append(found == threading.get_ident())

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 8


def test_an_arena_comes_back_from_a_call_that_fails(monkeypatch):
    arenas = Arenas(1 << 20, Buffers(0))
    monkeypatch.setattr(dispatch, "ARENAS", arenas)

    def interrupted(work):
        raise KeyboardInterrupt

    arena = arenas.take(64)
    arenas.give(arena)
    with pytest.raises(KeyboardInterrupt):
        Entry(interrupted, [], [], workspace=64)([])
    assert arenas.take(64) is arena


class LongLoops:
    """Loops of 10 steps and of 15 turns, which pause as generated code does."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.slices = []

    def __call__(self, out, progress):
        for loop, extent in enumerate((10, 15)):
            if progress[0] == 2 * loop:
                progress[0], progress[1] = 2 * loop + 1, 0
            if progress[0] == 2 * loop + 1:
                start, stop = progress[1], min(extent, progress[1] + progress[2])
                self.slices.append(stop - start)
                time.sleep(self.seconds * (stop - start))
                out[()] += stop - start
                progress[1] = stop
                if stop < extent:
                    return PAUSED
                progress[0] = 2 * loop + 2
        return 0


def in_slices(loops):
    slices = Slices(((10, 1), (15, 2)))
    return Entry(framed(slices.running(loops), Frame((), (NUMBER,))), [], [Aval((), FLOAT64)]), slices


def test_long_loops_run_in_slices_that_report():
    loops, seen = LongLoops(), []
    entry, slices = in_slices(loops)
    slices.budget = 1
    with reporting(lambda done, total: seen.append((done, total))):
        entry([])
    assert sum(loops.slices) == 25
    assert seen[-1] == (40, 40)
    assert seen == sorted(seen)
    assert len(loops.slices) < 8  # fast steps: slices grow


def test_slow_loops_get_short_slices():
    loops = LongLoops(seconds=0.01)
    entry, slices = in_slices(loops)
    entry([])
    assert 1 < slices.budget <= 20


def test_a_long_loop_can_be_interrupted():
    loops, seen = LongLoops(), []

    def report(done, total):
        seen.append(done)
        raise KeyboardInterrupt

    entry, slices = in_slices(loops)
    slices.budget = 1
    with pytest.raises(KeyboardInterrupt), reporting(report):
        entry([])
    assert seen == [1]


def test_results_that_are_zero_come_as_zeros_and_are_not_handed_over():
    def only_the_second(x, doubled):
        doubled[:] = 2.0 * x
        return 0

    function = framed(only_the_second, Frame((vector(3),), (vector(3, readonly=False),)))
    entry = Entry(function, [], [Aval((2, 2), FLOAT32), Aval((3,), FLOAT64), Aval((), FLOAT64)], zeros=[0, 2])
    first, doubled, last = entry([np.ones(3)])
    assert np.array_equal(first, np.zeros((2, 2), np.float32))
    assert first.dtype == np.float32
    assert np.array_equal(doubled, [2.0, 2.0, 2.0])
    assert type(last) is np.float64
    assert last == 0.0
    assert entry([np.ones(3)])[0] is not first
