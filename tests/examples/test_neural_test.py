"""examples/neural_test.py: two discs, learnt from points."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def example(load_example):
    return load_example("neural_test")


def test_it_learns_the_shape(example, capsys):
    reports = example.main([])
    assert reports[0].accuracy < 0.7
    assert reports[-1].accuracy > 0.95
    assert reports[-1].samples == 400_000
    *_, last = capsys.readouterr().out.split("right on ")
    lines = last.splitlines()[1:]
    assert len(lines) == 21
    assert lines[7][34] == lines[13][17] == "#", "the centres are inside"
    assert lines[13][34:35].strip() == "", "the other quarters are outside"


def test_the_step_is_the_arithmetic_written_out(example):
    rng = np.random.default_rng(1)
    net = example.random_network(rng, [2, 3, 1])
    xs, targets = rng.uniform(-1, 1, (4, 2)), np.array([[0.0], [1.0], [1.0], [0.0]])
    trained = example.train(net, xs, targets, 0.3)
    (w1, b1), (w2, b2) = [(layer.weights, layer.biases) for layer in net]
    for x, target in zip(xs, targets, strict=True):
        h = 1 / (1 + np.exp(-(w1 @ x + b1)))
        y = 1 / (1 + np.exp(-(w2 @ h + b2)))
        d2 = 2 * (y - target) * y * (1 - y)
        d1 = (w2.T @ d2) * h * (1 - h)
        w1, b1 = w1 - 0.3 * np.outer(d1, x), b1 - 0.3 * d1
        w2, b2 = w2 - 0.3 * np.outer(d2, h), b2 - 0.3 * d2
    for layer, (weights, biases) in zip(trained, [(w1, b1), (w2, b2)], strict=True):
        np.testing.assert_allclose(layer.weights, weights, rtol=1e-12)
        np.testing.assert_allclose(layer.biases, biases, rtol=1e-12)


def test_what_is_inside(example):
    points = np.array([[0.33, 0.33], [-0.33, -0.6], [0.0, 0.0], [0.33, -0.33], [0.9, 0.9]])
    assert example.is_inside(points).tolist() == [True, True, False, False, False]


def test_fast_and_plot(example, tmp_path, capsys, assert_png):
    target = tmp_path / "discs.png"
    reports = example.main(["--fast", "--reports", "8", "--plot", str(target)])
    assert [report.samples for report in reports] == [2500 * i for i in range(9)]
    assert_png(target)
    assert capsys.readouterr().out.endswith(f"Drew {target}\n")


def test_as_a_program(run_example):
    process = run_example("neural_test", "--fast")
    assert process.returncode == 0, process.stderr
    assert process.stderr == "", "no progress bar where nobody looks"
    assert process.stdout.count("After") == 3
