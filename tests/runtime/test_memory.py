"""Memory that is used again is nobody else's."""

import os
import pickle
import threading

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import LinAlgError
from staticbp.runtime import memory
from staticbp.runtime.memory import PAGE, Arenas, Buffers
from staticbp.runtime.spec import LARGE

F8 = np.dtype(np.float64)


def place(array):
    """Where in memory an array begins."""
    return array.ctypes.data


def test_buffers_are_lent_once_at_a_time():
    buffers = Buffers(3 * PAGE)
    arrays = [buffers.lend((50,), F8) for _ in range(4)]  # the first two of them are not kept any more
    places = {place(array) for array in arrays}
    assert len(places) == 4
    assert all(array.flags.writeable and array.flags.c_contiguous and place(array) % 64 == 0 for array in arrays)
    part = arrays.pop()[3:7]
    assert place(buffers.lend((50,), F8)) not in {place(part) - 24, *map(place, arrays)}
    where = place(part) - 24
    del part
    arrays.clear()
    assert where in {place(buffers.lend((50,), F8)), place(buffers.lend((100,), np.dtype(np.float32)))}


@pytest.mark.parametrize("hold", [memoryview, np.ravel, lambda a: np.frombuffer(a, np.uint8), lambda a: a.T[::2]])
def test_whoever_shows_lent_memory_holds_it(hold):
    buffers = Buffers(1 << 20)
    array = buffers.lend((10, 10), F8)
    array[:] = 1.0
    held = hold(array)
    del array
    before = np.array(held)
    buffers.lend((10, 10), F8)[:] = 2.0
    np.testing.assert_array_equal(held, before)


def test_what_is_pickled_is_a_copy():
    buffers = Buffers(1 << 20)
    array = buffers.lend((10,), F8)
    array[:] = 1.0
    copy = pickle.loads(pickle.dumps(array))
    del array
    buffers.lend((10,), F8)[:] = 2.0
    assert copy.tolist() == [1.0] * 10


def test_more_than_is_kept_is_lent_and_forgotten():
    buffers = Buffers(2 * PAGE)
    assert place(buffers.lend((4 * PAGE,), np.dtype(np.uint8))) % 64 == 0
    assert not buffers._kept


def test_buffers_wait_for_nobody():
    buffers = Buffers(1 << 20)
    with buffers._turn:
        assert buffers.lend((2,), F8).shape == (2,)
        assert buffers.clear() == 0
    assert not buffers._kept


def test_buffers_that_nobody_has_are_given_back():
    buffers = Buffers(1 << 20)
    first, second = buffers.lend((10,), F8), buffers.lend((10,), F8)
    assert buffers.clear() == 0
    del first
    assert buffers.clear() == 80 + PAGE
    assert len(buffers._kept) == 1
    second[:] = 3.0


def test_threads_are_lent_memory_of_their_own():
    buffers, wrong = Buffers(1 << 20), []

    def use(number):
        for _ in range(300):
            array = buffers.lend((40,), F8)
            array[:] = number
            part = array[5:]
            del array
            if not np.all(part == number):
                wrong.append(number)

    threads = [threading.Thread(target=use, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_fork_has_memory_of_its_own():
    buffers = Buffers(1 << 20)
    array = buffers.lend((10,), F8)
    array[:] = 1.0
    child = os.fork()
    if not child:
        array[:] = 2.0
        os._exit(0 if place(buffers.lend((10,), F8)) != place(array) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert array.tolist() == [1.0] * 10


def test_small_arenas_are_kept_up_to_a_limit():
    arenas = Arenas(1000, Buffers(0))
    for size in (400, 400, 500, 600):
        arenas.give(arenas.take(size))
    assert arenas._kept == 600 + 500 + 400  # above the limit
    arenas.give(arenas.take(700))
    assert list(arenas._free) == [700]
    assert arenas.clear() == 700


def test_large_arenas_are_lent_like_results():
    buffers = Buffers(1 << 30)
    arenas = Arenas(1 << 20, buffers)
    arena = arenas.take(LARGE)
    where = place(arena)
    arenas.give(arena)
    assert place(arenas.take(LARGE)) != where  # the caller still has it
    del arena
    assert where in {place(a) for a in [arenas.take(LARGE), arenas.take(LARGE)]}


def test_results_are_made_in_memory_of_results_that_are_gone(monkeypatch):
    buffers = Buffers(1 << 30)
    monkeypatch.setattr(memory.BUFFERS, "_kept", buffers._kept)

    @bp.compile
    def shifted(x, by):
        return x + by

    x = np.zeros(LARGE // 8)
    first = shifted(x, 1.0)
    where, row = place(first), first[100:101]
    del first
    second = shifted(x, 2.0)
    assert place(second) != where
    assert row[0] == 1.0
    del row, second
    assert where in {place(shifted(x, 3.0)) for _ in range(2)}


def test_a_call_that_fails_gives_its_memory_back():
    @bp.compile
    def solved(A, x):
        return x + np.linalg.solve(A, np.ones(2))[0]

    x = np.zeros(LARGE // 8)
    assert solved(np.eye(2), x)[0] == 1.0
    bp.release_memory()
    with pytest.raises(LinAlgError):
        solved(np.zeros((2, 2)), x)
    assert bp.release_memory() >= x.nbytes
