"""examples/odeint.py: differential equations whose derivatives are differential equations."""

import numpy as np
import pytest
import scipy.integrate

import staticbp as bp


@pytest.fixture(scope="module")
def example(load_example):
    return load_example("odeint")


def test_states_are_scipys(example):
    rates, start, times = example.Rates(), np.array([10.0, 5.0]), np.linspace(0.0, 10.0, 6)
    found = bp.compile(lambda start: example.odeint(example.lotka_volterra, start, times, rates))(start)
    wanted = scipy.integrate.odeint(
        lambda y, t: example.lotka_volterra(y, t, rates), start, times, rtol=1e-10, atol=1e-10
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_the_adjoint_of_a_solution_in_closed_form(example):
    """y'' = -w² y from (a, 0): y = a cos(w t)."""

    def spring(state, t, w):
        return {"y": state["v"], "v": -(w**2) * state["y"]}

    def at_the_end(a, w, end):
        times = np.stack([0.0, 0.5 * end, end])
        return example.odeint(spring, {"y": a, "v": 0.0}, times, w)["y"][-1]

    a, w, end = 1.5, 2.0, 3.0
    assert bp.compile(at_the_end)(a, w, end) == pytest.approx(a * np.cos(w * end), abs=1e-6)
    slopes = bp.grad(at_the_end, (0, 1, 2))(a, w, end)
    exact = [np.cos(w * end), -a * end * np.sin(w * end), -a * w * np.sin(w * end)]
    assert slopes == pytest.approx(exact, abs=2e-6)


def test_memory_does_not_depend_on_how_far_it_goes(example):
    start, given = np.array([10.0, 5.0]), np.zeros((2, 2))
    sizes = [
        example.distance.grad.inspect(example.Rates(), start, np.array([0.0, end]), given).memory.workspace
        for end in (1.0, 100.0)
    ]
    assert sizes[0] == sizes[1] < 3000


def test_rates_are_found(example, capsys):
    report = example.main(["--count", "20", "--until", "10", "--noise", "0.01"])
    for name in ("growth", "eaten", "fed", "death"):
        assert getattr(report.fitted, name) == pytest.approx(getattr(report.true, name), rel=0.02)
    assert report.after < report.before / 1000
    assert "however many steps" in capsys.readouterr().out


def test_plot(example, tmp_path, capsys, assert_png):
    target = tmp_path / "odeint.png"
    example.main(["--count", "20", "--until", "5", "--plot", str(target)])
    assert_png(target)
    assert capsys.readouterr().out.endswith(f"Drew {target}\n")


def test_options_that_make_no_sense_are_refused(example, capsys):
    with pytest.raises(SystemExit):
        example.main(["--count=1"])
    assert "usage:" in capsys.readouterr().err


def test_as_a_program(run_example):
    process = run_example("odeint", "--count", "20", "--until", "5")
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
