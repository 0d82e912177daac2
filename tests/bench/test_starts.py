"""Programs that run once: caches, agreement, the time that counts. The programs here are not those of a library."""

import json
import sys
from dataclasses import replace

import pytest

from bench import catalogue, starts
from bench.match import Options
from bench.results import Result

(COLD,) = catalogue.named(["start-cold"])
(COMPILE,) = catalogue.named(["compile-1000"])
HASTE = Options(rounds=2)


@pytest.fixture
def programs(monkeypatch):
    """What each program prints, and in which caches; ``python -c`` stands in for the modules."""
    replies = {}
    seen = []

    def command(workload, entrant, caches, options, *words):
        program = original(workload, entrant, caches, options, *words)
        program.command = [sys.executable, "-c", replies[entrant], *words]
        environment = program.environment
        program.environment = lambda *, cold: seen.append((entrant, found := environment(cold=cold))) or found
        return program

    original = starts.Program
    monkeypatch.setattr(starts, "Program", command)
    monkeypatch.setattr(starts, "missing", lambda name: "")
    return replies, seen


def saying(answer, seconds=None):
    return f"print({json.dumps(json.dumps({'answer': answer, 'seconds': seconds}))})"


def test_each_cold_run_finds_its_own_empty_caches(programs):
    replies, seen = programs
    replies |= {"staticbp": saying(2.0), "jax": saying(2.0)}
    result = starts.run_in_turn(replace(COLD, entrants=("staticbp", "jax")), HASTE, lambda name: None)
    assert {name: len(times) for name, times in result.times.items()} == {"staticbp": 2, "jax": 2}
    stores = [found["STATICBP_CACHE_DIR"] for name, found in seen if name == "staticbp"]
    assert len(set(stores)) == 2
    assert not any("JAX_COMPILATION_CACHE_DIR" in found for _, found in seen)
    assert not any("PYTHONDONTWRITEBYTECODE" in found for _, found in seen)


def test_warm_runs_share_caches_that_the_first_has_filled(programs):
    replies, seen = programs
    replies |= {"staticbp": saying(2.0), "jax, cached": saying(2.0)}
    (warm,) = catalogue.named(["start-warm"])
    result = starts.run_in_turn(replace(warm, entrants=("staticbp", "jax, cached")), HASTE, lambda name: None)
    assert {len(times) for times in result.times.values()} == {2}
    assert len(seen) == 6
    assert len({found["STATICBP_CACHE_DIR"] for name, found in seen if name == "staticbp"}) == 1
    assert len({found.get("JAX_COMPILATION_CACHE_DIR") for name, found in seen if name != "staticbp"}) == 1


def test_a_program_may_take_its_own_time(programs):
    replies, _ = programs
    replies |= {"staticbp": saying(0.5, seconds=7.0), "jax": saying(0.5, seconds=9.0)}
    result = starts.run_in_turn(COMPILE, HASTE, lambda name: None)
    assert result.times == {"staticbp": [7.0, 7.0], "jax": [9.0, 9.0]}


def test_who_breaks_off_is_excluded_with_what_it_said_last(programs):
    replies, _ = programs
    replies |= {"staticbp": saying(2.0, seconds=1.0), "jax": "import sys; sys.exit('no such flag')"}
    result = starts.run_in_turn(COMPILE, HASTE, lambda name: None)
    assert result.excluded == {"jax": "broke off with status 1: no such flag"}
    assert list(result.times) == ["staticbp"]


def test_who_answers_something_else_is_excluded():
    result = Result("start", {})
    starts.exclude_who_differs({"a": 1.0, "b": 2.0, "c": 1.0 + 1e-7}, result)
    assert list(result.excluded) == ["b"]
