import numpy as np
import pytest

from staticbp.core.aval import FLOAT32, FLOAT64, INT64, Aval
from staticbp.core.graph import Eqn, Graph, Lit, Var
from staticbp.ops.arithmetic import power
from staticbp.passes.simplify import is_lossless, simplify
from tests.passes.checks import (
    PAIRS,
    SPECIAL,
    after,
    as_adjoint,
    assert_close_values,
    assert_same_bits,
    expression,
)
from tests.support import graph_of

EXACT = [
    # zeros and ones
    (lambda x: 1 * x, "x"),
    (lambda x: x * -1, "neg(x)"),
    (lambda x: x * 0, "mul(x, 0.0)"),
    (lambda x: x / 1, "x"),
    (lambda x: x / -1, "neg(x)"),
    (lambda x: x / 4, "mul(x, 0.25)"),
    (lambda x: x / 3, "div(x, 3.0)"),
    (lambda x: x / 2.0**-1000, "div(x, 9.332636185032189e-302)"),
    (lambda x: x + 0, "add(x, 0.0)"),
    (lambda x: x + -0.0, "x"),
    (lambda x: x - 0, "x"),
    (lambda x: x - -0.0, "sub(x, -0.0)"),
    (lambda x: 0 - x, "sub(0.0, x)"),
    (lambda x: -0.0 - x, "neg(x)"),
    (lambda x: 0 + np.exp(x), "exp(x)"),
    (lambda x: abs(x) - -0.0, "abs(x)"),
    (lambda x: 0 + (0 + x + x), "add(add(0.0, x), x)"),
    (lambda x: x - x, "sub(x, x)"),
    # signs
    (lambda x: np.negative(-x), "x"),
    (lambda x: -(3 * x), "mul(-3.0, x)"),
    (lambda x: -(x / 3), "div(x, -3.0)"),
    (lambda x: -(3 / x), "div(-3.0, x)"),
    (lambda x: (-x) * 3, "mul(x, -3.0)"),
    (lambda x: -(x - 1), "neg(sub(x, 1.0))"),
    (lambda x: np.square(-x), "square(x)"),
    (lambda x: np.square(abs(x)), "square(x)"),
    (lambda x: abs(-x), "abs(x)"),
    (lambda x: abs(abs(x)), "abs(x)"),
    (lambda x: abs(np.exp(x)), "exp(x)"),
    # factors stay in their order
    (lambda x: 2 * (0.5 * x), "mul(2.0, mul(0.5, x))"),
    (lambda x: x + x, "add(x, x)"),
    # choices
    (lambda x: np.where(x > 0, x, x), "x"),
    (lambda x: np.where(~(x > 0), x, 1), "where(greater(x, 0.0), 1.0, x)"),
    (lambda x: (lambda c: np.where(c, np.where(c, x, 1), 2))(x > 0), "where(greater(x, 0.0), x, 2.0)"),
    (lambda x: (lambda c: np.where(c, 1, np.where(c, 2, x)))(x > 0), "where(greater(x, 0.0), 1.0, x)"),
    (lambda x: np.where(x > 0, True, False), "greater(x, 0.0)"),
    (lambda x: np.where(x > 0, False, True), "logical_not(greater(x, 0.0))"),
    (lambda x: np.where(x == 1, 1.0, x), "where(equal(x, 1.0), 1.0, x)"),
    (lambda x: np.maximum(x, x), "x"),
    (lambda x: ~~(x > 0), "greater(x, 0.0)"),
    (lambda x: (x > 0) & True, "greater(x, 0.0)"),
    (lambda x: (x > 0) | True, "True"),
    (lambda x: (x > 0) & (x > 0) & False, "False"),
    # conversions
    (lambda x: x.astype(np.float64), "x"),
    (lambda x: (x > 0).astype(np.int64).astype(np.float64), "cast[dtype=float64](greater(x, 0.0))"),
    (lambda x: x.astype(np.float32).astype(np.float64), "cast[dtype=float64](cast[dtype=float32](x))"),
]


@pytest.mark.parametrize(("function", "wanted"), EXACT, ids=[wanted for _, wanted in EXACT])
def test_algebra_to_the_last_bit(function, wanted):
    graph = graph_of(function, SPECIAL)
    simple = after(simplify, graph)
    assert expression(simple) == wanted
    with np.errstate(all="ignore"):
        assert_same_bits(graph, simple, [SPECIAL])


EXACT_PAIRS = [
    (lambda x, y: x + -y, "sub(x, y)"),
    (lambda x, y: -x + y, "sub(y, x)"),
    (lambda x, y: x - -y, "add(x, y)"),
    (lambda x, y: -x * y, "neg(mul(x, y))"),
    (lambda x, y: -x * -y, "mul(x, y)"),
    (lambda x, y: -x / -y, "div(x, y)"),
    (lambda x, y: x / -y, "neg(div(x, y))"),
    (lambda x, y: x - y * -1, "add(x, y)"),
    (lambda x, y: -x @ y, "neg(vecdot(x, y))"),
    (lambda x, y: x * (1 / y), "mul(x, div(1.0, y))"),
    (lambda x, y: -(x - y), "neg(sub(x, y))"),
]


@pytest.mark.parametrize(("function", "wanted"), EXACT_PAIRS, ids=[wanted for _, wanted in EXACT_PAIRS])
def test_algebra_of_two_to_the_last_bit(function, wanted):
    x, y = (values.ravel() for values in PAIRS)
    graph = graph_of(function, x, y)
    simple = after(simplify, graph)
    assert expression(simple) == wanted
    assert_same_bits(graph, simple, [x, y])


DERIVATIVE = [
    (lambda x, y: x + 0, "x"),
    (lambda x, y: 0 - x, "neg(x)"),
    (lambda x, y: x * 0, "0.0"),
    (lambda x, y: 0 / (x * x), "0.0"),
    (lambda x, y: x @ np.zeros_like(x), "0.0"),
    (lambda x, y: x + x, "mul(2.0, x)"),
    (lambda x, y: 2 * (0.5 * x), "x"),
    (lambda x, y: 3 * (x * 2), "mul(6.0, x)"),
    (lambda x, y: 3 * (x * 5), "mul(3.0, mul(x, 5.0))"),
    (lambda x, y: -(x - y), "sub(y, x)"),
    (lambda x, y: x * (1 / y), "div(x, y)"),
]


@pytest.mark.parametrize(("function", "wanted"), DERIVATIVE, ids=[wanted for _, wanted in DERIVATIVE])
def test_what_holds_in_derivatives(function, wanted):
    rng = np.random.default_rng(0)
    args = [rng.normal(size=5), rng.normal(size=5)]
    graph = graph_of(function, *args)
    simple = after(simplify, as_adjoint(graph))
    assert expression(simple) == wanted
    assert_close_values(graph, simple, args)


def test_a_choice_between_equals_in_a_derivative():
    def slope(x):
        same = x == 2
        return np.where(same, 2, x), np.where(same, x, 2)

    graph = as_adjoint(graph_of(slope, SPECIAL))
    assert expression(after(simplify, graph)) == "x, 2.0"


INTEGERS = [
    (lambda n: n * 0, "0"),
    (lambda n: n + 0, "n"),
    (lambda n: 0 - n, "neg(n)"),
    (lambda n: n - n, "0"),
    (lambda n: n / 1, "cast[dtype=float64](n)"),
    (lambda n: n.astype(np.float64).astype(np.float32), "cast[dtype=float32](cast[dtype=float64](n))"),
]


@pytest.mark.parametrize(("function", "wanted"), INTEGERS, ids=[wanted for _, wanted in INTEGERS])
def test_algebra_of_integers(function, wanted):
    n = np.array([0, 1, -1, 7, 2**62, -(2**63)])
    graph = graph_of(function, n)
    simple = after(simplify, graph)
    assert expression(simple) == wanted
    with np.errstate(all="ignore"):
        assert_same_bits(graph, simple, [n])


@pytest.mark.parametrize(
    ("exponent", "wanted"),
    [(0, "1.0"), (1, "x"), (2, "square(x)"), (3, "mul(square(x), x)"), (-1, "div(1.0, x)"), (2.5, "power(x, 2.5)")],
)
def test_powers_by_numbers(exponent, wanted):
    vector = Aval((17,), FLOAT64)
    x, y = Var(vector, "x"), Var(vector, "y")
    graph = Graph("f", (x,), (Eqn((y,), power, (x, Lit(exponent, vector))),), (y,))
    simple = after(simplify, graph)
    assert expression(simple) == wanted
    if exponent != 3:
        assert_same_bits(graph, simple, [SPECIAL])


def test_weak_scalars_stay_apart_from_strong_ones():
    weak = graph_of(lambda x: np.exp(1 * x) * 1.0, 0.5)
    simple = after(simplify, weak)
    assert expression(simple) == "cast[dtype=float64](exp(x))"
    assert simple.outs[0].aval == weak.outs[0].aval


def test_names_and_lines_stay_with_the_result():
    def f(x):
        h = np.negative(-np.tanh(x)) * 3
        return -h

    graph = simplify(graph_of(f, SPECIAL))
    assert [out.name for eqn in graph.eqns for out in eqn.outs][-1] == "out"
    assert all(eqn.src is not None and "test_simplify" in eqn.src.file for eqn in graph.eqns)


def test_nothing_to_do_gives_the_same_graph():
    graph = graph_of(lambda x: np.tanh(x) * 2 + 1, SPECIAL)
    assert simplify(graph) is graph


@pytest.mark.parametrize(
    ("source", "target", "lossless"),
    [
        (np.bool_, np.float32, True),
        (np.int16, np.float32, True),
        (np.int32, np.float32, False),
        (np.int32, np.float64, True),
        (np.int64, np.float64, False),
        (np.uint8, np.int16, True),
        (np.int8, np.uint16, False),
        (FLOAT32, FLOAT64, True),
        (FLOAT64, FLOAT32, False),
        (FLOAT64, INT64, False),
    ],
)
def test_lossless_conversions(source, target, lossless):
    assert is_lossless(np.dtype(source), np.dtype(target)) is lossless
