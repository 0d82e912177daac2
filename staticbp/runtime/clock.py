"""A clock between statements: what `profile` puts into a copy of generated code to see how long each part takes.

What a part takes is the time since the reading before. `laps.py` says where that is kept.

Compiled, a reading is the processor's own counter, once all that stands before is done. When Python runs the text,
a tick is a nanosecond of its `time.perf_counter_ns`.
"""

from __future__ import annotations

import os
import time

from staticbp.runtime.laps import LAPS

__all__ = ["lap"]

JIT = os.environ.get("STATICBP_JIT", "1") != "0"


def lap(part: int) -> None:
    """Add the time since the last reading to that of a part; part -1 only reads the clock.

    Examples
    --------
    >>> LAPS[:] = 0
    >>> lap(-1)
    >>> lap(1)
    >>> LAPS[3] > 0, LAPS[[1, 2, 4]]
    (np.True_, array([0, 0, 1]))
    """
    if part >= 0:
        LAPS[2 * part + 1] += time.perf_counter_ns() - LAPS[0]
        LAPS[2 * part + 2] += 1
    LAPS[0] = time.perf_counter_ns()


if JIT:
    from staticbp.runtime.compiler import ticks

    ticks.register(lap)
