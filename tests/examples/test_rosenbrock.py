"""examples/rosenbrock.py: down the valley, by Hessian-vector products."""

import importlib.util

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_hess

import staticbp as bp


@pytest.fixture(scope="module")
def example(load_example):
    return load_example("rosenbrock")


def test_it_comes_to_the_bottom(example, capsys):
    report = example.main(["--fast"])
    assert report.x == pytest.approx(np.ones(20), abs=1e-5)
    assert report.value < 1e-10
    assert len(report.path) == report.steps + 1
    printed = capsys.readouterr().out
    assert "of 20 numbers is 4598.0" in printed
    assert f"After {report.steps} steps and {report.products} products" in printed


def test_the_function_is_scipys(example):
    x = np.random.default_rng(0).normal(size=7)
    assert example.rosenbrock(x) == pytest.approx(rosen(x))
    direction = np.arange(7.0)
    np.testing.assert_allclose(bp.hvp(example.rosenbrock, (x,), (direction,))[0], rosen_hess(x) @ direction)


def test_in_a_thousand_dimensions_no_matrix_is_made(example):
    x = np.ones(1000)
    inspection = bp.compile(lambda x, p: bp.hvp(example.rosenbrock, (x,), (p,))).inspect(x, x)
    assert max(var.aval.size for eqn in inspection.graph.eqns for var in eqn.outs) <= 1000


def test_fewer_steps(example, capsys):
    assert example.main(["--fast", "--steps", "3"]).steps == 3


def test_plot(example, tmp_path, capsys, assert_png):
    target = tmp_path / "rosenbrock.png"
    example.main(["--fast", "--plot", str(target)])
    assert_png(target)
    assert capsys.readouterr().out.endswith(f"Drew {target}\n")


def test_options_that_make_no_sense_are_refused(example, capsys):
    with pytest.raises(SystemExit):
        example.main(["--size=1"])
    assert "usage:" in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_beside_jax(run_example):
    process = run_example("rosenbrock", "--fast", "--jax")
    assert process.returncode == 0, process.stderr
    assert "By JAX's derivatives it comes to" in process.stdout


def test_as_a_program(run_example):
    process = run_example("rosenbrock", "--fast")
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
