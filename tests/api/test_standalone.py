"""`njit`, `cfunc` and `export`: functions for Numba's code, for C's, and for a file, with the results of ours."""

import numba
import numpy as np
import pytest
from scipy import integrate

import staticbp as bp
from staticbp.core.tree import leaves_of

rng = np.random.default_rng(0)


@bp.record
class Layer:
    weights: np.ndarray
    bias: np.ndarray


@bp.differentiable
def loss(layer, x, scale):
    hidden = np.tanh(layer.weights @ x + layer.bias)
    return scale * np.sum(np.log1p(hidden * hidden))


LAYER = Layer(rng.normal(size=(5, 3)), rng.normal(size=5))
PAIR = (LAYER.weights, LAYER.bias)
X = rng.normal(size=3)


def flat(nested):
    """The leaves of nested tuples."""
    return [leaf for part in nested for leaf in flat(part)] if isinstance(nested, tuple) else [nested]


def assert_same_bits(found, wanted):
    for ours, theirs in zip(flat(found), leaves_of(wanted), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.fixture(scope="module")
def gradient():
    return bp.njit(loss.value_and_grad, LAYER, X, 2.0)


class TestNjit:
    def test_takes_and_returns_nested_tuples(self, gradient):
        value, (weights, bias) = gradient(PAIR, X, 2.0)
        assert_same_bits((value, (weights, bias)), loss.value_and_grad(LAYER, X, 2.0))

    def test_inside_a_parallel_loop_that_holds_no_lock(self, gradient):
        @numba.njit(parallel=True, nogil=True)
        def slopes(weights, biases, x):
            values = np.empty(len(weights))
            results = np.empty_like(biases)
            for k in numba.prange(len(weights)):
                value, (_, slope) = gradient((weights[k], biases[k]), x, 2.0)
                values[k] = value
                results[k] = slope
            return values, results

        weights, biases = rng.normal(size=(200, 5, 3)), rng.normal(size=(200, 5))
        values, results = slopes(weights, biases, X)
        for k in range(200):
            wanted, slope = loss.value_and_grad(Layer(weights[k], biases[k]), X, 2.0)
            assert values[k] == wanted
            np.testing.assert_array_equal(results[k], slope.bias)

    def test_arrays_of_any_layout(self, gradient):
        strided = np.repeat(LAYER.weights, 2, axis=1)[:, ::2]
        transposed = np.asfortranarray(LAYER.weights)
        for weights in (strided, transposed):
            assert_same_bits(gradient((weights, LAYER.bias), X, 2), loss.value_and_grad(LAYER, X, 2.0))

    def test_another_shape_is_refused_by_name(self, gradient):
        with pytest.raises(ValueError, match=r"loss_value_and_grad: x has to be an array of float64 and shape \(3,\)"):
            gradient(PAIR, np.ones(4), 2.0)

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            ((PAIR, X.astype(np.float32), 2.0), "x has to be an array of float64"),
            ((PAIR, np.ones((3, 1)), 2.0), "x has to be an array of float64"),
            ((PAIR, X, 1j), "scale has to be a number that float64 can hold"),
            ((PAIR, X, X), "scale has to be a number that float64 can hold"),
            ((PAIR[:1], X, 2.0), "expected 2, got 1"),
        ],
    )
    def test_another_type_is_refused_by_name(self, gradient, args, message):
        with pytest.raises(numba.TypingError, match=message):
            gradient(*args)

    def test_a_pullback_is_one_call(self):
        @bp.differentiable(argnums=(0, 1))
        def product(a, b):
            return a * np.sin(b)

        a, b = np.array([1.0, 2.0]), np.array([0.5, 0.7])
        pulled = product.vjp.njit(a, b)
        output, pullback = product.vjp(a, b)
        cotangent = np.array([1.0, -2.0])
        assert_same_bits(pulled(a, b, cotangent), (output, pullback(cotangent)))

    def test_a_method_takes_its_instance_first(self):
        @bp.record
        class Line:
            slope: float

            @bp.differentiable
            def at(self, x):
                return np.sin(self.slope * x)

        line = Line(0.5)
        found = line.at.njit(2.0)((0.5,), 2.0)
        assert found == line.at(2.0)

    def test_what_is_read_stays_what_it_was(self):
        table = np.array([1.0, 2.0, 4.0])

        @bp.compile
        def looked_up(x):
            return np.sum(table * x)

        fixed = looked_up.njit(1.0)
        table[:] = 0.0
        assert fixed(1.0) == 7.0
        assert looked_up(1.0) == 0.0

    def test_zeros_constants_and_static_arguments(self):
        @bp.compile(static_argnums=1)
        def mixed(x, times, options):
            return {"zero": np.zeros(2) * 0.0, "plain": 3, "x": [x * times, None]}

        found = mixed.njit(np.ones(2), 2, {"unused": "text"})
        plain, (doubled, nothing), zero = found(np.ones(2))
        assert plain == 3
        assert nothing is None
        np.testing.assert_array_equal(zero, [0.0, 0.0])
        np.testing.assert_array_equal(doubled, [2.0, 2.0])

    def test_donated_arguments_are_kept(self):
        @bp.compile(donate_argnums=0)
        def step(x):
            return 0.5 * x

        x = np.ones(3)
        found = step.njit(x)(x)
        np.testing.assert_array_equal(x, 1.0)
        np.testing.assert_array_equal(found, 0.5)

    def test_a_failure_is_an_exception_there_too(self):
        @bp.compile
        def element(x, i):
            return x[i]

        found = element.njit(X, 0)
        assert found(X, 1) == X[1]
        with pytest.raises(IndexError, match="x\\[i\\]"):
            found(X, 3)


class TestCallback:
    def test_of_a_number(self):
        @bp.differentiable
        def f(x):
            return np.sin(x) * np.exp(-x)

        found, error = integrate.quad(bp.cfunc(f.grad, 0.0), 0.0, 2.0)
        assert error < 1e-10
        np.testing.assert_allclose(found, f(2.0) - f(0.0), rtol=1e-12)

    def test_of_a_vector_and_of_numbers(self):
        bell = bp.compile(lambda v: np.exp(-v @ v))
        found, _ = integrate.nquad(bell.cfunc(np.zeros(2)), [[-1, 1], [0, 1]])
        other = bp.compile(lambda x, y: np.exp(-x * x - y * y))
        again, _ = integrate.nquad(other.cfunc(0.0, 0.0), [[-1, 1], [0, 1]])
        np.testing.assert_allclose([found, again], 2 * integrate.quad(lambda x: np.exp(-x * x), 0, 1)[0] ** 2)

    def test_what_c_has_no_numbers_for(self):
        with pytest.raises(
            bp.errors.ArgumentError, match=r"takes \(weights: f64\[5,3\].* which a callback of C cannot"
        ):
            loss.cfunc(LAYER, X, 2.0)
        with pytest.raises(bp.errors.ArgumentError, match="one number of float64"):
            bp.cfunc(lambda x: x * np.ones(2), 1.0)
