"""A neural network tells two moons apart, and is filmed while it learns to.

    python examples/moons.py
    python examples/moons.py --plot moons.png         # five moments of the training, and the loss
    python examples/moons.py --animate moons.gif      # all of it
    python examples/moons.py --animate moons.mp4      # with ffmpeg, the system's or that of the extra `plot`
    python examples/moons.py --torch --micrograd      # the same training by these, where they are installed

The network is micrograd's, and training and figures are those of the post that ports it to Haskell's `ad`: 2 inputs,
two layers of 16 neurons and an output, 337 numbers in all; 150 batches of 50 points. All of the training is one call
of a compiled function.
"""

import argparse
import importlib.util
import itertools
import shutil
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

import staticbp as bp

Array = np.ndarray[Any, Any]

SIZES = [2, 16, 16, 1]
ALPHA = 1e-4  # how much large weights and biases are disliked


@bp.record
class Layer:
    weights: Array  # (outputs, inputs)
    biases: Array  # (outputs,)


@bp.record
class MLP:
    layers: list[Layer]


def relu(x: Array) -> Array:
    return np.where(x > 0, x, 0.0)


def call_layer(layer: Layer, x: Array) -> Array:
    return layer.biases + layer.weights @ x


def call_mlp(mlp: MLP, x: Array) -> Array:
    """From a point to a number: below zero for the upper moon, above zero for the lower one."""
    *hidden, last = mlp.layers
    for layer in hidden:
        x = relu(call_layer(layer, x))
    return call_layer(last, x)[0]


def call_mlp_on_all(mlp: MLP, points: Array) -> Array:
    return bp.vmap(call_mlp, in_axes=(None, 0))(mlp, points)


def loss(mlp: MLP, points: Array, labels: Array) -> Array:
    """The mean hinge loss, and ALPHA times the sum of the squares of all weights and biases."""
    data_loss = np.mean(relu(1 - labels * call_mlp_on_all(mlp, points)))
    reg_loss = ALPHA * sum(np.sum(leaf * leaf) for leaf in bp.tree.leaves(mlp))
    return data_loss + reg_loss


@bp.compile
def optimize(mlp: MLP, points: Array, labels: Array) -> tuple[MLP, tuple[MLP, Array]]:
    """Train on batch after batch; also the networks after each batch, and the losses before.

    The learning rate falls from 1 to 0.1.
    """
    epochs = len(points)
    rates = 1.0 - 0.9 * np.arange(epochs) / epochs

    def optimize_step(mlp: MLP, batch: tuple[Array, Array, Array]) -> tuple[MLP, tuple[MLP, Array]]:
        points, labels, rate = batch
        error, slope = bp.value_and_grad(loss)(mlp, points, labels)
        mlp = mlp - rate * slope
        return mlp, (mlp, error)

    return bp.scan(optimize_step, mlp, (points, labels, rates))


classify = bp.compile(call_mlp_on_all)


def init_mlp(rng: np.random.Generator, sizes: Sequence[int]) -> MLP:
    """Weights uniform between -1 and 1, and no biases."""
    return MLP([Layer(rng.uniform(-1, 1, (n_out, n_in)), np.zeros(n_out)) for n_in, n_out in itertools.pairwise(sizes)])


def make_moons(rng: np.random.Generator, *shape: int, noise: float = 0.1) -> tuple[Array, Array]:
    """Points of two half circles that interlock, each point moved a little, and -1 or 1 for the upper or lower one."""
    angles, labels = rng.uniform(0, np.pi, shape), rng.choice([-1.0, 1.0], shape)
    upper = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    lower = np.stack([1 - np.cos(angles), 0.5 - np.sin(angles)], axis=-1)
    points = np.where(labels[..., None] < 0, upper, lower)
    return points + noise * rng.standard_normal(points.shape), labels


def train_by_torch(mlp: MLP, points: Array, labels: Array) -> tuple[float, list[float]]:
    """The same network, data and steps by PyTorch: the seconds that a second training takes, and its losses."""
    import torch  # noqa: PLC0415  (only who asks for it has to have it)

    inputs, targets = torch.from_numpy(points), torch.from_numpy(labels)

    def train() -> list[float]:
        leaves = [torch.tensor(leaf, requires_grad=True) for leaf in bp.tree.leaves(mlp)]
        losses = []
        for epoch in range(len(points)):
            x = inputs[epoch]
            for weights, biases in zip(leaves[::2], leaves[1::2], strict=True):
                z = x @ weights.T + biases
                x = torch.relu(z)
            data_loss = torch.relu(1 - targets[epoch] * z[:, 0]).mean()
            loss = data_loss + ALPHA * sum((leaf * leaf).sum() for leaf in leaves)
            slopes = torch.autograd.grad(loss, leaves)
            with torch.no_grad():
                for leaf, slope in zip(leaves, slopes, strict=True):
                    leaf -= (1.0 - 0.9 * epoch / len(points)) * slope
            losses.append(loss.item())
        return losses

    train()
    begin = time.perf_counter()
    losses = train()
    return time.perf_counter() - begin, losses


def train_by_micrograd(mlp: MLP, points: Array, labels: Array) -> tuple[float, list[float]]:
    """The same by micrograd, whose network this is: a graph of Python objects, one for each number."""
    from micrograd.nn import MLP as Micrograd  # noqa: PLC0415  (likewise)

    model = Micrograd(SIZES[0], SIZES[1:])
    for layer, theirs in zip(mlp.layers, model.layers, strict=True):
        for row, bias, neuron in zip(layer.weights, layer.biases, theirs.neurons, strict=True):
            neuron.b.data = float(bias)
            for weight, value in zip(neuron.w, row, strict=True):
                weight.data = float(value)
    losses = []
    begin = time.perf_counter()
    for epoch in tqdm(range(len(points)), desc="micrograd", unit="batch", disable=None):
        scores = [model(point) for point in points[epoch].tolist()]
        hinges = [(1 - label * score).relu() for score, label in zip(scores, labels[epoch].tolist(), strict=True)]
        loss = sum(hinges) * (1.0 / len(hinges)) + ALPHA * sum(p * p for p in model.parameters())
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= (1.0 - 0.9 * epoch / len(points)) * p.grad
        losses.append(loss.data)
    return time.perf_counter() - begin, losses


# ---- Printing and pictures ------------------------------------------------------------------------------------


class Report(NamedTuple):
    """What was learnt, as numbers."""

    losses: Array  # of each batch, before its step
    accuracy: float  # on the test points, between 0 and 1
    parameters: int


class Film(NamedTuple):
    """What the pictures are made from: the network before the first batch and after each, the losses, some points."""

    networks: Sequence[MLP]
    losses: Array
    points: Array
    labels: Array


def main(argv: Sequence[str] | None = None) -> Report:
    args = parse(argv)
    rng = np.random.default_rng(args.seed)
    start = init_mlp(rng, SIZES)
    points, labels = make_moons(rng, args.batches, 50, noise=args.noise)
    test_points, test_labels = make_moons(rng, 1000, noise=args.noise)
    parameters = sum(leaf.size for leaf in bp.tree.leaves(start))
    print(f"A network of {' - '.join(map(str, SIZES))}: {parameters} weights and biases.")

    seconds = []
    for _ in range(2):  # the first call compiles, or finds what an earlier run has compiled
        begin = time.perf_counter()
        mlp, (history, losses) = optimize(start, points, labels)
        seconds.append(time.perf_counter() - begin)
    print(f"Trained on {args.batches} batches of 50 points in {seconds[0]:.2f}s, and once more in {seconds[1]:.4f}s.")
    every = max(args.batches // 6, 1)
    for epoch in sorted({*range(0, args.batches, every), args.batches - 1}):
        print(f"Batch {epoch + 1:3}: loss {losses[epoch]:.4f}")
    accuracy = float(np.mean((classify(mlp, test_points) > 0) == (test_labels > 0)))
    print(f"Right on {accuracy:.1%} of {len(test_points)} test points.")

    if args.torch:
        seconds, torch_losses = train_by_torch(start, points, labels)
        print(f"By PyTorch the same training takes {seconds:.4f}s, and the last loss is {torch_losses[-1]:.4f}.")

    if args.micrograd:
        seconds, micrograd_losses = train_by_micrograd(start, points, labels)
        print(f"By micrograd it takes {seconds:.1f}s, and the last loss is {micrograd_losses[-1]:.4f}.")

    networks = [start, *(bp.tree.map(lambda leaf, i=i: leaf[i], history) for i in range(args.batches))]
    film = Film(networks, losses, test_points[:200], test_labels[:200])
    if args.plot:
        plot(args.plot, film)
        print(f"Drew {args.plot}")
    if args.animate:
        animate(args.animate, film, args.frames)
        print(f"Filmed {args.animate}")
    return Report(losses, accuracy, parameters)


GRID_X, GRID_Y = np.meshgrid(np.linspace(-1.6, 2.6, 121), np.linspace(-1.15, 1.65, 81))
LEVELS = [-1e9, -4, -2.5, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2.5, 4, 1e9]
UPPER, LOWER = "#b2182b", "#2166ac"


def draw_moons(axes: Any, film: Film, epoch: int) -> None:
    """Points of both moons on what the network makes of the plane, after so many batches."""
    import matplotlib.colors as colors  # noqa: PLC0415

    grid = np.stack([GRID_X.ravel(), GRID_Y.ravel()], axis=1)
    z = classify(film.networks[epoch], grid).reshape(GRID_X.shape)
    bands = len(LEVELS) - 1
    shades = colors.ListedColormap(
        colors.LinearSegmentedColormap.from_list("", [UPPER, "white", LOWER])(np.linspace(0.18, 0.82, bands))
    )
    axes.contourf(GRID_X, GRID_Y, z, levels=LEVELS, cmap=shades, norm=colors.BoundaryNorm(LEVELS, bands))
    if np.min(z) < 0 < np.max(z):
        axes.contour(GRID_X, GRID_Y, z, levels=[0.0], colors="black", linewidths=2)
    for label, color in [(-1, UPPER), (1, LOWER)]:
        axes.scatter(*film.points[film.labels == label].T, s=9, color=color, edgecolors="white", linewidths=0.4)
    axes.set(xticks=[], yticks=[], xlim=(GRID_X.min(), GRID_X.max()), ylim=(GRID_Y.min(), GRID_Y.max()))


def draw_loss(axes: Any, film: Film, color: str = "0.2") -> None:
    axes.plot(np.arange(len(film.losses)), film.losses, color=color, linewidth=1)
    axes.set(yscale="log", xlabel="batch", ylabel="loss", xlim=(0, len(film.losses)))


def plot(path: str, film: Film) -> None:
    """Draw some moments of the training, and the loss beneath."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  (slow to import, and only who plots has to have it)

    last = len(film.losses)
    moments = sorted({0, min(2, last), round(last * 0.07), round(last * 0.25), last})
    figure = plt.figure(figsize=(12, 4.2), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[3, 2])
    for axes, epoch in zip(upper.subplots(1, len(moments)), moments, strict=True):
        draw_moons(axes, film, epoch)
        axes.set_title(f"after {epoch} batches", fontsize="medium")
    below = lower.subplots()
    draw_loss(below, film)
    for epoch in moments:
        below.axvline(epoch, color="0.6", linewidth=0.8, linestyle=":")
    figure.savefig(path, dpi=90)
    plt.close(figure)


def find_ffmpeg() -> str | None:
    """The program that writes .mp4: the system's, or the one that comes with imageio-ffmpeg."""
    found = shutil.which("ffmpeg")
    if found is None and importlib.util.find_spec("imageio_ffmpeg") is not None:
        found = importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe()
    return found


def animate(path: str, film: Film, frames: int) -> None:
    """Film the training: more of its beginning, where most happens, and a still at the end."""
    import matplotlib.animation as animation  # noqa: PLC0415
    import matplotlib.pyplot as plt  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415  (comes with matplotlib)

    last = len(film.losses)
    epochs = sorted({last, *(round(last * (i / max(frames - 1, 1)) ** 1.7) for i in range(frames))})
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(4.6, 4.4), dpi=80, layout="constrained", gridspec_kw={"height_ratios": [3, 1]}
    )
    draw_loss(below, film, color="0.8")
    (trace,) = below.plot([], [], color="black", linewidth=1.2)

    def draw(epoch: int) -> None:
        above.clear()
        draw_moons(above, film, epoch)
        above.set_title(f"after {epoch} batches", fontsize="medium")
        trace.set_data(np.arange(epoch), film.losses[:epoch])
        figure.canvas.draw()
        figure.set_layout_engine("none")  # the first frame has settled it

    # The bar is drawn on a terminal only (disable=None).
    with tqdm(epochs, unit=" frames", leave=False, disable=None) as bar:
        if path.endswith(".mp4"):
            plt.rcParams["animation.ffmpeg_path"] = find_ffmpeg()
            writer = animation.FFMpegWriter(fps=8)
            with writer.saving(figure, path, dpi=160):
                for epoch in itertools.chain(bar, [last] * 16):
                    draw(epoch)
                    writer.grab_frame()
        else:
            images = []
            for epoch in bar:
                draw(epoch)
                images.append(Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3]))
            # All frames share one small palette: what does not change between them then costs nothing.
            palette = images[-1].quantize(colors=40, method=Image.Quantize.MAXCOVERAGE)
            images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
            durations = [120] * (len(images) - 1) + [2500]
            images[0].save(path, save_all=True, append_images=images[1:], duration=durations, loop=0)
    plt.close(figure)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    def positive(text: str) -> int:
        if (number := int(text)) < 1:
            raise argparse.ArgumentTypeError(f"{number} is less than 1")
        return number

    parser = argparse.ArgumentParser(description="Train a neural network to tell two moons apart.")
    add = parser.add_argument
    add("--batches", type=positive, default=150, help="of 50 points each (%(default)s)")
    add("--noise", type=float, default=0.1, help="how far points are off their moons (%(default)s)")
    add("--seed", type=int, default=0, help="for the weights and the points (%(default)s)")
    add("--plot", metavar="FILE", help="draw some moments of the training")
    add("--animate", metavar="FILE", help="film the training: a .gif, or an .mp4 where ffmpeg is installed")
    add("--torch", action="store_true", help="time PyTorch as well, if it is installed")
    add("--micrograd", action="store_true", help="time micrograd as well, if it is installed")
    add("--frames", type=positive, default=40, help="of the film (%(default)s)")
    add("--fast", action="store_true", help="a short training and film, to see whether everything works")
    args = parser.parse_args(argv)
    if args.fast:
        args.batches, args.frames = min(args.batches, 40), min(args.frames, 4)
    if args.animate and args.animate.endswith(".mp4") and find_ffmpeg() is None:
        parser.error(
            "--animate: ffmpeg, which writes .mp4, is not installed (imageio-ffmpeg, of the extra `plot`, brings it); "
            ".gif works without"
        )
    return args


if __name__ == "__main__":
    main()
