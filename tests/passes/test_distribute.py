"""Sums over all steps of a loop stand in a loop of their own, where the rest is worth sharing."""

import numpy as np
import pytest

from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.schedule import (
    Accumulate,
    Apply,
    Buffer,
    Const,
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
from staticbp.core.traverse import walk
from staticbp.passes.distribute import without_sums
from staticbp.passes.pipeline import JOINT, run
from tests.support import assert_lowered, graph_of, lowered

ROWS, COLUMNS = 90, 200
RNG = np.random.default_rng(5)
ROW_INDEX, COLUMN_INDEX = loop_index("i"), loop_index("j")
HERE = ROW_INDEX, COLUMN_INDEX
X = Buffer("x", Aval((ROWS, COLUMNS), FLOAT64), "argument")
OUT = Buffer("out", Aval((ROWS, COLUMNS), FLOAT64), "result")
ROW = Buffer("row", Aval((ROWS,), FLOAT64), "result")
TOTAL = Buffer("total", Aval((COLUMNS,), FLOAT64), "result")
V = Local("v", FLOAT64)


def slope(z, b, e):
    d = e * (np.exp(-np.tanh(z + b)) + np.expm1(z))
    return d, np.sum(d, axis=0)


def apply(template, *args):
    return Apply(template, args, FLOAT64)


def text_of(*loops):
    return schedule_text(Schedule("f", [X], [], [OUT], [], list(loops), [])).split("at least 0\n")[1]


def loop_of(*inner):
    return Loop("i", ROWS, [Loop("j", COLUMNS, list(inner))])


def add(value, buffer=TOTAL, place=(COLUMN_INDEX,)):
    return Accumulate(buffer, place, "{0} + {1}", value)


def test_the_sum_of_what_is_stored_is_made_behind():
    value = apply("vm.exp({0})", Load(X, HERE))
    rest, sums = without_sums(loop_of(Let("v", value), Store(OUT, HERE, V), add(V)))
    assert text_of(rest, sums) == text_of(loop_of(Store(OUT, HERE, value)), loop_of(add(Load(OUT, HERE))))


def test_a_value_that_is_used_again_keeps_its_name():
    value = apply("vm.exp({0})", Load(X, HERE))
    other = Store(X, HERE, apply("-{0}", V))
    rest, _ = without_sums(loop_of(Let("v", value), Store(OUT, HERE, V), other, add(V)))
    assert text_of(rest) == text_of(loop_of(Let("v", value), Store(OUT, HERE, V), other))


@pytest.mark.parametrize(
    "inner",
    [
        [Let("v", Load(X, HERE)), add(V)],  # in no memory
        [Let("v", Load(X, HERE)), Store(ROW, (ROW_INDEX,), V), add(V)],  # there only until the next column
        [Let("v", Load(X, HERE)), Store(OUT, HERE, V), add(apply("vm.exp({0})", V))],  # to be computed once more
        [Let("v", Load(X, HERE)), Store(OUT, HERE, V), Update("v", "{0} + {1}", Load(X, HERE)), add(V)],
        [Let("v", Load(X, HERE)), Store(OUT, HERE, V), add(V), Store(OUT, HERE, Const(np.float64(0)))],
        [
            Let("v", Load(X, HERE)),
            Store(OUT, HERE, apply("{0} + {1}", V, Load(TOTAL, (COLUMN_INDEX,)))),
            add(Load(X, HERE)),
        ],
        [add(Load(OUT, HERE)), Store(OUT, HERE, Load(X, HERE))],  # what was there before
        [Let("v", Load(X, HERE)), Store(OUT, HERE, V), add(V), add(apply("-{0}", V))],  # one of two
    ],
)
def test_sums_that_stay(inner):
    assert without_sums(loop_of(*inner)) is None


def test_a_loop_without_sums_over_all_steps_stays():
    assert without_sums(loop_of(Store(OUT, HERE, Load(X, HERE)))) is None
    assert without_sums(loop_of(add(Load(X, HERE), ROW, (ROW_INDEX,)))) is None


def test_a_derivative_is_shared_and_added_up_in_order():
    z, b, e = RNG.normal(size=(ROWS, COLUMNS)), RNG.normal(size=COLUMNS), RNG.normal(size=(ROWS, COLUMNS))
    graph = run(graph_of(slope, z, b, e), JOINT)
    schedule = lowered(graph)
    grains = [stmt.grain > 0 for stmt in schedule.body if isinstance(stmt, Loop) and stmt.extent == ROWS]
    assert grains == [True, False]
    d, total = assert_lowered(graph, [z, b, e])
    np.testing.assert_array_equal(total, sum(d, np.zeros(COLUMNS)))


def test_what_is_not_worth_sharing_stays_one_loop():
    z, b, e = RNG.normal(size=(9, 20)), RNG.normal(size=20), RNG.normal(size=(9, 20))
    statements = lowered(run(graph_of(slope, z, b, e), JOINT)).body
    assert sum(isinstance(stmt, Loop) and stmt.extent == 9 for stmt in statements) == 1
    cheap = run(graph_of(lambda x: (2.0 * x, np.sum(2.0 * x, axis=0)), np.zeros((20, 30))), JOINT)
    loops = [stmt for stmt in walk(lowered(cheap).body) if isinstance(stmt, Loop)]
    assert sum(loop.extent == 20 for loop in loops) == 1
