"""The pictures of docs/benchmarks.md."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.page import paired
from bench.results import OURS, Result

MARKS = {
    "jax": ("#2166ac", "o"),
    "jax, x @ W": ("#67a9cf", "o"),
    "jax, cached": ("#2166ac", "o"),
    "jax, as one array": ("#67a9cf", "o"),
    "torch": ("#d6604d", "s"),
    "torch, compiled": ("#f4a582", "s"),
    "pytensor": ("#4d9221", "D"),
    "autograd": ("#b8b8b8", "v"),
    "casadi": ("#8073ac", "^"),
    "casadi, buffer": ("#b2abd2", "^"),
    "numba": ("black", "x"),
    "numpy": ("0.5", "+"),
}
YARDSTICK = ("#e6ab02", "|")
SWEEPS = (
    ("batch", "samples in a batch", "time a step"),
    ("width", "hidden neurons", "time a step"),
    ("compile", "scalar operations", "time to compile"),
)


def compared(path: Path, results: Sequence[Result]) -> None:
    """For each workload the times of all, as multiples of staticbp's."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  (slow to import, and only who plots has to have it)

    rows = [(w, r) for w, r in paired(results) if not w.sweep and not w.threads and r.times.get(OURS)]
    figure, axes = plt.subplots(figsize=(9, 1.2 + 0.34 * len(rows)), layout="constrained")
    for height, (_, result) in enumerate(reversed(rows)):
        ours = statistics.median(result.times[OURS])
        axes.axhline(height, color="0.92", linewidth=6, zorder=0)
        for name, times in result.times.items():
            if name != OURS:
                colour, mark = MARKS.get(name, YARDSTICK)
                label = name if name in MARKS else "a part of the work alone"
                axes.plot(statistics.median(times) / ours, height, mark, color=colour, markersize=6, label=label)
    axes.axvline(1, color="#b2182b", linewidth=2)
    axes.set(
        xscale="log", xlabel="time, as a multiple of staticbp's (right of the line: slower)", ylim=(-0.7, len(rows))
    )
    axes.set_yticks(range(len(rows)), [workload.name for workload, _ in reversed(rows)])
    unique = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside upper center", ncols=5, frameon=False, fontsize="small")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def grown(path: Path, results: Sequence[Result]) -> None:
    """The sweeps, a panel each."""
    import matplotlib.pyplot as plt  # noqa: PLC0415

    pairs = paired(results)
    figure, panels = plt.subplots(1, len(SWEEPS), figsize=(12, 3.8), layout="constrained")
    for axes, (sweep, xlabel, ylabel) in zip(panels, SWEEPS, strict=True):
        curve(axes, [(w.sweep[1], r) for w, r in pairs if w.sweep and w.sweep[0] == sweep])
        axes.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=f"{ylabel} / s")
        if axes.lines:
            axes.legend(frameon=False, fontsize="small")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def curve(axes: Any, points: Sequence[tuple[int, Result]]) -> None:
    """One line for each entrant."""
    for name in dict.fromkeys(name for _, result in points for name in result.times):
        found = [(x, statistics.median(result.times[name])) for x, result in points if result.times.get(name)]
        colour, mark = ("#b2182b", "o") if name == OURS else MARKS.get(name, YARDSTICK)
        xs, ys = zip(*found, strict=True)
        axes.plot(xs, ys, mark, linestyle="-", color=colour, label=name, linewidth=2 if name == OURS else 1)
