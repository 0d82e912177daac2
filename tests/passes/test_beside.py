"""The slope of a logistic function is computed in the loop of its value, where that saves an exponential."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.core.check import check_graph
from staticbp.core.schedule import Loop
from staticbp.core.traverse import exprs, walk
from staticbp.ops.special import expit, expit_slope
from staticbp.passes import beside
from staticbp.passes.beside import slopes_beside_values
from staticbp.passes.pipeline import JOINT, run
from tests.support import assert_close, assert_lowered, graph_of, lowered

RNG = np.random.default_rng(5)
X, W, B, V = (RNG.normal(size=shape) for shape in ((6, 4), (4, 5), (5,), (5, 3)))


@pytest.fixture(autouse=True)
def small_arrays_pay(monkeypatch):
    """Here arrays are small."""
    monkeypatch.setattr(beside, "FEWEST", 1)


def layer(x, W, b, V):
    z = x @ W + b
    y = expit(z)
    return np.tanh(y @ V) @ V.T * expit_slope(z)


def two_layers(x, W, b, V):
    h = expit(x @ W + b)
    z = h @ V
    return h, expit(z), (expit(z) @ V.T) * expit_slope(z @ V.T)


def operand_is_used_again(x, W, b, V):
    z = x @ W + b
    return np.tanh(expit(z) @ V) @ V.T * expit_slope(z) + z


def operand_is_returned(x, W, b, V):
    z = x @ W + b
    return np.tanh(expit(z) @ V) @ V.T * expit_slope(z), z


def slope_is_returned(x, W, b, V):
    z = x @ W + b
    return np.tanh(expit(z) @ V) @ V.T, expit_slope(z)


def operand_is_of_inputs(x, W, b, V):
    z = x * 2
    return np.tanh(expit(z) @ W) @ W.T * expit_slope(z)


def other_operand(x, W, b, V):
    z = x @ W + b
    return np.tanh(expit(z) @ V) @ V.T * expit_slope(-z)


def one_number(x, W, b, V):
    z = x[0] @ W[:, 0]
    return np.tanh(expit(z) * b) * expit_slope(z)


def names(graph):
    return [eqn.op.name for eqn in graph.eqns]


def test_a_slope_is_computed_behind_its_value_and_called_after_it():
    graph = graph_of(layer, X, W, B, V)
    moved, slopes = slopes_beside_values(graph)
    check_graph(moved)
    position = names(moved).index("expit")
    assert names(moved)[position + 1] == "expit_slope"
    assert names(graph)[position + 1] != "expit_slope"
    assert [slope.name for slope in slopes] == ["y_slope"]
    assert sorted(names(moved)) == sorted(names(graph))


def test_one_loop_has_the_value_and_the_slope():
    graph = graph_of(layer, X, W, B, V)
    schedule = lowered(graph)
    texts = [
        [expr.template for stmt in walk([loop]) for expr in exprs(stmt) if hasattr(expr, "template")]
        for loop in schedule.body
        if isinstance(loop, Loop)
    ]
    (with_slope,) = (found for found in texts if any("expit_slope" in text for text in found))
    assert any(text.startswith("vm.expit(") for text in with_slope)
    assert_lowered(graph, [X, W, B, V])


@pytest.mark.parametrize(
    "function",
    [operand_is_used_again, operand_is_returned, slope_is_returned, operand_is_of_inputs, other_operand, one_number],
)
def test_what_is_left_as_it_is(function):
    graph = graph_of(function, X, W, B, V)
    assert slopes_beside_values(graph) == (graph, frozenset())
    assert_lowered(graph, [X, W, B, V])


def test_what_is_larger_than_the_cache_or_small_is_computed_again(monkeypatch):
    graph, elements = graph_of(layer, X, W, B, V), X.shape[0] * W.shape[1]
    for fewest, largest, moved in [(elements, elements, 1), (1, elements - 1, 0), (elements + 1, elements, 0)]:
        monkeypatch.setattr(beside, "FEWEST", fewest)
        monkeypatch.setattr(beside, "LARGEST", 8 * largest)
        assert len(slopes_beside_values(graph)[1]) == moved


def test_each_slope_goes_to_its_own_value():
    graph = run(graph_of(two_layers, X, W, B, V), JOINT, check=True)
    moved, _ = slopes_beside_values(graph)
    check_graph(moved)
    assert_lowered(graph, [X, W, B, V])


def network(weights, x):
    for W in weights:
        x = bp.special.expit(x @ W)
    return np.sum(x * x)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_gradient_of_a_network(dtype):
    """Compiled: value and gradient come from one exponential, and are what differences say."""
    weights = [RNG.normal(size=shape).astype(dtype) for shape in ((7, 5), (5, 6), (6, 3))]
    x = RNG.normal(size=(11, 7)).astype(dtype)
    compiled = bp.value_and_grad(network)
    source = compiled.inspect(weights, x).source
    assert source.count("vm.expit_slope(") == 3
    assert "_slope[i, j] = vm.expit_slope(" in source
    value, _ = compiled(weights, x)
    assert_close(value, network(weights, x), 1e-5 if dtype == np.float32 else None)
    if dtype == np.float64:
        bp.testing.check_grads(network, (weights, x))
