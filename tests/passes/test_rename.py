import numpy as np

from staticbp.core.aval import FLOAT64, INT64, Aval
from staticbp.core.schedule import (
    Apply,
    Buffer,
    Call,
    Const,
    If,
    Let,
    Load,
    Local,
    Loop,
    Ref,
    Schedule,
    Store,
    Update,
    loop_index,
    schedule_text,
)
from staticbp.core.text import Names
from staticbp.passes.rename import rename_locals

A, B = loop_index("row"), loop_index("step")
X, Y = (Buffer(name, Aval((3, 4), FLOAT64), "argument") for name in "xy")
TOTAL = Local("total", FLOAT64)


def renamed(*block):
    names = Names({"y_best"})
    rename_locals(block, ["i", "j", "k"], lambda name: names.fresh(f"y_{name}"))
    return [line[2:] for line in schedule_text(Schedule("f", [], [], [], [], list(block), [])).split("\n")[2:]]


def test_loops_are_called_by_their_depth_and_locals_by_the_result():
    text = renamed(
        Loop(
            "row",
            3,
            [
                Let("total", Const(np.float64(0))),
                Loop("step", 4, [Update("total", "{0} + {1}", Load(X, (A, B))), Store(Y, (A, B), TOTAL)]),
            ],
        )
    )
    assert text == [
        "loop i < 3",
        "  let y_total = float64:0.0",
        "  loop j < 4",
        "    update y_total = y_total + x[i, j]",
        "    store y[i, j] = y_total",
    ]


def test_calls_and_conditions_follow():
    best = Local("best", FLOAT64)
    text = renamed(
        Loop("step", 3, [Call("kernels.sort", (Ref(X, (B,)), Ref(Y, (B,))), (Ref(X, (B,)),), (Ref(Y, (B,)),))]),
        Let("best", Load(X, (A * 0, A * 0))),
        Loop(
            "row",
            3,
            [If(Apply("{0} > {1}", (Load(X, (A, A + 1)), best), INT64), [Let("best", Load(X, (A, A + 1)))], [])],
        ),
    )
    assert text == [
        "loop i < 3",
        "  call kernels.sort(x[i], y[i])",
        "let y_best_2 = x[0, 0]",
        "loop i < 3",
        "  if (x[i, i + 1] > y_best_2)",
        "    let y_best_2 = x[i, i + 1]",
        "  else",
    ]
