"""Products and norms: what is recorded for them, their dtypes, what they refuse. Values: ``cases_linalg.py``."""

import numpy as np
import pytest

from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.check import check_graph
from staticbp.core.graph import Graph
from staticbp.core.interpret import interpret
from staticbp.core.shape import symbol
from staticbp.core.text import graph_text
from staticbp.errors import NumpyCallError, ShapeError, StaticbpError, UnsupportedFunctionError
from staticbp.trace.trace import trace
from staticbp.transforms.batch import batch
from staticbp.transforms.jvp import jvp
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.cases_linalg import CASES
from tests.ops.checks import assert_value, graph_of


def x(*dims: int) -> np.ndarray:
    return np.random.default_rng(len(dims)).normal(size=dims)


def ops_of(graph: Graph) -> list[str]:
    return [eqn.op.name for eqn in graph.eqns]


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint8])
def test_every_case_in_other_dtypes(dtype):
    for name, function, args in CASES:
        if dtype == np.uint8 and "norm" in name:
            continue
        assert_value(function, [np.asarray(3 * a).astype(dtype) for a in args])


def test_products_of_booleans_are_logical():
    a, b = x(3, 4) > 0, x(4) > 0
    for function in (np.matmul, np.dot, np.inner):
        assert_value(function, [a, b])
    assert_value(np.outer, [a[0], b])
    assert_value(lambda p, q: np.einsum("ij,j->i", p, q), [a, b])


def test_operands_of_different_dtypes_are_promoted():
    assert_value(np.matmul, [x(3, 4).astype(np.float32), x(4)])
    assert_value(np.matmul, [np.arange(12).reshape(3, 4), x(4).astype(np.float32)])
    assert_value(lambda a: np.dot(a, 2), [x(3).astype(np.float32)])
    assert_value(lambda a: np.outer(a, 0.5), [x(3).astype(np.float32)])
    assert_value(lambda a: np.einsum("i,->i", a, 2), [np.arange(3, dtype=np.int8)])


def text_of(graph: Graph) -> list[str]:
    return [line.strip() for line in graph_text(graph, comments=False).splitlines()[1:]]


def test_a_product_is_one_equation():
    def layer(W, h, b):
        z = W @ h + b
        return z

    assert text_of(graph_of(layer, [x(3, 4), x(4), x(3)])) == [
        "z_matvec: f64[3] = matvec x0 x1",
        "z: f64[3] = add z_matvec x2",
        "return z",
    ]


def test_the_derivative_of_a_product_is_two_products():
    graph = vjp(RULES, graph_of(lambda W, h: W @ h, [x(3, 4), x(4)]), [True, True])
    assert ops_of(graph) == ["matvec", "outer", "vecmat"]
    graph = vjp(RULES, graph_of(lambda A, B: A @ B, [x(3, 4), x(4, 2)]), [True, True])
    assert ops_of(graph) == ["matmul", "transpose", "matmul", "transpose", "matmul"]


@pytest.mark.parametrize(
    ("function", "shapes", "batched", "recorded"),
    [
        (lambda W, h: W @ h, [(3, 4), (4,)], [False, True], ["transpose", "matmul"]),
        (lambda W, h: W @ h, [(3, 4), (4,)], [True, False], ["reshape", "matvec", "reshape"]),
        (lambda W, h: W @ h, [(3, 4), (4,)], [True, True], ["matvec"]),
        (lambda h, W: h @ W, [(3,), (3, 4)], [True, False], ["matmul"]),
        (lambda a, b: a @ b, [(4,), (4,)], [True, False], ["matvec"]),
        (lambda a, b: a @ b, [(4,), (4,)], [False, True], ["matvec"]),
        (lambda A, B: A @ B, [(3, 4), (4, 2)], [True, False], ["reshape", "matmul", "reshape"]),
    ],
)
def test_many_products_are_one(function, shapes, batched, recorded):
    graph, _ = batch(RULES, graph_of(function, [x(*s) for s in shapes]), 5, batched)
    assert ops_of(graph) == recorded


def test_transposed_operands_come_as_plain_transposes():
    graph = graph_of(lambda A, B: np.einsum("ki,kj->ij", A, B), [x(5, 3), x(5, 2)])
    assert ops_of(graph) == ["transpose", "matmul"]
    graph = graph_of(lambda A, B: np.inner(A, B), [x(3, 5), x(2, 5)])
    assert ops_of(graph) == ["transpose", "matmul"]
    graph = graph_of(lambda A, v: np.einsum("ki,k->i", A, v), [x(5, 3), x(5)])
    assert set(ops_of(graph)) <= {"transpose", "matvec", "vecmat"}


def test_einsum_contracts_in_the_cheaper_order():
    graph = graph_of(lambda a, B, C: np.einsum("i,ij,jk->k", a, B, C), [x(30), x(30, 30), x(30, 30)])
    assert ops_of(graph) == ["vecmat", "vecmat"]


def test_norms_have_derivative_zero_at_zero():
    for function in (
        np.linalg.norm,
        lambda v: np.linalg.norm(v, axis=0),
        lambda v: np.linalg.norm(v, 3),
        lambda v: np.linalg.norm(v, 1),
    ):
        graph = graph_of(function, [np.zeros(3)])
        value, bar = interpret(vjp(RULES, graph, [True]), [np.zeros(3), np.ones(())])
        assert value == 0
        np.testing.assert_array_equal(bar, np.zeros(3))
        _, dot = interpret(jvp(RULES, graph, [True]), [np.zeros(3), np.ones(3)])
        assert dot == 0


def test_norms_propagate_nan_and_infinity():
    for bad in (np.nan, np.inf):
        assert_value(np.linalg.norm, [np.array([1.0, bad])])


@pytest.mark.parametrize(
    ("function", "shapes", "error"),
    [
        (np.matmul, [(3, 4), (3,)], ShapeError),
        (np.matmul, [(3, 4), ()], ShapeError),
        (np.matmul, [(2, 3, 4), (3, 4, 5)], ShapeError),
        (np.dot, [(3, 4), (3,)], ShapeError),
        (lambda a, b: np.dot(a, b, out=np.zeros(())), [(3,), (3,)], UnsupportedFunctionError),
        (np.vdot, [(3, 4), (3,)], ShapeError),
        (lambda a, b: np.tensordot(a, b, 3), [(3, 4), (4, 3)], ShapeError),
        (lambda a, b: np.tensordot(a, b, ([0], [0, 1])), [(3, 4), (4, 3)], ShapeError),
        (lambda a, b: np.tensordot(a, b, 1), [(3, 4), (3, 4)], ShapeError),
        (lambda a: np.einsum("ij->ik", a), [(3, 4)], NumpyCallError),
        (lambda a: np.einsum("ijk", a), [(3, 4)], ShapeError),
        (lambda a: np.einsum("ii", a), [(3, 4)], ShapeError),
        (lambda a: np.einsum("ij->ii", a), [(3, 4)], NumpyCallError),
        (lambda a: np.einsum("i1", a), [(3, 4)], NumpyCallError),
        (lambda a, b: np.einsum("ij,jk", a, b), [(3, 4), (3, 4)], ShapeError),
        (lambda a: np.einsum("ij,jk", a), [(3, 4)], NumpyCallError),
        (lambda a: np.linalg.norm(a, "max"), [(3, 4)], UnsupportedFunctionError),  # type: ignore[call-overload]
        (lambda a: np.linalg.norm(a, axis=(0, 1, 2)), [(3, 4, 5)], ShapeError),
        (lambda a: np.linalg.matrix_power(a, 2), [(3, 4)], ShapeError),
        (np.linalg.det, [(3, 4)], ShapeError),
        (lambda a, b: np.linalg.solve(a, b), [(3, 3), (4,)], ShapeError),
        (lambda a: np.linalg.qr(a, mode="raw"), [(3, 3)], UnsupportedFunctionError),
        (lambda a: np.linalg.eigh(a, UPLO="X"), [(3, 3)], UnsupportedFunctionError),  # type: ignore[call-overload]
        (lambda a: np.linalg.svd(a, hermitian=True), [(3, 3)], UnsupportedFunctionError),
    ],
)
def test_what_is_refused_names_the_line(function, shapes, error):
    with pytest.raises(error) as caught:
        graph_of(lambda *args: function(*args), [x(*s) for s in shapes])
    assert isinstance(caught.value, StaticbpError)
    assert "test_linalg.py" in str(caught.value.src)


def test_symbolic_sizes():
    n = symbol("n")
    avals = [Aval((n, 3), FLOAT64), Aval((3, 2), FLOAT64), Aval((n,), FLOAT64)]

    def function(X, W, v):
        return [X @ W, v @ X, X.T @ X, np.einsum("ni,nj->ij", X, X @ W), np.outer(v, v), np.linalg.norm(X, axis=1)]

    graph = check_graph(trace(function, "f", avals, ["X", "W", "v"]))
    listed = [",".join(map(str, aval.shape)) for aval in graph.out_avals]
    assert listed == ["n,2", "3", "3,3", "3,2", "n,n", "n"]
    reverse = check_graph(vjp(RULES, graph, [True, True, True]))
    assert [str(a) for a in reverse.out_avals[-3:]] == ["f64[n,3]", "f64[3,2]", "f64[n]"]
