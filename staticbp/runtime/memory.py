"""Memory that is used again: to work in for the time of a call, and for large results that nobody has any more."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

ALIGNMENT = 64  # bytes: a cache line, and the widest vector

Array = np.ndarray[Any, Any]


class Arenas:
    """Workspaces by size: taken for the time of a call and given back, so that calls in flight share none.

    Examples
    --------
    >>> arenas = Arenas()
    >>> first = arenas.take(100); second = arenas.take(100)
    >>> first is second, first.ctypes.data % 64
    (False, 0)
    >>> arenas.give(first); arenas.take(100) is first
    True
    """

    KEPT = 8  # of each size: more calls than that are rarely in flight

    def __init__(self) -> None:
        self._free: dict[int, list[Array]] = {}

    def take(self, size: int) -> Array:
        """An arena of `size` bytes that nobody else has."""
        try:
            return self._free[size].pop()  # one step, whatever other threads do
        except (KeyError, IndexError):
            raw = np.empty(size + ALIGNMENT, np.uint8)
            start = -raw.ctypes.data % ALIGNMENT
            return raw[start : start + size]

    def give(self, arena: Array) -> None:
        """Have an arena back."""
        free = self._free.setdefault(arena.size, [])
        if len(free) < self.KEPT:
            free.append(arena)


ARENAS = Arenas()


def roomy(size: int) -> int:
    """At least `size`, and one of a few sizes: of arenas whose size differs from call to call not many are kept.

    Examples
    --------
    >>> roomy(100), roomy(5_000_000), roomy(5_100_000)
    (4096, 5242880, 5242880)
    """
    unit = max(4096, 1 << max(0, size.bit_length() - 3))
    return -(-size // unit) * unit


class Buffers:
    """Memory of large results, lent again once nobody has the result any more.

    Memory that is new to a process is filled with zeros by the system, which takes as long as writing the result
    does.  An array that is lent is a view of a buffer, and so are all views of it: they all hold on to the buffer, so
    that its count of references says whether it is free.

    Parameters
    ----------
    limit : int
        How many bytes of memory are kept, lent or free.  What goes beyond comes from the system each time.

    Examples
    --------
    >>> buffers = Buffers(1 << 20)
    >>> def memory():
    ...     return buffers.lend((2, 3), np.dtype(np.float32))
    >>> array = memory()
    >>> where = array.ctypes.data
    >>> row = array[1]; del array
    >>> memory().ctypes.data == where
    False
    >>> del row
    >>> where in {array.ctypes.data for array in [memory(), memory()]}
    True
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: list[Array] = []  # those lent last at the end
        self._turn = threading.Lock()

    def lend(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """An array that is nobody's, with whatever was in it."""
        if not self._turn.acquire(blocking=False):  # also when a process is forked while another thread has its turn
            return np.empty(shape, dtype)
        try:
            nbytes = math.prod(shape) * dtype.itemsize
            for position, (count, size) in enumerate(_references(self._kept)):
                if count == _IDLE and size == nbytes:
                    buffer = self._kept.pop(position)
                    self._kept.append(buffer)
                    return np.ndarray(shape, dtype, buffer)
            if nbytes > self._limit:
                return np.empty(shape, dtype)
            buffer = np.empty(nbytes, np.uint8)
            self._kept.append(buffer)
            while sum(kept.nbytes for kept in self._kept) > self._limit:
                del self._kept[0]
            return np.ndarray(shape, dtype, buffer)
        finally:
            self._turn.release()


def _references(buffers: Sequence[Array]) -> list[tuple[int, int]]:
    """For each buffer how many references there are to it, with those that it takes to ask, and its size."""
    return [(sys.getrefcount(buffer), buffer.nbytes) for buffer in buffers]


_IDLE = _references([np.empty(1)])[0][0]  # of a buffer that only the list has

BUFFERS = Buffers(268_435_456)
