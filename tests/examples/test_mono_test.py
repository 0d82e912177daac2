"""examples/mono_test.py: (x·y + y)·z, and a tower of derivatives."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def example(load_example):
    return load_example("mono_test")


def test_values_and_gradients(example, capsys):
    report = example.main([])
    assert report.value == 36
    assert report.gradient == [12, 12, 9]
    printed = capsys.readouterr().out
    assert "float64: 36, [12, 12, 9]\nfloat32: 36, [12, 12, 9]\n" in printed
    assert "def test_value_and_grad(" in printed


def test_the_session_with_ad_to_the_last_digit(example, capsys):
    assert example.main([]).gradients == [[2.5403023058681398, 1.0], [6.0, 3.0, 2.0]]
    assert "\n[2.5403023058681398, 1.0]\n[6.0, 3.0, 2.0]\n" in capsys.readouterr().out


def test_float32_stays_float32(example):
    value, gradient = example.test.value_and_grad([np.float32(number) for number in (2, 3, 4)])
    assert value.dtype == np.float32
    assert all(slope.dtype == np.float32 for slope in gradient)


def test_the_tower_is_the_taylor_series(example, capsys):
    """exp(-x²)·sin(4x) = 4x - (4 + 32/3)·x³ + …, and the third derivative is six times that factor."""
    assert example.main([]).tower == pytest.approx([0, 4, 0, -88, 0], abs=1e-12)


def test_plot(example, tmp_path, capsys, assert_png):
    target = tmp_path / "tower.png"
    example.main(["--plot", str(target)])
    assert_png(target)
    assert capsys.readouterr().out.endswith(f"Drew {target}\n")


def test_as_a_program(run_example):
    process = run_example("mono_test")
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    assert process.stdout.startswith("(x·y + y)·z at (2, 3, 4), and its gradient:\n")
