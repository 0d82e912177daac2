"""A small workload from beginning to end, with libraries that the tests have anyway; nothing depends on the times."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bench import catalogue
from bench.contestant import Stopwatch, make_inputs, prepare, widened
from bench.match import Options, run_in_turn, turns
from bench.report import lines
from bench.workload import Job, settings_of
from bench.workloads import mnist

HASTE = Options(rounds=2, seconds=1e-4, only=("staticbp", "numpy", "numba, one call", "no_such_library"))


@pytest.fixture(scope="module")
def finished():
    (record,) = catalogue.named(["record"])
    record = replace(record, entrants=(*record.entrants, "no_such_library"))
    ticks = []
    return record, run_in_turn(record, HASTE, ticks.append), ticks


def test_entrants_are_compared_and_timed(finished):
    _, result, _ = finished
    assert set(result.times) == {"staticbp", "numpy", "numba, one call"}
    assert all(len(times) == 2 and min(times) > 0 for times in result.times.values())
    assert result.gaps == {"staticbp": 0.0, "numpy": 0.0}  # the yardstick has no answer
    assert result.excluded == {}


def test_who_is_not_installed_is_named(finished):
    _, result, _ = finished
    assert result.missing["no_such_library"] == "no_such_library is not installed"


def test_who_is_left_out_is_named_too(finished):
    _, result, _ = finished
    assert result.missing["jax"] == "left out of this run"


def test_memory_is_measured(finished):
    _, result, _ = finished
    assert all(found["peak"] > 1e6 for found in result.memory.values())


def test_the_bar_gets_no_further_than_its_end(finished):
    record, _, ticks = finished
    assert 0 < len(ticks) <= turns(record, HASTE)


def test_the_report_names_everybody(finished):
    record, result, _ = finished
    text = "\n".join(lines(record, result))
    assert "no_such_library is not installed" in text
    assert "of one Numba call with the same arrays" in text


def test_who_computes_something_else_is_excluded():
    (record,) = catalogue.named(["record"])
    scalar = replace(record, family="scalar", settings={"dtype": "float32"})
    result = run_in_turn(scalar, replace(HASTE, only=("numba",)), lambda name: None)
    assert result.excluded == {"numba": "computes in float64 where float32 was asked for"}
    assert result.times == {}


@pytest.mark.parametrize("workload", catalogue.WORKLOADS, ids=lambda workload: workload.name)
def test_targets_are_about_entrants(workload):
    for target in workload.targets:
        assert set(target.against) <= set(workload.entrants)
        assert target.aim <= target.reach


SMALL = {
    "mnist": {"samples": 8},
    "volume": {"side": 5},
    "elementwise": {"size": 20},
    "scalars": {"steps": 7},
    "matrices": {"steps": 7},
}


STAYING = [workload for workload in catalogue.WORKLOADS if workload.family not in ("starts", "growth", "limits")]


@pytest.mark.parametrize("workload", STAYING, ids=lambda workload: workload.name)
def test_the_gradient_by_hand_answers_in_the_dtype_asked_for(workload):
    settings = settings_of(workload, **SMALL.get(workload.family, {}))
    if settings.get("minibatch", 1) > 1:
        settings["minibatch"] = 4
    job = prepare(workload.family, workload.job, "numpy", make_inputs(workload.family, settings))
    leaves = list(job.answer())
    assert {np.asarray(leaf).dtype.name for leaf in leaves} == {workload.dtype}
    job.run()


def test_inputs_are_widened_at_every_depth():
    wide = widened(mnist.inputs("float32", 4))
    assert wide.xs.dtype == wide.net[0].dtype == "float64"
    assert wide.labels.dtype == "int64"
    assert wide.minibatch == 1


def test_a_stopwatch_runs_often_enough_to_fill_its_time():
    calls = []
    watch = Stopwatch(Job(lambda: calls.append(1), None, steps=2), seconds=1e-3)
    assert watch.read() > 0
    assert watch.runs > 10
    before = len(calls)
    watch.read()
    assert len(calls) - before == watch.runs + math.ceil(watch.runs / 2)  # with those that do not count


def test_who_is_slow_is_given_fewer_samples():
    (samples,) = catalogue.named(["samples-float32"])
    inputs = make_inputs("mnist", settings_of(samples, samples=200))
    few = inputs.first(samples.brief["numpy"])
    assert len(inputs.xs) == 200
    assert [len(array) for array in (few.xs, few.targets, few.labels)] == [100] * 3
    jobs = [prepare("mnist", "samples", "numpy", given) for given in (inputs, few)]
    assert [job.steps for job in jobs] == [200, 100]
    for all_given, few_given in zip(*(job.answer() for job in jobs), strict=True):
        np.testing.assert_array_equal(all_given, few_given)
