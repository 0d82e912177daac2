"""examples/hackers_guide.py: the figures of the guide, to the last digit where the guide prints them."""

import math

import numpy as np
import pytest

# As the guide prints them.
VALUE = 0.8807970779778823
GRADIENT = [-0.1049935854035065, 0.3149807562105195, 0.1049935854035065, 0.1049935854035065, 0.209987170807013]


@pytest.fixture(scope="module")
def example(load_example):
    return load_example("hackers_guide")


@pytest.fixture(scope="module")
def report(example):
    return example.main([])


def test_multiplication(example):
    assert example.forward_multiply_gate(-2, 3) == -6


def test_random_search_gains_as_little_as_the_guide_says(example, report):
    """From -6 to about -5.2 in 100 tries: some 0.008 a try."""
    assert len(report.searches) == 5
    for found in report.searches:
        assert found.out == found.x * found.y
        assert -5.6 < found.out < -4.6
    gain = np.mean([found.out for found in report.searches]) + 6
    assert 0.005 < gain / 100 < 0.013


def test_random_search_is_the_loop_that_the_guide_writes(example):
    tweaks = np.random.default_rng(7).uniform(-0.01, 0.01, (30, 2))
    x, y, best = -2.0, 3.0, -math.inf
    for dx, dy in tweaks:
        out = (x + dx) * (y + dy)
        if out > best:
            x, y, best = x + dx, y + dy, out

    found, walk = example.local_search(example.Found(-2.0, 3.0, -math.inf), tweaks)
    assert found == (x, y, best)
    assert walk.out[-1] == best
    assert np.all(np.diff(walk.out) >= 0)


def test_the_gradient_gains_more(example, report):
    one, _ = example.follow_gradient(example.Found(-2.0, 3.0, -6.0), 0.01, np.arange(1))
    assert one == pytest.approx((-1.97, 2.98, -5.8706), rel=1e-14)
    assert report.climbed.out > 5 + max(found.out for found in report.searches)


@pytest.mark.parametrize("which", range(5))
def test_duals_by_hand_and_jvp_agree(report, which):
    for dual in (report.by_hand[which], report.by_jvp[which]):
        assert dual.value == VALUE
        assert dual.change == pytest.approx(GRADIENT[which], rel=1e-15)


def test_the_neuron_to_the_last_digit(example, report, capsys):
    assert float(example.neuron(example.NEURON)) == VALUE
    assert report.gradient == pytest.approx(GRADIENT, rel=2**-52)
    example.main(["--tries", "2"])
    assert capsys.readouterr().out.endswith(f"{VALUE}\n{report.gradient}\n")


def test_plot(example, tmp_path, capsys, assert_png):
    target = tmp_path / "search.png"
    example.main(["--plot", str(target)])
    assert_png(target)
    assert capsys.readouterr().out.endswith(f"Drew {target}\n")


def test_options_that_make_no_sense_are_refused(example, capsys):
    with pytest.raises(SystemExit):
        example.main(["--tries=0"])
    assert "usage:" in capsys.readouterr().err


def test_as_a_program(run_example):
    process = run_example("hackers_guide")
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    assert process.stdout.startswith("x·y at (-2.0, 3.0) is -6.0.\n")
