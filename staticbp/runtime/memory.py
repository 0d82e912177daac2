"""Memory that is used again: to work in for the time of a call, and for large results that nobody has any more."""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.runtime.spec import LARGE

ALIGNMENT = 64  # bytes: a cache line, and the widest vector
PAGE = 4096
LEAST = 268_435_456  # bytes that are kept, of large results and workspaces, on a small machine too
PART = 16  # of a large machine's memory one part in so many is

Array = np.ndarray[Any, Any]


class Buffers:
    """Memory of large results and workspaces, lent again once nobody has what was made in it any more.

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
        nbytes = math.prod(shape) * dtype.itemsize
        buffer = self._taken(_room(nbytes))
        return np.ndarray(shape, dtype, buffer, _start(buffer))

    def clear(self) -> int:
        """Give back to the system what nobody has; how many bytes that is."""
        if not self._turn.acquire(blocking=False):
            return 0
        try:
            given = 0
            for position, count in reversed([*enumerate(_references(self._kept))]):
                if count == _IDLE:
                    given += self._kept.pop(position).nbytes
            return given
        finally:
            self._turn.release()

    def _taken(self, size: int) -> Array:
        """A buffer that nobody has."""
        if not self._turn.acquire(blocking=False):  # nobody waits: in a fork, whoever has its turn may not be there
            return np.empty(size, np.uint8)
        try:
            for position, count in enumerate(_references(self._kept)):
                if count == _IDLE and self._kept[position].nbytes == size:
                    buffer = self._kept.pop(position)
                    self._kept.append(buffer)
                    return buffer
            buffer = np.empty(size, np.uint8)
            if size <= self._limit:
                self._kept.append(buffer)
                while sum(kept.nbytes for kept in self._kept) > self._limit:
                    del self._kept[0]
            return buffer
        finally:
            self._turn.release()


def _references(buffers: Sequence[Array]) -> list[int]:
    """For each buffer how many references there are to it, with those that it takes to ask."""
    return [sys.getrefcount(buffer) for buffer in buffers]


_IDLE = _references([np.empty(1)])[0]  # of a buffer that only the list has


class Arenas:
    """Workspaces by size: taken for the time of a call and given back, so that calls in flight share none.

    Parameters
    ----------
    limit : int
        How many bytes are kept in workspaces below `LARGE`; when there are more, all are given up.
    large : Buffers
        What lends larger ones.

    Examples
    --------
    >>> arenas = Arenas(1 << 20, Buffers(0))
    >>> first = arenas.take(100); second = arenas.take(100)
    >>> first is second, first.ctypes.data % 64
    (False, 0)
    >>> arenas.give(first); arenas.take(100) is first
    True
    """

    MOST = 8  # of each size: more calls than that are rarely in flight

    def __init__(self, limit: int, large: Buffers) -> None:
        self._limit = limit
        self._large = large
        self._free: dict[int, list[Array]] = {}
        self._kept = 0  # bytes

    def take(self, size: int) -> Array:
        """An arena of `size` bytes that nobody else has."""
        if size >= LARGE:
            return self._large.lend((size,), _BYTE)
        try:
            arena = self._free[size].pop()  # one step, whatever other threads do
        except (KeyError, IndexError):
            return at_line((size,), _BYTE)
        self._kept -= size
        return arena

    def give(self, arena: Array) -> None:
        """Have an arena back."""
        size = arena.size
        if size >= LARGE:  # it is free when the caller is rid of it
            return
        if self._kept > self._limit:
            self.clear()
        free = self._free.setdefault(size, [])
        if len(free) < self.MOST:
            free.append(arena)
            self._kept += size

    def clear(self) -> int:
        """Give up what nobody works in; how many bytes that is."""
        given, self._kept, self._free = self._kept, 0, {}
        return given


_BYTE = np.dtype(np.uint8)


def at_line(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """A new array that begins at a cache line, so that no vector of its rows lies in two.

    Examples
    --------
    >>> at_line((300, 784), np.dtype(np.float64)).ctypes.data % ALIGNMENT
    0
    """
    buffer = np.empty(_room(math.prod(shape) * dtype.itemsize), np.uint8)
    return np.ndarray(shape, dtype, buffer, _start(buffer))


def _room(nbytes: int) -> int:
    """The bytes of a buffer in which an array of so many has its place."""
    return nbytes + PAGE


def _start(buffer: Array) -> int:
    """Where in a buffer an array begins: at a cache line, and half a page away from where NumPy's large arrays do.

    Those begin 16 bytes behind a page.  Whether what is read has just been written, a processor asks of the last twelve
    bits of addresses at first: of what a stencil reads and writes these are not to be the same.
    """
    return (PAGE // 2 + ALIGNMENT - buffer.ctypes.data) % PAGE


def roomy(size: int) -> int:
    """At least `size`, and one of a few sizes: of arenas whose size differs from call to call not many are kept.

    Examples
    --------
    >>> roomy(100), roomy(5_000_000), roomy(5_100_000)
    (4096, 5242880, 5242880)
    """
    unit = max(4096, 1 << max(0, size.bit_length() - 3))
    return -(-size // unit) * unit


def _kept_at_most() -> int:
    """How many bytes are kept on this machine."""
    try:
        return max(LEAST, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // PART)
    except (AttributeError, ValueError, OSError):  # a system that does not say
        return LEAST


BUFFERS = Buffers(_kept_at_most())
ARENAS = Arenas(LEAST, BUFFERS)
