"""A clock between statements: what `profile` puts into a copy of generated code to see how long each part takes.

``laps`` is a vector of int64: the last reading of the clock, and for each part the sum of its times, in ticks, and
how many there are. What a part takes is the time since the reading before.

Compiled, a reading is the processor's own counter, once all that stands before is done. When Python runs the text,
a tick is a nanosecond of its `time.perf_counter_ns`.
"""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

__all__ = ["lap"]

Array = np.ndarray[Any, Any]

JIT = os.environ.get("STATICBP_JIT", "1") != "0"


def lap(laps: Array, part: int) -> None:
    """Add the time since the last reading to that of a part; part -1 only reads the clock.

    Examples
    --------
    >>> laps = np.zeros(5, np.int64)
    >>> lap(laps, -1)
    >>> lap(laps, 1)
    >>> laps[3] > 0, laps[[1, 2, 4]]
    (np.True_, array([0, 0, 1]))
    """
    if part >= 0:
        laps[2 * part + 1] += time.perf_counter_ns() - laps[0]
        laps[2 * part + 2] += 1
    laps[0] = time.perf_counter_ns()


if JIT:
    from staticbp.runtime import ticks

    ticks.register(lap)
