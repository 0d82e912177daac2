"""`export`: a file that needs NumPy, SciPy and Numba only, and computes the same to the last bit."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.core.tree import leaves_of

rng = np.random.default_rng(0)
TABLE = rng.normal(size=40)
SHIFT = np.array([0.5, np.inf, -1.0])


@bp.differentiable(argnums=(0, 1))
def misfit(w, x, y):
    r = np.sort(x @ w) + np.cumsum(TABLE) - y
    kept = np.where(np.isfinite(SHIFT), SHIFT, 0.0) * w
    return np.sum(np.exp(-r * r)) + kept @ kept


ARGS = (rng.normal(size=3), rng.normal(size=(40, 3)), rng.normal(size=40))

# staticbp cannot be imported there, and the file is not where Numba's cache of this process would be.
RUN = """
import sys
sys.modules["staticbp"] = None
import numpy as np
import exported

given = np.load("given.npz")
value, (w_bar, x_bar) = exported.misfit_value_and_grad(*(given[f"arr_{i}"] for i in range(3)))
np.savez("found.npz", value, w_bar, x_bar)
try:
    exported.misfit_value_and_grad(np.ones(4), given["arr_1"], given["arr_2"])
except ValueError as error:
    print(error)
"""


def test_the_same_bits_without_staticbp(tmp_path, run_python):
    bp.export(misfit.value_and_grad, tmp_path / "exported.py", *ARGS)
    np.savez(tmp_path / "given.npz", *ARGS)
    env = {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path)}
    told = run_python(f"import sys; sys.path.pop(0)\n{RUN}", env=env, cwd=tmp_path).stdout
    assert "misfit_value_and_grad: w has to be an array of float64 and shape (3,), and has another shape" in told
    found = np.load(tmp_path / "found.npz")
    for i, wanted in enumerate(leaves_of(misfit.value_and_grad(*ARGS))):
        np.testing.assert_array_equal(found[f"arr_{i}"], wanted)


def test_the_generated_code_comes_first(tmp_path):
    @bp.compile
    def scaled(x):
        doubled = 2.0 * x
        return np.tanh(doubled)

    path = tmp_path / "scaled.py"
    bp.export(scaled, path, np.ones(3))
    text = path.read_text()
    assert "import staticbp" not in text
    assert "from staticbp" not in text
    head = text[: text.index("# ---- support")]
    assert "def scaled_kernel(x, tanh):" in head
    assert "test_exporting.py" in head
    assert "doubled = 2.0 * x" in head
    assert 'take_x = argument("scaled", "x", np.float64, (3,))' in text
    assert len(text.splitlines()) < 600


def test_a_name_of_the_support_is_not_taken(tmp_path):
    def compiled(x):
        return x + 1.0

    path = tmp_path / "named.py"
    bp.export(compiled, path, 1.0)
    assert "def compiled_(x):" in path.read_text()


def test_a_primitive_cannot_be_written_down(tmp_path):
    def doubling(x):
        return 2.0 * x

    doubled = bp.primitive(doubling)
    with pytest.raises(bp.errors.UnsupportedFunctionError, match="calls doubling, a primitive"):
        bp.export(lambda x: doubled(x), tmp_path / "no.py", np.ones(3))
    assert not list(tmp_path.iterdir())


def test_what_only_staticbp_finds(tmp_path):
    with pytest.raises(bp.errors.UnsupportedFunctionError, match=r"only staticbp finds: staticbp\.special"):
        bp.export(lambda x: bp.scipy.special.beta(x, 2.0), tmp_path / "no.py", 1.5)
    assert not list(tmp_path.iterdir())
