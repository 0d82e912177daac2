import itertools

import numpy as np
import pytest

from staticbp.core.aval import BOOL, FLOAT32, FLOAT64, Aval
from staticbp.core.schedule import Affine, Buffer, Const, Load, Loop, Ref, Reshape, Schedule, Store
from staticbp.core.traverse import children
from staticbp.passes.plan import ALIGNMENT, lifetimes, plan
from tests.support import graph_of, lowered

ZERO = Const(np.float64(0))


def array(name, size, dtype=FLOAT64):
    return Buffer(name, Aval((size,), dtype), "workspace")


def write(buffer):
    return Store(buffer, (Affine(0),), ZERO)


def read(buffer, into):
    return Store(into, (Affine(0),), Load(buffer, (Affine(0),)))


def planned(body, buffers):
    schedule = Schedule("f", [], [], [], list(buffers), list(body), [])
    plan(schedule)
    return schedule


def overlap(one, other):
    ends = [b.offset + b.aval.size * b.aval.dtype.itemsize for b in (one, other)]
    return one.offset < ends[1] and other.offset < ends[0]


def test_memory_is_used_again():
    a, b, c = (array(name, 100) for name in "abc")
    schedule = planned([write(a), read(a, b), read(b, c)], [a, b, c])
    assert not overlap(a, b)
    assert not overlap(b, c)
    assert schedule.workspace == schedule.lower_bound == 2 * 832


def test_places_are_aligned():
    buffers = [array("a", 3, BOOL), array("b", 5, FLOAT32), array("c", 9)]
    schedule = planned([*map(write, buffers), *(read(b, buffers[0]) for b in buffers)], buffers)
    assert all(b.offset % ALIGNMENT == 0 for b in buffers)
    assert schedule.workspace == 64 + 64 + 128


def test_an_empty_array_has_a_place_too():
    a = array("a", 0)
    assert planned([write(a)], [a]).workspace == ALIGNMENT
    assert a.offset == 0


def test_nothing_to_plan():
    schedule = planned([], [])
    assert (schedule.workspace, schedule.lower_bound) == (0, 0)


def test_what_is_used_inside_and_outside_a_loop_lives_through_it():
    a, b, c = (array(name, 10) for name in "abc")
    body = [write(a), Loop("t", 5, [read(a, b), read(b, c)]), read(c, b)]
    planned(body, [a, b, c])
    assert not overlap(a, b)
    assert not overlap(a, c)  # c is written while a is still read in the next iteration
    assert not overlap(b, c)


def test_what_lives_within_an_iteration_shares_with_the_next():
    a, b, c = (array(name, 10) for name in "abc")
    schedule = planned([Loop("t", 5, [write(a), read(a, b), read(b, c)])], [a, b, c])
    assert schedule.workspace == 2 * 128


def test_a_view_keeps_what_it_shows_alive_and_only_while_it_is_used():
    a, b, c = (array(name, 4) for name in "abc")
    view = Buffer("v", Aval((2, 2), FLOAT64), "view")
    view.of = Ref(a)
    look = Store(b, (Affine(0),), Load(view, (Affine(0), Affine(0))))
    schedule = planned([Reshape(view, Ref(a)), write(c), read(c, b), write(a), look], [a, b, c, view])
    assert view.offset is None
    assert not overlap(a, b)
    assert overlap(a, c)
    assert schedule.workspace == 2 * ALIGNMENT


def random_schedule(rng):
    buffers = [array(f"b{n}", int(rng.integers(0, 60))) for n in range(int(rng.integers(2, 12)))]
    counter = itertools.count()

    def block(depth):
        stmts = []
        for _ in range(int(rng.integers(1, 6))):
            if depth < 3 and rng.random() < 0.3:
                stmts.append(Loop(f"i{next(counter)}", 2, block(depth + 1), sequential=True))
            else:
                one, other = (buffers[int(i)] for i in rng.integers(0, len(buffers), 2))
                stmts.append(write(one) if rng.random() < 0.3 else read(one, other))
        return stmts

    return block(0), buffers


def trace_of(body):
    """The buffers that each statement touches, as the loops run, all of them two times."""
    for stmt in body:
        inner = children(stmt)
        if inner:
            for _ in range(2):
                yield from trace_of(inner[0])
        else:
            touched = [stmt.buffer, *([stmt.expr.buffer] if isinstance(stmt.expr, Load) else [])]
            yield touched


@pytest.mark.parametrize("seed", range(60))
def test_no_two_values_are_ever_in_one_place(seed):
    """Run the schedule with each buffer's memory marked by its last writer: every read finds its own mark.

    A buffer is written at each touch before it is read again, so only overlap can destroy a mark that a later
    statement of the same iteration relies on.
    """
    body, buffers = random_schedule(np.random.default_rng(seed))
    schedule = planned(body, buffers)
    alive = {life.buffer: life for life in lifetimes(schedule)}
    for one, other in itertools.combinations(alive.values(), 2):
        if one.first <= other.last and other.first <= one.last and one.buffer.aval.size and other.buffer.aval.size:
            assert not overlap(one.buffer, other.buffer)
    history = list(trace_of(body))
    for buffer in alive:
        times = [n for n, touched in enumerate(history) if buffer in touched]
        inside = _intervals(body, buffer)
        for start, end in inside:
            for n in range(start, end + 1):
                for other in history[n]:
                    if other is not buffer and other.aval.size and buffer.aval.size:
                        assert not overlap(buffer, other), (buffer, other)
        assert times
    assert schedule.lower_bound <= schedule.workspace


def _intervals(body, buffer):
    """From the first to the last touch within each run of the innermost loop that has all touches of `buffer`."""

    def count(stmt):
        inner = children(stmt)
        return 2 * sum(count(s) for s in inner[0]) if inner else 1

    def has(stmt):
        inner = children(stmt)
        return any(has(s) for s in inner[0]) if inner else buffer in next(iter(trace_of([stmt])))

    def search(block, offset):
        users = [stmt for stmt in block if has(stmt)]
        if len(users) == 1 and children(users[0]):
            position = offset + sum(count(s) for s in block[: block.index(users[0])])
            inner = children(users[0])[0]
            size = sum(count(s) for s in inner)
            return [pair for k in range(2) for pair in search(inner, position + k * size)]
        starts = [offset + sum(count(s) for s in block[:n]) for n, stmt in enumerate(block) if has(stmt)]
        return [(starts[0], starts[-1] + count(users[-1]) - 1)]

    return search(body, 0)


def test_a_network_needs_little_more_than_its_bound():
    def net(W1, W2, W3, x):
        return np.tanh(W3 @ np.tanh(W2 @ np.tanh(W1 @ x)))

    args = [np.ones((40, 30)), np.ones((50, 40)), np.ones((20, 50)), np.ones(30)]
    schedule = lowered(graph_of(net, *args))
    assert 0 < schedule.lower_bound <= schedule.workspace <= 1.5 * schedule.lower_bound
