"""examples/operations.py: the tutorial's operations, and a network made of them."""

import re

import numpy as np
import pytest

import staticbp as bp


@pytest.fixture(scope="module")
def example(load_example):
    return load_example("operations")


def test_the_network_is_the_one_of_numpys_operations(example, capsys, tmp_path, assert_png):
    target = tmp_path / "weights.png"
    report = example.main(["--fast", "--hidden", "8", "--plot", str(target)])
    assert report.off < 1e-12
    assert report.misread[0] == report.misread[1] < 0.9
    assert_png(target)
    printed = capsys.readouterr().out
    assert "  <Op apply(m, v)>\n  <Op dot(x, y)>\n  <Op konst(c)>\n  <Op sum_elements(x)>\n" in printed
    assert "  <Op sqrt @ dot @ (apply, apply)>, composed of them, is " in printed
    norms = re.search(r"is (\d\.\d{6}); np.linalg.norm says (\d\.\d{6})", printed)
    assert norms[1] == norms[2]


def test_the_program_is_the_same(example):
    net, x, target = example.random_network(np.random.default_rng(0), 5), np.ones(784), np.eye(10)[3]

    def statements(err):
        text = bp.grad(err).inspect(net, x, target).source.split("):\n", 1)[1]
        lines = (re.sub(r"#.*", "", line).strip() for line in text.splitlines())
        return sorted(re.sub(r"[a-z]\w*", "", line) for line in lines if line)

    assert len(statements(example.net_err)) <= len(statements(example.plain_err)) + 4
