"""Graphs put together node by node: the same graphs, and the same functions, as traced ones."""

import re

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import (
    ArgumentError,
    DtypeError,
    MutationError,
    ShapeError,
    StructureError,
    TracedBranchError,
    UnsupportedFunctionError,
)

RNG = np.random.default_rng(5)
W1, B1, W2, B2 = RNG.normal(size=(4, 3)), RNG.normal(size=4), RNG.normal(size=(2, 4)), RNG.normal(size=2)
X, T = RNG.normal(size=3), np.array([0.0, 1.0])


def logistic(x):
    return 1 / (1 + np.exp(-x))


@bp.Op
def mat_vec(m, v):
    return m @ v, lambda g: (np.outer(g, v), m.T @ g)


def implicit(w1, b1, w2, b2, x, t):
    """The network of the first release, as a function."""
    z = logistic(w1 @ x + b1)
    y = logistic(w2 @ z + b2)
    err = y - t
    return np.dot(err, err)


def explicit(matmul):
    """The same as a graph."""
    g = bp.graph_builder("implicit")
    w1, b1 = g.input("w1", (4, 3)), g.input("b1", 4)
    w2, b2 = g.input("w2", (2, 4)), g.input("b2", 2)
    x, t = g.input("x", 3), g.input("t", 2)
    y1 = g.apply(matmul, w1, x, name="z_matvec")
    z = logistic(y1 + b1)
    y2 = g.apply(matmul, w2, z, name="y_matvec")
    y = logistic(y2 + b2)
    err = g.bind("err", y - t)
    result = g.apply(np.dot, err, err, name="vecdot")
    return g.build(result, argnums=(0, 1, 2, 3))


def without_lines(graph):
    return re.sub(r"\s+#.*", "", str(graph))


@pytest.mark.parametrize("matmul", [np.matmul, "matmul", "matvec"])
def test_the_network_of_the_first_release_is_the_same_graph_either_way(matmul):
    args = (W1, B1, W2, B2, X, T)
    net = explicit(matmul)
    traced = bp.inspect(implicit, *args)
    assert without_lines(net.graph) == without_lines(traced.stages["trace"])
    assert without_lines(net.inspect().graph) == without_lines(traced.graph)
    gradient = bp.grad(implicit, (0, 1, 2, 3))
    assert without_lines(net.grad.inspect(*args).graph) == without_lines(gradient.inspect(*args).graph)


def test_it_evaluates_and_differentiates_like_any_other():
    args = (W1, B1, W2, B2, X, T)
    net = explicit(np.matmul)
    assert net(*args) == pytest.approx(implicit(*args))
    assert net(W1, B1, W2, B2, t=T, x=X) == net(*args)
    for ours, wanted in zip(net.grad(*args), bp.grad(implicit, (0, 1, 2, 3))(*args), strict=True):
        assert np.allclose(ours, wanted, rtol=1e-12)
    rows = np.stack([X, 2 * X])
    many = bp.vmap(net, in_axes=(None, None, None, None, 0, None))(W1, B1, W2, B2, rows, T)
    assert np.allclose(many, [implicit(W1, B1, W2, B2, row, T) for row in rows])
    assert "test_graph_builder.py" in net.inspect().source


def test_custom_operations_are_nodes_too():
    net = explicit(mat_vec)
    args = (W1, B1, W2, B2, X, T)
    assert "custom[rule=mat_vec]" in str(net.graph)
    assert without_lines(net.inspect().graph) == without_lines(bp.inspect(implicit, *args).graph)


def test_nodes_are_arrays():
    g = bp.graph_builder("arrays")
    x = g.input("x", (3, 2), np.float32)
    assert (x.shape, x.dtype, x.ndim, len(x)) == ((3, 2), np.float32, 2, 3)
    first, *_ = x
    rows = np.stack([first, x[1] * 2.0])
    y = np.concatenate([rows.T.ravel(), x.sum(axis=0)]).astype(np.float64)
    build = g.build({"y": y, "n": 3, "largest": np.maximum.reduce(x, axis=None)})
    value = np.arange(6, dtype=np.float32).reshape(3, 2)
    out = bp.inspect(build, value).graph
    assert [a.dtype for a in out.out_avals] == [np.float32, np.float64]
    assert repr(y).startswith("<node y")
    assert repr(g) == f"<graph builder arrays(x): {len(build.graph.eqns)} equations>"
    assert str(g).startswith("graph arrays(x: f32[3,2])")


def test_structures_and_choices():
    @bp.record
    class Box:
        width: float
        height: float

    @bp.record
    class Ball:
        radius: float

    def area(like):
        g = bp.graph_builder("area")
        shape = g.input("shape", like=like)
        match shape:
            case Box(width, height):
                return g.build(width * height)
            case Ball(radius):
                return g.build(np.pi * radius**2)

    box = area(Box(1.0, 1.0))
    assert box.grad(Box(3.0, 4.0)) == Box(4.0, 3.0)
    with pytest.raises(StructureError, match=r"shape was declared as .*Box") as caught:
        box(Ball(1.0))
    assert 'shape = g.input("shape", like=like)' in str(caught.value)

    g = bp.graph_builder("branches")
    x = g.input("x")
    y = g.apply(bp.cond, x > 0, np.sin, lambda x: x * x, x)
    either = g.build(y)
    assert (either(2.0), either(-3.0), either.grad(-3.0)) == (np.sin(2.0), 9.0, -6.0)
    assert "    if " in either.inspect().source

    h = bp.graph_builder("classes")
    x = h.input("x", 3)
    assert h.build(h.apply("logsumexp", x))(np.zeros(3)) == pytest.approx(np.log(3.0))


def test_constants_are_read_at_each_call():
    rate = np.array([1.0, 2.0])
    g = bp.graph_builder("scaled")
    x = g.input("x", 2)
    out = g.build(np.sum(g.constant("rate", rate) * x * g.constant("two", 2.0)))
    assert "rate: f64[2]" in str(out.graph)
    assert out(np.ones(2)) == 6.0
    assert "rate" in out.inspect().source
    rate[0] = 10.0
    assert out(np.ones(2)) == 24.0


def test_errors_name_the_line_of_the_builder():
    g = bp.graph_builder("g")
    x = g.input("x", 3)
    with pytest.raises(ShapeError) as caught:
        g.apply(np.matmul, x, np.ones((2, 2)))
    assert "g.apply(np.matmul, x, np.ones((2, 2)))" in str(caught.value)
    with pytest.raises(ShapeError) as caught:
        x + np.ones(2)
    assert "x + np.ones(2)" in str(caught.value)
    with pytest.raises(UnsupportedFunctionError, match=r"no operation called 'tahn'(.|\n)*tanh"):
        g.apply("tahn", x)
    with pytest.raises(ArgumentError, match="'x': it is taken"):
        g.input("x")
    with pytest.raises(ArgumentError, match="'2x': it is no name"):
        g.input("2x")
    with pytest.raises(DtypeError, match="input z"):
        g.input("z", (), "U3")
    with pytest.raises(TracedBranchError, match=r"Leave the assert out"):
        assert x[0]
    with pytest.raises(MutationError):
        x += 1.0
    other = bp.graph_builder("h")
    with pytest.raises(ArgumentError, match="belongs to the graph g, and is used in h"):
        other.apply(np.sin, x)

    f = g.build(np.sum(x))
    with pytest.raises(ShapeError, match=r"x was declared with shape \(3,\)") as caught:
        f(np.ones(4))
    assert 'x = g.input("x", 3)' in str(caught.value)
    with pytest.raises(DtypeError, match=r"astype\(np.float64\)"):
        f(np.ones(3, np.float32))
    with pytest.raises(ArgumentError, match="missing a required argument"):
        f()
