"""Sums over all steps of a loop that threads share, made by parts."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.codegen.writer import write
from staticbp.core.aval import FLOAT64, INT64, Aval
from staticbp.core.check_schedule import check_schedule
from staticbp.core.partition import obstacle
from staticbp.core.schedule import Accumulate, Affine, Buffer, Load, Loop, Store, Update, loop_index, schedule_text
from staticbp.core.text import Names
from staticbp.core.traverse import walk
from staticbp.passes.parts import in_parts
from staticbp.passes.pipeline import JOINT, run
from tests.support import assert_lowered, graph_of, lowered

RNG = np.random.default_rng(11)
ROW, J, PART = map(loop_index, ("i", "j", "part"))


def schedule_of(function, *args):
    return check_schedule(lowered(run(graph_of(function, *args), JOINT)))


def shared(schedule):
    loops = [stmt for stmt in walk(schedule.body) if isinstance(stmt, Loop)]
    return [(loop.index, loop.extent) for loop in loops if loop.grain]


def total(x):
    return np.sum(np.tanh(x) * x)


def rows_and_total(x):
    y = np.tanh(x) * x
    return np.sum(y), y + 1.0


def columns(x):
    return np.sum(np.sin(x), axis=0)


def product(x):
    return np.sum(np.exp(-x * x)), np.sum(np.tanh(x), axis=0), np.cos(x)


@pytest.mark.parametrize(
    ("function", "shape", "expected"),
    [
        (total, (96_000,), [("part", 16)]),
        (total, (120, 500), [("i", 120)]),  # a step has a loop of its own: each is a part
        (total, (127, 500), [("i", 127)]),
        (rows_and_total, (96_000,), [("part", 16)]),
        (columns, (480, 300), [("part", 16)]),
        (product, (480, 300), [("part", 16)]),
        (total, (100_003,), []),  # a prime number of steps
        (total, (1_000,), []),  # too little
        (lambda x: np.sum(2 * x, axis=0), (8, 100_000), [("j", 100_000)]),  # adding up the parts would take as long
    ],
)
def test_what_is_made_by_parts(function, shape, expected):
    assert shared(schedule_of(function, np.zeros(shape))) == expected


@pytest.mark.parametrize("function", [total, rows_and_total, columns, product])
@pytest.mark.parametrize("shape", [(480, 100), (121, 300)])
def test_the_values_stay(function, shape):
    x = RNG.normal(size=shape)
    assert_lowered(run(graph_of(function, x), JOINT), [x], tolerance=1e-12)


def test_the_text_is_two_loops():
    text = write(schedule_of(total, np.zeros((120, 500))), "total")
    assert "    for i in threads.range(120, " in text
    assert "        out_part = 0.0\n        for j in range(500):\n" in text
    assert "            out_part = vm.radd(out_part, " in text
    assert "        out_parts[i] = out_part\n" in text
    assert "    for i in range(120):\n        out_total = vm.radd(out_total, out_parts[i])\n" in text


def test_several_steps_make_a_part():
    schedule = schedule_of(total, np.zeros(96_000))
    assert "loop part < 16 shared" in schedule_text(schedule)
    assert "loop i < 6000\n" in schedule_text(schedule)


def the_loop(*body):
    return Loop("i", 64, list(body))


X, OUT, SUMS, PLACES = (
    Buffer("x", Aval((64,), FLOAT64), "argument"),
    Buffer("out", Aval((64,), FLOAT64), "result"),
    Buffer("sums", Aval((8,), FLOAT64), "result"),
    Buffer("places", Aval((64,), INT64), "argument"),
)
ADD, IN_ORDER = "vm.radd({0}, {1})", "{0} + {1}"
ELEMENT = Load(X, (ROW,))


@pytest.mark.parametrize(
    ("body", "possible"),
    [
        ([Update("s", ADD, ELEMENT)], True),
        ([Update("s", IN_ORDER, ELEMENT)], False),  # whoever asks for an order gets it
        ([Update("s", "vm.rmax({0}, {1})", ELEMENT)], False),
        ([Update("s", ADD, ELEMENT), Update("s", ADD, ELEMENT)], False),
        ([Accumulate(SUMS, (Affine(3),), ADD, ELEMENT)], True),
        ([Accumulate(SUMS, (Load(PLACES, (ROW,)),), ADD, ELEMENT)], True),
        ([Accumulate(SUMS, (Affine(3),), ADD, ELEMENT), Store(OUT, (ROW,), Load(SUMS, (Affine(3),)))], False),
        ([Accumulate(SUMS, (Affine(3),), ADD, ELEMENT), Store(SUMS, (Affine(4),), ELEMENT)], False),
        ([Store(OUT, (ROW,), ELEMENT)], False),  # no sum at all
    ],
)
def test_which_sums_can_be_made_by_parts(body, possible):
    assert (in_parts(the_loop(*body), Names(), ["i", "j"], 8) is not None) is possible


def test_the_loop_that_was_given_stays_as_it_is():
    loop = the_loop(Update("s", ADD, ELEMENT), Store(OUT, (ROW,), ELEMENT))
    before = repr(loop)
    made = in_parts(loop, Names(), ["i", "j"], 8)
    assert made is not None
    assert repr(loop) == before
    assert obstacle(loop) is not None
    assert obstacle(made.loop) is None


@pytest.mark.parametrize(
    ("place", "extent", "free"),
    [
        (PART * 8 + J, 8, True),
        (PART * 8 + J + 3, 8, True),
        (PART * 8 + J, 9, False),  # into the stretch of the next part
        (PART * 8 + J * 2, 5, False),
        (PART * -8 + J, 8, True),
        (J, 8, False),
    ],
)
def test_stretches_of_an_axis_are_apart(place, extent, free):
    memory = Buffer("memory", Aval((512,), FLOAT64), "workspace")
    loop = Loop("part", 4, [Loop("j", extent, [Store(memory, (place,), ELEMENT)])])
    assert (obstacle(loop) is None) is free


def test_compiled_sums_are_right_and_the_same_each_time():
    x = RNG.normal(size=(400, 200))
    compiled = bp.compile(lambda x: (np.sum(np.tanh(x) ** 2), np.sum(np.tanh(x), axis=0), np.tanh(x)))
    assert "threads.range(" in compiled.inspect(x).source
    found = compiled(x)
    t = np.tanh(x)
    for result, wanted in zip(found, (np.sum(t**2), np.sum(t, axis=0), t), strict=True):
        np.testing.assert_allclose(result, wanted, rtol=1e-12, atol=1e-12)
    for _ in range(20):
        for result, again in zip(found, compiled(x), strict=True):
            np.testing.assert_array_equal(result, again)
