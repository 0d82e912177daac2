"""custom_root, fixed_point and argmin: derivatives by the implicit function theorem, in every mode and to any order."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import ArgumentError, DtypeError, ShapeError, StructureError

RNG = np.random.default_rng(6)


def newton(f, x):
    return bp.fori_loop(0, 40, lambda _, x: x - f(x) / bp.grad(f)(x), x)


@bp.differentiable
def cube_root(a):
    return bp.custom_root(lambda x: x**3 - a, 1.0, newton)


def test_a_number_to_third_order():
    a = 8.0
    exact = [2.0, a ** (-2 / 3) / 3, -2 / 9 * a ** (-5 / 3), 10 / 27 * a ** (-8 / 3)]
    twice = bp.grad(cube_root.grad)
    found = [cube_root(a), cube_root.grad(a), twice(a), bp.grad(twice)(a)]
    assert found == pytest.approx(exact, rel=1e-12)
    assert bp.jvp(cube_root, (a,), (1.0,))[1] == pytest.approx(exact[1], rel=1e-12)
    assert bp.hessian(cube_root)(a) == pytest.approx(exact[2], rel=1e-12)
    assert bp.jacfwd(bp.jacfwd(cube_root))(a) == pytest.approx(exact[2], rel=1e-12)
    many = np.array([1.0, 8.0, 27.0])
    assert bp.vmap(cube_root.grad)(many) == pytest.approx(many ** (-2 / 3) / 3, rel=1e-10)


def test_the_solver_is_not_differentiated():
    source = cube_root.grad.inspect(8.0).source
    assert source.count("for t in range(40)") == 1
    assert cube_root.grad.inspect(8.0).memory.workspace == 0


def test_a_solver_of_ones_own_for_the_linear_equations():
    matrix, right = RNG.normal(size=(5, 5)) + 4 * np.eye(5), RNG.normal(size=5)
    calls = []

    def richardson(operator, y):
        calls.append(operator)
        return bp.fori_loop(0, 400, lambda _, z: z + 0.15 * (y - operator(z)), 0 * y)

    def solved(matrix, right):
        return bp.custom_root(
            lambda x: matrix @ x - right, 0 * right, lambda f, x: richardson(lambda z: f(z) + right, right), richardson
        )

    def plain(matrix, right):
        return np.linalg.solve(matrix, right)

    for f in (solved, plain):
        assert np.allclose(f(matrix, right), np.linalg.solve(matrix, right))
    assert calls
    for derived in (
        lambda f: bp.grad(lambda m, r: np.sum(f(m, r) ** 3), (0, 1)),
        lambda f: bp.grad(lambda m, r: np.sum(bp.grad(lambda m: np.sum(f(m, r) ** 3))(m) ** 2), (0, 1)),
    ):
        found, wanted = (derived(f)(matrix, right) for f in (solved, plain))
        for ours, theirs in zip(found, wanted, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)


def step(x, a):
    return {"u": 0.5 * np.tanh(a["W"] @ x["u"]) + a["b"], "v": 0.3 * np.sin(x["v"] + x["u"][0])}


START = {"u": np.zeros(3), "v": 0.0}
A = {"W": RNG.normal(size=(3, 3)) / 2, "b": RNG.normal(size=3)}


@bp.differentiable
def settled(a):
    x = bp.fixed_point(step, START, a)
    return np.sum(x["u"] ** 2) + x["v"]


@bp.differentiable
def unrolled(a):
    x = bp.fori_loop(0, 150, lambda _, x: step(x, a), START)
    return np.sum(x["u"] ** 2) + x["v"]


def test_a_fixed_point_of_a_structure():
    assert settled(A) == pytest.approx(unrolled(A), rel=1e-11)
    for derived in (
        lambda f: f.grad,
        lambda f: bp.grad(lambda a: np.sum(f.grad(a)["W"] ** 2)),
        lambda f: lambda a: bp.jvp(f.grad, (a,), (a,))[1],
    ):
        found, wanted = (derived(f)(A) for f in (settled, unrolled))
        for name in A:
            np.testing.assert_allclose(found[name], wanted[name], rtol=1e-8, atol=1e-10)


def test_fixed_points_of_a_batch():
    many = {name: np.stack([x, -x]) for name, x in A.items()}
    found = bp.vmap(settled.grad)(many)
    for k in range(2):
        single = settled.grad({name: x[k] for name, x in many.items()})
        for name in A:
            np.testing.assert_allclose(found[name][k], single[name], rtol=1e-9, atol=1e-11)


def test_what_does_not_settle_is_nan():
    assert np.isnan(bp.fixed_point(lambda x: 2 * x + 1, 1.0, max_steps=50))
    assert np.isnan(bp.argmin(lambda x: -x * x, 1.0))
    found = bp.fixed_point(lambda x: x / 2 + 1, np.float32(0.0))
    assert type(found) is np.float32
    assert found == pytest.approx(2.0, rel=1e-5)


def quartic(x, p):
    miss = p["A"] @ x["a"] - p["b"]
    return np.sum(miss**2) + 0.5 * np.sum(x["a"] ** 4) + (x["c"] - x["a"][0]) ** 2 * np.exp(p["b"][0])


P = {"A": RNG.normal(size=(4, 3)), "b": RNG.normal(size=4)}


def least(p):
    x = bp.argmin(quartic, {"a": np.ones(3), "c": 0.0}, p)
    return np.sum(x["a"] ** 3) + x["c"] ** 2


def test_an_argmin():
    x = bp.argmin(quartic, {"a": np.ones(3), "c": 0.0}, P)
    slopes = bp.grad(quartic)(x, P)
    assert max(np.max(np.abs(slope)) for slope in bp.tree.leaves(slopes)) < 1e-9
    bars = bp.grad(least)(P)
    way = {"A": RNG.normal(size=(4, 3)), "b": RNG.normal(size=4)}
    ahead, behind = (least({n: P[n] + s * way[n] for n in P}) for s in (1e-5, -1e-5))
    moved = sum(np.sum(bars[n] * way[n]) for n in P)
    assert moved == pytest.approx((ahead - behind) / 2e-5, rel=1e-6)
    assert bp.jvp(least, (P,), (way,))[1] == pytest.approx(moved, rel=1e-9)
    matrix = bp.hessian(lambda b: least({"A": P["A"], "b": b}))(P["b"])
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)


def test_an_argmin_in_a_loop():
    def total(p):
        def step(total, factor):
            x = bp.argmin(quartic, {"a": np.ones(3), "c": 0.0}, {"A": p["A"], "b": factor * p["b"]})
            return total + np.sum(x["a"])

        return bp.fold(step, 0.0, np.array([1.0, 1.2]))

    bars = bp.grad(total)(P)
    ahead, behind = (total({"A": P["A"], "b": P["b"] + s}) for s in (1e-5, -1e-5))
    assert np.sum(bars["b"]) == pytest.approx((ahead - behind) / 2e-5, rel=1e-6)


def test_another_minimiser():
    def descent(value, x):
        return bp.fori_loop(0, 200, lambda _, x: x - 0.1 * bp.grad(value)(x), x)

    def centre(points):
        return bp.argmin(lambda x: np.sum((x - points) ** 2) / len(points), 0.0, solve=descent)

    points = np.array([1.0, 2.0, 6.0])
    assert centre(points) == pytest.approx(3.0)
    assert bp.grad(centre)(points) == pytest.approx(np.full(3, 1 / 3))


def test_what_does_not_fit_is_refused():
    with pytest.raises(DtypeError, match="which has no derivative"):
        bp.custom_root(lambda x: x - 1, 1, lambda f, x: x)
    with pytest.raises(StructureError, match="has to do with"):
        bp.custom_root(lambda x: (x, x), 1.0, lambda f, x: x)
    with pytest.raises(ShapeError, match=r"the shape \(2,\)"):
        bp.custom_root(lambda x: x * np.ones(2), 1.0, lambda f, x: x)
    with pytest.raises(DtypeError, match="float64, where"):
        bp.custom_root(lambda x: x.astype(np.float64), np.ones(2, np.float32), lambda f, x: x)
    for wrong in ({"tolerance": 0.0}, {"max_steps": 0}):
        with pytest.raises(ArgumentError, match="greater than 0"):
            bp.fixed_point(np.cos, 1.0, **wrong)
        with pytest.raises(ArgumentError, match="argmin is given"):
            bp.argmin(np.cosh, 1.0, **wrong)
