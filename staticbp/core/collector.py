"""Python's garbage collector, which waits while something is compiled.

A compilation makes objects by the hundred thousand and needs nearly all of them to its end.  So what the collector goes
through again and again, as they become more, is no garbage: for a graph of some thousand operations that is a tenth of
the time and more.  What cycles there are it finds afterwards.
"""

from __future__ import annotations

import gc
import os
import threading


class _Waiting:
    """``with WAITING:`` the collector is off, in all threads, for there is only one; nested and at the same time too.

    The last to leave turns it on again, if it was on when the first one came.

    Examples
    --------
    >>> with WAITING:
    ...     gc.isenabled()
    False
    >>> gc.isenabled()
    True
    """

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._within = 0
        self._was_on = False

    def __enter__(self) -> None:
        with self._lock:
            if not self._within:
                self._was_on = gc.isenabled()
                gc.disable()
            self._within += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._within -= 1
            if not self._within and self._was_on:
                gc.enable()

    def forked(self) -> None:
        """In a child process: the threads that were compiling are not in it."""
        if self._within and self._was_on:
            gc.enable()
        self._reset()


WAITING = _Waiting()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=WAITING.forked)


def settle() -> None:
    """Have all objects that there are be old ones, without going through them: after an import, which is to stay.

    Otherwise the collector would at once look at whatever was made while it waited.  Where somebody has frozen objects
    it does, for those would not be frozen any longer.

    Examples
    --------
    >>> young = [[]]
    >>> settle()
    >>> gc.get_count()[0] < 100
    True
    """
    if not gc.get_freeze_count():
        gc.freeze()
        gc.unfreeze()  # to the oldest generation
