"""`staticbp.special`: stable for whatever is finite, with graphs that can be recognised."""

import numpy as np
import pytest
import scipy.special

from staticbp import special
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.checks import assert_value, evaluate, graph_of

HUGE = np.array([[1e300, -1e300, 3.0], [-1e300, -1e300, -1e300], [700.0, -750.0, 0.0], [1e-300, 0.0, -1e-300]])
MASKED = np.array([[0.5, -np.inf, 1.5], [-np.inf, 2.0, -np.inf], [np.inf, 0.0, 1.0]])
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 40.0, -750.0, 1e300, -1e300, np.inf, -np.inf, np.nan])
ROWS = {
    "logsumexp": lambda x: special.logsumexp(x, axis=1),
    "softmax": lambda x: special.softmax(x, axis=1),
    "log_softmax": lambda x: special.log_softmax(x, axis=1),
}


def gradient(function, x, ct=None):
    graph = graph_of(function, (x,))
    ct = np.ones(graph.out_avals[0].shape) if ct is None else ct
    return evaluate(vjp(RULES, graph, [True]), [x, ct])[1]


@pytest.mark.parametrize("name", ROWS)
def test_values_at_the_ends(name):
    assert_value(ROWS[name], (HUGE,))
    assert_value(ROWS[name], (MASKED[:2],))
    assert_value(ROWS[name], (np.clip(HUGE, -3e38, 3e38).astype(np.float32),))


@pytest.mark.parametrize("name", ROWS)
def test_gradients_of_huge_numbers_are_finite(name):
    assert np.isfinite(gradient(ROWS[name], HUGE)).all()


def test_gradient_of_logsumexp_is_softmax():
    for x in (HUGE, MASKED[:2]):
        np.testing.assert_allclose(gradient(ROWS["logsumexp"], x), scipy.special.softmax(x, axis=1), rtol=1e-15)


def test_gradient_of_cross_entropy():
    scores, target = np.array([1000.0, 0.0, -1000.0]), np.array([0.0, 0.0, 1.0])
    found = gradient(lambda x: -(special.log_softmax(x) @ target), scores)
    np.testing.assert_array_equal(found, [1.0, 0.0, -1.0])


@pytest.mark.parametrize("name", ["expit", "logit", "log_expit", "erf", "erfc", "entr"])
def test_functions_of_one_number(name):
    function, reference = getattr(special, name), getattr(scipy.special, name)
    assert_value(function, (SPECIAL,))
    np.testing.assert_array_equal(function(SPECIAL), reference(SPECIAL))
    assert function(0.25) == reference(0.25)
    assert function(np.float32(0.25)).dtype == np.float32


@pytest.mark.parametrize(
    ("name", "at", "slope"),
    [
        ("expit", [0.0, 1000.0, -1000.0, 1e300], [0.25, 0.0, 0.0, 0.0]),
        ("log_expit", [0.0, 1000.0, -1000.0, -1e300], [0.5, 0.0, 1.0, 1.0]),
        ("erf", [0.0, 30.0, -1e300], [2 / np.sqrt(np.pi), 0.0, 0.0]),
        ("logit", [0.5], [4.0]),
    ],
)
def test_slopes(name, at, slope):
    np.testing.assert_allclose(gradient(getattr(special, name), np.array(at)), slope, rtol=1e-15)


def test_scipys_own_ufuncs_are_traced():
    x = np.array([0.25, 0.5])
    for ufunc in (scipy.special.expit, scipy.special.logit, scipy.special.erf, scipy.special.entr):
        assert_value(ufunc, (x,))
    assert_value(scipy.special.xlogy, (x, 1 + x))


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (special.softmax, ["reduce_max", "stop_gradient", "broadcast", "sub", "exp", "reduce_sum", "broadcast", "div"]),
        (special.expit, ["expit"]),
        (lambda x: np.logaddexp(x, 0), ["logaddexp"]),
    ],
)
def test_graphs_can_be_recognised(function, names):
    assert [eqn.op.name for eqn in graph_of(function, (HUGE[0],)).eqns] == names


def test_plain_values_need_no_trace():
    x = np.array([[1.0, 2.0], [3.0, -4.0]])
    np.testing.assert_array_equal(special.softmax(x, axis=0), scipy.special.softmax(x, axis=0))
    assert isinstance(special.logsumexp(x), float)
    assert special.softmax([1, 1]).tolist() == [0.5, 0.5]


def test_importing_is_cheap(run_python):
    # scipy.special takes longer to import than a stored gradient takes to load.
    run_python("import sys, staticbp.special; assert 'scipy.special' not in sys.modules")
