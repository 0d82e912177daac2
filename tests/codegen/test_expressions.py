import itertools

import numpy as np
import pytest

from staticbp.codegen.expressions import expression, fill, literal, template
from staticbp.core.aval import FLOAT32, FLOAT64, INT64, Aval
from staticbp.core.lowering import Scalar
from staticbp.core.schedule import Affine, Apply, Buffer, Const, Load, Local, loop_index
from staticbp.core.shape import symbol
from staticbp.ops.catalog import PRIMITIVES
from staticbp.runtime import vecmath

X = Buffer("x", Aval((3, 4), FLOAT64), "argument")
ROW, COLUMN = loop_index("i"), loop_index("j")


def local(name, dtype=FLOAT64):
    return Local(name, np.dtype(dtype))


def op(pattern, *args, dtype=FLOAT64):
    return Apply(pattern, args, np.dtype(dtype))


A, B, C = (local(name) for name in "abc")


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (op("{0} + {1}", op("{0} + {1}", A, B), C), "a + b + c"),
        (op("{0} + {1}", A, op("{0} + {1}", B, C)), "a + (b + c)"),
        (op("{0} - {1}", A, op("{0} - {1}", B, C)), "a - (b - c)"),
        (op("{0} * {1}", op("{0} + {1}", A, B), C), "(a + b) * c"),
        (op("{0} + {1}", op("{0} * {1}", A, B), C), "a * b + c"),
        (op("{0} / {1}", A, op("{0} * {1}", B, C)), "a / (b * c)"),
        (op("-{0}", op("{0} * {1}", A, B)), "-(a * b)"),
        (op("-{0}", A), "-a"),
        (op("{0} - {1}", A, op("-{0}", B)), "a - -b"),
        (op("{0} ** 2", op("-{0}", A)), "(-a) ** 2"),
        (op("{0} ** 2", op("{0} ** 2", A)), "(a**2) ** 2"),
        (op("-{0}", op("{0} ** 2", A)), "-a**2"),
        (op("vm.exp({0})", op("{0} + {1}", A, B)), "vm.exp(a + b)"),
        (op("{0} + {1}", op("vm.exp({0})", A), B), "vm.exp(a) + b"),
        (op("{1} if {0} else {2}", op("{0} < {1}", A, B), op("{0} + {1}", A, B), C), "a + b if a < b else c"),
        (op("{0} * {1}", op("{1} if {0} else {2}", A, B, C), A), "(b if a else c) * a"),
        (op("{1} if {0} else {2}", A, B, op("{1} if {0} else {2}", C, A, B)), "b if a else a if c else b"),
        (op("{1} if {0} else {2}", A, op("{1} if {0} else {2}", C, A, B), B), "(a if c else b) if a else b"),
        (op("{0} & {1}", op("{0} < {1}", A, B), op("{0} < {1}", B, C)), "(a < b) & (b < c)"),
        (op("{0} < {1}", op("{0} < {1}", A, B), C), "(a < b) < c"),
        (op("not {0}", op("{0} < {1}", A, B)), "not a < b"),
        (op("{0} * {0}", op("{0} + {1}", A, B)), "(a + b) * (a + b)"),
        (op("{0} + {1}", A, Const(np.float64(-2))), "a + -2.0"),
        (op("{0} ** 2", Const(np.float64(-2))), "(-2.0) ** 2"),
        (Load(X, (ROW, COLUMN)), "x[i, j]"),
        (Load(X, (ROW + 1, COLUMN * -2 + 7)), "x[i + 1, 7 - 2 * j]"),
        (Load(X, (op("{0} + {1}", local("k", INT64), Affine(2), dtype=INT64), Affine(0))), "x[k + 2, 0]"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_more_parentheses_than_needed(expr, text):
    assert expression(expr) == text


def test_text_means_what_the_tree_means():
    """All small trees over three operators, evaluated both ways."""
    patterns = ["{0} - {1}", "{0} * {1}", "{0} / {1}", "{0} ** 2 - {1}", "{1} if {0} > 1 else {0}", "-{0} + {1}"]
    values = {"a": 1.2, "b": 0.7, "c": 1.5, "d": 1.1}
    leaves = [local(name) for name in "abcd"]

    def value(expr):
        if isinstance(expr, Local):
            return f"({values[expr.name]})"
        return f"({expr.template.format(*(value(arg) for arg in expr.args))})"

    for p, q, r in itertools.product(patterns, repeat=3):
        a, b, c, d = leaves
        for tree in (
            op(p, op(q, a, b), op(r, c, d)),
            op(p, op(q, op(r, a, b), c), d),
            op(p, a, op(q, b, op(r, c, d))),
        ):
            assert eval(expression(tree), dict(values)) == eval(value(tree)), expression(tree)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float64(2), "2.0"),
        (np.float64(0.1), "0.1"),
        (np.float64(1e300), "1e+300"),
        (np.float64(-0.0), "-0.0"),
        (np.float32(0.02), "np.float32(0.02)"),
        (np.float32(1) / np.float32(3), "np.float32(0.33333334)"),
        (np.float32(2), "np.float32(2.0)"),
        (np.float32(1e-30), "np.float32(1e-30)"),
        (np.float64(np.inf), "np.inf"),
        (np.float64(-np.inf), "-np.inf"),
        (np.float64(np.nan), "np.nan"),
        (np.float32(np.inf), "np.float32(np.inf)"),
        (np.int64(-3), "-3"),
        (np.int32(7), "np.int32(7)"),
        (np.uint8(255), "np.uint8(255)"),
        (np.bool_(True), "True"),
    ],
    ids=repr,
)
def test_literals_are_read_back_to_the_last_bit(value, text):
    assert literal(value)[0] == text
    again = eval(text, {"np": np})
    assert np.asarray(again, dtype=value.dtype).tobytes() == value.tobytes()


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (Affine(0), "0"),
        (Affine(-3), "-3"),
        (ROW, "i"),
        (ROW + 2, "i + 2"),
        (ROW + -2, "i - 2"),
        (ROW * -1, "-i"),
        (ROW * -1 + 5, "5 - i"),
        (ROW * 3 + COLUMN, "3 * i + j"),
        (ROW * -1 + COLUMN, "j - i"),
        (ROW * 2 + COLUMN * -3 + -1, "2 * i - 3 * j - 1"),
        (Affine(symbol("n") * 2 + 1), "2 * n + 1"),
        (Affine(symbol("n") - 1, (("i", -1),)), "n - 1 - i"),
    ],
)
def test_index_arithmetic(expr, text):
    assert expression(expr) == text
    sizes = {"i": 2, "j": 5, "n": 7}
    offset = expr.offset if isinstance(expr.offset, int) else expr.offset.evaluate(sizes)
    assert eval(text, dict(sizes)) == offset + sum(c * sizes[name] for name, c in expr.terms)


def test_an_offset_that_is_a_product_is_bracketed_inside_a_product():
    assert expression(op("{0} * {1}", ROW + 1, Const(np.int64(2)), dtype=INT64)) == "(i + 1) * 2"


def test_narrow_integers_are_cast_back():
    """Numba widens them: np.int32(1) + np.int32(1) is an int64 there."""
    a, b = local("a", np.int32), local("b", np.int32)
    assert expression(op("{0} + {1}", a, b, dtype=np.int32)) == "np.int32(a + b)"
    assert (
        expression(op("{0} + {1}", local("a", np.uint64), local("b", np.uint64), dtype=np.uint64)) == "np.uint64(a + b)"
    )
    assert expression(op("{0} + {1}", local("a", INT64), local("b", INT64), dtype=INT64)) == "a + b"
    assert expression(op("np.int8({0})", a, dtype=np.int8)) == "np.int8(a)"
    assert expression(op("{0} + {1}", local("a", FLOAT32), local("b", FLOAT32), dtype=FLOAT32)) == "a + b"


def test_scalars_without_axes():
    given = Buffer("rate", Aval((), FLOAT64), "argument")
    result = Buffer("out", Aval((), FLOAT64), "result")
    assert expression(Load(given, ())) == "rate"
    assert expression(Load(result, ())) == "out[()]"


def test_templates_are_parsed_once():
    pattern = template("{0} * {1} + {0}")
    assert pattern is template("{0} * {1} + {0}")
    assert fill(pattern, [("a + b", 60), ("c", 100)]) == "(a + b) * c + (a + b)"


def test_every_function_that_templates_name_exists():
    names = set()
    for op_ in PRIMITIVES.values():
        if isinstance(op_.lowering, Scalar):
            text = op_.lowering.template
            names |= {part.split("(")[0] for part in text.split("vm.")[1:]}
    assert len(names) > 30
    assert names <= set(dir(vecmath))
