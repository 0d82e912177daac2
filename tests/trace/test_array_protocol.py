"""What libraries ask of an array: its namespace, its length, its parts, its methods; and errors with a way out."""

import numpy as np
import pytest

import staticbp as bp
from staticbp import numpy as bnp
from staticbp.errors import TracedConversionError, UnsupportedFunctionError
from tests.ops.checks import assert_value, graph_of

X = np.arange(12.0).reshape(3, 4) - 5.5
VECTOR = np.array([3.0, -1.0, 2.0])

METHODS = {
    "all": lambda x: x.all(axis=0),
    "any": lambda x: x.any(),
    "argmax": lambda x: x.argmax(axis=1),
    "argmin": lambda x: x.argmin(),
    "argpartition": lambda x: x.argpartition(0, axis=1)[:, 0],
    "argsort": lambda x: x.argsort(axis=0),
    "astype": lambda x: x.astype(np.float32),
    "choose": lambda x: (x > 0).astype(int).choose([x, 2 * x]),
    "clip": lambda x: x.clip(-1, 1),
    "conj": lambda x: x.conj(),
    "copy": lambda x: x.copy(),
    "cumprod": lambda x: x.cumprod(axis=1),
    "cumsum": lambda x: x.cumsum(),
    "diagonal": lambda x: x.diagonal(1),
    "dot": lambda x: x.dot(x.T),
    "flatten": lambda x: x.flatten(),
    "max": lambda x: x.max(axis=0, keepdims=True),
    "mean": lambda x: x.mean(axis=(0, 1)),
    "min": lambda x: x.min(initial=0.0),
    "prod": lambda x: x.prod(axis=1),
    "ravel": lambda x: x.ravel(),
    "real": lambda x: x.real + x.imag,
    "repeat": lambda x: x.repeat(2, axis=1),
    "reshape": lambda x: x.reshape(2, -1),
    "round": lambda x: x.round(1),
    "searchsorted": lambda x: x[0].searchsorted(x[1]),
    "squeeze": lambda x: x[:, :1].squeeze(axis=1),
    "std": lambda x: x.std(axis=0, ddof=1),
    "sum": lambda x: x.sum(axis=1, where=x > 0),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "take": lambda x: x.take([0, 2], axis=1),
    "trace": lambda x: x.trace(),
    "transpose": lambda x: x.transpose(1, 0),
    "var": lambda x: x.var(),
    "T": lambda x: x.T @ x,
    "mT": lambda x: x[None].mT,
}


@pytest.mark.parametrize("name", METHODS)
def test_methods(name):
    assert_value(METHODS[name], (X,))


def test_taking_apart():
    def function(x):
        first, *rest = x
        return [first, sum(rest), x[None, ..., -1], x[..., None], x[::-1, 1:], float(len(x)) * x[0, 0]]

    assert_value(function, (X,))
    with pytest.raises(TracedConversionError, match="unpacked"):
        bp.grad(lambda x: sum(x))(1.0)


def test_namespace():
    def standard(x):
        """As a library writes it that knows no array but by its namespace."""
        xp = x.__array_namespace__()
        scale = xp.asarray(x).astype(x.dtype)
        return xp.concat([xp.zeros((1, 4)), scale * xp.permute_dims(xp.matrix_transpose(x), (1, 0))])

    def made_beside(x):
        xp = x.__array_namespace__()
        return xp.ones(3, device=x.device)[:, None] * xp.zeros_like(x[0], device=x.device) + x.to_device("cpu")[0]

    assert_value(standard, (X,))
    assert_value(made_beside, (X,))
    with pytest.raises(TypeError, match="device"):
        graph_of(lambda x: x.to_device("gpu"), (X,))
    spaces = []
    graph_of(lambda x: spaces.append(x.__array_namespace__()) or x, (X,))
    assert spaces == [bnp]


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda x: np.unique(x), "np.unique is not supported.*\n.*test_array_protocol.py.*\n.*np.sort"),
        (lambda x: np.argwhere(x), "np.where"),
        (lambda x: np.bincount(x.astype(int)), "np.histogram"),
        (lambda x: np.gcd(x.astype(int), 2), "outside"),
        (lambda x: np.union1d(x, x), "np.sort"),
        (lambda x: x.tobytes(), "result of the compiled call"),
        (lambda x: x.strides, "memory"),
        (lambda x: np.nextafter(x, 0), "nearest that is supported"),
        (lambda x: np.sum(x, out=np.zeros(())), "plain array|Use the result"),
        (lambda x: np.median(x, out=np.zeros(())), "Use the result"),
        (lambda x: np.quantile(x, 0.5, weights=np.ones(3)), "weights"),
        (lambda x: np.quantile(x, 0.5, method="middling"), "median_unbiased"),  # type: ignore[call-overload]
        (lambda x: np.compress(x > 0, x), "np.where"),
        (lambda x: np.insert(x, (x > 0).argmax(), 1.0), "np.concatenate"),
        (lambda x: np.subtract.reduce(np.stack([x, x]), axis=(0, 1)), "one axis after another"),
        (lambda x: np.add.reduceat(x, x.astype(int)), "numbers"),
        (lambda x: np.histogram(x, bins="auto"), "Give their number"),
        (lambda x: np.max(x, where=x > 0), "initial="),
    ],
)
def test_refusals_say_what_to_write(function, says):
    with pytest.raises((UnsupportedFunctionError, TypeError), match=says):
        graph_of(function, (VECTOR,))
