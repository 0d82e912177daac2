"""examples/black_scholes.py: derivatives of a price, to third order."""

import numpy as np
import pytest
from scipy.stats import norm


@pytest.fixture(scope="module")
def example(load_example):
    return load_example("black_scholes")


@pytest.fixture(scope="module")
def report(example):
    return example.main(["--points", "21"])


def test_the_price(example):
    """An option at the money is worth about 0.4·spot·volatility·√time."""
    call = example.Option(100.0, 100.0, 0.25, 0.0, 0.1)
    assert example.price(call) == pytest.approx(0.4 * 100 * 0.1 * 0.5, rel=1e-2)
    assert example.cdf(0.7) == pytest.approx(norm.cdf(0.7))


@pytest.mark.parametrize("name", ["delta", "gamma", "vanna", "speed", "ultima"])
def test_the_greeks_are_the_closed_forms(report, name):
    assert report.found[name].shape == (21,)
    assert report.errors[name] < 1e-12


def test_all_of_them(report):
    assert max(report.errors.values()) < 1e-12
    assert len(report.errors) == 13


def test_third_orders_by_differences(example):
    """So that a closed form that is wrong in the same way would be noticed."""
    call = example.Option(95.0, 100.0, 0.5, 0.03, 0.2)

    def gamma(spot, volatility, time):
        changed = example.Option(spot, call.strike, time, call.rate, volatility)
        h = 0.05
        low, mid, high = (example.price(example.bp.replace(changed, spot=spot + d)) for d in (-h, 0, h))
        return (high - 2 * mid + low) / h**2

    found = example.closed_forms(call)
    speed = (gamma(96.0, 0.2, 0.5) - gamma(94.0, 0.2, 0.5)) / 2
    zomma = (gamma(95.0, 0.201, 0.5) - gamma(95.0, 0.199, 0.5)) / 0.002
    color = -(gamma(95.0, 0.2, 0.501) - gamma(95.0, 0.2, 0.499)) / 0.002
    assert [found["speed"], found["zomma"], found["color"]] == pytest.approx([speed, zomma, color], rel=1e-2)


def test_printed(example, capsys):
    example.main(["--points", "5"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:3] == ["delta", "spot", "0.57015810"]
    assert lines[13].split()[:5] == ["ultima", "volatility,", "volatility,", "volatility", "-26.87713140"]
    assert lines[14].startswith("13 greeks at 5 prices")


def test_plot(example, tmp_path, capsys, assert_png):
    target = tmp_path / "greeks.png"
    example.main(["--points", "21", "--plot", str(target)])
    assert np.char.endswith(capsys.readouterr().out, f"Drew {target}\n")
    assert target.read_bytes().startswith(b"\x89PNG")


def test_options_that_make_no_sense_are_refused(example, capsys):
    with pytest.raises(SystemExit):
        example.main(["--volatility=0"])
    assert "usage:" in capsys.readouterr().err


def test_as_a_program(run_example):
    process = run_example("black_scholes", "--points", "21")
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
