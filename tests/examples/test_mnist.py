"""examples/mnist.py, on a few hundred digits."""

import importlib.util
import os
import pty
import re
import select
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest

import staticbp as bp
from staticbp.datasets import mnist
from staticbp.datasets.idx import encode_idx

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "examples" / "mnist.py"
FEW = ["--hidden", "16", "--rate", "0.1", "--batch", "250", "--epochs", "3"]
REPORT = re.compile(
    r"Loaded data\.\n"
    r"(\[Epoch \d\]\n"
    r"(\(Batch \d\)\n"
    r"Trained on \d+ points in \d+\.\d\ds\.\n"
    r"Training error: \d+\.\d\d%\n"
    r"Validation error: \d+\.\d\d%\n)+)+"
)


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("mnist_example", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def few_digits(tmp_path_factory):
    """A directory with 500 images to learn from and 200 to be tested on."""
    directory = tmp_path_factory.mktemp("digits")
    for prefix, images, labels, count in [
        ("train", mnist().train_images, mnist().train_labels, 500),
        ("t10k", mnist().test_images, mnist().test_labels, 200),
    ]:
        (directory / f"{prefix}-images-idx3-ubyte").write_bytes(encode_idx(images[:count]))
        (directory / f"{prefix}-labels-idx1-ubyte").write_bytes(encode_idx(labels[:count]))
    return str(directory)


@pytest.mark.parametrize(
    "options", [[], ["--dtype", "float32", "--minibatch", "4", "--rate", "0.4"]], ids=["float64", "float32-by-4"]
)
def test_it_learns_and_says_so(example, few_digits, capsys, options):
    history = example.main([few_digits, *FEW, *options])

    printed = capsys.readouterr().out
    assert REPORT.fullmatch(printed), printed
    assert printed.count("[Epoch") == 3
    assert printed.count("(Batch 1)") == printed.count("(Batch 2)") == 3
    assert re.findall(r"Trained on (\d+) points", printed) == ["250"] * 6
    assert [progress.samples for progress in history] == [250, 500, 750, 1000, 1250, 1500]
    assert f"Validation error: {history[-1].validation_error:.2%}" in printed.splitlines()[-1]
    assert history[-1].validation_error < 0.5  # it is 0.9 before anything is learnt, and 500 digits teach little
    assert history[-1].training_error < min(0.35, history[0].training_error)


def test_the_seed_decides(example, few_digits, capsys):
    runs = [example.main([few_digits, *FEW, "--epochs", "1", "--seed", seed]) for seed in "334"]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize("hidden", [[], ["8", "6", "8"]], ids=["none", "three"])
def test_any_number_of_hidden_layers(example, few_digits, capsys, hidden):
    history = example.main([few_digits, "--epochs", "1", "--batch", "400", "--hidden", *hidden])
    assert [progress.samples for progress in history] == [400, 500]


def test_minibatches_use_every_sample(example):
    """The steps of `train` are those of the arithmetic written out, a shorter last minibatch among them."""
    rng = np.random.default_rng(0)
    xs, targets = rng.uniform(size=(11, 7)), np.eye(3)[rng.integers(3, size=11)]
    start = net = example.random_network(rng, [7, 5, 3], "float64")
    for rows in (slice(0, 4), slice(4, 8), slice(8, 11)):
        steps = [example.net_err.grad(net, x, t) for x, t in zip(xs[rows], targets[rows], strict=True)]
        net = net - 0.3 * (sum(steps[1:], start=steps[0]) / len(steps))

    trained = example.train(start, xs, targets, 0.3, minibatch=4)
    for layer, expected in zip(trained.layers, net.layers, strict=True):
        np.testing.assert_allclose(layer.weights, expected.weights, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(layer.biases, expected.biases, rtol=1e-12, atol=1e-14)
    only_a_part = example.train(start, xs[:3], targets[:3], 0.3, minibatch=4)
    assert np.any(only_a_part.layers[0].weights != start.layers[0].weights)


def test_plot(example, few_digits, tmp_path, capsys):
    target = tmp_path / "learning.png"
    example.main([few_digits, *FEW, "--epochs", "1", "--plot", str(target)])
    assert target.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert capsys.readouterr().out.endswith(f"Drew {target}\n")


def test_a_network_is_saved_and_trained_further(example, few_digits, tmp_path, capsys):
    file = str(tmp_path / "net.safetensors")
    first = example.main([few_digits, *FEW, "--save", file])
    assert capsys.readouterr().out.endswith(f"Saved {file}\n")
    second = example.main([few_digits, *FEW, "--epochs", "1", "--load", file, "--seed", "1"])
    printed = capsys.readouterr().out
    said = f"Loaded {file}: it misreads {first[-1].validation_error:.2%} of the test images."
    assert printed.splitlines()[1] == said
    assert second[-1].training_error < first[1].training_error
    with pytest.raises(bp.errors.ShapeError, match=r"layers.0.weights has the shape \(16, 784\)"):
        example.main([few_digits, *FEW, "--hidden", "15", "--load", file])


def test_as_a_program_on_the_embedded_data():
    process = run("--hidden", "4", "--epochs", "1", "--dtype", "float32")
    assert REPORT.fullmatch(process.stdout), process.stdout
    assert process.stdout.count("Trained on 5000 points") == 2
    assert process.stderr == "", "no progress bar where nobody looks"


def test_what_is_wrong_with_the_data_is_said_in_a_line(tmp_path):
    process = run(str(tmp_path / "nowhere"), check=False)
    assert process.returncode == 1
    assert "nowhere is not a directory" in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("option", ["--batch=0", "--epochs=-1", "--minibatch=0", "--hidden=0", "--dtype=int8"])
def test_options_that_make_no_sense_are_refused(example, option, capsys):
    with pytest.raises(SystemExit):
        example.main([option])
    assert "usage:" in capsys.readouterr().err


def test_a_terminal_gets_a_progress_bar(few_digits):
    terminal, end = pty.openpty()
    termios.tcsetwinsize(end, (24, 80))
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), few_digits, *FEW], stdout=end, stderr=end, env=environment()
    ) as process:
        os.close(end)
        shown = b""
        while select.select([terminal], [], [], 120)[0]:
            try:
                part = os.read(terminal, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
    os.close(terminal)
    assert process.returncode == 0, shown.decode()
    assert "/1500" in shown.decode()
    assert "Validation error" in shown.decode()


def environment():
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def run(*arguments, check=True):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=check,
        timeout=300,
    )
