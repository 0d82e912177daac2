import numpy as np
import pytest

from staticbp.core.check import check_graph
from staticbp.core.interpret import interpret
from staticbp.ops.math import log
from staticbp.passes.cse import cse
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from staticbp.passes.simplify import simplify
from staticbp.passes.stabilise import STABILISE, stabilise
from staticbp.special import expit, log_softmax, softmax
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.passes.checks import assert_close_values, expression
from tests.support import graph_of

HUGE = np.array([-1e4, -800.0, -30.0, 0.0, 1.5, 800.0, 1e4])
ROWS = np.array([[1.0, 2000.0, -3.0], [-1e4, -1e4 + 1, -2e4]])


def stable(function, *args):
    """The graph after the primal passes, and the names of the stabilisations."""
    notes = []
    graph = run(graph_of(function, *args), PRIMAL, check=True, notes=notes)
    return graph, {note.rule for note in notes}


def gradient(graph, args):
    """The derivative of the sum of the first result with respect to the first argument."""
    joint = run(vjp(RULES, graph, [True] + [False] * (len(args) - 1)), JOINT, check=True)
    ones = [np.ones(out.shape) for out in graph.out_avals]
    return interpret(joint, [*args, *ones])[len(graph.outs)]


def shifted_softmax(x):
    weights = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return weights / np.sum(weights, axis=-1, keepdims=True)


def exact_log_softmax(x):
    z = x - np.max(x, axis=-1, keepdims=True)
    return z - np.log(np.sum(np.exp(z), axis=-1, keepdims=True))


def exact_logsumexp(x):
    top = np.max(x, axis=-1)
    return np.log(np.sum(np.exp(x - top[..., None]), axis=-1)) + top


SOFTMAX = [
    lambda x: np.exp(x) / np.sum(np.exp(x), axis=-1, keepdims=True),
    lambda x: 1 / np.sum(np.exp(x), axis=-1, keepdims=True) * np.exp(x),
    lambda x: np.exp(x) * (1 / np.sum(np.exp(x), axis=-1, keepdims=True)),
    lambda x: np.exp(x) / np.exp(x).sum(-1)[..., None],
    lambda x: softmax(x, axis=-1),
    shifted_softmax,
]


@pytest.mark.parametrize("x", [HUGE, ROWS], ids=["vector", "rows"])
@pytest.mark.parametrize("function", SOFTMAX, ids=range(len(SOFTMAX)))
def test_softmax_and_its_logarithm(function, x):
    graph, _ = stable(function, x)
    np.testing.assert_allclose(interpret(graph, [x])[0], shifted_softmax(x), rtol=1e-12)
    graph, _ = stable(lambda x: np.log(function(x)), x)
    np.testing.assert_allclose(interpret(graph, [x])[0], exact_log_softmax(x), rtol=1e-12)
    assert sum(eqn.op is log for eqn in graph.eqns) == 1
    size = x.shape[-1]
    np.testing.assert_allclose(
        gradient(graph, [x]), np.ones_like(x) - size * shifted_softmax(x), rtol=1e-12, atol=1e-12
    )


def test_the_maximum_that_users_subtract_is_a_constant():
    def negative_likelihood(x, t):
        z = x - x.max()
        weights = np.exp(z)
        return -np.sum(t * np.log(weights / weights.sum()))

    def logarithm(x, t):
        z = x - np.max(x)
        return -np.sum(t * (z - np.log(np.sum(np.exp(z)))))

    def of_sum(x, t):
        top = np.max(x)
        return top + np.log(np.sum(np.exp(x - top))) - x @ t

    x, t = np.array([1.0, 2.0, -3.0]), np.array([0.0, 1.0, 0.0])
    for function in (negative_likelihood, logarithm, of_sum):
        graph, _ = stable(function, x, t)
        joint = run(vjp(RULES, graph, [True, False]), JOINT, check=True)
        assert not any(eqn.op.name in ("equal", "where") for eqn in joint.eqns), function.__name__
        np.testing.assert_allclose(gradient(graph, [x, t]), shifted_softmax(x) - t, rtol=1e-12)


def test_softmax_of_the_library_is_left_alone():
    graph = simplify(graph_of(lambda x: softmax(x) + log_softmax(x), HUGE))
    notes = []
    assert stabilise(graph, notes) is graph
    assert notes == []


LOGARITHMS = [
    (lambda x: np.log(np.sum(np.exp(x))), exact_logsumexp, {"logsumexp"}),
    (lambda x: x - np.log(np.sum(np.exp(x))), exact_log_softmax, {"logsumexp", "log_softmax"}),
    (lambda x: np.log(np.mean(np.exp(x))), lambda x: exact_logsumexp(x) - np.log(7), {"log_of_mean_exp", "logsumexp"}),
    (lambda x: np.log(np.exp(x)), lambda x: x, {"log_of_exp"}),
    (lambda x: np.log(2 * np.exp(x)), lambda x: np.log(2) + x, {"log_with_exp"}),
    (lambda x: np.log(2 / np.exp(x)), lambda x: np.log(2) - x, {"log_with_exp"}),
    (lambda x: np.log(1 + np.exp(x)), lambda x: np.logaddexp(x, 0), {"log_add_exp"}),
    (lambda x: np.log(np.exp(-x) + 1), lambda x: np.logaddexp(-x, 0), {"log_add_exp"}),
    (lambda x: np.log(5 + np.exp(x)), lambda x: np.logaddexp(x, np.log(5)), {"log_add_exp"}),
    (lambda x: np.log1p(np.exp(x)), lambda x: np.logaddexp(x, 0), {"log_add_exp"}),
    (lambda x: np.log(np.exp(x) + np.exp(3 * x)), lambda x: np.logaddexp(x, 3 * x), {"log_add_exp"}),
    (lambda x: np.log(expit(x)), lambda x: -np.logaddexp(-x, 0), {"log_of_expit"}),
    (lambda x: np.log(1 - expit(x)), lambda x: -np.logaddexp(x, 0), {"log_of_complement"}),
    (lambda x: np.log1p(-expit(x)), lambda x: -np.logaddexp(x, 0), {"log_of_complement"}),
    (lambda x: np.log(1 / (1 + np.exp(-x))), lambda x: -np.logaddexp(-x, 0), {"expit_of", "log_of_expit"}),
    (lambda x: np.log(expit(x))[2:5], lambda x: -np.logaddexp(-x, 0)[2:5], {"log_of_expit"}),
    (lambda x: np.log(expit(x)[2:5]), lambda x: -np.logaddexp(-x, 0)[2:5], {"log_of_moved", "log_of_expit"}),
    (
        lambda x: np.log((np.exp(x) / np.sum(np.exp(x)))[1]),
        lambda x: exact_log_softmax(x)[1],
        {"softmax", "log_of_moved", "log_with_exp"},
    ),
    (
        lambda x: np.log((np.exp(x) / np.sum(np.exp(x)))[np.array([4, 1])]),
        lambda x: exact_log_softmax(x)[[4, 1]],
        {"softmax", "log_of_moved", "log_with_exp"},
    ),
]


@pytest.mark.parametrize(("function", "wanted", "rules"), LOGARITHMS, ids=range(len(LOGARITHMS)))
def test_logarithms_of_exponentials(function, wanted, rules):
    graph, fired = stable(function, HUGE)
    assert fired == rules
    np.testing.assert_allclose(interpret(graph, [HUGE])[0], wanted(HUGE), rtol=1e-12, atol=1e-12)
    assert np.all(np.isfinite(gradient(graph, [HUGE])))


def test_a_sum_of_nothing_but_zeros():
    graph, _ = stable(lambda x: np.log(np.sum(np.exp(x))), HUGE)
    assert interpret(graph, [np.full(7, -np.inf)])[0] == -np.inf
    assert interpret(graph, [np.array([0, 1, np.inf, 2, 3, 4, 5])])[0] == np.inf
    assert np.isnan(interpret(graph, [np.array([0, 1, np.nan, 2, 3, 4, 5])])[0])


SMALL = np.array([-1e-12, 1e-17, 3e-9, 0.25, -0.5])

SMALL_DIFFERENCES = [
    (lambda x: np.log(1 + x), np.log1p, {"log_one_plus"}),
    (lambda x: np.log(x + 1), np.log1p, {"log_one_plus"}),
    (lambda x: np.log(1 - x), lambda x: np.log1p(-x), {"log_one_plus"}),
    (lambda x: np.exp(x) - 1, np.expm1, {"expm1_of"}),
    (lambda x: -1 + np.exp(x), np.expm1, {"expm1_of"}),
    (lambda x: 1 - np.exp(x), lambda x: -np.expm1(x), {"expm1_of"}),
]


@pytest.mark.parametrize(("function", "wanted", "rules"), SMALL_DIFFERENCES, ids=range(len(SMALL_DIFFERENCES)))
def test_differences_that_would_be_rounded_away(function, wanted, rules):
    graph, fired = stable(function, SMALL)
    assert fired == rules
    np.testing.assert_allclose(interpret(graph, [SMALL])[0], wanted(SMALL), rtol=1e-15)


def exact_expit(x):
    return np.where(x > 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


SIGMOIDS = [
    (lambda x: 1 / (1 + np.exp(-x)), exact_expit),
    (lambda x: (1 + np.exp(-x)) ** -1, exact_expit),
    (lambda x: 1 / (np.exp(x) + 1), lambda x: exact_expit(-x)),
    (lambda x: np.exp(x) / (1 + np.exp(x)), exact_expit),
    (lambda x: np.exp(-x) / (1 + np.exp(-x)), lambda x: exact_expit(-x)),
    (lambda x: x / (1 + np.exp(-x)), lambda x: x * exact_expit(x)),
    (lambda x: 3 / (1 + np.exp(-2 * x)), lambda x: 3 * exact_expit(2 * x)),
    (lambda x: (1 - np.exp(-2 * x)) / (1 + np.exp(-2 * x)), np.tanh),
    (lambda x: (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1), np.tanh),
    (lambda x: (np.exp(x) - 1) / (np.exp(x) + 1), lambda x: np.tanh(x / 2)),
    (lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)), np.tanh),
    (lambda x: (np.exp(-x) - np.exp(x)) / (np.exp(x) + np.exp(-x)), lambda x: np.tanh(-x)),
]


@pytest.mark.parametrize(("function", "wanted"), SIGMOIDS, ids=range(len(SIGMOIDS)))
def test_sigmoids(function, wanted):
    graph, fired = stable(function, HUGE)
    assert fired & {"expit_of", "tanh_of"}
    np.testing.assert_allclose(interpret(graph, [HUGE])[0], wanted(HUGE), rtol=1e-12, atol=1e-300)
    assert np.all(np.isfinite(gradient(graph, [HUGE])))


def test_a_python_number_is_seen_through():
    graph, fired = stable(lambda x: np.log(1 + np.exp(x)), 1000.0)
    assert fired == {"log_add_exp"}
    assert interpret(graph, [1000.0]) == [1000.0]
    assert gradient(graph, [1000.0]) == 1.0


LOOKALIKES = [
    lambda x: np.log(1 + np.sin(x) * 0 + np.cos(x) ** 2 + 1),
    lambda x: np.exp(x) / np.sum(np.exp(2 * x)),
    lambda x: np.exp(x) / (2 + np.exp(x)),
    lambda x: np.exp(x) - 2,
    lambda x: np.log(-2 + np.exp(x)),
    lambda x: (np.exp(x) - np.exp(-2 * x)) / (np.exp(x) + np.exp(-x)),
    lambda x: np.log(np.sum(np.sin(x) * np.exp(x))),
]


@pytest.mark.parametrize("function", LOOKALIKES, ids=range(len(LOOKALIKES)))
def test_what_only_looks_alike(function):
    x = np.array([0.3, 1.2, 0.8])
    graph = graph_of(function, x)
    simple = cse(simplify(graph))
    stabilised = check_graph(stabilise(simple))
    assert_close_values(graph, stabilised, [x])


@pytest.mark.parametrize(
    "function",
    [function for function, *_ in (*LOGARITHMS, *SIGMOIDS, *SMALL_DIFFERENCES)] + SOFTMAX,
)
def test_nothing_changes_where_nothing_overflows(function):
    x = np.array([0.3, -1.2, 0.8, 0.1, -0.4, 0.9, -0.7])
    graph = graph_of(function, x)
    simple = run(graph, PRIMAL, check=True)
    assert_close_values(graph, simple, [x])
    np.testing.assert_allclose(gradient(simple, [x]), gradient(graph, [x]), rtol=1e-10, atol=1e-12)


def test_the_report_names_the_rule_and_the_line():
    def f(x):
        p = np.exp(x) / np.sum(np.exp(x))
        return -np.log(p)

    notes = []
    run(graph_of(f, HUGE), PRIMAL, notes=notes)
    texts = [str(note) for note in notes]
    assert [text.split(":")[0] for text in texts] == ["softmax", "log_with_exp"]
    assert "p = np.exp(x) / np.sum(np.exp(x))" in texts[0]
    assert "return -np.log(p)" in texts[1]


def test_every_rule_is_documented_and_tested():
    table = stabilise.__globals__["__doc__"]
    names = {rule.__name__ for rule in STABILISE}
    assert {name for name in names if f"``{name}``" not in table} == set()


def test_the_text_of_a_stabilised_cross_entropy():
    graph, _ = stable(lambda x, t: -np.log(np.exp(x) / np.sum(np.exp(x))) @ t, HUGE, HUGE)
    z = "sub(x, broadcast[shape=(7,), dims=()](stop_gradient(reduce_max[axes=(0,)](x))))"
    total = f"log(reduce_sum[axes=(0,)](exp({z})))"
    assert expression(graph) == f"neg(vecdot(sub({z}, broadcast[shape=(7,), dims=()]({total})), t))"
