"""Decompositions and systems: against JAX, where they fail, what they refuse, what is computed once.

Values and derivatives: ``cases_decompositions.py`` and ``cases_complex.py``.
"""

import numpy as np
import pytest

import staticbp as bp
from staticbp.core.graph import Graph
from staticbp.errors import DtypeError, LinAlgError, NotDifferentiableError, ShapeError
from staticbp.passes.expand import expand
from staticbp.passes.lower import lower
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.checks import evaluate, graph_of
from tests.support import assert_lowered, execute, source_of

RNG = np.random.default_rng(7)
A = RNG.normal(size=(4, 4)) + 3 * np.eye(4)
S = A @ A.T + np.eye(4)
B = RNG.normal(size=(4, 3))
TALL, WIDE = RNG.normal(size=(5, 3)), RNG.normal(size=(3, 5))

LOSSES = {
    "solve": (lambda n, a, b: n.sum(n.sin(n.linalg.solve(a, b))), (A, B)),
    "inv": (lambda n, a: n.sum(n.sin(n.linalg.inv(a))), (np.stack([A, S]),)),
    "det": (lambda n, a: n.linalg.det(a), (A,)),
    "slogdet": (lambda n, a: n.sum(n.linalg.slogdet(a)[1]), (np.stack([A, S]),)),
    "cholesky": (lambda n, a: n.sum(n.sin(n.linalg.cholesky(a))), (S,)),
    "qr": (lambda n, a: n.sum(n.sin(n.linalg.qr(a)[0])) + n.sum(n.cos(n.linalg.qr(a)[1])), (TALL,)),
    "svd": (lambda n, a: n.sum(n.abs(n.linalg.svd(a, full_matrices=False)[2]) ** 3), (WIDE,)),
    "singular values": (lambda n, a: n.sum(n.sin(n.linalg.svdvals(a))), (WIDE,)),
    "eigh": (lambda n, a: n.sum(n.sin(n.linalg.eigh(a)[0])) + n.sum(n.abs(n.linalg.eigh(a)[1]) ** 3), (S,)),
    "eigvalsh": (lambda n, a: n.sum(n.sin(n.linalg.eigvalsh(a))), (S,)),
    "eigvals": (lambda n, a: n.sum(n.abs(n.linalg.eigvals(a) - 1) ** 2), (A,)),
    "pinv": (lambda n, a: n.sum(n.sin(n.linalg.pinv(a))), (TALL,)),
    "lstsq": (lambda n, a, b: n.sum(n.sin(n.linalg.lstsq(a, b)[0])), (TALL, np.ones(5))),
    "nuclear norm": (lambda n, a: n.linalg.norm(a, "nuc"), (TALL,)),
    "condition": (lambda n, a: n.linalg.cond(a), (A,)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_jax(name):
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    loss, args = LOSSES[name]
    count = len(args)
    graph = graph_of(lambda *xs: loss(np, *xs), args)
    found = evaluate(vjp(RULES, graph, [True] * count), [*args, 1.0])[1:]
    with jax.enable_x64(True):
        wanted = jax.grad(lambda *xs: loss(jax.numpy, *xs), argnums=tuple(range(count)))(*args)
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


KERNELS = [
    lambda a: np.linalg.solve(a, a[:, 0]),
    lambda a: np.linalg.inv(a),
    lambda a: tuple(np.linalg.slogdet(a)),
    lambda a: np.linalg.cholesky(a @ a.T),
    lambda a: tuple(np.linalg.qr(a[:, :2])),
    lambda a: tuple(np.linalg.qr(a[:, :2], mode="complete")),
    lambda a: tuple(np.linalg.svd(a[:2])),
    lambda a: tuple(np.linalg.svd(a[:2], full_matrices=False)),
    lambda a: np.linalg.svdvals(a),
    lambda a: tuple(np.linalg.eigh(a + a.T)),
    lambda a: np.linalg.eigvalsh(a + a.T),
    lambda a: tuple(np.linalg.eig(a)),
    lambda a: np.linalg.eigvals(a),
    lambda a: np.linalg.matrix_rank(a),
    lambda a: np.linalg.lstsq(a[:, :2], a[:, 2]),
    lambda a: bp.scipy.linalg.expm(a),
    lambda a: bp.scipy.linalg.sqrtm(a),
    lambda a: bp.scipy.linalg.solve_sylvester(a, a[:3, :3], a[:, :3]),
    lambda a: bp.scipy.linalg.solve_triangular(a, a[0], trans=1, lower=True),
]


@pytest.mark.parametrize("number", range(len(KERNELS)))
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 1e-3)])
def test_generated_text_computes_what_the_graph_says(number, dtype, tolerance):
    args = [A.astype(dtype)]
    assert_lowered(expand(graph_of(lambda a: KERNELS[number](a), args)), args, tolerance)


def failing(graph: Graph, *args: np.ndarray) -> str:
    """What the status says that the generated text ends with."""
    graph = expand(graph)
    schedule = lower(graph)
    status, _ = execute(schedule, source_of(graph), args, [array for _, array in graph.consts])
    failure = schedule.failures[status - 1] if status else None
    return "" if failure is None else f"{failure.kind}: {failure.message}"


@pytest.mark.parametrize(
    ("function", "bad", "words"),
    [
        (lambda a: np.linalg.solve(a, np.ones(2)), np.ones((2, 2)), "the matrix is singular"),
        (lambda a: np.linalg.inv(a), np.zeros((2, 2)), "the matrix is singular"),
        (lambda a: np.linalg.inv(a), np.stack([np.eye(2), np.ones((2, 2))]), "the matrix is singular"),
        (lambda a: np.linalg.cholesky(a), -np.eye(2), "not positive definite"),
        (lambda a: np.linalg.svdvals(a), np.full((2, 2), np.nan), "does not converge"),
        (lambda a: bp.scipy.linalg.solve_triangular(a, np.ones(2)), np.diag([1.0, 0.0]), "the matrix is singular"),
        (
            lambda a: bp.scipy.linalg.solve_sylvester(a, -np.eye(2), a),
            np.eye(2),
            "an eigenvalue of a is minus one of b",
        ),
    ],
)
def test_failures_are_statuses(function, bad, words):
    graph = graph_of(function, (bad,))
    assert words in failing(graph, bad)
    assert failing(graph, bad).startswith("LinAlgError")
    good = np.broadcast_to(np.array([[2.0, 0.5], [0.5, 1.0]]), bad.shape)
    assert failing(graph, good) == ""


def test_errors_name_the_line_and_are_numpys():
    @bp.differentiable
    def evidence(K, y):
        low = np.linalg.cholesky(K)
        return y @ np.linalg.solve(K, y) + np.sum(np.log(np.diagonal(low)))

    with pytest.raises(np.linalg.LinAlgError, match="not positive definite") as caught:
        evidence.grad(-np.eye(3), np.ones(3))
    assert isinstance(caught.value, LinAlgError)
    assert "np.linalg.cholesky(K)" in str(caught.value.src)
    K = np.array([[2.0, 0.5], [0.5, 1.0]])
    inverse = np.linalg.inv(K)
    x = inverse @ np.ones(2)
    np.testing.assert_allclose(evidence.grad(K, np.ones(2)), inverse / 2 - np.outer(x, x), rtol=1e-12)


def test_a_matrix_is_factorised_once():
    def loss(a, b):
        return np.sum(np.linalg.solve(a, b)) + np.linalg.slogdet(a)[1]

    text = bp.grad(loss, (0, 1)).inspect(A, B).source
    assert text.count("linalg.lu_factor") == 1


def test_right_hand_sides_of_one_matrix_are_solved_together():
    graph = graph_of(lambda a, b: np.linalg.solve(a, b), (A, np.stack([B, B])))
    solved = [eqn for eqn in graph.eqns if eqn.op.name == "lu_solve"]
    assert [eqn.outs[0].aval.shape for eqn in solved] == [(6, 4)]
    many, _ = RULES.batch(graph_of(lambda a, b: np.linalg.solve(a, b), (A, B)), 5, [False, True])
    solved = [eqn for eqn in many.eqns if eqn.op.name == "lu_solve"]
    assert [eqn.outs[0].aval.shape for eqn in solved] == [(15, 4)]


def test_gradients_of_symmetric_functions_are_symmetric():
    for loss in (lambda a: np.sum(np.sin(np.linalg.cholesky(a))), lambda a: np.linalg.eigh(a)[1][0, 0] ** 2):
        graph = graph_of(loss, (S,))
        _, bar = evaluate(vjp(RULES, graph, [True]), [S, 1.0])
        np.testing.assert_allclose(bar, bar.T, atol=1e-14)


def test_equal_eigenvalues_turn_nothing():
    def loss(a):
        w, v = np.linalg.eigh(a)
        return np.sum((v * np.exp(w)) @ v.T)  # depends on the spaces only

    start = np.eye(3)
    _, bar = evaluate(vjp(RULES, graph_of(loss, (start,)), [True]), [start, 1.0])
    assert np.all(np.isfinite(bar))
    np.testing.assert_allclose(np.diagonal(bar), np.e, rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        (lambda a: np.linalg.svd(a[:2])[2][0, 0], NotDifferentiableError, "full_matrices=False"),
        (lambda a: np.linalg.qr(a[:, :2], mode="complete")[0][0, 0], NotDifferentiableError, "mode='reduced'"),
    ],
)
def test_bases_that_could_be_others_have_no_derivative(function, error, words):
    with pytest.raises(error, match=words):
        vjp(RULES, graph_of(function, (A,)), [True])


@pytest.mark.parametrize(
    ("function", "args", "error"),
    [
        (np.linalg.inv, (np.ones((2, 3)),), ShapeError),
        (np.linalg.cholesky, (np.ones(3),), ShapeError),
        (np.linalg.solve, (np.eye(2), np.ones((3, 1))), ShapeError),
        (np.linalg.svd, (np.ones(3),), ShapeError),
        (lambda a: bp.scipy.linalg.expm(a), (np.ones((2, 3)),), ShapeError),
        (lambda a: np.linalg.tensorinv(a, 0), (np.eye(2),), ShapeError),
        (lambda a: np.linalg.lstsq(a, a[0, 0]), (np.eye(2),), ShapeError),
    ],
)
def test_misfits_are_refused(function, args, error):
    with pytest.raises(error) as caught:
        graph_of(lambda *xs: function(*xs), args)
    assert "test_decompositions.py" in str(caught.value.src)


def test_integers_become_floats():
    whole = np.array([[2, 1], [1, 3]])
    for function in (np.linalg.inv, np.linalg.det, np.linalg.cholesky, np.linalg.svdvals, np.linalg.eigvalsh):
        graph = graph_of(lambda a, function=function: function(a), (whole,))
        np.testing.assert_allclose(evaluate(graph, [whole])[0], function(whole), rtol=1e-13)


def test_ranks():
    for matrix in (np.eye(3), np.ones((3, 3)), np.zeros((3, 3)), np.ones(3)):
        graph = graph_of(lambda a: np.linalg.matrix_rank(a), (matrix,))
        assert evaluate(graph, [matrix])[0] == np.linalg.matrix_rank(matrix)


def test_float16_is_refused():
    with pytest.raises(DtypeError):
        graph_of(lambda a: np.linalg.inv(a), (np.eye(2, dtype=np.float16),))
