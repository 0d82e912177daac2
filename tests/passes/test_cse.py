import numpy as np

from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.check import check_graph
from staticbp.core.graph import Eqn, Graph, Lit, Var
from staticbp.core.text import graph_text
from staticbp.ops.arithmetic import add, maximum, mul, sub
from staticbp.ops.math import exp
from staticbp.passes.cse import cse
from tests.passes.checks import assert_same_bits
from tests.support import graph_of

X = np.array([0.5, -1.0, 2.0])
VECTOR = Aval((3,), FLOAT64)


def test_equal_equations_become_one():
    def f(x):
        return np.exp(x) / np.sum(np.exp(x)) + np.sum(np.exp(x))

    graph = graph_of(f, X)
    merged = check_graph(cse(graph))
    assert (
        graph_text(merged, comments=False)
        == """\
graph f(x: f64[3]) -> f64[3]
  out_exp: f64[3] = exp x
  out_sum: f64[] = reduce_sum[axes=(0,)] out_exp
  out_broadcast: f64[3] = broadcast[shape=(3,), dims=()] out_sum
  out_div: f64[3] = div out_exp out_broadcast
  out: f64[3] = add out_div out_broadcast
  return out"""
    )
    assert_same_bits(graph, merged, [X])


def test_order_counts_only_where_it_does():
    def f(x, y):
        return (x + y) * (y + x), (x - y) * (y - x), np.maximum(x, y) - np.maximum(y, x)

    ops = [eqn.op for eqn in cse(graph_of(f, X, X)).eqns]
    assert (ops.count(add), ops.count(sub), ops.count(maximum)) == (1, 3, 2)


def test_params_and_literals_tell_apart():
    def f(x):
        return x.sum(), x[None].sum(axis=0), x + 0.0, x + -0.0, x[:2], x[1:]

    graph = graph_of(f, X)
    assert cse(graph) is graph


def test_a_users_name_is_kept():
    def f(x):
        y = np.sin(np.exp(x))
        weights = np.exp(x)
        return y * weights

    graph = graph_of(f, X)
    merged = check_graph(cse(graph))
    assert [eqn.outs[0].name for eqn in merged.eqns] == ["weights", "y", "out"]
    assert [eqn.outs[0].name for eqn in graph.eqns] == ["y_exp", "y", "weights", "out"], "the old graph stays as it was"


def test_forward_and_adjoint_merge_into_forward():
    x, a, b, c = (Var(VECTOR, name) for name in ("x", "x_bar", "y", "z"))
    eqns = (Eqn((a,), exp, (x,), adjoint=True), Eqn((b,), exp, (x,)), Eqn((c,), mul, (a, b), adjoint=True))
    merged = check_graph(cse(Graph("f", (x,), eqns, (c, b))))
    first, last = merged.eqns
    assert not first.adjoint
    assert first.outs[0].name == "y"
    assert last.ins == (first.outs[0], first.outs[0])
    assert merged.outs == (last.outs[0], first.outs[0])


def test_literals_of_different_bits_differ():
    x, a, b = (Var(VECTOR, name) for name in "xab")
    eqns = (Eqn((a,), mul, (x, Lit(np.nan, VECTOR))), Eqn((b,), mul, (x, Lit(np.nan, VECTOR))))
    assert len(cse(Graph("f", (x,), eqns, (a, b))).eqns) == 1
