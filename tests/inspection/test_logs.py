"""What is told while something is compiled, and to whom."""

import io
import logging
import subprocess
import sys
import time

import numpy as np
import pytest

import staticbp as bp
from staticbp.inspection import logs


@pytest.fixture
def unfollowed():
    """Loggers as they were, after a test that follows them."""
    found = [logging.getLogger(f"staticbp.{name}") for name in logs.NAMES]
    before = [(logger.level, logger.propagate, [*logger.handlers]) for logger in found]
    yield
    for logger, (level, propagate, handlers) in zip(found, before, strict=True):
        logger.setLevel(level)
        logger.propagate = propagate
        logger.handlers[:] = handlers


def test_each_compilation_is_a_line_with_its_cause(caplog):
    @bp.compile(dynamic_axes=False)
    def doubled(x):
        return x * 2

    with caplog.at_level(logging.INFO, logger="staticbp.compile"):
        doubled(np.ones(3))
        doubled(np.ones(3))
        doubled(np.ones(4))
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith("doubled: ")
    assert " ms, " in first
    assert first.endswith("; the first call in this process")
    assert second.endswith("; x is float64[4] instead of float64[3]")


def test_loggers_are_followed_by_name(unfollowed, capsys):
    assert logs.follow("compile, store") == ["staticbp.compile", "staticbp.store"]
    assert logs.follow("compile") == ["staticbp.compile"]
    logging.getLogger("staticbp.compile").info("a compilation")
    logging.getLogger("staticbp.store").debug("a file")
    logging.getLogger("staticbp.jit").debug("nobody asked")
    assert capsys.readouterr().err == "staticbp.compile: a compilation\nstaticbp.store: a file\n"


def test_all_loggers_and_none(unfollowed):
    assert len(logs.follow("all")) == len(logs.NAMES)
    assert logs.follow("") == []


def test_a_name_that_is_none(unfollowed, caplog):
    assert logs.follow("compiel") == []
    assert "there is no 'compiel', only compile, store" in caplog.text


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("duration", "shown"), [(0.0, False), (0.08, True)])
def test_somebody_at_a_terminal_is_told_what_takes_long(monkeypatch, duration, shown):
    monkeypatch.setattr(logs, "PATIENCE", 0.02)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with logs.announced("compiling loss …"):
        time.sleep(duration)
    time.sleep(0.03)
    text = sys.stderr.getvalue()
    assert text.startswith("compiling loss … 0.") is shown
    assert text.endswith(" s\n") is shown


def test_nobody_is_told_in_a_pipe(monkeypatch):
    monkeypatch.setattr(logs, "PATIENCE", 0.0)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with logs.announced("compiling loss …"):
        time.sleep(0.02)
    assert sys.stderr.getvalue() == ""


def test_the_environment_asks_for_it(monkeypatch):
    monkeypatch.setenv("STATICBP_LOG", "compile")
    monkeypatch.setenv("STATICBP_JIT", "0")
    program = "import staticbp as bp; bp.compile(lambda x: x + 1)(2.0)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("staticbp.compile: function: ")
    assert "ms, not compiled: STATICBP_JIT=0; the first call in this process" in done.stderr


def test_one_compilation_for_all_sizes_says_so(caplog):
    @bp.compile
    def total(x, y):
        return np.sum(x) + np.sum(y)

    with caplog.at_level("INFO", "staticbp.compile"):
        for size in (3, 4):
            total(np.ones((2, size)), np.ones(5))
    first, second = (record.message for record in caplog.records)
    assert "for all sizes" not in first
    assert " for all sizes x.shape[1]; x is float64[2,4] instead of float64[2,3]" in second
