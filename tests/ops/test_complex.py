"""Complex numbers: the convention of their derivatives, dtypes, compiled code, and what is refused."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import DtypeError, NonScalarGradError
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.checks import evaluate, graph_of
from tests.support import assert_lowered

Z = np.array([1.0 + 2.0j, -0.5 + 0.3j, 0.2 - 1.5j])

LOSSES = [
    lambda n, z: n.sum(n.abs(z) ** 2),
    lambda n, z: n.sum(n.real(z * z) * n.imag(z)),
    lambda n, z: n.sum(n.abs(n.exp(z) / (z + 2))),
    lambda n, z: n.abs(n.sum(n.conj(z) * z[0])) + n.real(n.prod(z)),
    lambda n, z: n.sum(n.abs(n.fft.fft(z)) ** 3),
    lambda n, z: n.sum(n.angle(z)) + n.real(n.sum(z[1:] ** 2.5)),
]


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_autograd(loss):
    graph = graph_of(lambda z: loss(np, z), (Z,))
    found = evaluate(vjp(RULES, graph, [True]), [Z, 1.0])[1]
    np.testing.assert_allclose(found, autograd.grad(lambda z: loss(anp, z))(Z), rtol=1e-12)


def test_the_gradient_is_the_conjugate_of_the_direction_of_steepest_ascent():
    assert bp.grad(lambda z: np.abs(z) ** 2)(1 + 2j) == 2 - 4j
    assert bp.grad(lambda z: z.imag)(1 + 2j) == -1j
    step = 0.01 * np.conj(bp.grad(lambda z: np.abs(z - 3j))(1 + 1j))
    assert abs(1 + 1j - step - 3j) < abs(1 + 1j - 3j)


def test_a_holomorphic_function_has_one_derivative_in_both_modes():
    def f(z):
        return np.exp(z) * z

    slope = (1 + Z) * np.exp(Z)
    _, tangent = bp.jvp(f, (Z,), (np.full(3, 1j),))
    np.testing.assert_allclose(tangent, 1j * slope, rtol=1e-14)
    _, pullback = bp.vjp(f, Z)
    (bar,) = pullback(np.ones(3, complex))
    np.testing.assert_allclose(bar, slope, rtol=1e-14)


def test_real_arguments_have_real_gradients():
    x = np.arange(4.0)
    found = bp.grad(lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2))(x)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, 8 * x, rtol=1e-13)  # Parseval


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_dtypes_are_numpys(dtype):
    z = Z.astype(dtype)

    def function(z):
        return z * 2, z + 1j, z / 3.0, np.abs(z), z.real, np.sum(z), z * np.float32(2), z @ z, np.fft.fft(z), z**2

    for found, wanted in zip(evaluate(graph_of(function, (z,)), [z]), function(z), strict=True):
        assert found.dtype == np.asarray(wanted).dtype
    assert_lowered(graph_of(function, (z,)), [z], 1e-5 if dtype == np.complex64 else None)


def test_special_values_are_numpys():
    z = np.array([0, -0.0, 1, 1j, -1, complex(np.inf, 1), complex(np.nan, 0), complex(0, -np.inf)], complex)

    def function(z):
        return np.isnan(z), np.isinf(z), np.isfinite(z), z == 0, np.conj(z), -z, np.where(z.real > 0, z, 1j)

    with np.errstate(all="ignore"):
        for found, wanted in zip(evaluate(graph_of(function, (z,)), [z]), function(z), strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_the_modulus_has_slope_zero_at_zero():
    assert bp.grad(lambda z: np.abs(z))(0j) == 0


def test_compiled_code_takes_and_gives_complex_numbers():
    @bp.compile
    def f(z, w, x):
        return np.exp(1j * x) * z / (w + 2) - np.conj(z) ** 1.5, np.abs(z), (z * w).imag, np.fft.ifft(np.sqrt(z))

    def plain(z, w, x):
        return np.exp(1j * x) * z / (w + 2) - np.conj(z) ** 1.5, np.abs(z), (z * w).imag, np.fft.ifft(np.sqrt(z))

    for found, wanted in zip(f(Z, 1 - 1j, 0.3), plain(Z, 1 - 1j, 0.3), strict=True):
        assert found.dtype == wanted.dtype
        np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda z: z.astype(float), "a complex number does not fit into float64"),
        (lambda z: z < 1, "less of complex numbers"),
        (lambda z: np.maximum(z, 0), "maximum of complex numbers"),
        (lambda z: np.sort(z), "order of complex numbers"),
        (lambda z: np.argmax(z), "order of complex numbers"),
        (lambda z: np.max(z), "order of complex numbers"),
        (lambda z: np.cbrt(z), "not defined for c128"),
        (lambda z: np.fft.rfft(z), "takes real numbers"),
    ],
)
def test_what_is_refused_names_the_line(function, words):
    with pytest.raises(DtypeError, match=words) as caught:
        graph_of(function, (Z,))
    assert "test_complex.py" in str(caught.value.src)


def test_grad_of_a_complex_output_is_refused_with_advice():
    with pytest.raises(NonScalarGradError, match=r"returns c128\[\](.|\n)*x.real or x.imag"):
        bp.grad(lambda z: z * z)(1j)


def test_identities_of_real_numbers_are_not_applied():
    z = np.array([1 + 4j])
    graph = graph_of(lambda z: (np.log(np.exp(z)), np.sqrt(z * z)), (-z,))
    found = assert_lowered(graph, [-z])
    np.testing.assert_allclose(found[0], np.log(np.exp(-z)))
    np.testing.assert_allclose(found[1], z)


def test_the_uncompiled_kernels_and_the_interpreter_agree():
    def function(z):
        return np.fft.fft(z), np.fft.irfft(z, 4), np.fft.rfft(z.real), np.fft.rfft(z.imag, 5)

    assert_lowered(graph_of(function, (Z,)), [Z])
