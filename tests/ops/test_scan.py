import numpy as np
import pytest

from staticbp.core.aval import FLOAT64, INT64, Aval
from staticbp.core.check import check_graph
from staticbp.core.interpret import interpret
from staticbp.core.text import graph_text
from staticbp.errors import ControlFlowError
from staticbp.ops.control import scan
from staticbp.trace.trace import trace
from staticbp.transforms.jvp import jvp
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.checks import assert_batching, assert_derivatives
from tests.support import assert_lowered, graph_of

RNG = np.random.default_rng(0)
SCALAR, VECTOR, MATRIX = (Aval(shape, FLOAT64) for shape in ((), (3,), (3, 3)))
W, C, XS = 0.5 * RNG.normal(size=(3, 3)), RNG.normal(size=3), RNG.normal(size=(4, 3))


def recurrent(W, c, x):
    new = np.tanh(W @ c + x)
    return [new, np.sum(new * x)]


BODY = trace(recurrent, "step", [MATRIX, VECTOR, VECTOR], ["W", "c", "x"])


def loop(W, c, xs, reverse=False):
    return scan(W, c, xs, body=BODY, n_consts=1, n_carry=1, length=4, reverse=reverse)


def backwards(W, c, xs):
    return loop(W, c, xs, reverse=True)


def unrolled(W, c, xs, order=range(4)):
    ys = {}
    for t in order:
        c, ys[t] = recurrent(W, c, xs[t])
    return c, np.stack([ys[t] for t in range(4)])


@pytest.mark.parametrize(("function", "order"), [(loop, range(4)), (backwards, range(3, -1, -1))])
def test_a_scan_is_its_loop(function, order):
    wanted = unrolled(W, C, XS, order)
    for found in (function(W, C, XS), interpret(graph_of(function, W, C, XS), [W, C, XS])):
        for ours, theirs in zip(found, wanted, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-14)


@pytest.mark.parametrize("function", [loop, backwards])
def test_both_modes_to_second_order(function):
    graph = graph_of(function, W, C, XS)
    reverse = assert_derivatives(graph, [W, C, XS], RNG)
    cts = [RNG.normal(size=v.aval.shape) for v in reverse.invars[3:]]
    assert_derivatives(reverse, [W, C, XS, *cts], RNG)


def test_the_gradient_is_that_of_the_unrolled_loop():
    graphs = [graph_of(f, W, C, XS) for f in (loop, unrolled)]
    cts = [RNG.normal(size=3), RNG.normal(size=4)]
    found, wanted = (interpret(vjp(RULES, g, [True] * 3), [W, C, XS, *cts]) for g in graphs)
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_text_of_a_differentiated_scan(golden):
    joint = check_graph(vjp(RULES, graph_of(loop, W, C, XS), [True] * 3))
    golden("graph_scan_vjp.txt", graph_text(joint, comments=False))
    moved = check_graph(jvp(RULES, graph_of(loop, W, C, XS), [False, True, False]))
    golden("graph_scan_jvp.txt", graph_text(moved, comments=False))


@pytest.mark.parametrize("batched", [[True, False, False], [False, True, False], [False, False, True], [True] * 3])
def test_batches(batched):
    assert_batching(graph_of(loop, W, C, XS), [W, C, XS], batched)


def test_a_carry_that_is_batched_later():
    body = trace(lambda a, b, x: [b, x], "step", [SCALAR] * 3, ["a", "b", "x"])

    def shift(a, b, xs):
        return scan(a, b, xs, body=body, n_consts=0, n_carry=2, length=3, reverse=False)

    graph = graph_of(shift, 1.0, 2.0, np.arange(3.0))
    assert_batching(graph, [1.0, 2.0, np.arange(3.0)], [False, False, True])
    assert [float(v) for v in interpret(graph, [1.0, 2.0, np.arange(3.0)])] == [1.0, 2.0]
    _, _, a_bar, b_bar, xs_bar = interpret(vjp(RULES, graph, [True] * 3), [1.0, 2.0, np.arange(3.0), 5.0, 7.0])
    assert (a_bar, b_bar) == (0.0, 0.0)
    np.testing.assert_array_equal(xs_bar, [0, 5, 7])


def test_only_what_the_backward_pass_needs_is_kept():
    joint = vjp(RULES, graph_of(loop, W, C, XS), [True, False, False])
    forward, backward = [eqn for eqn in joint.eqns if eqn.op is scan]
    kept = [v.name for v in forward.outs[2:]]
    assert kept == ["new", "c"]
    assert forward.params["reverse"] is False
    assert backward.params["reverse"] is True
    assert backward.adjoint


def test_an_integer_carry_counts_along():
    body = trace(lambda n, s, x: [n + 1, s + x * n], "step", [Aval((), INT64), SCALAR, SCALAR], ["n", "s", "x"])

    def weighted(n, s, xs):
        return scan(n, s, xs, body=body, n_consts=0, n_carry=2, length=4, reverse=False)

    args = [1, 0.0, np.arange(4.0)]
    graph = graph_of(weighted, *args)
    count, total = interpret(graph, args)
    assert (count, total) == (5, 20.0)
    assert_derivatives(graph, args, RNG)
    assert_lowered(graph, args)
    bars = interpret(vjp(RULES, graph, [False, True, True]), [*args, 1.0])
    np.testing.assert_array_equal(bars[-1], [1, 2, 3, 4])


def test_no_steps():
    def none(c, xs):
        return scan(
            c,
            xs,
            body=trace(lambda c, x: [c * x, c], "step", [SCALAR] * 2, ["c", "x"]),
            n_consts=0,
            n_carry=1,
            length=0,
            reverse=False,
        )

    args = [3.0, np.zeros(0)]
    graph = graph_of(none, *args)
    final, ys = assert_lowered(graph, args)
    assert final == 3.0
    assert ys.shape == (0,)
    assert_lowered(vjp(RULES, graph, [True, True]), [*args, 2.0, np.zeros(0)])


def test_a_scan_inside_a_scan():
    inner = trace(lambda c, x: [c * x + 1.0, c], "inner", [SCALAR] * 2, ["c", "x"])

    def row(c, xs):
        last, seen = scan(c, xs, body=inner, n_consts=0, n_carry=1, length=3, reverse=False)
        return [last, seen]

    outer = trace(row, "row", [SCALAR, VECTOR], ["c", "xs"])

    def nested(c, xs):
        return scan(c, xs, body=outer, n_consts=0, n_carry=1, length=4, reverse=False)

    graph = graph_of(nested, 0.5, XS)
    c, seen = 0.5, []
    for x in XS.ravel():
        seen.append(c)
        c = c * x + 1.0
    found = interpret(graph, [0.5, XS])
    np.testing.assert_allclose(found[0], c)
    np.testing.assert_allclose(found[1].ravel(), seen)
    assert_derivatives(graph, [0.5, XS], RNG)
    assert_batching(graph, [0.5, XS], [True, False])
    assert_lowered(vjp(RULES, graph, [True, True]), [0.5, XS, 1.0, np.ones((4, 3))])


@pytest.mark.parametrize(
    ("operands", "n_carry", "message"),
    [
        ((np.ones(3), np.ones((4, 3))), 1, r"whose body takes f64\[3,3\] was given f64\[3\]"),
        ((W, C, np.ones((5, 3))), 1, r"of length 4 over f64\[3\] was given f64\[5,3\]"),
        ((W, C, np.ones((4, 3), np.float32)), 1, r"was given f32\[4,3\]"),
        ((W, np.ones(2), XS), 1, r"takes f64\[3\] was given f64\[2\]"),
    ],
)
def test_operands_that_do_not_fit_are_refused(operands, n_carry, message):
    def f(*values):
        return scan(*values, body=BODY, n_consts=1, n_carry=n_carry, length=4, reverse=False)

    with pytest.raises(ControlFlowError, match=message):
        graph_of(f, *operands, names=["W", "c", "xs"][: len(operands)])


def test_a_carry_keeps_its_type():
    body = trace(lambda c: [np.outer(c, c)], "step", [VECTOR], ["c"])

    def f(c):
        return scan(c, body=body, n_consts=0, n_carry=1, length=2, reverse=False)

    with pytest.raises(ControlFlowError, match=r"the carry of a loop changes its type from f64\[3\] to f64\[3,3\]"):
        graph_of(f, C)
