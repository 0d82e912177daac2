"""Where `clock.lap` keeps what it has read: one array for the process, which compiled code finds by its symbol.

So code with a clock in it takes the arguments that it takes without, and is called in the same way.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

SYMBOL = "staticbp.laps"
LAPS: np.ndarray[Any, Any] = np.zeros(1 << 16, np.int64)
"""The last reading of the clock, and for each part the sum of its times, in ticks, and how many there are."""

ROOM = (LAPS.size - 1) // 2
"""How many parts there is room for."""

TURN = threading.Lock()
"""Held by who measures."""
