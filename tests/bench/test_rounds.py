"""The machinery of the benchmarks: taking turns, replying, and the table. Nothing is timed here."""

import pytest

from bench.rounds import Contestant, compete, environment, in_turn, table

ECHO = """
from bench.rounds import serve
replies = iter([3.0, 1.0, 2.0])
serve({"answer": lambda: print("library: a remark") or ["yes"], "time": lambda: next(replies)})
"""


class Counting:
    """Notes whose turn it is; its nth round takes n seconds."""

    def __init__(self, name, log):
        self.name, self.log, self.rounds = name, log, 0

    def ask(self, word):
        assert word == "time"
        self.log.append(self.name)
        self.rounds += 1
        return float(self.rounds)


def test_contestants_take_turns_and_the_first_round_does_not_count():
    log = []
    times = in_turn([Counting("a", log), Counting("b", log)], rounds=2)
    assert times == {"a": [2.0, 3.0], "b": [2.0, 3.0]}
    assert log == ["a", "b", "b", "a", "a", "b"]


@pytest.fixture
def echo(tmp_path, monkeypatch):
    (tmp_path / "echo_contestant.py").write_text(ECHO)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return lambda: Contestant("echo", ["echo_contestant"])


def test_a_contestant_replies_and_ends(echo):
    asked = []
    assert compete([echo], 2, asked.append) == {"echo": [1.0, 2.0]}
    assert asked == [{"echo": ["yes"]}]


def test_a_contestant_that_breaks_off_ends_the_benchmark(echo):
    with pytest.raises(SystemExit, match="echo broke off with status 1"):
        compete([echo], 3, lambda answers: None)


def test_disagreement_ends_the_benchmark_before_anything_is_timed(echo):
    def disagree(answers):
        raise SystemExit("they differ")

    with pytest.raises(SystemExit, match="they differ"):
        compete([echo], 1, disagree)


def test_pinned_kernels_are_dropped(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("KEPT", "1")
    found = environment({"EXTRA": "2"})
    assert "OPENBLAS_CORETYPE" not in found
    assert (found["KEPT"], found["EXTRA"]) == ("1", "2")


def test_table_compares_with_the_first():
    assert table("sorting", {"ours": [1e-3, 3e-3, 2e-3], "theirs": [4e-3]}, scale=1e3, unit="ms") == (
        "sorting\n  ours           2 ms  (1 to 3)   1.00 × ours\n  theirs         4 ms  (4 to 4)   2.00 × ours"
    )
