"""examples/lorenz.py: derivatives through a long loop, in both modes."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def example(load_example):
    return load_example("lorenz")


def by_hand(example, state, c, dt, steps):
    """The tangents of Runge and Kutta's steps, with the Jacobian of the flow written out."""
    slopes = np.eye(3)

    def rate(state, slopes):
        x, y, z = state
        jacobian = np.array([[-c.prandtl, c.prandtl, 0], [c.rayleigh - z, -1, -x], [y, x, -c.aspect]])
        return example.flow(state, c), jacobian @ slopes

    for _ in range(steps):
        k1, m1 = rate(state, slopes)
        k2, m2 = rate(state + dt / 2 * k1, slopes + dt / 2 * m1)
        k3, m3 = rate(state + dt / 2 * k2, slopes + dt / 2 * m2)
        k4, m4 = rate(state + dt * k3, slopes + dt * m3)
        state = state + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        slopes = slopes + dt / 6 * (m1 + 2 * m2 + 2 * m3 + m4)
    return state, slopes


def test_both_modes_are_what_is_worked_out_by_hand(example, capsys):
    """All 10,000 steps; the Euclidean norm of the derivatives is above a hundred million by then."""
    report = example.main([])
    _, slopes = by_hand(example, np.array([1.0, 1.0, 20.0]), example.Constants(), 0.002, 10_000)
    assert np.linalg.norm(slopes) > 1e8
    for found in (report.forward[0], report.backward[0]):
        np.testing.assert_allclose(found, slopes, rtol=1e-8, atol=1e-9 * np.abs(slopes).max())
    assert report.difference < 1e-9
    assert "After 10000 steps, at time 20: " in capsys.readouterr().out


def test_constants_by_differences(example):
    start, c, dt, steps = np.array([1.0, 1.0, 20.0]), example.Constants(), 0.002, 300
    found = example.forwards(start, c, dt, steps=steps)[1]
    for name in ("prandtl", "rayleigh", "aspect"):
        h = 1e-5
        ends = [
            by_hand(example, start, example.bp.replace(c, **{name: getattr(c, name) + d}), dt, steps)[0]
            for d in (-h, h)
        ]
        np.testing.assert_allclose(getattr(found, name), (ends[1] - ends[0]) / (2 * h), rtol=1e-6)


def test_a_loop_stays_one_loop(example):
    given = (np.ones(3), example.Constants(), 0.002)
    for function in (example.forwards, example.backwards):
        source = function.inspect(*given, steps=10_000).source
        assert source.count("range(10000)") <= 4
        assert len(source.splitlines()) < 1000


def test_the_track_ends_where_the_forecast_does(example):
    given = (np.array([1.0, 1.0, 20.0]), example.Constants(), 0.002)
    states, slopes = example.track(*given, steps=200)
    state, wanted = by_hand(example, *given, 200)
    np.testing.assert_allclose(states[-1], state, rtol=1e-10)
    np.testing.assert_allclose(slopes[-1], wanted, rtol=1e-9)


def test_plot(example, tmp_path, capsys, assert_png):
    target = tmp_path / "lorenz.png"
    example.main(["--fast", "--plot", str(target)])
    assert_png(target)
    assert capsys.readouterr().out.endswith(f"Drew {target}\n")


def test_options_that_make_no_sense_are_refused(example, capsys):
    with pytest.raises(SystemExit):
        example.main(["--steps=0"])
    assert "usage:" in capsys.readouterr().err


def test_as_a_program(run_example):
    process = run_example("lorenz", "--fast")
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
