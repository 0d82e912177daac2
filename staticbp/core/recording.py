"""Which builder records what is traced, in each thread."""

from __future__ import annotations

import threading
from typing import Any


class _Recording(threading.local):
    """`innermost` is the `Builder` that is recording; None when nothing is being traced.

    A default of the class: to ask for an attribute that a thread has not set yet would take a microsecond.
    """

    innermost: Any = None


RECORDING = _Recording()
