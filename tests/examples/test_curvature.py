"""examples/curvature.py: the whole Hessian of a network's loss."""

import importlib.util
import re

import numpy as np
import pytest

import staticbp as bp


@pytest.fixture(scope="module")
def example(load_example):
    return load_example("curvature")


@pytest.fixture(scope="module")
def report(example):
    return example.main(["--fast"])


def test_the_matrix_is_one_of_second_derivatives(example, report):
    """Symmetric, and in a random direction the difference of two gradients."""
    points, labels = example.make_moons(np.random.default_rng(2), 20)
    numbers = report.numbers[1]
    matrix = example.hessian(numbers, points, labels)
    assert matrix.shape == (337, 337)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-14)
    direction, h = np.random.default_rng(3).normal(size=337), 1e-5
    ends = [example.loss.grad(numbers + d * direction, points, labels) for d in (-h, h)]
    np.testing.assert_allclose(matrix @ direction, (ends[1] - ends[0]) / (2 * h), rtol=1e-5, atol=1e-7)


def test_training_makes_the_loss_smaller_and_flatter(report):
    before, after = report.hessians
    assert np.linalg.eigvalsh(before)[0] < -0.1
    assert np.linalg.eigvalsh(after)[0] > np.linalg.eigvalsh(before)[0]


def test_the_loss(example):
    rng = np.random.default_rng(5)
    layers = example.init_network(rng)
    points, labels = example.make_moons(rng, 7)
    numbers, _ = bp.tree.ravel(layers)
    x = points
    for layer in layers:
        scores = x @ layer.weights.T + layer.biases
        x = np.tanh(scores)
    wanted = np.mean(np.log1p(np.exp(-labels * scores[:, 0]))) + 1e-4 * np.sum(numbers**2)
    assert numbers.size == 337
    assert example.loss(numbers, points, labels) == pytest.approx(wanted)


def test_plot(example, tmp_path, capsys, assert_png):
    target = tmp_path / "curvature.png"
    example.main(["--fast", "--plot", str(target)])
    assert_png(target)
    assert capsys.readouterr().out.endswith(f"Drew {target}\n")


def test_options_that_make_no_sense_are_refused(example, capsys):
    with pytest.raises(SystemExit):
        example.main(["--points=0"])
    assert "usage:" in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_jax_has_the_same_matrix(run_example):
    process = run_example("curvature", "--fast", "--jax")
    assert process.returncode == 0, process.stderr
    assert float(re.search(r"the largest difference is (\S+)\.$", process.stdout, re.MULTILINE)[1]) < 1e-9


def test_as_a_program(run_example):
    process = run_example("curvature", "--fast")
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
