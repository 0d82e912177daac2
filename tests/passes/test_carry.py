import numpy as np
import pytest

from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.schedule import (
    Accumulate,
    Affine,
    Apply,
    Buffer,
    Call,
    Const,
    Let,
    Load,
    Local,
    Loop,
    Ref,
    Reshape,
    Store,
    loop_index,
)
from staticbp.core.traverse import walk
from staticbp.passes.carry import assign, insert_early, update_in_place

ROW, COL, T = (loop_index(name) for name in "ijt")
ONE = Const(np.float64(1))


def array(name, *shape, role="workspace"):
    return Buffer(name, Aval(shape, FLOAT64), role)


def load(of, *index):
    return Load(of, tuple(i if isinstance(i, Affine) else Affine(i) for i in index))


def plus(left, right):
    return Apply("{0} + {1}", (left, right), FLOAT64)


def each(*body, index="i", extent=4):
    return Loop(index, extent, list(body))


@pytest.fixture
def c():
    return array("c", 4)


@pytest.fixture
def ahead():
    return array("c_next", 4)


def test_an_elementwise_update_is_in_place(c, ahead):
    block = [each(Store(ahead, (ROW,), plus(load(c, ROW), ONE)))]
    assert update_in_place(block, ahead, Ref(c))
    (store,) = block[0].body
    assert store.buffer is c
    assert store.index == (ROW,)


def test_the_carry_may_be_a_row(ahead):
    rows = array("rows", 5, 4)
    block = [
        each(Store(ahead, (ROW,), plus(load(rows, T, ROW), ONE))),
        each(Store(array("y", 4), (ROW,), load(ahead, ROW))),
    ]
    assert update_in_place(block, ahead, Ref(rows, (T,)))
    assert block[0].body[0].index == (T, ROW)
    assert block[1].body[0].expr == load(rows, T, ROW)


def test_the_first_loop_may_read_all_of_it(c, ahead):
    block = [
        Let("s", ONE),
        each(Let("s", plus(Local("s", FLOAT64), load(c, ROW)))),
        each(Store(ahead, (ROW,), plus(load(c, ROW), Local("s", FLOAT64)))),
    ]
    assert update_in_place(block, ahead, Ref(c))


def test_a_product_may_read_it_before(c, ahead):
    W, h = array("W", 4, 4), array("h", 4)
    block = [
        Call("blas.gemv", (), (Ref(W), Ref(c)), (Ref(h),)),
        each(Store(ahead, (ROW,), plus(load(c, ROW), load(h, ROW)))),
    ]
    assert update_in_place(block, ahead, Ref(c))


def test_a_product_may_write_it(ahead):
    c, W, h = array("c", 4), array("W", 4, 4), array("h", 4)
    block = [Call("blas.gemv", (Ref(W), Ref(h), Ref(ahead)), (Ref(W), Ref(h)), (Ref(ahead),))]
    assert update_in_place(block, ahead, Ref(c))
    assert block[0].writes == (Ref(c),)
    assert block[0].args == (Ref(W), Ref(h), Ref(c))


def refused(case):
    c, ahead = array("c", 4), array("c_next", 4)
    other, W = array("d", 4), array("W", 4, 4)
    view = array("v", 2, 2, role="view")
    view.of = Ref(c)
    update = each(Store(ahead, (ROW,), plus(load(c, ROW), ONE)))
    cases = {
        "read later": [update, each(Store(other, (ROW,), load(c, ROW)))],
        "read later in the same iteration": [each(*update.body, Store(other, (ROW,), load(c, ROW)))],
        "read later by a product": [update, Call("blas.gemv", (), (Ref(W), Ref(c)), (Ref(other),))],
        "read by the product that writes it": [Call("blas.gemv", (), (Ref(W), Ref(c)), (Ref(ahead),))],
        "another element": [each(Store(ahead, (ROW,), load(c, ROW * -1 + 3)))],
        "a neighbour": [each(Store(ahead, (ROW,), plus(load(c, ROW), load(c, 0))))],
        "another row's": [each(each(Store(ahead, (ROW,), load(c, COL)), index="j"))],
        "through a view": [each(each(Store(ahead, (ROW,), load(view, 0, 1)), index="j"))],
        "accumulated": [each(Accumulate(ahead, (ROW,), "{0} + {1}", load(c, ROW)))],
        "written in two places": [each(Store(ahead, (ROW,), ONE)), update],
        "written in parts": [
            each(Store(ahead, (ROW,), load(c, ROW)), Store(ahead, (ROW * -1 + 3,), load(c, ROW)), extent=2)
        ],
        "shown in another shape": [Reshape(array("w", 2, 2, role="view"), Ref(ahead)), update],
        "written again and again": [each(each(Store(ahead, (ROW,), plus(load(c, ROW), ONE))), index="t")],
        "never written": [each(Store(other, (ROW,), ONE))],
        "read before it is written": [each(Store(other, (ROW,), load(ahead, ROW))), update],
    }
    return cases if case is None else (cases[case], ahead, Ref(c))


@pytest.mark.parametrize("case", refused(None))
def test_nobody_may_see_the_difference(case):
    block, ahead, carry = refused(case)
    assert not update_in_place(block, ahead, carry)
    assert not any(stmt.buffer is carry.buffer for stmt in walk(block) if isinstance(stmt, Store | Accumulate))


def test_carries_that_change_places():
    a, b, a_next, b_next = (array(name, 4) for name in ("a", "b", "a_next", "b_next"))
    apart = [each(Store(a_next, (ROW,), load(b, ROW))), each(Store(b_next, (ROW,), load(a, ROW)))]
    assert not update_in_place(apart, a_next, Ref(a))
    assert update_in_place(apart, b_next, Ref(b))  # a_next has the old b by then
    together = [each(Store(a_next, (ROW,), load(b, ROW)), Store(b_next, (ROW,), load(a, ROW)))]
    assert not update_in_place(together, a_next, Ref(a))
    assert update_in_place(together, b_next, Ref(b))


def test_a_scalar_is_computed_into_its_carry_where_nobody_reads_the_old_one():
    s, new = Local("s", FLOAT64), Let("s_next", plus(Local("s", FLOAT64), ONE))
    block = [new]
    assign(block, s, new)
    assert [(stmt.name, stmt.expr) for stmt in block] == [("s", plus(s, ONE))]


def test_a_scalar_whose_old_value_is_read_later_waits():
    s, new = Local("s", FLOAT64), Let("s_next", ONE)
    reader = Let("r_next", plus(Local("s", FLOAT64), ONE))
    block = [new, reader]
    assign(block, s, new)
    assert [stmt.name for stmt in block] == ["s_next", "r_next", "s"]
    assert block[-1].expr == Local("s_next", FLOAT64)


def test_what_reads_memory_is_read_early(c, ahead):
    update = each(Store(ahead, (ROW,), plus(load(c, ROW), ONE)))
    first = Let("s_next", load(c, 0))
    block = [update]
    insert_early(block, first)
    assert block == [first, update]
    assert update_in_place(block, ahead, Ref(c))
    after = Let("r_next", load(c, 1))
    insert_early(block, after)
    assert block[-1] is after  # c has its new value before
    assert update.body[0].buffer is c
