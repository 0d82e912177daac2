import numpy as np

from staticbp.core.check import check_graph
from staticbp.passes.dce import dce, live
from tests.support import graph_of

X = np.array([0.5, -1.0, 2.0])


def test_what_no_result_depends_on_is_left_out():
    def f(x):
        unused = np.exp(np.sin(x))
        used = np.cos(x)
        np.sum(unused * used)
        return used

    graph = check_graph(dce(graph_of(f, X)))
    assert [eqn.op.name for eqn in graph.eqns] == ["cos"]
    assert len(graph.invars) == 1


def test_inputs_stay():
    graph = dce(graph_of(lambda x, y: x + 1, X, X))
    assert [v.name for v in graph.invars] == ["x", "y"]


def test_nothing_to_leave_out():
    graph = graph_of(lambda x: np.sin(x) + 1, X)
    assert dce(graph) is graph


def test_live_variables():
    graph = graph_of(lambda x, y: (np.sin(x), np.cos(y)), X, X)
    x, y = graph.invars
    assert live(graph, graph.outs[:1]) == {x, graph.outs[0]}
    assert y in live(graph, graph.outs)
