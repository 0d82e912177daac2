"""`diff`, `diffs`, `taylor`, `jet`: against closed forms, and against JAX where it is installed."""

import importlib.util
import itertools

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import ArgumentError, IntegerDifferentiationError, StructureError

RNG = np.random.default_rng(5)


def bell_numbers(count):
    row = [1]
    found = [1]
    while len(found) < count:
        row = list(itertools.accumulate([row[-1], *row]))
        found.append(row[0])
    return found


def test_closed_forms_to_order_8():
    """exp(exp(x) - 1) generates the Bell numbers, 1/(1 - x - x²) those of Fibonacci, tan the tangent numbers."""
    assert bp.diffs(lambda x: np.exp(np.exp(x) - 1.0), 8)(0.0) == pytest.approx(bell_numbers(9), rel=1e-12)
    fibonacci = [1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0]
    assert bp.taylor(lambda x: 1.0 / (1.0 - x - x * x), 0.0, 8) == pytest.approx(fibonacci)
    tangent = [0.0, 1.0, 0.0, 2.0, 0.0, 16.0, 0.0, 272.0, 0.0]
    assert bp.diffs(np.tan, 8)(0.0) == pytest.approx(tangent)


def test_a_derivative_by_itself():
    assert bp.diff(np.exp)(0.0) == 1.0
    assert bp.diff(np.sin, 3)(0.0) == -1.0
    assert bp.diff(np.sin, 0)(0.5) == np.sin(0.5)
    assert bp.diff(bp.diff(np.sin, 2), 1)(0.5) == pytest.approx(-np.cos(0.5))
    assert bp.diff(lambda a, x: a * x * x, 2, argnum=1)(5.0, 3.0) == 10.0
    assert bp.diff(lambda a, x: a * x * x, argnum=-1)(np.array([1.0, 2.0]), 3.0).tolist() == [6.0, 12.0]


def test_what_is_returned_keeps_its_structure_and_types():
    def f(t):
        return {"moves": (t * t, np.array([1.0, 2.0]) * t), "stays": (np.ones(2), 7), "count": np.arange(3)}

    value, first, second = bp.diffs(f, 2)(np.float32(3.0))
    assert value["moves"][0].dtype == second["moves"][0].dtype == np.float32
    assert value["moves"][0] == 9.0
    assert value["stays"][1] == 7
    assert first["moves"][1].tolist() == [1.0, 2.0]
    assert first["stays"][1] == second["stays"][1] == 0
    assert second["stays"][0].tolist() == [0.0, 0.0]
    assert first["count"].tolist() == [0, 0, 0]
    assert second["moves"][0] == 2.0


def test_aux():
    derivative, aux = bp.diff(lambda x: (x * x, {"x": x}), has_aux=True)(3.0)
    assert (derivative, aux) == (6.0, {"x": 3.0})

    @bp.differentiable(has_aux=True)
    def f(x):
        return x * x, "text"

    assert bp.diffs(f, 2)(3.0) == ([9.0, 6.0, 2.0], "text")
    assert bp.jet(f, (3.0,), ((1.0,),)) == (9.0, [6.0], "text")


def test_derivatives_of_derivatives():
    """Towers are functions like any other: differentiated in reverse, batched, looped over."""
    assert bp.grad(bp.diff(np.sin, 2))(0.7) == pytest.approx(-np.cos(0.7))
    xs = np.linspace(0.1, 1.0, 4)
    np.testing.assert_allclose(bp.vmap(bp.diff(np.log, 3))(xs), 2 / xs**3)
    root = bp.compile(lambda x: bp.fold(lambda x, _: x - (d := bp.diffs(np.cos, 1)(x))[0] / d[1], x, None, length=5))
    assert root(1.0) == pytest.approx(np.pi / 2)


def test_through_a_compiled_loop():
    logistic = bp.compile(lambda x: bp.fold(lambda x, _: 3.1 * x * (1 - x), x, None, length=6))
    coefficients = bp.taylor(logistic, 0.3, 5)
    near = 0.3 + 1e-3
    assert np.polynomial.Polynomial(coefficients)(1e-3) == pytest.approx(logistic(near), rel=1e-13)
    polynomial = np.polynomial.Polynomial([0.3, 1.0])
    for _ in range(6):
        polynomial = 3.1 * polynomial * (1 - polynomial)
    assert coefficients == pytest.approx(polynomial.coef[:6])


def test_a_rule_of_ones_own():
    """Its rule is all that is known of the operation, to every order."""

    @bp.custom_jvp
    def halved(x):
        return np.exp(x)

    @halved.defjvp
    def rule(primals, tangents):
        value = halved(*primals)
        return value, 0.5 * value * tangents[0]

    assert bp.diffs(halved, 3)(0.0) == [1.0, 0.5, 0.25, 0.125]


def test_a_jet_of_a_structure():
    def energy(state, stiffness):
        return 0.5 * np.sum(state["v"] ** 2) + 0.5 * stiffness * np.sum(state["x"] ** 2)

    x, v = RNG.normal(size=2), RNG.normal(size=2)
    state, speed, change = {"x": x, "v": v}, {"x": v, "v": -4 * x}, {"x": -4 * x, "v": -4 * v}
    value, (first, second) = bp.jet(energy, (state, 4.0), ((speed, change), (None, None)))
    assert value == pytest.approx(energy(state, 4.0))
    assert first == pytest.approx(0.0, abs=1e-12)  # an oscillator keeps its energy
    assert second == pytest.approx(0.0, abs=1e-12)
    assert bp.jet(energy, (state, 4.0), ((None,), (1,)))[1] == pytest.approx([0.5 * x @ x])


def test_no_orders():
    assert bp.jet(np.sin, (0.5,), ((),)) == (np.sin(0.5), [])
    assert bp.diffs(np.sin, 0)(0.5) == [np.sin(0.5)]


def test_compilations_are_found_again():
    assert bp.diff(np.exp, 2) is bp.diff(np.exp, 2)
    assert bp.diff(np.exp, 2) is not bp.diff(np.exp, 3)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ArgumentError, match="is an array of shape"):
        bp.diff(np.sin)(np.ones(3))
    with pytest.raises(ArgumentError, match="is a structure"):
        bp.diff(lambda pair: pair[0])((1.0, 2.0))
    with pytest.raises(IntegerDifferentiationError):
        bp.diff(lambda x: x * x)(3)
    with pytest.raises(ArgumentError, match="order -1"):
        bp.diff(np.sin, -1)
    with pytest.raises(ArgumentError, match="same length"):
        bp.jet(np.multiply, (1.0, 2.0), ((1.0,), (1.0, 0.0)))
    with pytest.raises(StructureError, match="derivative of order 2"):
        bp.jet(lambda x: x[0], ([1.0],), (([1.0], 0.0),))
    with pytest.raises(ArgumentError, match="tuple of primals"):
        bp.jet(np.sin, 1.0, ((1.0,),))


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_as_in_jax(run_python):
    """jax.experimental.jet and nested jax.grad, in a process of their own."""
    process = run_python(
        """
        import math
        import numpy as np
        import jax, jax.numpy as jnp
        from jax.experimental import jet
        import staticbp as bp
        jax.config.update("jax_enable_x64", True)
        rng = np.random.default_rng(1)
        w, b = rng.normal(size=(3, 2)) / 2, rng.normal(size=3) / 2
        x, curve = rng.normal(size=2), [rng.normal(size=2) for _ in range(6)]

        def f(np):
            return lambda x: np.sum(np.tanh(w @ x + b) * np.exp(np.sin(x[0]))) / (1 + x @ x)

        value, ours = bp.jet(f(np), (x,), (curve,))
        jax_value, theirs = jet.jet(f(jnp), (x,), (curve,))
        np.testing.assert_allclose(value, jax_value, rtol=1e-13)
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)

        def g(np):
            return lambda x: np.log1p(np.exp(x) * np.sqrt(1 + x * x)) ** 1.5 + np.arctan(x)

        grads = [g(jnp)]
        for _ in range(6):
            grads.append(jax.grad(grads[-1]))
        np.testing.assert_allclose(bp.diffs(g(np), 6)(0.4), [d(0.4) for d in grads], rtol=1e-11)
        """
    )
    assert process.returncode == 0, process.stderr
