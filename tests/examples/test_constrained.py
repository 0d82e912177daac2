"""examples/constrained.py: no step leaves what is allowed, and descent finds what was hidden."""

import re

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import staticbp as bp


@pytest.fixture(scope="module")
def example(load_example):
    return load_example("constrained")


def test_it_finds_factor_shares_and_rotation(example, capsys):
    true, found, history = example.main(["--steps", "400", "--points", "60", "--noise", "0.01"])
    assert found.factor.value == pytest.approx(true.factor.value, rel=0.01)
    assert np.allclose(found.shares.value, true.shares.value, atol=0.01)
    assert np.allclose(found.rotation.matrix, true.rotation.matrix, atol=0.01)
    assert history.distances[-1] < 1e-3 * history.distances[0]
    printed = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r" +400 +0\.\d{5} +1\.\d{4}( +0\.\d{4}){3} +7\d\.\d{3}°", printed[-3])
    assert printed[-2].split()[0] == "true"
    assert printed[-1].startswith("Shares sum to 1.000000000000; R @ R.T - 1 is at most ")


def test_every_step_is_allowed(example, capsys):
    _, _, history = example.main(["--steps", "40", "--points", "30", "--rate", "0.5"])
    for step in range(40):
        wire = example.at(history.wires, step)
        assert wire.factor.value > 0
        assert wire.shares.value.sum() == pytest.approx(1.0, abs=1e-12)
        assert wire.shares.value.min() > 0
        assert example.off(wire.rotation.matrix) < 1e-12
        assert np.linalg.det(wire.rotation.matrix) == pytest.approx(1.0)


@pytest.mark.parametrize("vector", [(0.3, -0.2, 0.9), (1e-5, 0, 2e-5), (3.0, 0.0, 0.5), (0.0, 0.0, 0.0)])
def test_rotations_and_their_slopes(example, vector):
    vector = np.array(vector, float)
    assert np.allclose(example.Rotation(vector).matrix, Rotation.from_rotvec(vector).as_matrix(), atol=1e-12)
    slopes = bp.jacobian(lambda rotation: rotation.matrix)(example.Rotation(vector)).vector
    for axis in range(3):
        step = 1e-5 * np.eye(3)[axis]
        ahead, behind = (Rotation.from_rotvec(vector + s).as_matrix() for s in (step, -step))
        assert np.allclose(slopes[..., axis], (ahead - behind) / 2e-5, atol=1e-8)


def test_a_positive_number_is_a_number(example):
    double = example.Positive.of(2.0)
    assert double * 3.0 == pytest.approx(6.0)
    assert np.allclose(double * np.array([1.0, 2.0]), [2.0, 4.0])
    slope = bp.grad(lambda number, x: np.sum(number * x))(double, np.ones(3))
    assert isinstance(slope, example.Positive)
    assert slope.log == pytest.approx(6.0)
    assert repr(double) == "Positive.of(2.0000)"


def test_plot(example, tmp_path, assert_png, capsys):
    example.main(["--steps", "30", "--points", "40", "--plot", str(tmp_path / "constrained.png")])
    assert_png(tmp_path / "constrained.png")
