"""Profiles: their rows are the parts of the code, and add up to the whole."""

import json

import numpy as np
import pytest

import staticbp as bp
from staticbp import compilation
from staticbp.inspection import machine, timing
from staticbp.inspection.machine import Peaks
from staticbp.inspection.profile import Profile, duration

RNG = np.random.default_rng(0)
W, X, Y = RNG.normal(size=(200, 200)) / 20, RNG.normal(size=(30, 200)), RNG.normal(size=30)
PEAKS = Peaks("a processor", 1, {"float64": 1e11}, {"float64": 1e9}, {1 << 14: 2e11, 1 << 30: 1e10})


@pytest.fixture(autouse=True, scope="module")
def known_machine():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("staticbp.api.profiling.peaks", lambda: PEAKS)
        yield


@bp.differentiable
def recurrence(W, h, xs):
    def step(h, x):
        h = np.tanh(W @ h + x)
        return h

    return np.sum(bp.fold(step, h, xs) ** 2)


@bp.compile
def misfit(w, X, y):
    r = X @ w - y
    return np.sum(np.log1p(r * r))


@pytest.fixture(scope="module")
def profile():
    return bp.profile(recurrence.grad, W, X[0], X, seconds=0.2)


def test_the_steps_of_a_loop_are_opened_and_counted(profile):
    steps = [row for row in profile.rows if row.count == len(X)]
    assert sum(row.label.startswith("blas.gemv") for row in steps) == 2  # of the step, and of its derivative
    forward, adjoint = ([row for row in steps if row.adjoint is flag] for flag in (False, True))
    assert forward
    assert adjoint
    assert sum(row.work.flops for row in forward) >= len(X) * 2 * W.size
    assert {line.text for row in forward for line in row.lines} == {"h = np.tanh(W @ h + x)"}


def test_short_steps_are_left_together():
    found = bp.profile(lambda x: bp.fori_loop(0, 50, lambda t, x: np.sin(x), x), 0.5, seconds=0.05)
    assert [row.count for row in found.rows] == [1] * len(found.rows)


def test_parts_add_up_to_the_whole():
    large = RNG.normal(size=(3000, 200))
    for _ in range(5):  # something else may be using the machine
        found = bp.profile(misfit, X[0], large, large[:, 0], seconds=0.2)
        assert found.whole == pytest.approx(found.dispatch + sum(row.seconds for row in found.rows) + found.unaccounted)
        if abs(found.unaccounted) < 0.25 * found.whole:
            break
    assert abs(found.unaccounted) < 0.25 * found.whole
    assert 0 < found.dispatch < found.whole


def test_a_short_call_is_timed_without_a_clock():
    copies = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("staticbp.api.profiling.timed", lambda *args: copies.append(timing.timed(*args)) or copies[-1])
        short = bp.profile(bp.grad(lambda x: x * np.sin(x)), 1.0, seconds=0.02)
        bp.profile(bp.grad(lambda x: np.sum(np.sin(x) @ x)), np.ones((300, 300)), seconds=0.02)
    assert [type(each) for each in copies] == [timing.Growing, timing.Clocked]
    assert [row.count for row in short.rows] == [1] * len(short.rows)
    assert all(row.seconds >= 0 for row in short.rows)
    assert 0 < short.dispatch < 2 * short.whole


def test_copies_that_grow_compute_nothing_first_and_everything_last():
    @bp.compile
    def product(A, x):
        return np.tanh(A @ x)

    bodies = []

    def calling(compilation):
        bodies.append(compilation.source.split("work):")[-1])
        return lambda: None

    made = product._compilation(product._call((np.ones((3, 3)), np.ones(3)), {}))
    growing = timing.Growing(made, calling)
    growing()
    assert len(bodies) == len(growing.parts) + 1
    assert "blas" not in bodies[0]
    assert bodies[-1] == made.source.split("work):")[-1]
    assert sum(part.seconds for part in growing.parts) + growing.dispatch == max(growing._measured)


def test_lines_share_the_time_of_the_rows(profile):
    traced_to_lines = sum(row.seconds for row in profile.rows if row.lines)
    assert sum(profile.lines.values()) == pytest.approx(traced_to_lines)
    assert traced_to_lines > 0.9 * sum(row.seconds for row in profile.rows)
    assert max(profile.lines, key=profile.lines.get).text == "h = np.tanh(W @ h + x)"


def test_rows_are_held_against_what_the_machine_can_do():
    found = bp.profile(misfit, X[0], np.ones((64, 200)), np.ones(64), seconds=0.05)
    product = found.rows[0]
    assert product.work.flops == 2 * 64 * 200
    # 8 * (64 * 200 + 200 + 64) bytes are more than the first cache has, so memory's rate counts.
    assert product.bound == "memory"
    assert product.limit == pytest.approx(8 * (64 * 200 + 200 + 64) / 1e10)
    assert 0 < product.reached <= 1


def test_as_text_and_as_html(profile):
    text = str(profile)
    assert "Gradient of recurrence(W, h, xs) with respect to W." in text
    assert "dispatch" in text
    assert "(30 times)" in text
    assert "a processor, 1 thread: 100 Gflop/s float64" in text
    html = profile._repr_html_()
    assert html.count("<table>") == 2
    assert "width: " in html
    assert "test_profile.py" in html


def test_code_for_all_sizes_is_timed_as_it_is_and_counted_for_these():
    @bp.differentiable
    def spread(X):
        return np.sum(np.tanh(X - X.mean(0)) ** 2)

    for rows in (5, 7):
        spread.grad(np.ones((rows, 4)))
    assert "X.shape[0]" in spread.grad.inspect(np.ones((40, 4))).source
    found = bp.profile(spread.grad, np.ones((40, 4)), seconds=0.02)
    assert sum(row.work.functions for row in found.rows) == 40 * 4
    assert any("< 40" in row.label for row in found.rows)
    assert 0 < found.dispatch < found.whole


def test_what_is_timed_is_called_as_the_function_is(monkeypatch):
    sources = []
    load = compilation._load

    def watched(source, *args):
        sources.append(source)
        return load(source, *args)

    monkeypatch.setattr(compilation, "_load", watched)
    scale = bp.compile(lambda x: 2.0 * x)
    scale(np.ones(3))
    bp.profile(scale, np.ones(3), seconds=0.01)
    plain, clocked = (source.splitlines() for source in sources[:2])  # others are of a call without a clock
    end = "    return 0"
    body = plain[plain.index("def function(x, mul):") + 1 :]
    expected = ["    clock.lap(0)", *body[: body.index(end)], "    clock.lap(1)", end]
    assert clocked[clocked.index("def function(x, mul):") + 1 :] == expected


def test_donated_arguments_are_left_alone():
    @bp.compile(donate_argnums=0)
    def step(x, rate):
        return x - rate * x

    x = np.ones(1000)
    bp.profile(step, x, 0.5, seconds=0.02)
    assert np.all(x == 1)


def test_branches_that_are_not_taken_have_no_rows():
    def chosen(x):
        return bp.cond(x[0, 0] > 0, lambda: np.sum(np.tanh(x @ x)), lambda: np.sum(x))

    found = bp.profile(chosen, -np.ones((300, 300)), seconds=0.05)
    assert not any(row.label.startswith("blas.gemm") for row in found.rows)


def test_methods_of_records_and_uncompiled_functions():
    @bp.record
    class Line:
        slope: float

        @bp.differentiable
        def at(self, x):
            return self.slope * np.sum(x)

    line = Line(2.0)
    assert isinstance(bp.profile(line.at, np.ones(5), seconds=0.02), Profile)
    assert isinstance(bp.profile(lambda x: x + 1, 1.0, seconds=0.02), Profile)


def test_a_user_may_call_things_laps_and_clock():
    def named(clock, laps):
        return np.sum(np.exp(clock) * laps)

    assert bp.profile(bp.grad(named), np.ones(50), np.ones(50), seconds=0.02).rows


def test_the_clock_ticks_like_pythons():
    clock = timing.clock()
    assert 1e-10 < clock.tick < 2e-7
    assert 0 <= clock.reading * clock.tick < 1e-5


# ---- the machine ------------------------------------------------------------------------------------------------


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Peaks are kept in a directory of their own, and `calls` says how often they are measured."""
    calls = []
    here = Peaks(machine._processor(), machine.team.threads_wanted(), {"float64": 1.0}, {"float64": 1.0}, {4: 1.0})
    monkeypatch.setenv("STATICBP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(machine, "measure", lambda: calls.append(1) or here)
    return calls, tmp_path / "cache" / "machine.json"


def test_peaks_are_measured_once(measured):
    calls, place = measured
    assert machine.peaks() == machine.peaks()
    assert len(calls) == 1
    assert place.exists()


@pytest.mark.parametrize("harm", ["{", "[]", '{"format": 0}', '{"format": 1, "bandwidth": {}, "other": 1}'])
def test_a_file_of_no_use_is_written_anew(measured, harm):
    calls, place = measured
    machine.peaks()
    place.write_text(harm)
    machine.peaks()
    machine.peaks()
    assert len(calls) == 2


def test_another_machine_is_measured_anew(measured):
    calls, place = measured
    machine.peaks()
    facts = json.loads(place.read_text())
    place.write_text(json.dumps(facts | {"processor": "another"}))
    machine.peaks()
    assert len(calls) == 2


def test_peaks_where_nothing_can_be_written(measured, tmp_path):
    calls, _ = measured
    (tmp_path / "cache").write_text("a file")
    machine.peaks()
    machine.peaks()
    assert len(calls) == 2


def test_rates_by_size():
    assert PEAKS.seconds(0, 0, 1 << 12, "float64")["memory"] == (1 << 12) / 2e11
    assert PEAKS.seconds(0, 0, 1 << 40, "float64")["memory"] == (1 << 40) / 1e10
    assert PEAKS.seconds(0, 500, 0, "int64")["functions"] == 500 / 1e9


def test_durations():
    assert [duration(s) for s in (3.0, 0.02, 4.2e-5, 7e-8)] == ["3 s", "20 ms", "42 µs", "70 ns"]
