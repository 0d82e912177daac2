"""Graph in, schedule out: what is fused, what is called, what stays in memory."""

import numpy as np
import pytest

from staticbp.codegen.writer import write
from staticbp.core.aval import FLOAT64, INT64, Aval
from staticbp.core.schedule import Call, Check, Loop, schedule_text
from staticbp.core.traverse import walk
from staticbp.ops.control import scan
from staticbp.passes import effort
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from staticbp.trace.trace import trace
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.support import assert_lowered, execute, graph_of, lowered

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape)


def chain(x, y):
    z = np.sin(x) * y
    return np.exp(z) + z


def softmax(x):
    e = np.exp(x - np.max(x))
    return e / np.sum(e)


def layer(W, b, x):
    return np.tanh(W @ x + b)


def broadcasting(x, row, column):
    return x * row + column * 2.0


def row_sums(x):
    return np.sum(x * x, axis=1)


def column_sums(x):
    return np.sum(np.sin(x), axis=0)


def standardised(x):
    centred = x - np.mean(x, axis=1, keepdims=True)
    return centred / np.sqrt(np.mean(centred**2, axis=1, keepdims=True))


def joined(x, y):
    return np.concatenate([2.0 * x, y])


def gathered(table, rows):
    return table[rows] * 2.0


def products(A, B):
    return A.T @ B, A @ B.T, np.tanh(A) @ B


def shifted(x):
    return x[1:] - x[:-1]


def reshaped(x):
    y = np.sin(x)
    return np.reshape(y, (6, 2)) * 2.0, y


def transposed(x):
    return np.exp(x).T + 1.0


def differences(x):
    return np.sum(np.maximum(x[1:] - x[:-1], 0.0) ** 2)


CASES = [
    (chain, (normal(5), normal(5))),
    (softmax, (normal(7),)),
    (layer, (normal(9, 11), normal(9), normal(11))),
    (broadcasting, (normal(4, 3), normal(3), normal(4, 1))),
    (row_sums, (normal(4, 3),)),
    (column_sums, (normal(4, 3),)),
    (standardised, (normal(4, 3),)),
    (joined, (normal(3), normal(2))),
    (gathered, (normal(5, 3), np.array([0, -1, 4, 0]))),
    (products, (normal(12, 12), normal(12, 12))),
    (shifted, (normal(6),)),
    (reshaped, (normal(3, 4),)),
    (transposed, (normal(3, 4),)),
    (differences, (normal(6),)),
]


def optimised(graph):
    return run(graph, JOINT, check=True)


def gradient_of(graph):
    primal = run(graph, PRIMAL, check=True)
    return optimised(vjp(RULES, primal, [a.is_float for a in primal.in_avals]))


def cotangents(joint, args):
    return [normal(*a.shape) for a in joint.in_avals[len(args) :]]


@pytest.mark.parametrize(("function", "args"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_forward(function, args, golden):
    graph = optimised(graph_of(function, *args))
    assert_lowered(graph, args)
    golden(f"schedule_{function.__name__}.txt", schedule_text(lowered(graph)))


@pytest.mark.parametrize(("function", "args"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_gradient(function, args, golden):
    joint = gradient_of(graph_of(function, *args))
    assert_lowered(joint, [*args, *cotangents(joint, args)])
    golden(f"schedule_{function.__name__}_vjp.txt", schedule_text(lowered(joint)))


# ---- loops of the graph -------------------------------------------------------------------------------------------


def loop(step, avals, names, n_carry, length=4, reverse=False):
    body = trace(step, "step", [Aval(shape, FLOAT64) for shape in avals], names)

    def run_loop(*values):
        return scan(*values, body=body, n_consts=0, n_carry=n_carry, length=length, reverse=reverse)

    return run_loop


def descent(w, x):
    return [w - 0.1 * np.tanh(w) * x]


def fibonacci(a, b):
    return [b, a + b]


def mirrored(c, x):
    return [c[::-1] + x]


def averaged(c, x):
    m = np.mean(c)
    return [c - m, m * x]


def nested(c, xs):
    inner = loop(lambda s, x: [s * 0.5 + x, s], [(), ()], ["s", "x"], 1, 3)
    last, seen = inner(np.sum(c), xs)
    return [c + last, seen]


LOOPS = [
    (descent, [(3,), (3,)], ["w", "x"], 1),
    (fibonacci, [(3,), (3,)], ["a", "b"], 2),
    (mirrored, [(3,), (3,)], ["c", "x"], 1),
    (averaged, [(3,), ()], ["c", "x"], 1),
    (nested, [(3,), (3,)], ["c", "xs"], 1),
]


def loop_case(step, avals, names, n_carry):
    args = [normal(*shape) for shape in avals[:n_carry]] + [normal(4, *shape) for shape in avals[n_carry:]]
    return graph_of(
        loop(step, avals, names, n_carry), *args, names=[*names[:n_carry], *(f"{n}s" for n in names[n_carry:])]
    ), args


@pytest.mark.parametrize("case", LOOPS, ids=lambda case: case[0].__name__)
def test_scan(case, golden):
    graph, args = loop_case(*case)
    assert_lowered(graph, args)
    golden(f"schedule_scan_{case[0].__name__}.txt", schedule_text(lowered(graph)))


@pytest.mark.parametrize("case", LOOPS, ids=lambda case: case[0].__name__)
def test_differentiated_scan(case, golden):
    graph, args = loop_case(*case)
    joint = gradient_of(graph)
    assert_lowered(joint, [*args, *cotangents(joint, args)])
    golden(f"schedule_scan_{case[0].__name__}_vjp.txt", schedule_text(lowered(joint)))


def test_next_scalars_are_computed_before_any_carry_is_replaced():
    graph, args = loop_case(lambda v, s: [v * 2.0, s + v[0]], [(3,), ()], ["v", "s"], 2)
    assert_lowered(graph, args)
    graph, args = loop_case(lambda s, v: [s * v[1] + s, v + s], [(), (3,)], ["s", "v"], 2)
    assert_lowered(graph, args)
    graph, args = loop_case(lambda a, b, c: [b, c, a + b], [(), (), ()], ["a", "b", "c"], 3)
    assert_lowered(graph, args)


@pytest.mark.parametrize("case", LOOPS, ids=lambda case: case[0].__name__)
def test_a_long_loop_can_stop_and_go_on_anywhere(case, monkeypatch):
    monkeypatch.setattr(effort, "SLICED_WORK", 0)
    graph, args = loop_case(*case)
    joint = gradient_of(graph)
    for each, values in ((graph, args), (joint, [*args, *cotangents(joint, args)])):
        schedule = lowered(each)
        assert sum(stmt.sliced for stmt in walk(schedule.body) if isinstance(stmt, Loop)) >= 1
        assert_lowered(each, values)


def test_nothing_that_follows_an_interrupted_loop_was_done_before_it(monkeypatch):
    def f(c, x, xs):
        total = np.sum(np.sin(x))
        (last,) = (loop(descent, [(3,), (3,)], ["w", "x"], 1)(c, xs),)
        return last * total, np.sum(np.sin(x) * 2.0), total * np.exp(total)

    monkeypatch.setattr(effort, "SLICED_WORK", 0)
    args = [normal(3), normal(5), normal(4, 3)]
    assert_lowered(graph_of(f, *args), args)
    joint = gradient_of(graph_of(f, *args))
    assert_lowered(joint, [*args, *cotangents(joint, args)])


# ---- indexes that depend on data ----------------------------------------------------------------------------------


def run_status(graph, args):
    schedule = lowered(graph)
    return execute(schedule, write(schedule, "f"), args, [array for _, array in graph.consts])[0], schedule


@pytest.mark.parametrize("rows", [[0, 5, 1], [0, -6, 1]])
def test_an_index_out_of_range_ends_with_the_status_of_its_line(rows):
    graph = graph_of(gathered, normal(5, 3), np.array(rows))
    status, schedule = run_status(graph, [normal(5, 3), np.array(rows)])
    assert status == 1
    failure = schedule.failures[status - 1]
    assert failure.src.text == "return table[rows] * 2.0"
    assert failure.kind == "TracedIndexError"


def test_an_index_is_checked_before_it_is_used_in_another_order():
    def f(x, rows):
        y = np.sin(x)
        return (y * x[rows])[::-1] + y[rows[::-1]]

    args = [normal(4), np.array([3, 2, 1, 0])]
    graph = graph_of(f, *args)
    assert_lowered(graph, args)
    for bad in range(4):
        rows = args[1].copy()
        rows[bad] = 17
        assert run_status(graph, [args[0], rows])[0] > 0  # and no IndexError of Python's


def test_an_index_is_checked_once():
    def f(table, rows):
        return np.sum(np.tanh(table[rows]))

    args = [normal(5, 3), np.array([0, -1, 4])]
    joint = gradient_of(graph_of(f, *args))
    assert_lowered(joint, [*args, 1.0])
    assert sum(isinstance(stmt, Check) for stmt in walk(lowered(joint).body)) == 1


def test_a_counter_carried_along_indexes():
    avals = [Aval((4,), FLOAT64), Aval((), INT64), Aval((), FLOAT64)]
    body = trace(lambda table, n, s: [n + 1, s + table[n]], "step", avals, ["table", "n", "s"])

    def f(table, n, s):
        return scan(table, n, s, body=body, n_consts=1, n_carry=2, length=4, reverse=False)

    args = [normal(4), 0, 0.0]
    graph = graph_of(f, *args)
    assert_lowered(graph, args)
    assert run_status(graph, [normal(4), 1, 0.0])[0] == 1


# ---- names, sizes and small things --------------------------------------------------------------------------------


def test_names_of_the_users_do_not_clash_with_ours():
    def f(i, j, work, np_, start, total):
        t = i + j
        vm = np.cumsum(work) * t
        return vm, np.argmax(total), np_ + start, np.sum(total)

    args = [1.0, 2.0, normal(3), normal(2), normal(2), normal(3)]
    assert_lowered(graph_of(f, *args, names=["i", "j", "work", "np", "start", "total"]), args)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (1,), (1, 1), (1, 3), (3, 1), (2, 1, 3), (0, 1)], ids=str)
def test_arrays_of_odd_shapes(shape):
    def f(x):
        y = np.sin(x)
        return y, np.sum(y), np.sum(y, axis=0), np.sum(x * y, axis=-1), np.cumsum(x, axis=0), np.reshape(y, (-1,)) * 2.0

    args = [normal(*shape)]
    graph = graph_of(f, *args)
    for each in (graph, optimised(graph)):
        assert_lowered(each, args)
    joint = gradient_of(graph)
    assert_lowered(joint, [*args, *cotangents(joint, args)])


def test_there_are_no_loops_over_one_element_or_none():
    def f(x):
        return np.exp(x) + 1.0

    for shape, loops in [((1, 1), 0), ((1, 3), 1), ((0, 3), 0), ((2, 3), 2)]:
        schedule = lowered(graph_of(f, normal(*shape)))
        assert sum(isinstance(stmt, Loop) for stmt in walk(schedule.body)) == loops


def test_results_that_are_arguments_constants_or_one_value_twice():
    weights = normal(3)

    def f(x):
        y = np.exp(x)
        return x, y, y, weights, 2.0 * np.ones_like(x), y

    args = [normal(3)]
    graph = graph_of(f, *args)
    assert_lowered(graph, args)
    assert_lowered(optimised(graph), args)


def test_a_result_called_as_an_argument_is_its_new_value():
    def f(x):
        x = x + 1.0
        return x

    assert [b.name for b in lowered(graph_of(f, normal(3))).results] == ["x_out"]


def test_products_of_transposed_arrays_copy_nothing():
    graph = optimised(graph_of(products, normal(12, 12), normal(12, 12)))
    schedule = lowered(graph)
    calls = [stmt for stmt in schedule.body if isinstance(stmt, Call)]
    assert [call.args[3:] for call in calls] == [(True,), (False, True), ()]
    assert len(schedule.temporaries) == 1  # tanh(A)


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint8, np.bool_])
def test_other_dtypes(dtype):
    def f(x, y):
        return x + y, np.maximum(x, y), np.sum(x, axis=0), x == y, (x * 2).astype(np.float64)

    args = [RNG.integers(0, 2, (3, 4)).astype(dtype), RNG.integers(0, 2, (3, 4)).astype(dtype)]
    assert_lowered(graph_of(f, *args), args)


def test_lowering_is_linear_in_the_size_of_the_graph():
    def f(x):
        for _ in range(400):
            x = np.sin(x) * 0.5 + x
        return x

    graph = graph_of(f, normal(3))
    schedule = lowered(graph)
    assert sum(isinstance(stmt, Loop) for stmt in walk(schedule.body)) < 60
    assert_lowered(graph, [normal(3)])
