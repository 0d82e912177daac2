import numpy as np

from staticbp.core.interpret import interpret
from staticbp.ops.control import stop_gradient
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from staticbp.passes.release import release
from staticbp.passes.simplify import simplify
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.passes.checks import after, expression, loop
from tests.support import graph_of

X = np.linspace(-1, 1, 5)


def test_stop_gradient_goes():
    graph = graph_of(lambda x: x * stop_gradient(np.exp(x)), X)
    assert expression(after(simplify, graph)) == "mul(x, stop_gradient(exp(x)))"
    assert expression(after(release, graph)) == "mul(x, exp(x))"


def test_python_scalars_become_strong():
    graph = graph_of(lambda a, x: (np.exp(2 * a) + 1, a * x, a, 2.0 * a), 0.5, X)
    strong = after(release, graph)
    assert not any(v.aval.weak for v in (*strong.invars, *(o for e in strong.eqns for o in e.outs)))
    assert not any(out.aval.weak for out in strong.outs)
    for found, wanted in zip(interpret(strong, [0.5, X]), interpret(graph, [0.5, X]), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_a_scalar_is_not_computed_twice_for_its_weakness():
    primal = run(graph_of(lambda a: np.log(1 + np.exp(a)) + 1 / (1 + np.exp(-a)), 0.5), PRIMAL)
    joint = run(vjp(RULES, primal, [True]), JOINT, check=True)
    assert [eqn.op.name for eqn in joint.eqns].count("expit") == 1
    assert not any(eqn.op.name == "cast" for eqn in joint.eqns)


def test_bodies_are_released_too():
    def f(a):
        def step(b):
            return stop_gradient(b) * 2.0

        return loop(step, [], [a], [], 3)

    (eqn,) = run(graph_of(f, 0.5), JOINT, check=True).eqns
    assert [inner.op.name for inner in eqn.params["body"].eqns] == ["mul"]
