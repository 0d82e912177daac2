"""The page made from results: tables, verdicts, explanations."""

import re

import pytest

from bench import catalogue, limits, page, plots
from bench.page import explanations, render
from bench.results import Result


def result_of(workload, seconds):
    """Times in the order of the entrants, each a little slower than the one before."""
    times = {name: [seconds * (1 + 0.1 * n)] * 3 for n, name in enumerate(workload.entrants)}
    memory = {name: {"run": 10**6, "peak": 10**8} for name in times}
    kernels = {name: ["openblas 0.3 Haswell, threads: 2"] for name in times}
    settings = {**workload.settings, "hidden": list(workload.settings.get("hidden", (300, 100)))}
    return Result(workload.name, times, {}, {}, {}, kernels, memory, workload.threads, settings)


@pytest.fixture(scope="module")
def results():
    found = [result_of(workload, 1e-4) for workload in catalogue.WORKLOADS]
    found[0].excluded["torch"] = "computes in float64 where float32 was asked for"
    del found[0].times["torch"]
    found[1].missing["pytensor"] = "pytensor is not installed"
    del found[1].times["pytensor"]
    return found


@pytest.fixture(scope="module")
def text(results):
    return render({"date": "2000-01-01", "processor": "an abacus", "processors used": "3"}, results)


def test_every_workload_is_on_the_page(text):
    for workload in catalogue.WORKLOADS:
        if not (workload.sweep or workload.threads or workload.family == "limits"):
            assert f"### {workload.name}\n" in text


def test_every_target_has_its_row(text):
    rows = re.findall(r"^\| .*\*\*not held\*\* \|$|^\| .*held, and the aim \|$|^\| .*\| held \|$", text, re.MULTILINE)
    assert len(rows) == sum(len(workload.targets) for workload in catalogue.WORKLOADS)


def test_nothing_is_left_of_the_template(text):
    assert not re.search(r"\$\w", text)
    assert "- processor: an abacus" in text


def test_who_is_not_timed_is_named(text):
    assert "torch is EXCLUDED: computes in float64 where float32 was asked for." in text
    assert "pytensor: pytensor is not installed." in text


def test_tables_are_rectangular(text):
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1, block


def test_what_is_missed_without_an_explanation_says_so(text):
    assert "What bounds it has not been found out." in text


def test_explanations_belong_to_workloads():
    names = {workload.name for workload in catalogue.WORKLOADS}
    assert set(explanations((page.HERE / "bounds.md").read_text(encoding="utf-8"))) <= names


def test_floors_follow_from_sizes():
    (work,) = [workload for workload in catalogue.WORKLOADS if workload.name == "minibatch-float32"]
    machine = limits.Rates(flops=1e11, bytes=1e10, weights=1e10)
    floor = limits.floor(work, result_of(work, 1e-3), machine)
    products = 2 * 128 * ((784 * 300 + 300 * 100 + 100 * 10) * 2 + 300 * 100 + 100 * 10)
    assert floor.flops == products
    assert floor.bound == pytest.approx(products / 1e11)
    (volume,) = [workload for workload in catalogue.WORKLOADS if workload.name == "volume"]
    assert limits.floor(volume, result_of(volume, 1e-3), machine).bytes == 2 * 4 * 256**3


def test_pictures_are_drawn(results, tmp_path):
    pytest.importorskip("matplotlib")
    plots.compared(tmp_path / "compared.png", results)
    plots.grown(tmp_path / "grown.png", results)
    assert all((tmp_path / name).stat().st_size > 10_000 for name in ("compared.png", "grown.png"))
