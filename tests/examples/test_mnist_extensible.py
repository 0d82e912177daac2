"""examples/mnist_extensible.py: networks of any depth, by a recursive type."""

import re

import numpy as np
import pytest

import staticbp as bp


@pytest.fixture(scope="module")
def example(load_example):
    return load_example("mnist_extensible")


@pytest.mark.parametrize("hidden", [[], [7], [5, 4, 6]])
def test_the_type_is_as_deep_as_the_list(example, hidden):
    net = example.random_network(np.random.default_rng(0), 12, hidden, 3)
    assert example.sizes(net) == [12, *hidden, 3]
    depth = 0
    while isinstance(net, example.Hidden):
        net, depth = net.rest, depth + 1
    assert isinstance(net, example.Output)
    assert depth == len(hidden)


def test_one_function_serves_all_depths(example):
    """The networks written out, and the gradient of the deepest layer in a network of three."""
    rng = np.random.default_rng(1)
    x, target = rng.random(6, np.float32), np.eye(3, dtype=np.float32)[1]

    def layer(layer, x):
        return layer.weights @ x + layer.biases

    shallow = example.random_network(rng, 6, [], 3)
    z = layer(shallow.layer, x)
    np.testing.assert_allclose(example.run_network(shallow, x), np.exp(z) / np.exp(z).sum(), rtol=1e-5)

    deep = example.random_network(rng, 6, [5, 4], 3)
    h = 1 / (1 + np.exp(-layer(deep.layer, x)))
    h = 1 / (1 + np.exp(-layer(deep.rest.layer, h)))
    z = layer(deep.rest.rest.layer, h)
    p = np.exp(z) / np.exp(z).sum()
    slope = bp.grad(example.net_err)(deep, x, target)
    assert example.sizes(slope) == [6, 5, 4, 3]
    np.testing.assert_allclose(slope.rest.rest.layer.weights, np.outer(p - target, h), rtol=1e-4, atol=1e-6)


def test_several_networks_learn(example, capsys):
    outcomes = example.main(
        ["--samples", "2000", "--epochs", "3", "--hidden", "30", "--hidden", "30,20", "--hidden", ""]
    )
    assert [example.sizes(o.net) for o in outcomes] == [[784, 30, 10], [784, 30, 20, 10], [784, 10]]
    for outcome in outcomes:
        assert len(outcome.errors) == 4
        assert outcome.errors[0] > 0.7
        assert outcome.errors[-1] < 0.35
    printed = capsys.readouterr().out
    assert len(re.findall(r"An epoch of 2000 samples takes \d+\.\d\ds\.", printed)) == 3
    assert "784 - 30 - 20 - 10: 24,380 numbers" in printed


def test_plot(example, tmp_path, capsys, assert_png):
    target = tmp_path / "depth.png"
    example.main(["--fast", "--hidden", "12", "--plot", str(target)])
    assert_png(target)
    assert capsys.readouterr().out.endswith(f"Drew {target}\n")


def test_options_that_make_no_sense_are_refused(example, capsys):
    with pytest.raises(SystemExit):
        example.main(["--hidden", "30,0"])
    assert "usage:" in capsys.readouterr().err


def test_as_a_program(run_example):
    process = run_example("mnist_extensible", "--fast", "--hidden", "10")
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    missing = run_example("mnist_extensible", "/no/such/directory")
    assert missing.returncode == 1
    assert "Traceback" not in missing.stderr
