"""`export`: a file that needs NumPy, SciPy and Numba only, and computes the same to the last bit."""

import ctypes
import ctypes.util
import pickle
from typing import Any

import numba
import numpy as np
import pytest

import staticbp as bp
from staticbp.core.tree import leaves_of
from staticbp.runtime import callables

rng = np.random.default_rng(0)
TABLE = rng.normal(size=40)
SHIFT = np.array([0.5, np.inf, -1.0])


@bp.record
class Layer:
    weights: np.ndarray
    bias: np.ndarray


@bp.differentiable
def misfit(layer, x, y):
    r = np.sort(x @ layer.weights + layer.bias) + np.cumsum(TABLE) - y
    kept = np.where(np.isfinite(SHIFT), SHIFT, 0.0) * layer.weights
    return np.sum(np.exp(-r * r)) + kept @ kept + bp.scipy.special.jv(2.0, layer.bias)


@bp.differentiable
def likelihood(theta, x, y):
    d = x[:, None] - x
    covariance = theta[0] * np.exp(-d * d * np.exp(theta[1])) + 0.1 * np.eye(len(x))
    factor = np.linalg.cholesky(covariance)
    z = bp.scipy.linalg.solve_triangular(factor, y, lower=True)
    return z @ z / 2 + np.sum(np.log(np.diagonal(factor)))


@bp.differentiable
def filtered(h, x):
    return np.sum(np.abs(np.fft.irfft(np.fft.rfft(x) * h)) ** 1.5)


@bp.differentiable
def layered(w, x):  # products and loops that threads share
    return np.sum(np.tanh(x @ w) ** 2)


@bp.differentiable(argnums=(0, 1, 2))
def looped(a, status, zero1):  # what things are called in the file, and what is zero
    view, code_of = np.exp(status), TABLE[:8]

    def step(h, compiled):
        return np.tanh(a @ h + compiled), np.sum(h * np.exp(compiled) * code_of)

    h, ys = bp.scan(step, np.zeros(8), view)
    root = bp.while_loop(lambda s: np.abs(s * s - h[0] ** 2) > 1e-12, lambda s: (s + h[0] ** 2 / s) / 2, 1.0)
    return np.sum(ys * ys) + root


def halved(x):
    if x[0] < 0:
        raise ValueError("negative")
    return 0.5 * x


half: Any = bp.from_numba(numba.njit(halved), vjp=lambda out, g, x: (half(g),))


@bp.differentiable
def halving(x):
    return np.sum(half(x) ** 2)


PROGRAMS = {
    "misfit": (misfit.value_and_grad, (Layer(rng.normal(size=3), np.array(0.3)), rng.normal(size=(40, 3)), TABLE)),
    "likelihood": (likelihood.value_and_grad, (np.array([0.1, 0.2]), rng.normal(size=20), rng.normal(size=20))),
    "filtered": (filtered.grad, (rng.random(17), rng.normal(size=32))),
    "layered": (layered.value_and_grad, (rng.normal(size=(200, 100)) / 9, rng.normal(size=(128, 200)))),
    "looped": (looped.value_and_grad, (rng.normal(size=(8, 8)) / 3, rng.normal(size=(50, 8)), 3.0)),
    "halving": (halving.value_and_grad, (rng.random(20),)),
}

# staticbp cannot be imported there, and the files are not where Numba's cache of this process would be.
RUN = """
import pickle, sys
sys.modules["staticbp"] = None
import numpy as np

found = {}
for name, args in pickle.load(open("given", "rb")).items():
    module = __import__(name + "_exported")
    function = next(v for k, v in vars(module).items() if k + "_kernel" in vars(module))
    found[name] = function(*args)
    if name == "halving":
        try:
            function(-args[0])
        except RuntimeError as error:
            print(error)
    if name == "misfit":
        try:
            function(args[0], np.ones((41, 3)), args[2])
        except ValueError as error:
            print(error)
    if name == "likelihood":
        try:
            function(np.array([-9.0, 0.0]), *args[1:])
        except ValueError as error:
            print(error)
pickle.dump(found, open("found", "wb"))
"""


def flat(nested):
    """The leaves of nested tuples."""
    return [leaf for part in nested for leaf in flat(part)] if isinstance(nested, tuple) else [nested]


def test_the_same_bits_without_staticbp(tmp_path, run_python):
    given = {}
    for name, (function, args) in PROGRAMS.items():
        bp.export(function, tmp_path / f"{name}_exported.py", *args)
        given[name] = tuple((arg.weights, arg.bias) if isinstance(arg, Layer) else arg for arg in args)
    (tmp_path / "given").write_bytes(pickle.dumps(given))
    env = {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path)}
    told = run_python(f"import sys; sys.path.pop(0)\n{RUN}", env=env, cwd=tmp_path).stdout
    assert "misfit_value_and_grad: x has to be an array of float64 and shape (40, 3), and has another shape" in told
    assert "halving_value_and_grad called a primitive that raised an exception" in told
    assert "np.linalg.cholesky(covariance)" in told  # the line that failed
    found = pickle.loads((tmp_path / "found").read_bytes())
    for name, (function, args) in PROGRAMS.items():
        for ours, theirs in zip(leaves_of(function(*args)), flat(found[name]), strict=True):
            np.testing.assert_array_equal(theirs, ours, err_msg=name)


def test_the_generated_code_comes_first(tmp_path):
    @bp.differentiable
    def scaled(layer, x):
        doubled = 2.0 * x
        return np.sum(np.tanh(doubled * layer.weights)) + layer.bias

    path = tmp_path / "scaled.py"
    layer = Layer(np.ones(3), 1.0)
    bp.export(scaled.value_and_grad, path, layer, np.ones(3))
    text = path.read_text()
    assert "import staticbp" not in text
    assert "from staticbp" not in text
    head = text[: text.index("# ---- support")]
    assert "\nTakes\n    layer = (weights: f64[3], bias: f64[])\n    x: f64[3]\nand gives\n" in head
    assert "def scaled_value_and_grad_kernel(weights, bias, x, " in head
    assert "test_exporting.py" in head
    assert "doubled = 2.0 * x" in head
    assert 'take_x = argument("scaled_value_and_grad", "x", np.float64, (3,))' in text
    assert len(text.splitlines()) < 600
    bp.export(scaled.value_and_grad, path, layer, np.ones(3))
    assert path.read_text() == text


def test_a_name_of_the_support_is_not_taken(tmp_path):
    def compiled(x):
        return x + 1.0

    path = tmp_path / "named.py"
    bp.export(compiled, path, 1.0)
    assert "def compiled_(x):" in path.read_text()


def test_what_is_copied_together_has_names_of_its_own():
    modules = (callables.standalone, *callables.LOOPS, *callables.TEAM)
    own = [
        name
        for module in modules
        for name, value in vars(module).items()
        if not name.startswith("__") and getattr(value, "__module__", module.__name__) == module.__name__
    ]
    constants = [name for name in own if own.count(name) > 1 and not isinstance(getattr(modules[0], name, None), type)]
    shared = {"llvm", "np", "ctypes", "functools", "importlib", "annotations", "inspect", "numba", "ir", "types"}
    assert set(constants) <= shared


def test_a_primitive_that_calls_what_only_this_process_has(tmp_path):
    library = ctypes.CDLL(ctypes.util.find_library("m"))
    sine = library.sin
    sine.restype, sine.argtypes = ctypes.c_double, [ctypes.c_double]

    def by_address(x):
        return sine(x)

    called = bp.primitive(by_address)
    with pytest.raises(bp.errors.UnsupportedFunctionError, match="only this process finds"):
        bp.export(lambda x: called(x), tmp_path / "no.py", 1.0)
    assert not list(tmp_path.iterdir())
