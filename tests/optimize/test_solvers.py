"""SciPy's solvers with compiled derivatives: the same answers, from and into structures."""

import numpy as np
import pytest
import scipy.optimize

import staticbp as bp
from staticbp.errors import (
    ArgumentError,
    IntegerDifferentiationError,
    NonScalarGradError,
    ShapeError,
    UnsupportedFunctionError,
)
from staticbp.optimize import solvers


@bp.record
class Pair:
    x: np.ndarray
    y: float
    name: str = bp.static(default="pair")


def rosenbrock(p, steepness=100.0):
    return np.sum(steepness * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2)


def of_pair(pair, steepness=100.0):
    return rosenbrock(np.append(pair.x, pair.y), steepness)


START = np.array([-1.0, 2.0, 0.5])
PAIR = Pair(START[:2], 0.5)
METHODS = ["BFGS", "CG", "L-BFGS-B", "SLSQP", "Newton-CG", "trust-ncg", "trust-exact", "trust-krylov", "trust-constr"]


@pytest.mark.parametrize("method", [*METHODS, "Nelder-Mead", "Powell"])
def test_minima_of_vectors_and_records(method):
    of_vector = bp.optimize.minimize(rosenbrock, START, (10.0,), method=method)
    of_record = bp.optimize.minimize(of_pair, PAIR, (10.0,), method=method)
    assert of_vector.x == pytest.approx([1.0, 1.0, 1.0], abs=2e-3)
    assert isinstance(of_record.x, Pair)
    assert of_record.x.name == "pair"
    np.testing.assert_allclose([*of_record.x.x, of_record.x.y], of_vector.x, atol=1e-6)
    assert of_record.fun == pytest.approx(of_vector.fun, abs=1e-9)
    if method in METHODS[:-1]:
        assert isinstance(of_record.jac, Pair)
        assert of_vector.jac.shape == (3,)


def test_derivatives_are_given(monkeypatch):
    seen = {}

    def spy(fun, x0, **keywords):
        seen.clear()
        seen.update(keywords, x0=x0, result=fun(x0))
        return scipy.optimize.OptimizeResult(x=x0)

    monkeypatch.setattr(solvers.scipy.optimize, "minimize", spy)
    direction = np.array([1.0, 0.0, 2.0])
    hessian = bp.hessian(rosenbrock)(START)
    bp.optimize.minimize(rosenbrock, START)
    assert seen["jac"] is True
    np.testing.assert_allclose(seen["result"][1], bp.grad(rosenbrock)(START))
    assert "hess" not in seen
    bp.optimize.minimize(rosenbrock, START, method="trust-exact")
    np.testing.assert_allclose(seen["hess"](START), hessian)
    bp.optimize.minimize(of_pair, PAIR, method="Newton-CG")
    np.testing.assert_allclose(seen["hessp"](START, direction), hessian @ direction)
    bp.optimize.minimize(rosenbrock, START, method="nelder-mead", tol=1e-3, options={"maxiter": 3})
    assert seen["jac"] is False
    assert np.shape(seen["result"]) == ()
    assert (seen["tol"], seen["options"]) == (1e-3, {"maxiter": 3})


def test_numbers_and_matrices():
    assert bp.optimize.minimize(lambda x: (x - 3.0) ** 2, 1).x == pytest.approx(3.0)
    target = np.arange(6.0).reshape(2, 3)
    found = bp.optimize.minimize(lambda m: np.sum((m - target) ** 2), np.zeros((2, 3)))
    np.testing.assert_allclose(found.x, target, atol=1e-6)
    assert bp.optimize.minimize(lambda p: np.sum((p - 1.5) ** 2), np.array([1, 2])).x == pytest.approx([1.5, 1.5])


def test_float32_leaves_stay_float32():
    found = bp.optimize.minimize(lambda p: np.sum((p["a"] - 3) ** 2), {"a": np.zeros(2, np.float32)})
    assert found.x["a"].dtype == np.float32
    assert found.x["a"] == pytest.approx(3.0, abs=1e-4)


def test_bounds():
    as_scipy = bp.optimize.minimize(rosenbrock, START, bounds=[(None, 0.5)] * 3).x
    np.testing.assert_allclose(
        as_scipy, scipy.optimize.minimize(rosenbrock, START, bounds=[(None, 0.5)] * 3).x, atol=1e-4
    )
    pair = bp.optimize.minimize(of_pair, PAIR, bounds=(None, 0.5)).x
    np.testing.assert_allclose([*pair.x, pair.y], as_scipy, atol=1e-6)
    least, most = Pair(np.array([-1.0, -1.0]), -np.inf), Pair(np.array([0.3, np.inf]), 0.005)
    pair = bp.optimize.minimize(of_pair, PAIR, bounds=(least, most)).x
    assert pair.x[0] == pytest.approx(0.3)
    assert pair.y == pytest.approx(0.005)
    with pytest.raises(ArgumentError, match="a pair"):
        bp.optimize.minimize(of_pair, PAIR, bounds=[(0, 1)] * 3)
    with pytest.raises(ArgumentError, match="the bounds are"):
        bp.optimize.minimize(of_pair, PAIR, bounds=([1.0], None))


def test_constraints():
    """The point of the unit disc that is farthest up the plane x + 2y."""
    corner = np.array([1.0, 2.0]) / np.sqrt(5)

    def height(p):
        return -p["x"] - 2 * p["y"]

    def inside(p):
        return 1 - p["x"] ** 2 - p["y"] ** 2

    start = {"x": 0.1, "y": 0.1}
    found = bp.optimize.minimize(height, start, method="SLSQP", constraints={"type": "ineq", "fun": inside}).x
    assert [found["x"], found["y"]] == pytest.approx(corner, abs=1e-6)
    limits = scipy.optimize.NonlinearConstraint(inside, 0.0, np.inf)
    found = bp.optimize.minimize(height, start, method="trust-constr", constraints=[limits]).x
    assert [found["x"], found["y"]] == pytest.approx(corner, abs=1e-3)


def test_callbacks_are_shown_structures():
    seen = []
    bp.optimize.minimize(of_pair, PAIR, callback=seen.append, options={"maxiter": 2})
    assert [type(x) for x in seen] == [Pair, Pair]

    def stop(intermediate_result):
        seen.append(intermediate_result.x)
        raise StopIteration

    seen.clear()
    result = bp.optimize.minimize(of_pair, PAIR, method="L-BFGS-B", callback=stop)
    assert len(seen) == 1
    assert seen[0] == result.x


def test_compilations_are_found_again():
    first = solvers.flattened(of_pair, PAIR, scalar=True)[0]
    assert solvers.flattened(of_pair, Pair(np.zeros(2), 9.0), scalar=True)[0] is first
    assert solvers.flattened(of_pair, Pair(np.zeros(3), 9.0), scalar=True)[0] is not first


def test_what_the_function_reads_may_change():
    goal = 1.0

    def distance(x):
        return (x - goal) ** 2

    assert bp.optimize.minimize(distance, 0.0).x == pytest.approx(1.0)
    goal = 5.0
    assert bp.optimize.minimize(distance, 0.0).x == pytest.approx(5.0)


T = np.linspace(0.0, 3.0, 30)


def decay(p, y):
    return {"far": p.y * np.exp(-p.x[0] * T) + p.x[1] - y}


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_least_squares(method):
    y = 2.5 * np.exp(-1.3 * T) + 0.5
    found = bp.optimize.least_squares(decay, Pair(np.array([1.0, 0.0]), 1.0), (y,), method=method)
    assert found.x.y == pytest.approx(2.5)
    assert found.x.x == pytest.approx([1.3, 0.5])
    assert isinstance(found.grad, Pair)
    assert found.jac.shape == (30, 3)


def test_least_squares_within_bounds():
    y = 2.5 * np.exp(-1.3 * T) + 0.5
    start = Pair(np.array([0.5, 0.0]), 1.0)
    found = bp.optimize.least_squares(decay, start, (y,), bounds=(0.0, Pair(np.array([1.0, np.inf]), np.inf)))
    assert found.x.x[0] == pytest.approx(1.0, abs=1e-6)
    line = bp.optimize.least_squares(lambda p: p[0] * T + p[1] - 2 * T, np.array([0.5, 0.5]), bounds=([0, 0.1], [1, 9]))
    assert line.x[0] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("method", ["hybr", "lm", "broyden1"])
def test_roots(method):
    def system(p, c):
        return [p.x[0] + p.x[1] ** 2 - c, p.x * p.y - 0.1]

    found = bp.optimize.root(system, Pair(np.array([0.5, 0.5]), 1.0), (0.5,), method=method)
    assert found.success
    residual = np.concatenate([np.ravel(r) for r in system(found.x, 0.5)])
    assert residual == pytest.approx(0.0, abs=1e-5)
    assert isinstance(found.x, Pair)


def test_errors_of_the_users_own_lines_pass_through():
    def wrong(p):
        return np.sum(np.nonzero(p["x"])[0])

    for solve in (bp.optimize.minimize, bp.optimize.least_squares, bp.optimize.root):
        with pytest.raises(UnsupportedFunctionError, match=r"test_solvers.py:\d+  return np.sum\(np.nonzero"):
            solve(wrong, {"x": np.ones(2)})
        with pytest.raises(ShapeError, match=r"test_solvers.py:\d+"):
            solve(lambda p: p + np.ones(3), np.ones(2))
    with pytest.raises(NonScalarGradError):
        bp.optimize.minimize(np.sin, np.ones(2))
    with pytest.raises(IntegerDifferentiationError, match=r"leaf 1 .* int64"):
        bp.optimize.minimize(lambda p: p[0] ** 2, [1.0, 2])
    with pytest.raises(ArgumentError, match="nothing to vary"):
        bp.optimize.minimize(lambda p: 1.0, ())


def test_scipy_is_not_imported_before_it_is_needed(run_python):
    run_python(
        """
        import sys
        import staticbp
        assert "scipy.optimize" not in sys.modules
        staticbp.optimize
        assert "scipy.optimize" in sys.modules
        """
    )
