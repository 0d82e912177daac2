import numpy as np

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
    Schedule,
    Store,
    Update,
    loop_index,
    schedule_text,
)
from staticbp.core.text import Names
from staticbp.passes.registers import keep_in_registers

ROW, COL = loop_index("i"), loop_index("j")
ZERO = Const(np.float64(0))


def array(name, *shape, role="workspace"):
    return Buffer(name, Aval(shape or (4,), FLOAT64), role)


def load(of, *index):
    return Load(of, index or (ROW,))


def negative(expr):
    return Apply("-{0}", (expr,), FLOAT64)


def each(*body, index="i"):
    return Loop(index, 4, list(body))


def run(*body, sliced=False):
    """The statements after the pass, and the temporaries that are left."""
    buffers = []
    for stmt in _all(body):
        for name in ("buffer", "view"):
            found = getattr(stmt, name, None)
            if found is not None and found not in buffers:
                buffers.append(found)
        for ref in (*getattr(stmt, "reads", ()), *getattr(stmt, "writes", ())):
            if ref.buffer not in buffers:
                buffers.append(ref.buffer)
    temporaries = [b for b in buffers if b.role in ("workspace", "view")]
    statements = [*body, *([Loop("t", 9, [], sequential=True, sliced=True)] if sliced else [])]
    schedule = Schedule("f", [], [], [], temporaries, statements, [])
    keep_in_registers(schedule, Names(b.name for b in buffers))
    text = schedule_text(schedule).split("\n")
    first = next(n for n, line in enumerate(text) if "bytes, at least" in line)
    return [line[2:] for line in text[first + 1 :]], schedule.temporaries


def _all(body):
    for stmt in body:
        yield stmt
        if isinstance(stmt, Loop):
            yield from _all(stmt.body)


def test_a_stored_element_is_read_from_a_local():
    h, out = array("h"), array("out", role="result")
    text, temporaries = run(each(Store(h, (ROW,), negative(ZERO)), Store(out, (ROW,), negative(load(h)))))
    assert text == ["loop i < 4", "  let h_i = (-float64:0.0)", "  store out[i] = (-h_i)"]
    assert temporaries == []


def test_an_array_that_somebody_else_reads_is_stored_too():
    h, out, other = array("h"), array("out", role="result"), array("other", role="result")
    text, temporaries = run(
        each(Store(h, (ROW,), negative(ZERO)), Store(out, (ROW,), load(h))),
        each(Store(other, (ROW,), load(h, ROW * -1 + 3))),
    )
    assert text[:4] == ["loop i < 4", "  let h_i = (-float64:0.0)", "  store h[i] = h_i", "  store out[i] = h_i"]
    assert temporaries == [h]


def test_constants_and_locals_need_no_name():
    h, out = array("h"), array("out", role="result")
    text, _ = run(each(Store(h, (ROW,), ZERO), Store(out, (ROW,), negative(load(h)))))
    assert text == ["loop i < 4", "  store out[i] = (-float64:0.0)"]
    s = Local("s", FLOAT64)
    text, _ = run(Let("s", negative(ZERO)), each(Store(h, (ROW,), s), Store(out, (ROW,), negative(load(h)))))
    assert text == ["let s = (-float64:0.0)", "loop i < 4", "  store out[i] = (-s)"]


def test_inner_loops_read_it_too():
    h, out = array("h"), array("out", 4, 4, role="result")
    text, _ = run(each(Store(h, (ROW,), negative(ZERO)), each(Store(out, (ROW, COL), load(h)), index="j")))
    assert text == ["loop i < 4", "  let h_i = (-float64:0.0)", "  loop j < 4", "    store out[i, j] = h_i"]


def test_another_element_is_read_from_memory():
    h, out = array("h"), array("out", role="result")
    text, temporaries = run(each(Store(h, (ROW,), negative(ZERO)), Store(out, (ROW,), load(h, Affine(0)))))
    assert text == ["loop i < 4", "  store h[i] = (-float64:0.0)", "  store out[i] = h[0]"]
    assert temporaries == [h]


def test_a_local_that_changes_is_not_what_was_stored():
    h, out = array("h", role="result"), array("out", role="result")
    s = Local("s", FLOAT64)
    body = [Store(h, (ROW,), s), Update("s", "{0} + {1}", ZERO), Store(out, (ROW,), load(h)), Store(out, (ROW,), s)]
    text, _ = run(Let("s", ZERO), each(*body))
    assert "  store out[i] = h[i]" in text


def test_an_element_that_is_overwritten_is_read_again():
    h, out = array("h", role="result"), array("out", role="result")
    text, _ = run(
        each(Store(h, (ROW,), negative(ZERO)), Accumulate(h, (ROW,), "{0} + {1}", ZERO), Store(out, (ROW,), load(h)))
    )
    assert text[-1] == "  store out[i] = h[i]"
    inner = each(Store(h, (ROW,), Apply("{0} * {1}", (load(h), load(h)), FLOAT64)), index="j")
    text, _ = run(each(Store(h, (ROW,), negative(ZERO)), inner))
    assert text[-1] == "    store h[i] = (h[i] * h[i])"


def test_what_is_written_through_a_view_is_overwritten():
    h, out = array("h", role="result"), array("out", role="result")
    view = array("v", 2, 2, role="view")
    view.of = Ref(h)
    text, _ = run(
        Reshape(view, Ref(h)),
        each(Store(h, (ROW,), negative(ZERO)), Store(view, (Affine(0), Affine(0)), ZERO), Store(out, (ROW,), load(h))),
    )
    assert text[-1] == "  store out[i] = h[i]"


def test_names_say_which_element():
    m, out = array("m", 4, 4), array("out", role="result")
    text, _ = run(each(each(Store(m, (ROW, COL), negative(ZERO)), Store(out, (COL,), load(m, ROW, COL)), index="j")))
    assert "    let m_ij = (-float64:0.0)" in text
    s, first = array("s", role="result"), array("first")
    s.aval = Aval((), FLOAT64)
    text, _ = run(Store(s, (), negative(ZERO)), Store(out, (Affine(0),), Load(s, ())))
    assert text == ["let s_value = (-float64:0.0)", "store s[] = s_value", "store out[0] = s_value"]
    text, _ = run(Store(first, (Affine(0),), negative(ZERO)), Store(out, (Affine(0),), load(first, Affine(0))))
    assert text == ["let first_0 = (-float64:0.0)", "store out[0] = first_0"]


def test_where_a_function_is_taken_up_again_locals_are_lost():
    s, out = array("s", role="result"), array("out", role="result")
    s.aval = Aval((), FLOAT64)
    text, _ = run(Store(s, (), negative(ZERO)), Store(out, (Affine(0),), Load(s, ())), sliced=True)
    assert text[:2] == ["store s[] = (-float64:0.0)", "store out[0] = s[]"]


def test_dead_stores_loops_scalars_and_views_go():
    a, b, out = array("a"), array("b"), array("out", role="result")
    view, unused = array("v", 2, 2, role="view"), array("v2", 2, 2, role="view")
    view.of, unused.of = Ref(a), Ref(b)
    text, temporaries = run(
        Reshape(unused, Ref(b)),
        Reshape(view, Ref(a)),
        Let("s", ZERO),
        each(Update("s", "{0} + {1}", ZERO), Store(b, (ROW,), ZERO)),
        each(Store(a, (ROW,), ZERO)),
        Store(out, (Affine(0),), Load(view, (Affine(0), Affine(1)))),
    )
    assert text == ["view v: f64[2,2] = a", "loop i < 4", "  store a[i] = float64:0.0", "store out[0] = v[0, 1]"]
    assert {b.name for b in temporaries} == {"a", "v"}


def test_what_a_kernel_reads_or_writes_stays():
    a, b, w = array("a"), array("b"), array("w", 4, 4)
    call = Call("blas.gemv", (Ref(w), Ref(a), Ref(b)), (Ref(w), Ref(a)), (Ref(b),))
    text, temporaries = run(each(Store(a, (ROW,), ZERO)), call)
    assert len(text) == 3
    assert {b.name for b in temporaries} == {"a", "b", "w"}
