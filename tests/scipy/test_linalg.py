"""`staticbp.scipy.linalg`: SciPy's values, JAX's gradients, SciPy itself where nothing is traced."""

import numpy as np
import pytest
import scipy.linalg as sl

import staticbp as bp
from staticbp import scipy
from staticbp.errors import UnsupportedFunctionError
from staticbp.scipy import linalg
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.checks import assert_derivatives, evaluate, graph_of

RNG = np.random.default_rng(3)
A = RNG.normal(size=(4, 4))
S = A @ A.T + np.eye(4)
T = np.tril(A) + 3 * np.eye(4)

CASES = {
    "solve": (lambda lib, a, b: lib.solve(a, b), (A, A[:, :2])),
    "solve_triangular": (lambda lib, a, b: lib.solve_triangular(a, b, lower=True), (T, A)),
    "solve_triangular vector": (lambda lib, a, b: lib.solve_triangular(a, b, trans=1, lower=True), (T, A[0])),
    "solve_triangular unit": (lambda lib, a, b: lib.solve_triangular(a, b, unit_diagonal=True), (A, A[0])),
    "cholesky": (lambda lib, a: lib.cholesky(a @ a.T + 2 * np.eye(4)), (A,)),
    "cholesky lower": (lambda lib, a: lib.cholesky(a @ a.T + 2 * np.eye(4), lower=True), (A,)),
    "cho_solve": (lambda lib, a, b: lib.cho_solve(lib.cho_factor(a + a.T, lower=True), b), (S, A[0])),
    "cho_solve upper": (lambda lib, a, b: lib.cho_solve((a, False), b), (T.T.copy(), A)),
    "inv": (lambda lib, a: lib.inv(a), (A,)),
    "det": (lambda lib, a: lib.det(a), (A,)),
    "expm": (lambda lib, a: lib.expm(a), (A,)),
    "expm large": (lambda lib, a: lib.expm(a) / 1e3, (5 * A,)),
    "block_diag": (lambda lib, a, b: lib.block_diag(a, b), (A[:2], A[0])),
    "toeplitz": (lambda lib, c: lib.toeplitz(c), (A[0],)),
    "toeplitz of two": (lambda lib, c, r: lib.toeplitz(c, r), (A[0], A[1, :3])),
    "svd": (lambda lib, a: lib.svd(a, compute_uv=False), (A,)),
    "qr": (lambda lib, a: lib.qr(a, mode="economic")[0], (A[:, :2],)),
    "qr r": (lambda lib, a: lib.qr(a, mode="r")[0], (A,)),
    "lu": (lambda lib, a: lib.lu(a)[1] + lib.lu(a)[2], (A,)),
    "lu with its permutation": (lambda lib, a: lib.lu(a, permute_l=True)[0], (A,)),
    "lu_factor": (lambda lib, a: lib.lu_factor(a)[0], (A,)),
    "lu_solve": (lambda lib, a, b: lib.lu_solve(lib.lu_factor(a), b), (A, A[:, :2])),
    "eigh": (lambda lib, a: lib.eigh(a + a.T)[0] + lib.eigh(a + a.T)[1] ** 2, (A,)),
}
# Those of SciPy's that JAX has by another name, or without a derivative, or not at all.
ONLY_SCIPY = {
    "polar": (lambda lib, a: lib.polar(a)[0] + lib.polar(a)[1], (A,)),
    "polar left": (lambda lib, a: lib.polar(a, side="left")[1], (A[:3],)),
    "eigh_tridiagonal": (lambda lib, d, e: lib.eigh_tridiagonal(d, e, eigvals_only=True), (A[0], A[1, :3])),
    "expm_frechet": (lambda lib, a, e: lib.expm_frechet(a, e)[1], (A, S)),
    "circulant": (lambda lib, c: lib.circulant(c), (A[0],)),
    "hankel": (lambda lib, c, r: lib.hankel(c, r), (A[0], A[1, :3])),
    "hankel of one": (lambda lib, c: lib.hankel(c), (A[0],)),
    "companion": (lambda lib, c: lib.companion(c), (A[0],)),
    "lu_solve transposed": (lambda lib, a, b: lib.lu_solve(lib.lu_factor(a), b, trans=1), (A, A[0])),
    "solve_sylvester": (lambda lib, a, b, q: lib.solve_sylvester(a, b, q), (A, S[:3, :3], A[:, :3])),
    "sqrtm": (lambda lib, a: lib.sqrtm(a), (S + A,)),
    "sqrtm far": (lambda lib, a: lib.sqrtm(a), (np.diag([1e6, 1.0, 1e-3]) + 1e-4,)),
    "pinv": (lambda lib, a: lib.pinv(a), (A[:, :2],)),
    "norm": (lambda lib, a: lib.norm(a, "fro"), (A,)),
    "svdvals": (lambda lib, a: lib.svdvals(a), (A,)),
    "eigh of two": (lambda lib, a, b: lib.eigh(a + a.T, b @ b.T + np.eye(4))[1] ** 2, (A, S)),
    "eigh upper": (lambda lib, a: lib.eigh(a + a.T, lower=False, eigvals_only=True, subset_by_index=(1, 2)), (A,)),
    "eigvalsh": (lambda lib, a, b: lib.eigvalsh(a + a.T, b @ b.T, lower=False), (A, S)),
    "eigvals": (lambda lib, a: abs(lib.eigvals(a) ** 2).sum(), (A,)),
    "eig": (lambda lib, a: abs(lib.eig(a)[0] ** 3).sum(), (A,)),
    "lu_solve of one matrix": (lambda lib, b: lib.lu_solve(sl.lu_factor(A), b, trans=2), (A[0],)),
    "lu by indices": (lambda lib, a: lib.lu(a, p_indices=True)[0] * lib.lu(a)[0], (A,)),
    "orthogonal_procrustes": (lambda lib, a, b: lib.orthogonal_procrustes(a, b)[0], (A, S + A)),
    "lstsq": (lambda lib, a, b: lib.lstsq(a, b)[0], (A[:, :2], A[0])),
    "cosm": (lambda lib, a: lib.cosm(a), (A,)),
    "sinm": (lambda lib, a: lib.sinm(a), (A,)),
    "tanm": (lambda lib, a: lib.tanm(a), (0.2 * A,)),
    "coshm": (lambda lib, a: lib.coshm(a), (A,)),
    "sinhm": (lambda lib, a: lib.sinhm(a), (A,)),
    "tanhm": (lambda lib, a: lib.tanhm(a), (A,)),
    "solve_continuous_lyapunov": (lambda lib, a, q: lib.solve_continuous_lyapunov(a, q), (S, A)),
    "solve_discrete_lyapunov": (lambda lib, a, q: lib.solve_discrete_lyapunov(a, q), (0.3 * A, S)),
    "solveh_banded": (lambda lib, a, b: lib.solveh_banded(a, b), (0.3 * A[:2] + [[0.0], [3.0]], A[0])),
    "solveh_banded lower": (lambda lib, a, b: lib.solveh_banded(a, b, lower=True), (0.3 * A[:2] + [[3.0], [0.0]], A)),
    "solve_toeplitz": (lambda lib, c, r, b: lib.solve_toeplitz((c, r), b), (A[0], A[1], A[2])),
    "matmul_toeplitz": (lambda lib, c, x: lib.matmul_toeplitz(c, x), (A[0], A)),
    "solve_circulant": (lambda lib, c, b: lib.solve_circulant(c, b), (A[0], A)),
    "khatri_rao": (lambda lib, a, b: lib.khatri_rao(a, b), (A, A[:2])),
}


@pytest.mark.parametrize("name", [*CASES, *ONLY_SCIPY])
def test_values_are_scipys(name):
    function, args = (CASES | ONLY_SCIPY)[name]
    found = evaluate(graph_of(lambda *xs: function(linalg, *xs), args), args)[0]
    np.testing.assert_allclose(found, function(sl, *args), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_jax(name):
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    jsl = pytest.importorskip("jax.scipy.linalg", reason="JAX is not installed")
    function, args = CASES[name]
    graph = graph_of(lambda *xs: np.sum(np.sin(function(linalg, *xs))), args)
    found = evaluate(vjp(RULES, graph, [True] * len(args)), [*args, 1.0])[1:]
    with jax.enable_x64(True):
        wanted = jax.grad(
            lambda *xs: jax.numpy.sum(jax.numpy.sin(function(jsl, *xs))), argnums=tuple(range(len(args)))
        )(*args)
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ONLY_SCIPY)
def test_derivatives_are_those_of_differences(name):
    function, args = ONLY_SCIPY[name]
    assert_derivatives(graph_of(lambda *xs: function(linalg, *xs), args), args, np.random.default_rng(2))


@pytest.mark.parametrize(
    "name", ["solve_triangular", "cho_solve", "expm", "block_diag", "solve_sylvester", "sqrtm", "lu", "polar"]
)
def test_derivatives_of_derivatives(name):
    function, args = (CASES | ONLY_SCIPY)[name]
    rng = np.random.default_rng(1)
    graph = graph_of(lambda *xs: function(linalg, *xs), [0.3 * a if name == "expm" else a for a in args])
    args = [0.3 * a if name == "expm" else a for a in args]
    reverse = assert_derivatives(graph, args, rng)
    assert_derivatives(reverse, [*args, rng.normal(size=graph.outs[0].aval.shape)], rng)


def test_expm_of_many_matrices_scales_each_by_itself():
    many = np.stack([A, 30 * A, np.zeros((4, 4))])
    found = evaluate(graph_of(lambda a: linalg.expm(a), (many,)), [many])[0]
    for ours, matrix in zip(found, many, strict=True):
        np.testing.assert_allclose(ours, sl.expm(matrix), rtol=1e-11)


def test_sylvester_of_complex_matrices_and_of_many():
    args = np.stack([A + 1j * S, S - 1j * A]), S.astype(complex), A + 0j
    found = evaluate(graph_of(lambda a, b, q: linalg.solve_sylvester(a, b, q), args), args)[0]
    for x, a in zip(found, args[0], strict=True):
        np.testing.assert_allclose(a @ x + x @ args[1], args[2], rtol=1e-11, atol=1e-11)


def test_a_root_that_is_not_real_is_nan():
    turned = np.diag([-1.0, 4.0])
    found = evaluate(graph_of(lambda a: linalg.sqrtm(a), (turned,)), [turned])[0]
    assert np.all(np.isnan(found))
    found = evaluate(graph_of(lambda a: linalg.sqrtm(a), (turned + 0j,)), [turned + 0.0j])[0]
    assert np.all(np.isnan(found)) or np.allclose(found @ found, turned)


@pytest.mark.parametrize(
    "function",
    [
        lambda a: linalg.qr(a, pivoting=True)[0],
        lambda a: linalg.eigh(a, subset_by_value=(0.0, 1.0))[0],
        lambda a: linalg.eig(a, a)[0],
        lambda a: linalg.schur(a)[0],
    ],
)
def test_what_is_not_there_is_refused(function):
    with pytest.raises(UnsupportedFunctionError, match=r"scipy\.linalg"):
        graph_of(function, (A,))


def test_where_nothing_is_traced_it_is_scipy():
    assert linalg.expm(np.zeros((2, 2))).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert linalg.hilbert is sl.hilbert
    assert scipy.optimize.__name__ == "scipy.optimize"
    assert bp.scipy.linalg is linalg
    assert "expm" in dir(linalg)
    with pytest.raises(AttributeError):
        _ = linalg.no_such_function
