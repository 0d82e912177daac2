"""Operations with gradients written by hand, as values, and a network that reads digits made of them.

    python examples/operations.py
    python examples/operations.py --fast
    python examples/operations.py --plot weights.png    # what each hidden neuron looks for

The four operations are those that the tutorial of Haskell's `backprop` defines before its network: `#>!`, `<.>!`,
`konst'` and `sumElements'`.  Nobody needs them here, since NumPy's own are differentiated; they show how one writes
an operation, and that it costs nothing: the compiled program is the same.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import staticbp as bp
from staticbp import datasets
from staticbp.testing import check_grads

Array = np.ndarray[Any, Any]
SIDE = 28


# ---- The operations: a value, and beside it the way back ----------------------------------------------------


@bp.Op
def apply(m: Array, v: Array) -> Any:
    """A matrix times a vector: `#>!`."""
    return m @ v, lambda g: (np.outer(g, v), m.T @ g)


@bp.Op
def dot(x: Array, y: Array) -> Any:
    """`<.>!`."""
    return x @ y, lambda g: (g * y, x * g)


def konst(count: int) -> bp.Op:
    """A vector filled with one number: `konst'`, whose length Haskell works out from its type."""

    def konst(c: Any) -> Any:
        return np.broadcast_to(c, (count,)), np.sum

    return bp.Op(konst)


@bp.Op
def sum_elements(x: Array) -> Any:
    """`sumElements'`."""
    return np.sum(x), lambda g: np.broadcast_to(g, x.shape)


# ---- The network, in these and in NumPy's -------------------------------------------------------------------


@bp.record
class Layer:
    weights: Array  # (outputs, inputs)
    biases: Array  # (outputs,)


@bp.record
class Network:
    hidden: Layer
    out: Layer


def logistic(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softmax(x: Array) -> Array:
    expx = np.exp(x)
    return konst(len(x))(1 / sum_elements(expx)) * expx


def run_network(net: Network, x: Array) -> Array:
    y = logistic(apply(net.hidden.weights, x) + net.hidden.biases)
    return softmax(apply(net.out.weights, y) + net.out.biases)


def cross_entropy(target: Array, result: Array) -> Array:
    return -dot(np.log(result), target)


def net_err(net: Network, x: Array, target: Array) -> Array:
    return cross_entropy(target, run_network(net, x))


def plain_err(net: Network, x: Array, target: Array) -> Array:
    y = logistic(net.hidden.weights @ x + net.hidden.biases)
    expy = np.exp(net.out.weights @ y + net.out.biases)
    return -np.log(1 / np.sum(expy) * expy) @ target


def training(err: Callable[..., Any]) -> Callable[..., Network]:
    """A compiled function that trains on sample after sample."""

    @bp.compile
    def train(net: Network, xs: Array, targets: Array, rate: float) -> Network:
        return bp.fold(lambda net, sample: net - rate * bp.grad(err)(net, *sample), net, (xs, targets))

    return train


# ---- What is shown ------------------------------------------------------------------------------------------


class Report(NamedTuple):
    """What was printed, as numbers, and the network."""

    off: float  # the largest difference of the two gradients
    misread: tuple[float, float]
    seconds: tuple[float, float]
    net: Network


def load(count: int) -> tuple[Array, Array]:
    data = datasets.mnist()
    images, labels = data.train_images[:count], data.train_labels[:count]
    return images.reshape(len(images), -1) / 255, np.eye(10)[labels]


def random_network(rng: np.random.Generator, hidden: int) -> Network:
    def layer(inputs: int, outputs: int) -> Layer:
        return Layer(rng.uniform(-1, 1, (outputs, inputs)) / inputs, np.zeros(outputs))

    return Network(layer(SIDE * SIDE, hidden), layer(hidden, 10))


def main(argv: Sequence[str] | None = None) -> Report:
    args = parse(argv)
    rng = np.random.default_rng(0)
    m, v = rng.normal(size=(2, 3)), rng.normal(size=3)

    print("Operations, each held against differences:")
    for op, point in ((apply, (m, v)), (dot, (v, v + 1)), (konst(3), (2.0,)), (sum_elements, (v,))):
        check_grads(op, point, order=1)
        print(f"  {op}")
    length = np.sqrt @ dot @ (apply, apply)
    print(f"  {length}, composed of them, is {length(m, v):.6f}; np.linalg.norm says {np.linalg.norm(m @ v):.6f}")

    xs, targets = load(500 if args.fast else 5000)
    net = random_network(rng, args.hidden)
    gradients = [bp.tree.leaves(bp.grad(err)(net, xs[0], targets[0])) for err in (net_err, plain_err)]
    off = max(float(np.max(np.abs(a - b))) for a, b in zip(*gradients, strict=True))
    print(f"\nThe gradient of the network made of them, and of the same in NumPy, differ by {off:.1e} at most.")

    trained, seconds = [], []
    for err in (net_err, plain_err):
        train = training(err)
        first = train(net, xs, targets, 0.1)  # compiles
        start = time.perf_counter()
        trained.append(train(first, xs, targets, 0.1))
        seconds.append(time.perf_counter() - start)
    read = bp.vmap(run_network, in_axes=(None, 0))
    misread = [float(np.mean(np.argmax(read(n, xs), axis=1) != np.argmax(targets, axis=1))) for n in trained]
    print(f"\nTrained on {len(xs)} digits, one at a time, twice:")
    for name, took, wrong in zip(("operations", "NumPy"), seconds, misread, strict=True):
        print(f"  {name + ':':<12} {1e6 * took / len(xs):5.1f} µs a digit, {wrong:.1%} misread")
    if args.plot:
        plot(trained[0], args.plot)
        print(f"Drew {args.plot}")
    return Report(off, (misread[0], misread[1]), (seconds[0], seconds[1]), trained[0])


def plot(net: Network, path: str) -> None:
    """Draw the weights of each hidden neuron as the picture that it looks for."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  (slow to import, and only who plots has to have it)

    count = len(net.hidden.biases)
    rows = max(1, round((count / 3) ** 0.5))
    columns = -(-count // rows)
    figure, axes = plt.subplots(rows, columns, figsize=(1.1 * columns, 1.1 * rows + 0.4), layout="constrained")
    for number, place in enumerate(np.atleast_1d(axes).flat):
        place.set_axis_off()
        if number < count:
            weights = net.hidden.weights[number].reshape(SIDE, SIDE)
            top = np.abs(weights).max()
            place.imshow(weights, cmap="RdBu_r", vmin=-top, vmax=top, interpolation="bilinear")
    figure.suptitle("What each hidden neuron looks for (red: ink; blue: none)", fontsize=11)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Operations as values, and a network made of them.")
    parser.add_argument("--hidden", type=int, default=24, help="neurons of the hidden layer")
    parser.add_argument("--fast", action="store_true", help="fewer digits")
    parser.add_argument("--plot", metavar="FILE", help="draw what each hidden neuron looks for")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
