"""custom_vjp, custom_jvp, nondifferentiable: structures, options, guards, generated code; errors name the rule."""

import pickle
import re

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import (
    ArgumentError,
    DtypeError,
    LeakedTracerError,
    NotDifferentiableError,
    ShapeError,
    StructureError,
)
from staticbp.testing import check_grads

X = np.array([0.5, -1.0, 2.0])


@bp.record
class Line:
    slope: np.ndarray
    shift: float
    points: int


@bp.custom_vjp
def fitted(line, x):
    return {"y": line.slope * x + line.shift, "n": line.points + 1, "label": "line"}


def fitted_forward(line, x):
    return fitted(line, x), (line.slope, x, "anything")


def fitted_backward(saved, ct):
    slope, x, _ = saved
    g = ct["y"]
    return Line(g * x, np.sum(g), None), g * slope


fitted.defvjp(fitted_forward, fitted_backward)


@bp.custom_vjp(nondiff_argnums=(1, 2))
def powered(x, n, function):
    return function(x) ** n


def powered_forward(x, n, function):
    return powered(x, n, function), x


def powered_backward(n, function, x, g):
    return (g * n * function(x) ** (n - 1) * np.cos(x),)


powered.defvjp(powered_forward, powered_backward)


def same_text(one, other):
    """Whether two programs differ in their comments and docstrings only."""
    plain = [re.sub(r"\s*#.*", "", text.split('"""')[2]) for text in (one, other)]
    return [line for line in plain[0].splitlines() if line] == [line for line in plain[1].splitlines() if line]


def test_structures_go_in_and_come_out():
    line = Line(X, 0.25, 3)
    out = fitted(line, 2.0 * X)
    assert np.array_equal(out["y"], 2 * X * X + 0.25)
    assert (out["n"], out["label"]) == (4, "line")

    def total(slope, shift, x):
        return np.sum(fitted(Line(slope, shift, 3), x)["y"] ** 2)

    check_grads(total, (X, 0.25, 2.0 * X), order=1)


def test_options_are_python_values():
    f = bp.grad(lambda x: np.sum(powered(x, 3, np.sin)))
    assert np.allclose(f(X), 3 * np.sin(X) ** 2 * np.cos(X))
    assert powered(0.5, 2, np.sin) == np.sin(0.5) ** 2  # called by itself, they are static
    assert powered(0.5, np.array(2), np.sin) == np.sin(0.5) ** 2  # or traced, if arrays
    with pytest.raises(NotDifferentiableError, match="nondiff_argnums"):
        bp.grad(lambda n: np.sum(powered(X, n, np.sin)))(2.0)


def test_defaults_and_names():
    @bp.custom_vjp
    def scaled(x, by=2.0):
        return x * by

    scaled.defvjp(lambda x, by: (x * by, by), lambda by, g: (g * by, None))
    assert scaled(3.0) == 6.0
    assert bp.grad(lambda x: scaled(by=4.0, x=x))(3.0) == 4.0

    @bp.custom_vjp
    def named(x, *, by):
        return x * by

    with pytest.raises(ArgumentError, match="named was given by by name"):
        named(1.0, by=2.0)


def test_the_code_is_what_it_would_be_without_the_rule():
    def gate(x):
        return 1 / (1 + np.exp(-x))

    @bp.Op
    def ruled(x):
        y = 1 / (1 + np.exp(-x))
        return y, lambda g: y * (1 - y) * g

    @bp.custom_jvp
    def forward(x):
        return np.tanh(x)

    @forward.defjvp
    def rule(primals, tangents):
        (x,), (dx,) = primals, tangents
        y = np.tanh(x)
        return y, dx * (1 - y * y)

    def loss(f):
        def loss(w, x):
            y = f(w @ x)
            return np.sum(y * y)

        return loss

    w = np.ones((40, 3))
    for f, plain in ((forward, np.tanh), (ruled, gate)):
        custom, built_in = loss(f), loss(plain)
        assert same_text(bp.inspect(custom, w, X).source, bp.inspect(built_in, w, X).source)
        text = bp.grad(custom).inspect(w, X).source
        assert len(text.splitlines()) <= len(bp.grad(built_in).inspect(w, X).source.splitlines()) + 4
    assert same_text(bp.grad(loss(forward)).inspect(w, X).source, bp.grad(loss(np.tanh)).inspect(w, X).source)


def test_per_sample_rules_become_one_product():
    @bp.Op
    def apply(m, v):
        return m @ v, lambda g: (np.outer(g, v), m.T @ g)

    def loss(m, vs):
        return np.sum(bp.vmap(lambda v: np.tanh(apply(m, v)))(vs) ** 2)

    text = bp.grad(loss, (0, 1)).inspect(np.ones((20, 30)), np.ones((16, 30))).source
    assert text.count("blas.gemm(") == 3
    assert "gemv" not in text


def test_what_a_rule_reads_is_watched():
    rate = 2.0

    @bp.custom_vjp
    def f(x):
        return x

    f.defvjp(lambda x: (x, None), lambda _, g: (rate * g,))
    gradient = bp.grad(lambda x: f(x) * 1.0)
    assert gradient(1.0) == 2.0
    rate = 5.0
    assert gradient(1.0) == 5.0


def test_a_rule_may_call_the_operation_and_read_what_is_around_it():
    def outer(w, x):
        @bp.custom_vjp
        def f(x):
            return np.sin(x)

        f.defvjp(lambda x: (f(x), x), lambda x, g: (g * np.cos(x) * w,))
        return np.sum(f(x))

    assert np.allclose(bp.grad(lambda x: outer(3.0, x))(X), 3 * np.cos(X))
    assert np.allclose(bp.grad(lambda x, w: outer(w, x))(X, 3.0), 3 * np.cos(X))

    def deep(x, w):
        return np.sum(bp.grad(lambda y: outer(w, y))(x))

    assert np.allclose(bp.grad(deep)(X, 3.0), -3 * np.sin(X))

    def deeper(x, w):
        def f(x):
            return np.sum(operation(x))

        @bp.custom_vjp
        def operation(x):
            return np.sin(x)

        operation.defvjp(lambda x: (operation(x) * w / w, operation(x)), lambda y, g: (g * y,))
        return np.sum(bp.grad(lambda x: np.sum(bp.grad(f)(x)))(x))

    with pytest.raises(LeakedTracerError, match="calls operation itself, and reads w from around it"):
        bp.compile(deeper)(X, 3.0)


def test_methods():
    class Model:
        rate = 3.0

        @bp.Op
        def f(self, x):
            return self.rate * x, lambda g: (None, self.rate * g)

    with pytest.raises(ArgumentError, match="a Model"):
        Model().f(2.0)

    @bp.record
    class Scale:
        by: float

        @bp.Op
        def apply(self, x):
            return self.by * x, lambda g: (Scale(np.sum(g * x)), g * self.by)

    assert np.array_equal(Scale(2.0).apply(X), 2 * X)
    assert bp.grad(lambda s: np.sum(s.apply(X)))(Scale(2.0)) == Scale(X.sum())


def test_pickling():
    again = pickle.loads(pickle.dumps(fitted))
    assert again is fitted


def test_a_rule_is_given_once():
    with pytest.raises(ArgumentError, match="fitted has its rule already"):
        fitted.defvjp(fitted_forward, fitted_backward)


def test_without_a_rule_there_is_no_derivative():
    bare = bp.custom_vjp(lambda x: x * x)
    assert bare(3.0) == 9.0
    with pytest.raises(NotDifferentiableError, match="call its defvjp"):
        bp.grad(bare)(3.0)
    with pytest.raises(NotDifferentiableError, match="call its defjvp"):
        bp.jvp(bp.custom_jvp(lambda x: x * x), (3.0,), (1.0,))


def test_nondifferentiable():
    @bp.nondifferentiable
    def steps(x):
        return np.floor(x), np.argsort(x)

    assert np.array_equal(steps(X)[0], np.floor(X))
    assert np.array_equal(bp.grad(lambda x: np.sum(x[steps(x)[1]] ** 2))(X), 2 * X)
    assert np.array_equal(bp.grad(lambda x: np.sum(x * steps(bp.stop_gradient(x))[0]))(X), np.floor(X))
    with pytest.raises(NotDifferentiableError, match="steps is marked as not differentiable") as caught:
        bp.grad(lambda x: np.sum(steps(x)[0]))(X)
    assert "test_custom.py" in str(caught.value)


def with_backward(backward):
    def product(x, y):
        return np.sum(x) * y

    def product_backward(saved, g):
        return backward(*saved, g)

    f = bp.custom_vjp(product)
    f.defvjp(lambda x, y: (product(x, y), (x, y)), product_backward)
    return bp.grad(lambda x, y: np.sum(f(x, y)))


@pytest.mark.parametrize(
    ("backward", "error", "message"),
    [
        (lambda x, y, g: (g * y, 0.0), ShapeError, r"the cotangent of y the shape \(\), where it has \(3,\)"),
        (lambda x, y, g: (np.sum(g * y), np.sum(x) * g), ShapeError, r"the cotangent of x the shape \(\), .* \(3,\)"),
        (lambda x, y, g: (None, g.astype(np.float32)), DtypeError, "the cotangent of y the dtype float32, .* float64"),
        (lambda x, y, g: (None,), StructureError, "returns 1, where a cotangent for each of 2 arguments"),
        (lambda x, y, g: None, StructureError, "returns a NoneType, where a cotangent for each of 2"),
        (lambda x, y, g: ([x], None), StructureError, r"the cotangent of x as \['\*'\]|the cotangent of x as"),
    ],
)
def test_errors_name_the_rule_and_its_line(backward, error, message):
    with pytest.raises(error, match=message) as caught:
        with_backward(backward)(X, X)
    assert "the rule product_backward of product" in str(caught.value)
    assert "test_custom.py" in str(caught.value)
    assert "def product_backward(saved, g):" in str(caught.value)


def test_errors_of_forward_rules():
    f = bp.custom_jvp(lambda x: (x, 2.0 * x))
    f.defjvp(lambda primals, tangents: (f(*primals), (tangents[0], np.sum(tangents[0]))))
    with pytest.raises(ShapeError, match=r"the tangent\[1\] the shape \(\), where it has \(3,\)"):
        f(X)
    g = bp.custom_jvp(lambda x: (x, 2.0 * x))
    g.defjvp(lambda primals, tangents: primals[0])
    with pytest.raises(StructureError, match="where a pair is expected: the value and its tangent"):
        g(X)
    h = bp.custom_vjp(lambda x: (x, 2.0 * x))
    h.defvjp(lambda x: (x, None), lambda _, g: g)
    with pytest.raises(StructureError, match="gives the value as"):
        h(X)


WRONG = {
    "a dropped term": (lambda m, v, g: (np.outer(g, v), np.zeros(3)), "v"),
    "a wrong sign": (lambda m, v, g: (-np.outer(g, v), m.T @ g), "m"),
    "transposed": (lambda m, v, g: (np.outer(v, g), m.T @ g), "m"),
    "not transposed": (lambda m, v, g: (np.outer(g, v), m @ g), "v"),
    "scaled by 1.0001": (lambda m, v, g: (1.0001 * np.outer(g, v), m.T @ g), "m"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_check_grads_finds_wrong_rules(fault):
    rule, argument = WRONG[fault]
    matrix_times = bp.Op(lambda m, v: (m @ v, lambda g: rule(m, v, g)))
    m = np.random.default_rng(0).normal(size=(3, 3))
    with pytest.raises(
        AssertionError, match=f"the derivative of output with respect to {argument} is off by"
    ) as caught:
        check_grads(matrix_times, (m, X), order=1, modes=("rev",))
    assert "by central differences" in str(caught.value)
