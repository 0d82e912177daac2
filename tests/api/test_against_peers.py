"""The MNIST network of 784-300-100-10 in other libraries: the same gradients, and the same weights after training.

autograd is of the test tools. JAX and PyTorch are large, so whoever has them (extra: bench) has these tests too;
each works in a process of its own, away from the threads and warnings of this one.
"""

import importlib.util
import itertools

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import staticbp as bp
from staticbp.datasets import mnist

SIZES = [784, 300, 100, 10]
SAMPLES = 500
RATE = 0.02


@bp.record
class Layer:
    weights: np.ndarray
    biases: np.ndarray


@bp.record
class Network:
    layers: list[Layer]


@bp.differentiable
def net_err(net, x, target):
    *hidden, last = net.layers
    for layer in hidden:
        x = bp.special.expit(layer.weights @ x + layer.biases)
    result = bp.special.softmax(last.weights @ x + last.biases)
    return -np.log(result) @ target


@bp.compile
def train(net, xs, targets, rate):
    def step(net, sample):
        return net - rate * bp.grad(net_err)(net, *sample)

    return bp.fold(step, net, (xs, targets))


def leaves(net):
    return [leaf for layer in net.layers for leaf in (layer.weights, layer.biases)]


@pytest.fixture(scope="module")
def setting():
    """Weights and biases in turn, images and one-hot targets."""
    rng = np.random.default_rng(0)
    start = []
    for n_in, n_out in itertools.pairwise(SIZES):
        start += [rng.uniform(-0.5, 0.5, (n_out, n_in)), rng.uniform(-0.5, 0.5, n_out)]
    images, labels, *_ = mnist()
    return start, images[:SAMPLES].reshape(SAMPLES, -1) / 255, np.eye(10)[labels[:SAMPLES]]


@pytest.fixture(scope="module")
def net(setting):
    start, *_ = setting
    return Network([Layer(*pair) for pair in zip(start[::2], start[1::2], strict=True)])


@pytest.fixture
def peer(setting, run_python, tmp_path):
    """``peer(module, code)``: the arrays ``results`` that the code makes of ``start``, ``xs`` and ``targets``."""

    def compute(module, code):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed; the extra 'bench' has it")
        start, xs, targets = setting
        np.savez(tmp_path / "given.npz", xs, targets, *start)
        given = f"import numpy as np\nxs, targets, *start = np.load({str(tmp_path / 'given.npz')!r}).values()\n"
        kept = f"np.savez({str(tmp_path / 'results.npz')!r}, *map(np.asarray, results))\n"
        run_python(given + code + kept, env={"JAX_PLATFORMS": "cpu"})
        return list(np.load(tmp_path / "results.npz").values())

    return compute


def test_gradient_is_that_of_autograd(setting, net):
    start, xs, targets = setting

    def peer_err(leaves, x, target):
        *hidden, last = zip(leaves[::2], leaves[1::2], strict=True)
        for weights, biases in hidden:
            x = 1 / (1 + anp.exp(-(anp.dot(weights, x) + biases)))
        weights, biases = last
        z = anp.dot(weights, x) + biases
        return -anp.dot(z - anp.log(anp.sum(anp.exp(z))), target)

    for x, target in zip(xs[:3], targets[:3], strict=True):
        expected_value, expected = autograd.value_and_grad(peer_err)(start, x, target)
        value, gradient = net_err.value_and_grad(net, x, target)
        assert value == pytest.approx(expected_value, rel=1e-13)
        agree(leaves(gradient), expected, 1e-13)


def test_gradient_is_that_of_pytorch(peer, setting, net):
    expected = peer(
        "torch",
        """
import torch
leaves = [torch.tensor(leaf, requires_grad=True) for leaf in start]
x, target = torch.tensor(xs[0]), torch.tensor(targets[0])
*hidden, last = zip(leaves[::2], leaves[1::2])
for weights, biases in hidden:
    x = torch.sigmoid(weights @ x + biases)
weights, biases = last
(-torch.log_softmax(weights @ x + biases, 0) @ target).backward()
results = [leaf.grad for leaf in leaves]
""",
    )
    _, xs, targets = setting
    agree(leaves(net_err.grad(net, xs[0], targets[0])), expected, 1e-13)


def test_weights_after_training_are_those_of_jax(peer, setting, net):
    expected = peer(
        "jax",
        f"""
import jax
jax.config.update("jax_enable_x64", True)

def net_err(net, x, target):
    *hidden, last = zip(net[::2], net[1::2])
    for weights, biases in hidden:
        x = jax.nn.sigmoid(weights @ x + biases)
    weights, biases = last
    return -jax.nn.log_softmax(weights @ x + biases) @ target

def step(net, sample):
    gradient = jax.grad(net_err)(net, *sample)
    return [leaf - {RATE} * slope for leaf, slope in zip(net, gradient)], None

results, _ = jax.jit(lambda net, xs, targets: jax.lax.scan(step, net, (xs, targets)))(start, xs, targets)
""",
    )
    start, xs, targets = setting
    trained = leaves(train(net, xs, targets, RATE))
    agree(trained, expected, 1e-10)
    assert np.abs(trained[0] - start[0]).max() > 0.01, "it has learnt something"


def agree(found, expected, tolerance):
    """Element by element; the elements are of the order of 1 at most."""
    assert len(found) == len(expected)
    for leaf, other in zip(found, expected, strict=True):
        assert leaf.dtype == other.dtype == np.float64
        np.testing.assert_allclose(leaf, other, rtol=0, atol=tolerance)
