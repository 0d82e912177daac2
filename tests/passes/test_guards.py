"""Inner loops without guards compute what they computed with them."""

import numpy as np
import pytest

from staticbp.core.aval import BOOL, FLOAT64, Aval
from staticbp.core.schedule import (
    Affine,
    Apply,
    Buffer,
    Const,
    If,
    Load,
    Loop,
    Schedule,
    Store,
    loop_index,
    schedule_text,
)
from staticbp.core.traverse import walk
from staticbp.passes.guards import settle_guards
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.support import assert_lowered, graph_of, lowered

RNG = np.random.default_rng(3)


def gradient(function, *shapes):
    args = [RNG.normal(size=shape) for shape in shapes]
    primal = run(graph_of(function, *args), PRIMAL, check=True)
    joint = run(vjp(RULES, primal, [True] * len(args)), JOINT, check=True)
    return joint, [*args, *(RNG.normal(size=a.shape) for a in joint.in_avals[len(args) :])]


def steps(x):
    return np.sum((x[1:] - x[:-1]) ** 2)


def steps_along_each_axis(x):
    return np.sum((x[1:] - x[:-1]) ** 2) + np.sum((x[:, 1:] - x[:, :-1]) ** 2)


def second_differences(x):
    return np.sum((x[2:] - 2.0 * x[1:-1] + x[:-2]) ** 2)


def window(x):
    return np.sum(np.sin(x[2:5]) * 2.0) + np.sum(x * x)


def backwards(x):
    return np.sum(x[20:3:-1] * np.arange(17.0)) + np.sum(x)


def every_other(x):
    return np.sum(x[1::2] * x[1::2])


def volume(x):
    return sum(np.sum((a - b) ** 2) for a, b in [(x[1:], x[:-1]), (x[:, 1:], x[:, :-1]), (x[:, :, 1:], x[:, :, :-1])])


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (steps, (40,)),
        (steps_along_each_axis, (6, 20)),
        (steps_along_each_axis, (2, 20)),
        (steps_along_each_axis, (20, 6)),
        (second_differences, (33,)),
        (window, (30,)),
        (backwards, (24,)),
        (every_other, (31,)),
        (volume, (4, 5, 18)),
    ],
)
def test_the_values_stay(function, shape):
    joint, args = gradient(function, shape)
    assert_lowered(joint, args)


def guards(schedule):
    return [
        expr
        for stmt in walk(schedule.body)
        if isinstance(stmt, Store)
        for expr in [stmt.expr]
        if " if " in schedule_text(Schedule("f", [], [], [], [], [Store(stmt.buffer, stmt.index, expr)], []))
    ]


def test_a_loop_is_cut_where_its_guards_change():
    schedule = lowered(gradient(steps, (40,))[0])
    assert not guards(schedule)
    assert [stmt.extent for stmt in walk(schedule.body) if isinstance(stmt, Loop)][-1] == 38


def test_the_interior_has_no_guards_and_the_edges_keep_them():
    schedule = lowered(gradient(steps_along_each_axis, (6, 20))[0])
    (branch,) = (stmt for stmt in walk(schedule.body) if isinstance(stmt, If))
    assert branch.test.template == "{0} <= {1} < {2}"
    assert not guards(Schedule("f", [], [], [], [], branch.then, []))
    assert guards(Schedule("f", [], [], [], [], branch.orelse, []))


def test_short_loops_stay():
    assert guards(lowered(gradient(steps, (8,))[0]))


# ---- by hand ------------------------------------------------------------------------------------------------------

X, OUT = Buffer("x", Aval((20,), FLOAT64), "argument"), Buffer("out", Aval((20,), FLOAT64), "result")
I = loop_index("i")  # noqa: E741


def guarded(left, relation, right, value=X):
    condition = Apply(f"{{0}} {relation} {{1}}", (left, right), BOOL)
    return Apply("{1} if {0} else {2}", (condition, Load(value, (I,)), Const(np.float64(0))), FLOAT64)


def after(expr, adjoint=False, **options):
    loop = Loop("i", 20, [Store(OUT, (I,), expr, adjoint=adjoint)], **options)
    schedule = Schedule("f", [X], [], [OUT], [], [loop], [])
    settle_guards(schedule)
    return [line[2:] for line in schedule_text(schedule).split("\n")[4:]]


@pytest.mark.parametrize(
    ("left", "relation", "right", "first"),
    [
        (I, ">=", Affine(7), 7),
        (I * 2 + 1, ">=", Affine(8), 4),
        (I * 2, ">=", Affine(8), 4),
        (I * -1, "<", Affine(-6), 7),
        (I * -2 + 9, "<", Affine(0), 5),
        (Affine(7), "<", I + 1, 7),
    ],
)
def test_where_a_guard_changes(left, relation, right, first):
    kept = [n for n in range(20) if _holds(left, relation, right, n)]
    assert kept == list(range(first, 20))
    lines = after(guarded(left, relation, right))
    assert lines == [
        f"loop i < {first}",
        "  store out[i] = float64:0.0",
        f"loop i < {20 - first}",
        f"  store out[i + {first}] = x[i + {first}]",
    ]


def _holds(left, relation, right, n):
    a, b = (side.offset + sum(c * n for _, c in side.terms) for side in (left, right))
    return a >= b if relation == ">=" else a < b


def test_a_stretch_of_one_is_no_loop():
    assert after(guarded(I, "<", Affine(19)))[2:] == ["store out[19] = float64:0.0"]


def test_zeros_are_added_only_where_their_sign_matters():
    total = Apply("{0} + {1}", (Load(X, (I,)), guarded(I, "<", Affine(19))), FLOAT64)
    assert after(total)[-1] == "store out[19] = (x[19] + float64:0.0)"
    assert after(total, adjoint=True)[-1] == "store out[19] = x[19]"


def test_what_cannot_be_settled_stays():
    asked = guarded(Apply("{0} % {1}", (I, Affine(2)), FLOAT64), "<", Affine(1))
    assert after(asked)[0] == "loop i < 20"
    many = Apply("{0} + {1}", (guarded(I, "<", Affine(3)), guarded(I, "<", Affine(5))), FLOAT64)
    many = Apply(
        "{0} + {1}",
        (many, Apply("{0} + {1}", (guarded(I, "<", Affine(8)), guarded(I, ">=", Affine(11))), FLOAT64)),
        FLOAT64,
    )
    assert after(many)[0] == "loop i < 20"
    assert after(guarded(I, "<", Affine(3)), reverse=True)[0] == "loop i < 20 reverse"


def many_guards(*places):
    first, *others = (guarded(I, "<" if place < 10 else ">=", Affine(place)) for place in places)
    for other in others:
        first = Apply("{0} + {1}", (first, other), FLOAT64)
    return first


def test_of_many_stretches_a_long_one_goes_without():
    lines = after(many_guards(1, 2, 17, 18, 19), adjoint=True)
    assert lines[0] == "loop i < 2"
    assert "if" in lines[1]
    assert lines[2:4] == ["loop i < 15", "  store out[i + 2] = float64:0.0"]
    assert lines[4] == "loop i < 3"
    assert "if" in lines[5]


def test_what_is_settled_of_a_condition_is_not_asked():
    conditions = [Apply(f"{{0}} {r} {{1}}", (I, Affine(n)), BOOL) for r, n in ((">=", 1), ("<", 2), ("<", 19))]
    both = Apply("{0} & {1}", (Apply("{0} & {1}", tuple(conditions[:2]), BOOL), conditions[2]), BOOL)
    value = Apply("{1} if {0} else {2}", (both, Load(X, (I,)), Const(np.float64(0))), FLOAT64)
    lines = after(Apply("{0} + {1}", (value, many_guards(17, 18)), FLOAT64), adjoint=True)
    assert lines[0] == "loop i < 2"
    assert lines[1] == "  store out[i] = (x[i] if (i >= 1) else float64:0.0)"


def five_points(x):
    inner = x[1:-1, 1:-1]
    return np.sum((inner - 0.1 * (x[:-2, 1:-1] + x[2:, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:])) ** 2)


def test_the_interior_of_a_stencil_has_no_guards():
    schedule = lowered(gradient(five_points, (24, 24))[0])
    loops = (stmt for stmt in walk(schedule.body) if isinstance(stmt, Loop))
    assert 20 in [loop.extent for loop in loops if not guards(Schedule("f", [], [], [], [], loop.body, []))]
    assert_lowered(*gradient(five_points, (24, 24)))
