import threading

import numpy as np
import pytest

from staticbp.core.aval import FLOAT64, INT64, Aval
from staticbp.core.graph import Eqn, Graph, Lit, SrcLine, Var
from staticbp.core.interpret import interpret
from staticbp.core.primitive import Builder, Origin, Primitive, Traced, at, bind, concrete, inline, lift, value_aval
from staticbp.errors import GraphError, LeakedTracerError
from staticbp.ops.arithmetic import add, mul
from staticbp.ops.math import exp
from staticbp.trace.trace import plain_builder, trace, trace_open
from tests.support import graph_of

SCALAR = Aval((), FLOAT64)
VECTOR = Aval((3,), FLOAT64)


def test_bound_to_arrays_an_operation_evaluates():
    (found,) = bind(add, (np.ones(2), np.full(2, 2.0)), {})
    np.testing.assert_array_equal(found, [3, 3])
    (filled,) = bind(mul, (Lit(2.0, Aval((2,), FLOAT64)), np.array([1.0, 5.0])), {})
    np.testing.assert_array_equal(filled, [2, 10])


def test_bound_to_traced_values_it_is_recorded():
    builder = plain_builder("f")
    with builder.recording():
        x = builder.add_input(VECTOR, "x")
        y = exp(x)
        graph = builder.finish([y])
    assert isinstance(y, Traced)
    assert [eqn.op for eqn in graph.eqns] == [exp]
    assert graph.invars == (x.atom,)
    assert y.aval == VECTOR


def test_what_a_facet_does_not_give_is_named():
    class Bare(Primitive):
        name = "bare"

    bare = Bare()
    assert repr(bare) == "bare"
    for ask in (
        lambda: bare.avals((), {}),
        lambda: bare.evaluate((), {}),
        lambda: bare.pullback(None, (), (), (), (), None, {}),
        lambda: bare.pushforward(None, (), (), {}),
        lambda: bare.batch(None, 2, (), (), {}),
    ):
        with pytest.raises(NotImplementedError, match="bare"):
            ask()
    assert bare.differentiable((), {})
    assert bare.result_names({}) is None


def test_numbers_are_literals_and_arrays_are_constants():
    builder = plain_builder("f")
    array = np.arange(3.0)
    with builder.recording():
        assert builder.atom(2) == Lit(2, Aval((), INT64, weak=True))
        assert builder.atom(np.float64(2)) == Lit(2, SCALAR)
        assert builder.atom(np.array(2.0)) == Lit(2, SCALAR)
        first = builder.atom(array)
        assert builder.atom(array) is first
        assert builder.atom(array.copy()) is not first
    assert [kept is array for _, kept in builder.consts] == [True, False]


def test_values_of_an_outer_function_are_captured_once():
    outer = plain_builder("outer")
    with outer.recording():
        x = outer.add_input(VECTOR, "x")
        graph, captures = trace_open(lambda y: [y * x + x], "inner", [VECTOR], ["y"])
    assert [value.atom for value in captures] == [x.atom]
    assert [v.name for v in graph.invars] == ["y", "x"]
    assert graph.consts == ()


def test_constants_of_an_inner_function_belong_to_the_outermost():
    array = np.arange(3.0)
    outer = plain_builder("outer")
    with outer.recording():
        outer.add_input(VECTOR, "x")
        graph, captures = trace_open(lambda y: [y * array], "inner", [VECTOR], ["y"])
    assert graph.consts == ()
    assert [kept is array for _, kept in outer.consts] == [True]
    assert captures[0].atom is outer.consts[0][0]


def test_a_value_that_leaks_is_found():
    kept = []

    def f(x):
        kept.append(x * 2.0)
        return [x]

    trace(f, "f", [VECTOR], ["x"])
    with pytest.raises(LeakedTracerError, match="is used after its function was traced"):
        kept[0] + 1.0
    with pytest.raises(LeakedTracerError, match="is used outside the function it belongs to"):
        trace(lambda x: [x + kept[0]], "g", [VECTOR], ["x"])


def test_an_array_has_one_value_under_all_its_names():
    def f(x):
        x = x.copy()
        old = x
        x += 1.0
        return [old]

    graph = trace(f, "f", [VECTOR], ["x"])
    assert interpret(graph, [np.zeros(3)])[0].tolist() == [1.0, 1.0, 1.0]


def test_the_last_of_several_equations_of_one_assignment_has_the_name():
    def f(W, x):
        h = np.tanh(W @ x + 1.0)
        return h

    names = [eqn.outs[0].name for eqn in graph_of(f, np.ones((2, 3)), np.ones(3)).eqns]
    assert names == ["h_matvec", "h_add", "h"]


def test_what_is_returned_without_a_name_is_out():
    def f(x):
        return np.sum(x * x)

    assert [eqn.outs[0].name for eqn in graph_of(f, np.ones(3)).eqns] == ["out_mul", "out"]


def test_equations_of_a_transform_belong_to_the_line_they_came_from():
    line = SrcLine("net.py", 3, "y = exp(x)")
    source = Eqn((Var(VECTOR, "y"),), exp, (Var(VECTOR, "x"),), {}, line)
    builder = plain_builder("f")
    with builder.recording():
        x = builder.add_input(VECTOR, "x")
        with at(source, adjoint=True):
            x * x
        with builder.origin(Origin(None)):
            x + x
    first, second = builder.eqns
    assert (first.src, first.adjoint, first.outs[0].name) == (line, True, "y_mul")
    assert (second.src, second.adjoint) == (None, False)


def test_inlining_evaluates_or_records():
    def f(x, y):
        z = x * y
        return z, z + 1.0

    graph = graph_of(f, 1.0, 1.0)
    assert [float(v) for v in inline(graph, [2.0, 3.0])] == [6.0, 7.0]
    builder = plain_builder("g")
    with builder.recording():
        a = builder.add_input(graph.in_avals[0], "a")
        outs = inline(graph, [a, 3.0])
        again = builder.finish(outs)
    assert [eqn.op.name for eqn in again.eqns] == [eqn.op.name for eqn in graph.eqns]
    assert [eqn.outs[0].name for eqn in again.eqns] == [eqn.outs[0].name for eqn in graph.eqns]
    assert [eqn.src for eqn in again.eqns] == [eqn.src for eqn in graph.eqns]
    with pytest.raises(GraphError, match="graph f takes 2 inputs, not 1"):
        inline(graph, [1.0])


def test_inlined_on_its_own_types_no_type_is_derived_anew(monkeypatch):
    graph = graph_of(lambda x, y: x * y * x, np.ones(3), np.ones(3))
    asked = []
    derive = type(mul).avals
    monkeypatch.setattr(type(mul), "avals", lambda op, ins, params: asked.append(op) or derive(op, ins, params))

    def again(aval):
        builder = plain_builder("g")
        with builder.recording():
            return builder.finish(inline(graph, [builder.add_input(aval, "x"), builder.add_input(aval, "y")]))

    assert [eqn.op for eqn in again(VECTOR).eqns] == [mul, mul]
    assert not asked
    assert again(Aval((5,), FLOAT64)).out_avals == (Aval((5,), FLOAT64),)
    assert asked == [eqn.op for eqn in graph.eqns]


def test_lifting_and_types_of_values():
    assert lift(2.0) == 2.0
    builder = plain_builder("f")
    with builder.recording():
        lifted = lift(2.0)
        assert isinstance(lifted, Traced)
        assert lifted.aval == Aval((), FLOAT64, weak=True)
        assert lift(lifted) is lifted
    assert value_aval(np.ones(3)) == VECTOR
    assert value_aval(Lit(1, VECTOR)) == VECTOR
    np.testing.assert_array_equal(concrete(Lit(1, VECTOR)), np.ones(3))
    assert concrete(5) == 5


def test_threads_record_each_for_itself():
    seen = []

    def work():
        seen.append(Builder.innermost())

    with plain_builder("f").recording():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert Builder.innermost() is not None
    assert seen == [None]
    assert Builder.innermost() is None


def test_results_that_are_inputs_or_literals():
    builder = plain_builder("f")
    with builder.recording():
        x = builder.add_input(VECTOR, "x")
        graph = builder.finish([x, 2.0, x])
    assert isinstance(graph, Graph)
    assert graph.outs == (x.atom, Lit(2.0, Aval((), FLOAT64, weak=True)), x.atom)
