"""The machinery of the benchmarks: processes, taking turns, replies. Nothing is timed here."""

import os
import sys

import pytest

from bench.rounds import Broken, Contestant, environment, in_turn, missing, on

ECHO = """
import os
from bench.contestant import serve

replies = iter([3.0, 1.0, 2.0])
serve({
    "answer": lambda: print("library: a remark") or ["yes"],
    "time": lambda: next(replies),
    "processors": lambda: sorted(os.sched_getaffinity(0)),
    "threads": lambda: os.environ.get("OMP_NUM_THREADS"),
})
"""


class Counting:
    """Notes whose turn it is; its nth round takes n seconds, and it may have only so many in it."""

    def __init__(self, name, log, rounds=100):
        self.name, self.log, self.left, self.done = name, log, rounds, 0

    def ask(self, word):
        assert word == "time"
        if self.done == self.left:
            raise Broken("is tired")
        self.log.append(self.name)
        self.done += 1
        return float(self.done)


def test_contestants_take_turns_and_the_first_round_does_not_count():
    log, ticks = [], []
    times, broken = in_turn([Counting("a", log), Counting("b", log)], rounds=2, tick=ticks.append)
    assert times == {"a": [2.0, 3.0], "b": [2.0, 3.0]}
    assert broken == {}
    assert log == ticks == ["a", "b", "b", "a", "a", "b"]


def test_who_breaks_off_is_named_and_the_others_go_on():
    times, broken = in_turn([Counting("a", []), Counting("b", [], rounds=2)], rounds=3)
    assert times == {"a": [2.0, 3.0, 4.0]}
    assert broken == {"b": "is tired"}


@pytest.fixture
def echo(tmp_path, monkeypatch):
    (tmp_path / "echo_contestant.py").write_text(ECHO)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return lambda **options: Contestant("echo", ["echo_contestant"], **options)


def test_a_contestant_replies_until_it_breaks_off(echo):
    with echo() as contestant:
        assert contestant.ask("answer") == ["yes"]
        assert [contestant.ask("time") for _ in range(3)] == [3.0, 1.0, 2.0]
        with pytest.raises(Broken, match="broke off with status 1: StopIteration"):
            contestant.ask("time")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no such system call here")
def test_a_contestant_with_one_thread_keeps_to_one_processor(echo):
    with echo(threads=1) as contestant:
        assert len(contestant.ask("processors")) == 1
        assert contestant.ask("threads") == "1"


def test_without_a_limit_a_contestant_is_started_plainly():
    assert on(None) == [sys.executable]


def test_pinned_kernels_are_dropped(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("KEPT", "1")
    found = environment(extra={"EXTRA": "2"})
    assert "OPENBLAS_CORETYPE" not in found
    assert (found["KEPT"], found["EXTRA"]) == ("1", "2")


def test_threads_are_told_to_every_library():
    found = environment(threads=2)
    assert {found[name] for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "STATICBP_NUM_THREADS")} == {"2"}


def test_what_is_not_installed_is_missing():
    assert missing("no_such_library, in a variant") == "no_such_library is not installed"
    assert missing("numpy") == missing("openblas, gemms alone") == ""
