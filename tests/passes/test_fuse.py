from itertools import pairwise

import numpy as np
import pytest

from staticbp.core.aval import BOOL, FLOAT64, INT64, Aval
from staticbp.core.schedule import (
    Accumulate,
    Affine,
    Apply,
    Buffer,
    Call,
    Check,
    Const,
    Let,
    Load,
    Local,
    Loop,
    Ref,
    Store,
    Update,
    loop_index,
)
from staticbp.core.traverse import walk
from staticbp.passes.fuse import MOST_BUFFERS, insert
from staticbp.passes.lower import lower
from tests.support import assert_lowered, graph_of

ROW, COL = loop_index("i"), loop_index("j")
ZERO = Const(np.float64(0))


def array(name, *shape, dtype=FLOAT64):
    return Buffer(name, Aval(shape, dtype), "workspace")


X, Y, Z, M = array("x", 8), array("y", 8), array("z", 8), array("m", 8, 8)
N = array("n", 8, dtype=INT64)


def load(of, *index):
    return Load(of, tuple(i if not isinstance(i, int) else Affine(i) for i in index))


def each(*body, index="i", extent=8, **options):
    return Loop(index, extent, list(body), **options)


def copy(to, of, to_index=ROW, of_index=ROW):
    return Store(to, (to_index,), load(of, of_index))


def inserted(*stmts, becomes=None):
    block = []
    for stmt in stmts:
        insert(block, stmt, becomes or {})
    return block


def is_fused(*stmts, becomes=None):
    return len(inserted(*stmts, becomes=becomes)) == len(stmts) - 1


def test_steps_that_add_to_places_they_share_have_a_loop_of_their_own():
    spread = Accumulate(X, (loop_index("i") + loop_index("j"),), "{0} + {1}", load(Y, ROW))
    convolution = each(each(spread, index="j", extent=3))
    assert not is_fused(each(copy(Y, Z)), convolution)
    assert not is_fused(convolution, each(copy(Z, Y)))
    apart = Accumulate(M, (ROW, loop_index("j")), "{0} + {1}", load(Y, ROW))
    assert is_fused(each(copy(Y, Z)), each(each(apart, index="j")))


def test_a_reader_of_the_same_element_joins_its_writer():
    block = inserted(each(copy(Y, X)), each(copy(Z, Y)))
    assert [len(loop.body) for loop in block] == [2]


@pytest.mark.parametrize(
    ("name", "second"),
    [
        ("a shifted reader", each(copy(Z, Y, ROW, ROW + 1), extent=7)),
        ("a reader from behind", each(copy(Z, Y, ROW, ROW * -1 + 7))),
        ("a strided reader", each(copy(Z, Y, ROW, ROW * 2), extent=4)),
        ("a reader of one element", each(copy(Z, Y, ROW, Affine(3)))),
        ("a reader of all", each(each(copy(Z, Y, ROW, COL), index="j"))),
        ("a gather", each(Store(Z, (ROW,), load(Y, load(N, ROW))))),
        ("another extent", each(copy(Z, Y), extent=4)),
        ("another direction", each(copy(Z, Y), reverse=True)),
        ("a loop that is sequential", each(copy(Z, Y), sequential=True)),
        ("a writer elsewhere of what was read", each(copy(X, Z, ROW, ROW), copy(X, Z, ROW * -1 + 7))),
        ("a writer elsewhere of what was written", each(copy(Y, Z, ROW * -1 + 7))),
        ("an accumulation of all", each(Accumulate(Y, (Affine(0),), "{0} + {1}", load(X, ROW)))),
        ("nothing in common", each(Store(Z, (ROW,), ZERO))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_iteration_needs_another_ones_value(name, second):
    assert not is_fused(each(copy(Y, X)), second), name


def test_an_array_that_both_only_read_does_not_stand_in_the_way():
    assert is_fused(each(copy(Y, X)), each(copy(Z, X, ROW, ROW * -1 + 7)))


def test_rows_meet_on_their_axis():
    rows = each(each(Store(M, (ROW, COL), load(X, COL)), index="j"))
    sums = each(
        Let("s", ZERO),
        each(Update("s", "{0} + {1}", load(M, ROW, COL)), index="j"),
        Store(Y, (ROW,), Local("s", FLOAT64)),
    )
    (fused,) = inserted(rows, sums)
    assert [type(stmt) for stmt in fused.body] == [Let, Loop, Store]
    columns = each(each(Store(X, (ROW,), load(M, COL, ROW)), index="j"))
    assert not is_fused(rows, columns)


def test_what_only_prepares_a_loop_moves_with_it():
    start = Let("s", ZERO)
    block = inserted(each(copy(Y, X)), start, each(Update("s", "{0} + {1}", load(Y, ROW))))
    assert [type(stmt) for stmt in block] == [Let, Loop]
    filled = each(Store(Z, (ROW,), ZERO))
    scattered = each(Accumulate(Z, (load(N, ROW),), "{0} + {1}", load(Y, ROW)))
    block = inserted(each(copy(Y, X)), filled, scattered)
    assert block[0] is filled
    assert len(block) == 2


def test_what_prepares_a_loop_stays_behind_what_it_needs():
    total = Let("s", ZERO)
    sums = each(Update("s", "{0} + {1}", load(X, ROW)))
    scale = Let("half", Apply("{0} * {1}", (Local("s", FLOAT64), Const(np.float64(0.5))), FLOAT64))
    scaled = each(Store(Y, (ROW,), Apply("{0} * {1}", (load(X, ROW), Local("half", FLOAT64)), FLOAT64)))
    block = inserted(total, sums, scale, scaled)
    assert block == [total, sums, scale, scaled]


def test_an_array_that_is_still_in_use_is_not_filled_early():
    fill = each(each(Store(M, (ROW, COL), ZERO), index="j"))
    assert not is_fused(each(copy(Y, X), Store(Z, (ROW,), load(M, 0, ROW))), fill)
    block = inserted(
        each(copy(Y, X), Store(Z, (ROW,), load(M, ROW * -1 + 7, 0))),
        fill,
        each(Accumulate(M, (load(N, ROW), Affine(0)), "{0} + {1}", load(Y, ROW))),
    )
    assert len(block) == 3


def test_a_loop_does_not_pass_what_it_depends_on():
    call = Call("blas.gemv", (), (Ref(M), Ref(X)), (Ref(Z),))
    assert len(inserted(each(copy(Y, X)), call, each(Store(Y, (ROW,), load(Z, ROW))))) == 3
    assert len(inserted(each(copy(Y, X)), call, each(copy(array("w", 8), Y)))) == 2
    assert len(inserted(each(copy(Y, X)), call, each(copy(X, Y)))) == 3


def test_a_loop_does_not_pass_one_that_can_be_interrupted():
    sliced = each(Store(M, (ROW, Affine(0)), ZERO), sequential=True, sliced=True)
    assert len(inserted(each(copy(Y, X)), sliced, each(copy(Z, Y)))) == 3


def check(index):
    return Check(Apply("{0} < {1}", (index, Affine(8)), BOOL), 1)


def test_an_index_is_not_used_before_it_has_been_checked():
    gather = each(Store(Z, (ROW,), load(X, load(N, ROW))))
    mirrored = each(Store(Z, (ROW,), load(X, load(N, ROW * -1 + 7))))
    assert is_fused(each(check(load(N, ROW))), gather)
    assert not is_fused(each(check(load(N, ROW))), mirrored)
    assert len(inserted(each(copy(Y, X)), each(check(load(N, ROW)), index="i"), mirrored)) == 3
    scatter = each(Accumulate(Z, (load(N, ROW * -1 + 7),), "{0} + {1}", load(X, ROW)))
    assert len(inserted(each(copy(Y, X)), each(check(load(N, ROW))), scatter)) == 3
    k = Local("k", INT64)
    assert (
        len(
            inserted(
                each(copy(Y, X)),
                check(k),
                each(Store(Z, (ROW,), Apply("{0} + {1}", (load(X, k), load(Y, ROW)), FLOAT64))),
            )
        )
        == 3
    )


def test_the_next_value_of_a_carry_is_its_memory():
    ahead = array("x_next", 8)
    becomes = {ahead: X}
    assert not is_fused(each(Store(Z, (ROW,), load(X, ROW * -1 + 7))), each(copy(ahead, Z)), becomes=becomes)
    assert is_fused(each(Store(Z, (ROW,), load(X, ROW))), each(copy(ahead, Z)), becomes=becomes)
    assert is_fused(each(Store(Z, (ROW,), load(X, ROW * -1 + 7))), each(copy(ahead, Z)))


def test_through_a_view_nothing_is_known():
    view = array("v", 4, 2)
    view.role, view.of = "view", Ref(Y)
    assert not is_fused(
        each(copy(Y, X), extent=4),
        each(each(Store(M, (ROW, COL), load(view, ROW, COL)), index="j", extent=2), extent=4),
    )


def test_a_loop_does_not_grow_without_end():
    arrays = [array(f"a{n}", 8) for n in range(2 * MOST_BUFFERS)]
    block = inserted(*(each(copy(b, a)) for a, b in pairwise(arrays)))
    assert 2 <= len(block) <= 4


def test_what_is_fused_is_right():
    def f(x, w):
        y = np.sin(x)
        s = np.sum(y)
        z = y * s
        m = np.outer(z, w)
        return m, np.sum(m, axis=0), np.sum(m, axis=1), z[::-1] + y, np.max(z)

    rng = np.random.default_rng(0)
    args = [rng.normal(size=5), rng.normal(size=4)]
    graph = graph_of(f, *args)
    assert_lowered(graph, args)
    schedule = lower(graph)
    assert sum(isinstance(stmt, Loop) and stmt.index == "i" for stmt in walk(schedule.body)) <= 5
