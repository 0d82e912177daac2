"""examples/kepler.py: a fit through Newton's steps in a while loop."""

import numpy as np
import pytest

import staticbp as bp


@pytest.fixture(scope="module")
def example(load_example):
    return load_example("kepler")


@pytest.fixture(scope="module")
def report(example):
    return example.main(["--count", "25", "--noise", "0.001"])


def test_the_orbit_is_found(example, report):
    for name in ("axis", "eccentricity", "period", "nearest", "turn"):
        assert getattr(report.orbits[-1], name) == pytest.approx(getattr(example.TRUE, name), abs=2e-3)


def test_the_gradient_through_newtons_steps(example, report):
    """By the implicit function theorem: dE = (dM + sin(E) de) / (1 - e cos(E))."""
    mean, e = 1.9, 0.6
    found = example.anomaly(mean, e)
    assert found - e * np.sin(found) == pytest.approx(mean, abs=1e-12)
    slopes = bp.grad(example.anomaly, (0, 1))(mean, e)
    assert slopes == pytest.approx(np.array([1.0, np.sin(found)]) / (1 - e * np.cos(found)), rel=1e-9)
    given = (report.times, report.seen)
    orbit = example.GUESS
    bars = example.misfit.grad(orbit, *given)
    for name in ("eccentricity", "period"):
        ends = [example.misfit(bp.replace(orbit, **{name: getattr(orbit, name) + h}), *given) for h in (1e-6, -1e-6)]
        assert getattr(bars, name) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5)


def test_it_stays_a_while_loop(example, report):
    assert "while " in example.misfit.grad.inspect(example.GUESS, report.times, report.seen).source


def test_plot(example, tmp_path, capsys, assert_png):
    target = tmp_path / "kepler.png"
    example.main(["--count", "25", "--plot", str(target)])
    assert_png(target)
    assert capsys.readouterr().out.endswith(f"Drew {target}\n")


def test_options_that_make_no_sense_are_refused(example, capsys):
    with pytest.raises(SystemExit):
        example.main(["--count=0"])
    assert "usage:" in capsys.readouterr().err


def test_as_a_program(run_example):
    process = run_example("kepler", "--count", "25")
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
