import numpy as np

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
    Ref,
    Schedule,
    Store,
    Update,
    loop_index,
    schedule_text,
)
from staticbp.core.text import Names
from staticbp.passes.names import reuse_names
from staticbp.passes.share import share_expressions

ROW = loop_index("i")
ZERO = Const(np.float64(0))
X, OUT, MORE = (Buffer(name, Aval((4,), FLOAT64), "argument") for name in ("x", "out", "more"))


def op(template, *args, name="y"):
    return Apply(template, args, FLOAT64, name)


def sine(of, name="y"):
    return op("vm.sin({0})", of, name=name)


def load(of=X, index=ROW):
    return Load(of, (index,))


def each(*body, **options):
    return Loop("i", 4, list(body), **options)


def run(*body):
    schedule = Schedule("f", [X, OUT, MORE], [], [], [], list(body), [])
    names = Names({"x", "out", "more", "f", "i"})
    share_expressions(schedule, names)
    reuse_names(schedule, names)
    return [line[2:] for line in schedule_text(schedule).split("\n")[5:]]


def store(to, expr):
    return Store(to, (ROW,), expr)


def test_what_occurs_twice_is_computed_once():
    text = run(each(store(OUT, sine(load())), store(MORE, op("-{0}", sine(load())))))
    assert text == ["loop i < 4", "  let y_i = (vm.sin(x[i]))", "  store out[i] = y_i", "  store more[i] = (-y_i)"]


def test_within_one_expression_too():
    text = run(each(store(OUT, op("{0} * {1}", sine(load()), sine(load())))))
    assert text == ["loop i < 4", "  let y_i = (vm.sin(x[i]))", "  store out[i] = (y_i * y_i)"]


def test_the_largest_is_shared_and_then_what_is_left():
    inner = sine(load(), "a")
    outer = op("vm.exp({0})", inner, name="b")
    text = run(each(store(OUT, op("{0} + {1}", outer, outer)), store(MORE, inner)))
    assert text == [
        "loop i < 4",
        "  let a_i = (vm.sin(x[i]))",
        "  let b_i = (vm.exp(a_i))",
        "  store out[i] = (b_i + b_i)",
        "  store more[i] = a_i",
    ]


def test_names_count_upwards():
    first, second = sine(load()), op("vm.cos({0})", load())
    text = run(each(store(OUT, op("{0} + {1}", first, first)), store(MORE, op("{0} + {1}", second, second))))
    assert [line.split()[1] for line in text if "let" in line] == ["y_i", "y_i_2"]


def test_loops_apart_use_one_name():
    text = run(*(each(store(to, op("{0} * {1}", sine(load()), sine(load())))) for to in (OUT, MORE)))
    assert [line.split()[1] for line in text if "let" in line] == ["y_i", "y_i"]


def test_but_not_the_name_of_a_scalar_that_is_there():
    text = run(
        Let("y_i", ZERO),
        each(store(OUT, op("{0} * {1}", op("{0} + {1}", load(), Local("y_i", FLOAT64)), sine(load())))),
    )
    assert "let y_i" in text[0]
    twice = op("{0} * {1}", sine(load()), sine(load()))
    names = Names({"x", "out", "more", "f", "i", "y_i"})
    schedule = Schedule("f", [X, OUT, MORE], [], [], [], [Let("y_i", ZERO), each(store(OUT, twice))], [])
    share_expressions(schedule, names)
    reuse_names(schedule, names)
    assert "let y_i_2 = " in schedule_text(schedule)


def test_a_value_that_changes_between_is_computed_again():
    between = [store(OUT, sine(load(OUT))), Accumulate(OUT, (ROW,), "{0} + {1}", ZERO), store(MORE, sine(load(OUT)))]
    assert not any("let" in line for line in run(each(*between)))
    s = Local("s", FLOAT64)
    text = run(Let("s", ZERO), each(store(OUT, sine(s)), Update("s", "{0} + {1}", load()), store(MORE, sine(s))))
    assert sum("let" in line for line in text) == 1


def test_a_value_that_changes_through_a_view_is_computed_again():
    base = Buffer("base", Aval((4,), FLOAT64), "workspace")
    view = Buffer("view", Aval((2, 2), FLOAT64), "view")
    view.of = Ref(base)
    seen = sine(Load(view, (ROW, ROW)))
    assert not any("let" in line for line in run(each(store(OUT, seen), store(base, load()), store(MORE, seen))))


def test_a_name_stands_for_one_dtype():
    whole = Apply("{0} < {1}", (load(), ZERO), np.dtype(np.bool_), "y")
    number = sine(load())
    text = run(
        each(store(OUT, op("{0} * {1}", number, number))),
        each(store(MORE, Apply("{0} & {1}", (whole, whole), np.dtype(np.bool_)))),
    )
    assert [line.split()[1] for line in text if "let" in line] == ["y_i", "y_i_2"]


def test_what_may_not_be_computed_at_all_is_left_alone():
    guarded = op("{1} if {0} else {2}", load(MORE), sine(load()), ZERO, name="c")
    assert not any("let" in line for line in run(each(store(OUT, guarded), store(MORE, op("-{0}", guarded, name="n")))))
    text = run(each(store(OUT, op("{0} + {1}", guarded, guarded, name="d"))))
    assert text[1].startswith("  let c_i = ")


def test_what_has_no_name_stays():
    plain = Apply("{0} * 8 + 1", (load(),), FLOAT64)
    assert not any("let" in line for line in run(each(store(OUT, plain), store(MORE, plain))))


def test_in_a_sequential_loop_the_name_needs_no_index():
    text = run(each(Let("a", sine(load())), Let("b", sine(load())), store(OUT, Local("a", FLOAT64)), sequential=True))
    assert text[1] == "  let y = (vm.sin(x[i]))"


def test_nothing_is_shared_across_an_interruption():
    s = op("vm.sin({0})", Local("k", FLOAT64))
    sliced = Loop("t", 4, [], sequential=True, sliced=True)
    text = run(Let("k", ZERO), Let("a", s), sliced, Let("b", s))
    assert [line.split()[1] for line in text if line.startswith("let")] == ["k", "a", "b"]
