"""What records cost: nothing.  The code that is generated is that for bare arrays."""

import ast
import itertools

import numpy as np
import pytest

import staticbp as bp
from staticbp.special import expit, softmax


@bp.record
class Layer:
    weights: np.ndarray
    biases: np.ndarray


@bp.record
class Network:
    layers: list


def run_layer(layer, x):
    return layer.weights @ x + layer.biases


def net_err(net, x, target):
    *hidden, last = net.layers
    for layer in hidden:
        x = expit(run_layer(layer, x))
    return -np.log(softmax(run_layer(last, x))) @ target


def train(net, xs, targets, rate):
    def step(net, sample):
        return net - rate * bp.grad(net_err)(net, *sample)

    return bp.fold(step, net, (xs, targets))


def bare_err(w1, b1, w2, b2, x, target):
    x = expit(w1 @ x + b1)
    return -np.log(softmax(w2 @ x + b2)) @ target


def bare_err_3(w1, b1, w2, b2, w3, b3, x, target):
    x = expit(w1 @ x + b1)
    x = expit(w2 @ x + b2)
    return -np.log(softmax(w3 @ x + b3)) @ target


def train_bare(*args):
    *params, xs, targets, rate = args
    err = bare_err if len(params) == 4 else bare_err_3

    def step(params, sample):
        slopes = bp.grad(err, argnums=tuple(range(len(params))))(*params, *sample)
        return tuple(p - rate * slope for p, slope in zip(params, slopes, strict=True))

    return bp.fold(step, tuple(params), (xs, targets))


def without_names(source):
    """The syntax of a module, with its variables called by the order in which they turn up."""
    tree = ast.parse(source)
    names: dict[str, str] = {}

    def canonical(name):
        return names.setdefault(name, f"v{len(names)}")

    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.name = canonical(node.name)
        elif isinstance(node, ast.arg):
            node.arg = canonical(node.arg)
        elif isinstance(node, ast.Name):
            node.id = canonical(node.id)
    return ast.dump(ast.Module(tree.body[1:], []))  # without the docstring


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("sizes", [(784, 250, 10), (784, 300, 100, 10)], ids=str)
def test_a_training_loop_with_records_is_the_one_with_bare_arrays(sizes, dtype):
    net = Network(
        [Layer(np.ones((n_out, n_in), dtype), np.ones(n_out, dtype)) for n_in, n_out in itertools.pairwise(sizes)]
    )
    samples = np.ones((20, sizes[0]), dtype), np.ones((20, 10), dtype)
    records = bp.inspect(train, net, *samples, 0.02)
    bare = bp.inspect(train_bare, *bp.tree.leaves(net), *samples, 0.02)
    assert "layers_0_weights_out" in records.source
    assert "layers_0_weights_out" not in bare.source
    assert without_names(records.source) == without_names(bare.source)
    assert records.schedule.workspace == bare.schedule.workspace


def test_other_code_is_told_apart():
    texts = ["'''d'''\ndef f(x, y):\n    return x + y", "'''d'''\ndef f(x, y):\n    return y + x"]
    assert without_names(texts[0]) != without_names(texts[1])
    assert without_names(texts[0]) == without_names("'''e'''\ndef g(a, b):\n    return a + b")


def test_lenses_leave_no_code():
    """What is done to structures is done before anything is computed."""

    def plain(net, x):
        return np.sum(2.0 * net.layers[0].weights) + np.sum(net.layers[0].biases * x)

    def lensed(net, x):
        net = bp.update(bp.replace(net, {"layers.0.biases": net.layers[0].biases * x}), "layers.*.weights", _twice)
        return np.sum(bp.leaves(net, Layer)[0].weights) + np.sum(bp.preview(net.layers[0], Layer).biases)

    net = Network([Layer(np.ones((2, 3)), np.ones(2)), Layer(np.ones((1, 2)), np.ones(1))])
    texts = [bp.inspect(bp.grad(f), net, np.ones(2)).source for f in (plain, lensed)]
    assert without_names(texts[0]) == without_names(texts[1])


def _twice(weights):
    return 2.0 * weights
