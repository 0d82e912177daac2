"""What staticbp tells while it works: by the loggers ``staticbp.…`` of `logging`, and on a terminal.

``STATICBP_LOG=compile`` in the environment sends what the logger ``staticbp.compile`` says to the standard error, a
line for each compilation.  Several names are separated by commas: ``compile``, ``store``, ``load``, ``jit``,
``profile``, or ``all``.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from staticbp.runtime.load import OUTCOME

NAMES = ("compile", "store", "load", "jit", "profile")
PATIENCE = 2.0  # seconds, after which somebody at a terminal is told what takes so long

LOG = logging.getLogger("staticbp.compile")
_FORMAT = logging.Formatter("%(name)s: %(message)s")


def follow(names: str) -> list[str]:
    """Send what loggers say to the standard error.

    Parameters
    ----------
    names : str
        Their names, separated by commas, or ``all``; the value of ``STATICBP_LOG``.

    Returns
    -------
    list of str
        The names of the loggers that are followed now.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    chosen = NAMES if "all" in wanted else [name for name in wanted if name in NAMES]
    for unknown in sorted({*wanted} - {*NAMES, "all"}):
        known = ", ".join((*NAMES, "all"))
        logging.getLogger("staticbp").warning("STATICBP_LOG: there is no %r, only %s", unknown, known)
    for name in chosen:
        logger = logging.getLogger(f"staticbp.{name}")
        if not any(isinstance(handler, _ToStandardError) for handler in logger.handlers):
            logger.addHandler(_ToStandardError())
        logger.setLevel(logging.INFO if name == "compile" else logging.DEBUG)
        logger.propagate = False
    return [f"staticbp.{name}" for name in chosen]


class _ToStandardError(logging.Handler):
    """Writes to what is the standard error at the time."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(_FORMAT)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        sys.stderr.write(f"{self.format(record)}\n")


@contextmanager
def compiling(name: str, cause: str) -> Iterator[list[str]]:
    """Tell of a compilation, when it is done; at a terminal also while it takes long.

    What the list holds by then, the sizes that it serves all of, is told as well.
    """
    OUTCOME.how = "the code is what it was"
    start = time.perf_counter()
    sizes: list[str] = []
    with announced(f"staticbp is compiling {name} …"):
        yield sizes
    served = f" for all sizes {', '.join(sizes)}" if sizes else ""
    LOG.info("%s: %.0f ms, %s%s; %s", name, 1e3 * (time.perf_counter() - start), OUTCOME.how, served, cause)


@contextmanager
def announced(text: str) -> Iterator[None]:
    """Show a line on the terminal if what is done within takes longer than two seconds, and say how long it took."""
    if not _at_a_terminal():
        yield
        return
    start = time.perf_counter()
    shown = threading.Event()

    def show() -> None:
        shown.set()
        _say(text)

    timer = threading.Timer(PATIENCE, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if shown.is_set():
            _say(f" {time.perf_counter() - start:.1f} s\n")


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _at_a_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


follow(os.environ.get("STATICBP_LOG", ""))
