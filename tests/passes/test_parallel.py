"""Loops that threads share."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.codegen.writer import write
from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.check_schedule import check_schedule
from staticbp.core.schedule import (
    Accumulate,
    Apply,
    Buffer,
    Let,
    Load,
    Local,
    Loop,
    Schedule,
    Store,
    Update,
    loop_index,
    schedule_text,
)
from staticbp.core.text import Names
from staticbp.core.traverse import walk
from staticbp.ops.control import scan
from staticbp.passes.parallel import share_out
from staticbp.passes.pipeline import JOINT, run
from staticbp.passes.plan import lifetimes
from staticbp.trace.trace import trace
from tests.support import assert_lowered, execute, graph_of, lowered

RNG = np.random.default_rng(7)
ROW = loop_index("i")


def shared(schedule):
    return [
        (stmt.index, stmt.extent, stmt.grain) for stmt in walk(schedule.body) if isinstance(stmt, Loop) if stmt.grain
    ]


def schedule_of(function, *shapes):
    return lowered(run(graph_of(function, *(np.zeros(shape) for shape in shapes)), JOINT))


def bell(x):
    return np.exp(-x * x) * np.tanh(x)


def test_large_loops_are_shared_and_small_ones_are_not():
    assert [loop[:2] for loop in shared(schedule_of(bell, (100_000,)))] == [("i", 100_000)]
    assert shared(schedule_of(bell, (1_000,))) == []


def test_the_outermost_loop_is_shared():
    assert [loop[:2] for loop in shared(schedule_of(bell, (300, 400)))] == [("i", 300)]
    assert [loop[:2] for loop in shared(schedule_of(lambda x: np.sum(np.sin(x), axis=1), (300, 400)))] == [("i", 300)]


def test_a_dearer_step_makes_a_smaller_grain():
    ((_, _, cheap),) = shared(schedule_of(lambda x: x + 1.0, (1_000_000,)))
    ((_, _, dear),) = shared(schedule_of(bell, (1_000_000,)))
    assert 2 * dear < cheap < 1_000_000


def test_what_is_written_for_a_product_is_shared_sooner():
    """A temporary has been in the caches of both cores, a result in that of one."""
    x, W = np.zeros((128, 40)), np.zeros((40, 3))
    between = lowered(run(graph_of(lambda x, W: np.tanh(x) @ W, x, W), JOINT))
    assert [loop[:2] for loop in shared(between)] == [("i", 128)]
    assert shared(lowered(run(graph_of(lambda x, W: np.tanh(x), x, W), JOINT))) == []


def test_loops_in_the_steps_of_a_scan_are_shared():
    body = trace(lambda c: [np.sin(c) + c], "step", [Aval((50_000,), FLOAT64)], ["c"])
    schedule = schedule_of(lambda c: scan(c, body=body, n_consts=0, n_carry=1, length=3, reverse=False), (50_000,))
    assert shared(schedule)
    assert not any(isinstance(stmt, Loop) and stmt.sequential and stmt.grain for stmt in walk(schedule.body))


def test_the_text_says_who_takes_the_steps():
    schedule = schedule_of(bell, (100_000,))
    ((_, _, grain),) = shared(schedule)
    text = write(schedule, "bell")
    assert "\nfrom staticbp.runtime import threads\nfrom staticbp.runtime import vecmath as vm\n" in text
    assert f"\n    for i in threads.range(100000, {grain}):\n" in text
    assert f"  loop i < 100000 shared by {grain}\n" in schedule_text(schedule)


def so_far(x):
    return np.cumsum(np.sin(x))


def steps(x):
    return x[1:] - x[:-1]


def mirrored(x):
    return np.sin(x)[::-1] * np.cos(x)


@pytest.mark.parametrize("function", [bell, so_far, steps, mirrored])
def test_the_values_stay(function):
    x = RNG.normal(size=25_000)
    graph = run(graph_of(function, x), JOINT)
    assert_lowered(graph, [x])


def test_a_scalar_that_is_read_behind_a_loop_keeps_it_whole():
    x, out, last = (
        Buffer(n, Aval((10**6,), FLOAT64), r) for n, r in [("x", "argument"), ("out", "result"), ("z", "result")]
    )
    s = Local("s", FLOAT64)

    def after(*behind):
        loop = Loop("i", 10**6, [Let("s", Load(x, (ROW,))), Store(out, (ROW,), s)])
        schedule = Schedule("f", [x], [], [out, last], [], [loop, *behind], [])
        share_out(schedule, Names(), [])
        return bool(loop.grain)

    assert after()
    assert not after(Store(last, (ROW * 0,), s))
    assert not after(Update("s", "{0} + {1}", Load(x, (ROW * 0,))))


def test_memory_in_a_shared_loop_is_nobody_elses():
    """What a plain loop could keep in one place, since a step is done with the first before it needs the second."""
    x, out = Buffer("x", Aval((8,), FLOAT64), "argument"), Buffer("out", Aval((8,), FLOAT64), "result")
    one, two = (Buffer(name, Aval((8, 4), FLOAT64), "workspace") for name in ("one", "two"))
    column = loop_index("j")

    def overlap(grain):
        body = [
            Loop("j", 4, [Store(one, (ROW, column), Load(x, (ROW,)))]),
            Loop("j", 4, [Store(out, (ROW,), Load(one, (ROW, column)))]),
            Loop("j", 4, [Store(two, (ROW, column), Load(x, (ROW,)))]),
            Loop("j", 4, [Accumulate(out, (ROW,), "{0} + {1}", Load(two, (ROW, column)))]),
        ]
        alive = lifetimes(Schedule("f", [x], [], [out], [one, two], [Loop("i", 8, body, grain=grain)], []))
        first, second = alive
        return first.first <= second.last and second.first <= first.last

    assert not overlap(0)
    assert overlap(2)


def test_compiled_code_computes_what_its_text_says():
    """By as many threads as there are."""
    x = RNG.normal(size=(64, 1000))
    compiled = bp.compile(lambda x: np.exp(-x * x) * np.tanh(x) + np.sum(x, axis=1, keepdims=True))
    code = compiled.inspect(x)
    assert "threads.range(64, " in code.source
    schedule = check_schedule(code.schedule)
    status, (wanted,) = execute(schedule, code.source, [x], [])
    assert status == 0
    found = compiled(x)
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-11)
    for _ in range(20):
        np.testing.assert_array_equal(compiled(x), found)


def test_an_expression_of_cheap_operations_is_cheap():
    def grain(template):
        x, out = Buffer("x", Aval((10**6,), FLOAT64), "argument"), Buffer("out", Aval((10**6,), FLOAT64), "result")
        loop = Loop("i", 10**6, [Store(out, (ROW,), Apply(template, (Load(x, (ROW,)),) * 2, FLOAT64))])
        share_out(Schedule("f", [x], [], [out], [], [loop], []), Names(), [])
        return loop.grain

    assert grain("{0} + {1}") == grain("vm.maximum({0}, {1})") > grain("{0} / {1}") > grain("vm.hypot({0}, {1})") > 0


def test_each_step_has_running_values_of_its_own():
    numbers = RNG.integers(0, 9, (64, 50, 40))
    threads = bp.compile(lambda threads: np.sum(threads * threads, axis=2))
    assert "for i in threads.range(64, " in threads.inspect(numbers).source
    np.testing.assert_array_equal(threads(numbers), np.sum(numbers * numbers, axis=2))
