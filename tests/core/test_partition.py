import numpy as np
import pytest

from staticbp.core.aval import BOOL, FLOAT64, Aval
from staticbp.core.check_schedule import check_schedule
from staticbp.core.partition import obstacle
from staticbp.core.schedule import (
    Accumulate,
    Affine,
    Apply,
    Buffer,
    Call,
    Check,
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
    While,
    loop_index,
)
from staticbp.errors import GraphError

ROW, COL, FIRST = loop_index("i"), loop_index("j"), Affine(0)
ONE = Const(np.float64(1))
X, OUT, TABLE, OTHER = (
    Buffer(name, Aval(shape, FLOAT64), role)
    for name, shape, role in [
        ("x", (8,), "argument"),
        ("out", (8,), "result"),
        ("table", (8, 8), "result"),
        ("other", (8,), "result"),
    ]
)
VIEW = Buffer("view", Aval((2, 4), FLOAT64), "view", of=Ref(OUT))


def load(of, *index):
    return Load(of, index)


def plus(*args):
    return Apply("{0} + {1}", args, FLOAT64)


@pytest.mark.parametrize(
    "body",
    [
        [Store(OUT, (ROW,), load(X, ROW))],
        [Store(OUT, (ROW,), plus(load(X, ROW * -1 + 7), load(X, FIRST)))],
        [Store(OUT, (ROW + 1,), ONE), Store(OTHER, (ROW,), load(OUT, ROW + 1))],
        [Store(OUT, (ROW,), ONE), Accumulate(OUT, (ROW,), "{0} + {1}", load(OUT, ROW))],
        [Loop("j", 8, [Store(TABLE, (ROW, COL), load(TABLE, ROW, COL + -1))])],
        [Loop("j", 8, [Store(TABLE, (COL, ROW), load(X, COL))])],
        [
            Let("s", ONE),
            Loop("j", 8, [Update("s", "{0} + {1}", load(X, COL))]),
            Store(OUT, (ROW,), Local("s", FLOAT64)),
        ],
        [If(Apply("{0} < {1}", (ROW, Affine(3)), BOOL), [Store(OUT, (ROW,), ONE)], [Store(OUT, (ROW,), load(X, ROW))])],
    ],
)
def test_steps_with_memory_of_their_own_can_be_shared(body):
    assert obstacle(Loop("i", 8, body)) is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([Store(OUT, (ROW,), load(OUT, ROW + 1))], "its steps share out"),
        ([Store(OUT, (ROW,), ONE), Store(OUT, (ROW + 1,), ONE)], "its steps share out"),
        ([Store(OUT, (FIRST,), load(X, ROW))], "its steps share out"),
        ([Accumulate(OUT, (FIRST,), "{0} + {1}", load(X, ROW))], "its steps share out"),
        ([Loop("j", 4, [Store(OUT, (ROW + COL,), ONE)])], "its steps share out"),
        ([Loop("j", 8, [Store(TABLE, (ROW, COL), load(TABLE, COL, ROW))])], "its steps share table"),
        ([Loop("j", 8, [Accumulate(OUT, (COL,), "{0} + {1}", load(TABLE, ROW, COL))])], "its steps share out"),
        ([Store(OUT, (load(X, ROW),), ONE)], "its steps share out"),
        ([Store(OUT, (ROW,), load(VIEW, FIRST, FIRST))], "its steps share out"),
        ([Update("s", "{0} + {1}", load(X, ROW))], "its steps share s"),
        ([Store(OUT, (ROW,), Local("s", FLOAT64)), Let("s", load(X, ROW))], "its steps share s"),
        ([Loop("j", 2, [Let("s", ONE)]), Store(OUT, (ROW,), Local("s", FLOAT64))], "its steps share s"),
        ([Check(ONE, 1)], "it contains a Check"),
        ([While([], ONE, [])], "it contains a While"),
        ([Call("blas.gemv", (), (), ())], "it contains a Call"),
        ([Loop("j", 8, [Store(TABLE, (ROW, COL), ONE)], sequential=True)], "it contains a loop that is not plain"),
        ([Loop("j", 8, [Store(TABLE, (ROW, COL), ONE)], grain=2)], "it contains a loop that is not plain"),
    ],
)
def test_what_steps_share_is_named(body, reason):
    loop = Loop("i", 8, body)
    assert obstacle(loop) == reason


@pytest.mark.parametrize("option", ["sequential", "reverse", "sliced"])
def test_steps_that_have_an_order_stay_with_one_thread(option):
    assert obstacle(Loop("i", 8, [Store(OUT, (ROW,), ONE)], **{option: True})) == "its steps have an order"


def test_a_schedule_with_a_race_is_refused():
    def shared(expr):
        return Schedule("f", [X], [], [OUT], [], [Loop("i", 7, [Store(OUT, (ROW,), expr)], grain=2)], [])

    check_schedule(shared(load(X, ROW + 1)))
    with pytest.raises(GraphError, match="the loop over i cannot be shared by threads: its steps share out"):
        check_schedule(shared(load(OUT, ROW + 1)))
