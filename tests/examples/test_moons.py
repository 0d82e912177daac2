"""examples/moons.py: the network, the data and the training that the post describes."""

import importlib.util
import os
import re
import shutil

import numpy as np
import pytest


@pytest.fixture(scope="module")
def example(load_example):
    return load_example("moons")


def test_the_figures_of_the_post(example, capsys):
    report = example.main([])
    assert report.parameters == 337
    assert len(report.losses) == 150
    assert report.accuracy >= 0.99
    assert np.mean(report.losses[-20:]) < 0.1 * np.mean(report.losses[:5])
    printed = capsys.readouterr().out
    assert "2 - 16 - 16 - 1: 337 weights and biases" in printed
    assert re.search(r"Trained on 150 batches of 50 points in \d+\.\d\ds, and once more in \d\.\d{4}s\.", printed)
    assert printed.endswith(f"Right on {report.accuracy:.1%} of 1000 test points.\n")


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_it_is_not_a_matter_of_luck(example, capsys, seed):
    assert example.main(["--seed", seed]).accuracy >= 0.99


def test_the_network_starts_as_in_the_post(example):
    mlp = example.init_mlp(np.random.default_rng(0), example.SIZES)
    assert [layer.weights.shape for layer in mlp.layers] == [(16, 2), (16, 16), (1, 16)]
    for layer in mlp.layers:
        assert not np.any(layer.biases)
        assert np.all(np.abs(layer.weights) <= 1)
    assert np.abs(mlp.layers[1].weights).max() > 0.9


def test_moons(example):
    """Without noise the points are on two half circles; with it they are off by as much."""
    points, labels = example.make_moons(np.random.default_rng(0), 2000, noise=0.0)
    upper, lower = points[labels < 0], points[labels > 0]
    assert 900 < len(upper) < 1100
    np.testing.assert_allclose(np.hypot(*upper.T), 1)
    np.testing.assert_allclose(np.hypot(*(lower - [1, 0.5]).T), 1)
    assert upper[:, 1].min() >= 0
    assert lower[:, 1].max() <= 0.5
    moved, _ = example.make_moons(np.random.default_rng(0), 2000, noise=0.1)
    assert np.std(moved - points) == pytest.approx(0.1, rel=0.1)


def test_training_is_the_arithmetic_of_the_post(example):
    """Three steps written out with NumPy: hinge loss, squares, ReLU between layers, a falling rate."""
    rng = np.random.default_rng(3)
    mlp = example.init_mlp(rng, [2, 4, 1])
    points, labels = example.make_moons(rng, 3, 5)
    trained, (history, losses) = example.optimize(mlp, points, labels)

    (w1, b1), (w2, b2) = [(layer.weights, layer.biases) for layer in mlp.layers]
    for k in range(3):
        before = points[k] @ w1.T + b1
        hidden = np.where(before > 0, before, 0)
        margin = 1 - labels[k] * (hidden @ w2[0] + b2[0])
        squares = sum(np.sum(p * p) for p in (w1, b1, w2, b2))
        assert losses[k] == pytest.approx(np.mean(np.maximum(margin, 0)) + 1e-4 * squares)
        out_bar = -labels[k] * (margin > 0) / 5
        before_bar = np.outer(out_bar, w2[0]) * (before > 0)
        rate = 1.0 - 0.9 * k / 3
        slopes = [
            before_bar.T @ points[k],
            before_bar.sum(axis=0),
            (out_bar @ hidden)[None],
            out_bar.sum(keepdims=True),
        ]
        w1, b1, w2, b2 = (p - rate * (slope + 2e-4 * p) for p, slope in zip((w1, b1, w2, b2), slopes, strict=True))
        for layer, (weights, biases) in zip(history.layers, [(w1, b1), (w2, b2)], strict=True):
            np.testing.assert_allclose(layer.weights[k], weights, rtol=1e-12, atol=1e-14)
            np.testing.assert_allclose(layer.biases[k], biases, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(trained.layers[0].weights, history.layers[0].weights[-1])


def test_plot_and_film(example, tmp_path, capsys, assert_png):
    picture, film = tmp_path / "moons.png", tmp_path / "moons.gif"
    example.main(["--fast", "--plot", str(picture), "--animate", str(film)])
    assert capsys.readouterr().out.endswith(f"Drew {picture}\nFilmed {film}\n")
    assert_png(picture)
    with pytest.importorskip("PIL.Image").open(film) as frames:
        assert frames.format == "GIF"
        assert frames.n_frames == 4


def test_one_batch_is_a_training_too(example, tmp_path, capsys):
    report = example.main(["--batches", "1", "--plot", str(tmp_path / "moons.png")])
    assert report.losses.shape == (1,)
    assert capsys.readouterr().out.count("Batch") == 1


def test_film_as_mp4(example, tmp_path, capsys):
    if example.find_ffmpeg() is None:
        pytest.skip("MP4 needs ffmpeg, the system's or that of imageio-ffmpeg")
    film = tmp_path / "moons.mp4"
    example.main(["--fast", "--animate", str(film)])
    assert film.read_bytes()[4:8] == b"ftyp"


def test_ffmpeg_is_given_every_frame(example, tmp_path, monkeypatch, capsys):
    """A stand-in for ffmpeg keeps the raw pixels that it is piped."""
    ffmpeg = tmp_path / "ffmpeg"
    ffmpeg.write_text('#!/bin/sh\nfor target; do :; done\ncat > "$target"\n')
    ffmpeg.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    film = tmp_path / "moons.mp4"
    example.main(["--fast", "--animate", str(film)])
    frames = 4 + 16  # the last one stands still
    assert film.stat().st_size == frames * 736 * 704 * 4


def test_mp4_without_ffmpeg_is_refused_before_the_training(example, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        example.main(["--animate", "moons.mp4"])
    captured = capsys.readouterr()
    assert "imageio-ffmpeg" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("package", ["torch", "micrograd"])
def test_others_learn_the_same(package, run_example):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    process = run_example("moons", "--fast", f"--{package}")
    assert process.returncode == 0, process.stderr
    last = re.search(r"Batch  40: loss (\d\.\d+)", process.stdout)
    assert f"and the last loss is {last[1]}." in process.stdout


def test_as_a_program(run_example):
    process = run_example("moons", "--fast")
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    assert "Trained on 40 batches" in process.stdout
