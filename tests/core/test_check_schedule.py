import numpy as np
import pytest

from staticbp.core.aval import BOOL, FLOAT64, Aval
from staticbp.core.check_schedule import check_schedule
from staticbp.core.schedule import (
    Accumulate,
    Affine,
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
    Reshape,
    Schedule,
    Store,
    Update,
    loop_index,
    schedule_text,
)
from staticbp.errors import GraphError

ROW, COL = loop_index("i"), loop_index("j")
ONE = Const(np.float64(1))


def buffer(name, *shape, role="argument", offset=None):
    return Buffer(name, Aval(shape, FLOAT64), role, offset)


X, OUT = buffer("x", 4), buffer("out", 4, role="result")


def schedule(*body, temporaries=()):
    return Schedule("f", [X], [], [OUT], list(temporaries), list(body), [])


def load(of, *index):
    return Load(of, tuple(i if isinstance(i, Affine) else Affine(i) for i in index))


def test_a_good_schedule_comes_back():
    work = buffer("h", 4, role="workspace", offset=0)
    good = schedule(
        Let("total", ONE),
        Loop("i", 4, [Store(work, (ROW,), load(X, ROW)), Update("total", "{0} + {1}", load(work, ROW))]),
        Loop("i", 4, [Accumulate(OUT, (ROW * -1 + 3,), "{0} + {1}", Local("total", FLOAT64))]),
        temporaries=[work],
    )
    assert check_schedule(good) is good


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([Loop("i", 5, [Store(OUT, (ROW,), ONE)])], r"out: f64\[4\] is indexed from 0 to 4"),
        ([Loop("i", 4, [Store(OUT, (ROW,), load(X, ROW + 1))])], r"x: f64\[4\] is indexed from 1 to 4"),
        ([Loop("i", 4, [Store(OUT, (ROW,), load(X, ROW + -1))])], r"x: f64\[4\] is indexed from -1 to 2"),
        ([Loop("i", 4, [Store(OUT, (ROW * 2,), ONE)])], r"is indexed from 0 to 6"),
        ([Loop("i", 4, [Store(OUT, (ROW * -1,), ONE)])], r"is indexed from -3 to 0"),
        ([Loop("i", 3, [Loop("j", 3, [Store(OUT, (ROW + COL,), ONE)])])], r"is indexed from 0 to 4"),
        ([Store(OUT, (Affine(4),), ONE)], r"is indexed from 4 to 4"),
        ([Store(OUT, (ROW,), ONE)], "loop index i is used outside its loop"),
        ([Store(OUT, (Affine(0), Affine(0)), ONE)], "is indexed with 2 components"),
        ([Loop("i", 2, [Loop("i", 2, [])])], "loop index i is bound twice"),
        ([Store(OUT, (Affine(0),), Local("s", FLOAT64))], "s is used before it is set"),
        ([Update("s", "{0} + {1}", ONE)], "s is updated before it is set"),
        ([Store(buffer("y", 4), (Affine(0),), ONE)], "y is not declared"),
        ([Store(OUT, (Affine(0),), load(buffer("y", 4), 0))], "y is not declared"),
        ([Call("blas.gemv", (), (Ref(buffer("y", 4)),), ())], "y is not declared"),
        ([Call("blas.gemv", (), (Ref(X, (Affine(4),)),), ())], "x: .* is indexed from 4 to 4"),
        ([Store(OUT, (load(X, 7),), ONE)], "is indexed from 7 to 7"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_said(body, message):
    with pytest.raises(GraphError, match=message):
        check_schedule(schedule(*body))


SQUARE, OTHER, MADE = buffer("a", 4, 4), buffer("b", 4, 4), buffer("c", 4, 4, role="result")


def rows_of(product, *body, grain=8, extent=4):
    refs = [Ref(b) for b in product]
    call = Call("blas.gemm", tuple(refs), tuple(refs[:2]), tuple(refs[2:]))
    loop = Loop("i", extent, [Loop("j", 4, list(body))], grain=grain, product=call)
    return Schedule("f", [SQUARE, OTHER], [], [MADE], [], [loop], [])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (rows_of((SQUARE, OTHER, MADE), Store(MADE, (ROW, COL), load(MADE, COL, ROW))), "share c"),
        (rows_of((SQUARE, OTHER, MADE), Store(OTHER, (ROW, COL), load(MADE, ROW, COL))), "writes to b"),
        (rows_of((SQUARE, MADE, MADE), Store(MADE, (ROW, COL), ONE)), "writes to c"),
        (rows_of((SQUARE, OTHER, MADE), Store(MADE, (ROW, COL), ONE), extent=3), "another number of rows"),
        (rows_of((SQUARE, OTHER, MADE), Store(MADE, (ROW, COL), ONE), grain=0), "how many rows"),
    ],
)
def test_rows_of_a_product_are_the_steps_own(wrong, message):
    good = rows_of((SQUARE, OTHER, MADE), Store(MADE, (ROW, COL), load(MADE, ROW, COL)))
    assert check_schedule(good) is good
    with pytest.raises(GraphError, match=message):
        check_schedule(wrong)


def test_the_arms_of_a_condition_are_guarded_by_it():
    inside = Apply("{0} < {1}", (ROW, Affine(3)), BOOL)
    guarded = Apply("{1} if {0} else {2}", (inside, load(X, ROW + 1), ONE), FLOAT64)
    check_schedule(schedule(Loop("i", 4, [Store(OUT, (ROW,), guarded)])))
    either = Apply("{1} + {2}", (inside, load(X, ROW + 1), ONE), FLOAT64)
    with pytest.raises(GraphError, match="is indexed from 1 to 4"):
        check_schedule(schedule(Loop("i", 4, [Store(OUT, (ROW,), either)])))


def test_a_branch_narrows_the_indexes_that_it_asks_about():
    def branch(template, *bounds):
        test = Apply(template, (ROW, *map(Affine, bounds)), BOOL)
        read = If(test, [Store(OUT, (ROW,), load(X, ROW + 1))], [])
        return schedule(Loop("i", 4, [Loop("j", 2, [read])]))

    check_schedule(branch("{0} < {1}", 3))
    check_schedule(branch("{1} <= {0} < {2}", 1, 3))
    check_schedule(branch("{0} >= {1} and {0} < {2}", 1, 3))
    with pytest.raises(GraphError, match="is indexed from 2 to 4"):
        check_schedule(branch("{0} >= {1}", 1))
    with pytest.raises(GraphError, match="is indexed from 1 to 4"):
        check_schedule(branch("{0} == {1}", 1))
    with pytest.raises(GraphError, match="is indexed from 1 to 4"):
        check_schedule(schedule(Loop("i", 4, [If(ONE, [Store(OUT, (ROW,), load(X, ROW + 1))], [])])))


def test_an_empty_loop_reads_nothing():
    check_schedule(schedule(Loop("i", 0, [Store(OUT, (ROW + 9,), ONE)])))
    check_schedule(schedule(Loop("i", 7, [Loop("j", 0, [Store(OUT, (ROW,), ONE)])])))


def test_names_are_unique_and_workspace_has_a_place():
    with pytest.raises(GraphError, match="two buffers have one name"):
        check_schedule(schedule(temporaries=[buffer("x", 2, role="workspace", offset=0)]))
    with pytest.raises(GraphError, match="h has no place in the workspace"):
        check_schedule(schedule(temporaries=[buffer("h", 2, role="workspace")]))


def test_views_are_made_before_they_are_used():
    view = buffer("v", 2, 2, role="view")
    view.of = Ref(OUT)
    use = Store(view, (Affine(1), Affine(1)), ONE)
    check_schedule(schedule(Reshape(view, Ref(OUT)), use, temporaries=[view]))
    with pytest.raises(GraphError, match="v is not declared"):
        check_schedule(schedule(use, Reshape(view, Ref(OUT)), temporaries=[view]))
    with pytest.raises(GraphError, match="the view v is not declared"):
        check_schedule(schedule(Reshape(view, Ref(X)), temporaries=[view]))
    larger = buffer("w", 5, role="view")
    larger.of = Ref(OUT)
    with pytest.raises(GraphError, match=r"the view w: f64\[5\] does not fit"):
        check_schedule(schedule(Reshape(larger, Ref(OUT)), temporaries=[larger]))


def test_text_of_a_schedule():
    work = buffer("h", 4, role="workspace", offset=64)
    text = schedule_text(
        schedule(
            Let("s", ONE),
            Loop("i", 4, [Store(work, (ROW * 2 + 1,), Apply("-{0}", (load(X, ROW),), FLOAT64))], reverse=True),
            Call("blas.gemv", (Ref(X, (), True), ONE, True), (Ref(X),), (Ref(work, (Affine(2),)),)),
            Accumulate(OUT, (Affine(0),), "{0} + {1}", Local("s", FLOAT64)),
            temporaries=[work],
        )
    )
    assert text.split("\n") == [
        "schedule f",
        "  argument x: f64[4]",
        "  result out: f64[4]",
        "  workspace h: f64[4] @64",
        "  workspace 0 bytes, at least 0",
        "  let s = float64:1.0",
        "  loop i < 4 reverse",
        "    store h[2*i + 1] = (-x[i])",
        "  call blas.gemv(x.T, float64:1.0, True)",
        "  accumulate out[0] = out[0] + s",
    ]
