"""examples/ascent.py: the points that the post prints, to the last digit."""

import ast

import numpy as np
import pytest

POINTS = [
    [-9.42477796076938, 3.141592653589793],
    [-10.42477796076938, 3.8486994347763406],
    [-11.302360522659752, 4.420436439971677],
    [-11.89312422747638, 4.869473384679192],
    [-12.22342592418437, 5.2155893225844725],
]


@pytest.fixture(scope="module")
def example(load_example):
    return load_example("ascent")


def test_the_first_five_points(example, capsys):
    assert example.main([]) == POINTS
    assert [ast.literal_eval(line) for line in capsys.readouterr().out.splitlines()] == POINTS


def test_steps_one_by_one_are_the_same(example):
    """A loop in Python over calls of the gradient gives what the compiled loop gives."""
    point = POINTS[0]
    for expected in POINTS:
        assert point == expected
        slope = example.height.grad(point)
        point = [x + 4 * dx for x, dx in zip(point, slope, strict=True)]


def test_it_comes_to_the_peak(example, capsys):
    points = example.main(["--steps", "120"])
    assert len(points) == 120
    assert points[-1] == pytest.approx([-4 * np.pi, 2 * np.pi], abs=1e-6)
    assert example.height(points[-1]) == pytest.approx(1.5)


def test_plot(example, tmp_path, capsys, assert_png):
    target = tmp_path / "ascent.png"
    example.main(["--steps", "8", "--plot", str(target)])
    assert_png(target)
    assert capsys.readouterr().out.endswith(f"Drew {target}\n")


def test_options_that_make_no_sense_are_refused(example, capsys):
    with pytest.raises(SystemExit):
        example.main(["--steps=0"])
    assert "usage:" in capsys.readouterr().err


def test_as_a_program(run_example):
    process = run_example("ascent")
    assert process.stderr == ""
    assert process.stdout == "".join(f"{point}\n" for point in POINTS)
