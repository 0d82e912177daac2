"""Calls of a compiled function that come to the same equations are one function of the generated code."""

import numpy as np
import pytest

import staticbp as bp
from staticbp import errors
from staticbp.core.check import check_graph
from staticbp.core.check_schedule import check_schedule
from staticbp.core.graph import Activation, Eqn, Graph, SrcLine
from staticbp.core.interpret import interpret
from staticbp.core.schedule import Call, FunctionCall
from staticbp.core.traverse import walk
from staticbp.inspection.cost import Cost
from staticbp.ops.call import call
from staticbp.passes import calls as passes
from staticbp.passes.calls import calls
from staticbp.passes.lower import lower
from tests.support import assert_lowered, execute, garbage, graph_of, lowered, source_of


def normal(*shape, seed=0):
    return 0.5 * np.random.default_rng(seed).standard_normal(shape)


WEIGHTS = [normal(20, 20, seed=seed) for seed in range(6)]  # large enough to be kernels
X = normal(10, 20, seed=7)


@bp.differentiable
def layer(h, w):
    return np.tanh(h @ w)


def deep(weights, x):
    h = x
    for w in weights:
        h = layer(h, w)
    return np.sum(h * h)


def inspected(function, *args):
    return bp.inspect(function, *args)


def called(graph):
    return [eqn for eqn in graph.eqns if eqn.op is call]


def same(function, *args, functions):
    """What is compiled computes the same with `functions`, the names of those that it calls, and without."""
    seen = inspected(function, *args)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "FEWEST", 10**9)
        inlined = inspected(function, *args)
        assert not inlined.schedule.functions
    assert [each.name for each in seen.schedule.functions] == functions
    leaves = [np.asarray(leaf) for leaf in bp.tree.leaves(args)]
    check_graph(seen.graph)
    found = assert_lowered(seen.graph, leaves)
    for ours, theirs in zip(found, assert_lowered(inlined.graph, leaves), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    return seen


def test_a_layer_called_often_is_a_function_for_its_value_and_one_for_its_derivative():
    seen = same(bp.value_and_grad(deep), WEIGHTS, X, functions=["layer", "layer_adjoint"])
    source = seen.source
    assert source.count("    layer(") == 6
    assert source.count("    layer_adjoint(") == 4  # of the first no cotangent of x is wanted; the last is fused
    assert source.index("def layer(") < source.index("def layer_adjoint(") < source.index("def deep_value_and_grad(")
    assert source.count("return np.tanh(h @ w)") == 3  # in both functions, and for the first derivative


def test_a_product_stays_with_the_update_that_it_is_made_in():
    def step(weights, x):
        return [w - 0.1 * w_bar for w, w_bar in zip(weights, bp.grad(deep)(weights, x), strict=True)]

    train = bp.compile(step, donate_argnums=0)
    source = train.inspect(WEIGHTS, X).source
    adjoint = source[source.index("def layer_adjoint(") : source.index("def step(")]
    assert adjoint.count("blas.gemm(") == 1  # the cotangent of h
    assert source.count("True, False, -0.1, 1.0)") == 6  # w is updated by its product
    expected = step(WEIGHTS, X)
    for found, wanted in zip(train([w.copy() for w in WEIGHTS], X), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)


def test_two_calls_are_written_out():
    assert not called(inspected(deep, WEIGHTS[:2], X).graph)
    assert len(called(inspected(deep, WEIGHTS[:3], X).graph)) == 3


def test_a_function_is_shown_where_it_is_first_called():
    text = str(inspected(deep, WEIGHTS, X).graph)
    assert text.count("graph layer(") == 1
    assert text.count("= call[layer] ") == 6
    assert str(inspected(deep, WEIGHTS, X).schedule).count("schedule layer\n") == 1


def test_what_is_elementwise_and_short_is_fused_with_what_is_around():
    @bp.differentiable
    def half(x):
        return np.sin(x) / 2

    @bp.differentiable
    def force(x):
        for _ in range(passes.LONG):
            x = np.sin(x + 0.5)
        return x

    def many(f):
        return lambda x: np.sum(f(f(f(x))))

    assert not called(inspected(many(half), X).graph)
    same(many(force), X, functions=["force"])


def test_calls_that_came_to_something_else_stay():
    @bp.differentiable
    def scaled(h, w, factor):
        return (h @ w) * factor

    def different(w, x):
        return scaled(scaled(scaled(x, w, 2.0), w, 3.0), w, 4.0)

    def alike(w, x):
        return different(w, scaled(scaled(scaled(x, w, 5.0), w, 5.0), w, 5.0))

    assert not called(inspected(different, WEIGHTS[0], X).graph)
    assert len(called(same(alike, WEIGHTS[0], X, functions=["scaled"]).graph)) == 3


def test_functions_call_functions():
    @bp.differentiable
    def block(h, w):
        return layer(layer(layer(h, w), w.T), w) + h

    def network(weights, x):
        for w in weights:
            x = block(x, w)
        return np.sum(x)

    same(network, WEIGHTS[:3], X, functions=["layer", "block"])
    functions = ["layer", "block", "layer_2", "layer_adjoint", "block_adjoint"]  # one of a derivative that stays
    seen = same(bp.grad(network), WEIGHTS, X, functions=functions)
    assert seen.source.count("    block_adjoint(") == 4


def test_numbers_go_in_and_out():
    @bp.differentiable
    def energy(x, k):
        r = x @ x.T
        return np.sum(r * r) * k, k + 1.0

    def total(x, k):
        first, k = energy(x, k * 2.0)
        second, k = energy(x * first, k)
        third, k = energy(x - second, k)
        fourth, k = energy(x * third, k)
        fifth, k = energy(x - fourth, k)
        return first + second + third + fourth + fifth * k

    same(bp.grad(total, argnums=(0, 1)), X, 0.25, functions=["energy", "energy_adjoint"])


def test_captured_arrays_are_operands():
    bias = normal(20)

    @bp.differentiable
    def biased(h, w):
        return np.tanh(h @ w + bias)

    def network(w, x):
        for _ in range(5):
            x = biased(x, w)
        return np.sum(x)

    seen = inspected(bp.grad(network), WEIGHTS[0], X)
    assert [each.name for each in seen.schedule.functions] == ["biased", "biased_adjoint"]
    (array,) = (array for _, array in seen.graph.consts)
    assert array is bias
    assert_lowered(seen.graph, [WEIGHTS[0], X])


def test_calls_in_the_step_of_a_loop():
    def step(h, w):
        return layer(layer(layer(layer(layer(h, w), w), w), w), w)

    def run(weights, x):
        return np.sum(bp.fold(step, x, weights))

    stacked = np.stack(WEIGHTS)
    same(run, stacked, X, functions=["layer"])
    seen = inspected(bp.grad(run), stacked, X)
    assert "layer_adjoint" in [each.name for each in seen.schedule.functions]
    assert_lowered(seen.graph, [stacked, X])


@pytest.mark.parametrize("transform", [bp.grad, bp.jacfwd, lambda f: bp.vmap(f, in_axes=(None, 0)), bp.hessian])
def test_every_transform(transform):
    def network(w, x):
        return np.sum(layer(layer(layer(layer(x, w), w), w), w))

    seen = inspected(transform(network), WEIGHTS[0], np.stack([X, X]) if "lambda" in transform.__name__ else X)
    args = [WEIGHTS[0], np.stack([X, X])] if "lambda" in transform.__name__ else [WEIGHTS[0], X]
    assert called(seen.graph)
    assert_lowered(seen.graph, args)


def test_a_function_that_fails_says_with_which_line():
    @bp.differentiable
    def picked(h, w, i):
        return h @ w + w[i]  # 0 <= i < 20

    def network(w, x, places):
        for n in range(4):
            x = picked(x, w, places[n])
        return np.sum(x)

    args = [WEIGHTS[0], X, np.array([2, 3, 19, 0])]
    seen = inspected(network, *args)
    schedule = seen.schedule
    assert [each.name for each in schedule.functions] == ["picked"]
    assert all(stmt.status for stmt in walk(schedule.body) if isinstance(stmt, FunctionCall))
    assert execute(schedule, seen.source, args, [])[0] == 0
    args[2] = np.array([2, 3, 20, 0])
    status, _ = execute(schedule, seen.source, args, [])
    failure = schedule.failures[status - 1]
    assert failure.kind == "TracedIndexError"
    assert "h @ w + w[i]" in str(failure.src)
    with pytest.raises(errors.TracedIndexError, match="h @ w"):
        bp.compile(network)(*args)


def test_compiled_code_calls_functions_too():
    value, slopes = bp.value_and_grad(deep)(WEIGHTS, X)
    graph = inspected(bp.value_and_grad(deep), WEIGHTS, X).graph
    wanted = interpret(graph, [*WEIGHTS, X])
    for found, exact in zip([value, *slopes], wanted, strict=True):
        np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-12)


def test_sizes_that_are_symbols_keep_calls_apart():
    f = bp.compile(deep, dynamic_axes={"x": {0: "n"}})
    assert not f.inspect(WEIGHTS, X).schedule.functions


def test_explain_and_cost_know_of_functions():
    seen = inspected(bp.grad(deep), WEIGHTS, X)
    explained = seen.explain()
    assert [decision.subject for decision in explained.of("called")] == ["layer", "layer_adjoint"]
    assert "layer: 6 calls come to the same" in str(explained)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "FEWEST", 10**9)
        inlined = inspected(bp.grad(deep), WEIGHTS, X)
        assert seen.cost.total.flops == inlined.cost.total.flops
        assert seen.cost.total.functions == inlined.cost.total.functions
        assert seen.cost.lines == inlined.cost.lines
    assert "layer(...)" in str(Cost(seen.graph, seen.schedule))


def test_equations_that_need_each_other_stay_apart():
    def f(x, w):
        for _ in range(3):
            x = (np.sin(x @ w) @ w) @ w
        return x

    graph = graph_of(f, X, WEIGHTS[0])
    line = SrcLine("f.py", 1, "x @ w")
    around = [Activation("around", line) for _ in range(3)]
    eqns, number = [], -1
    for eqn in graph.eqns:  # what comes between the first product and the last is no part of the call
        number += eqn.op.name == "matmul"
        inside = eqn.op.name == "matmul" and number % 3 != 1
        src = around[number // 3].during(line) if inside else line
        eqns.append(Eqn(eqn.outs, eqn.op, eqn.ins, eqn.params, src, eqn.adjoint))
    mixed = Graph(graph.name, graph.invars, tuple(eqns), graph.outs)
    assert calls(mixed) is mixed


def test_the_checker_looks_at_what_functions_are_handed():
    schedule = lower(inspected(deep, WEIGHTS, X).graph)
    check_schedule(schedule)
    stmt = next(stmt for stmt in walk(schedule.body) if isinstance(stmt, FunctionCall))
    stmt.args = (stmt.args[1], stmt.args[0], *stmt.args[2:])
    with pytest.raises(errors.GraphError, match="handed other types"):
        check_schedule(schedule)
    assert isinstance(stmt, Call)


def test_the_call_evaluates_to_its_body():
    (first, *_) = called(inspected(deep, WEIGHTS, X).graph)
    args = [garbage(atom.aval.shape, atom.aval.dtype) * 0 + 0.5 for atom in first.ins]
    (found,) = call.evaluate(args, first.params)
    np.testing.assert_allclose(found, np.tanh(args[0] @ args[1]), rtol=1e-15)
    assert "graph layer" in str(first.params["body"])
    assert source_of(first.params["body"])
    assert lowered(first.params["body"]).name == "layer"
