"""The boundary: between the objects that a user holds and generated code, which trusts what it is given.

On the way in, each leaf is checked by name and made what compiled code takes: an array of the machine's byte
order, aligned and contiguous, or a number.  On the way out, results are memory of their own, never an argument's
and never the compiler's, and statuses become errors that name the user's line.

::

    status = function(*arguments, *constants, *results, [work], [progress])
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from staticbp import errors
from staticbp.core.aval import Aval, check_dtype, weak_aval
from staticbp.core.primitive import Traced
from staticbp.core.schedule import Failure
from staticbp.errors import ArgumentError, DtypeError, LeakedTracerError, StaticbpError

PAUSED = -1  # the status of a function that has run one slice of a long loop
SLICE = 0.05  # seconds: how long a slice lasts, and with it how soon Ctrl-C is heard
FIRST_SLICE = 16  # iterations of the first slice of all; after it the time of one is known
ALIGNMENT = 64  # bytes: a cache line, and the widest vector

Array = np.ndarray[Any, Any]
Kernel = Callable[..., int]

# ---- on the way in --------------------------------------------------------------------------------------------


def signature(leaves: Sequence[Any]) -> tuple[Any, ...]:
    """What of the leaves a compiled form depends on: dtype and shape of arrays, the type of all else.

    Examples
    --------
    >>> signature([np.zeros(3), 0.5])
    ((dtype('float64'), (3,)), <class 'float'>)
    """
    return tuple([(x.dtype, x.shape) if type(x) is np.ndarray else type(x) for x in leaves])


def admit(leaf: Any, path: str) -> Aval:
    """The type that compiled code knows `leaf` by; an error that calls it `path` when there is none."""
    if isinstance(leaf, Traced):
        raise LeakedTracerError(
            f"{path} is a traced value, used after its function was traced",
            advice="Return it from the function instead of storing it in a global, an attribute or a list.",
        )
    if isinstance(leaf, np.ma.MaskedArray | np.matrix):
        raise ArgumentError(
            f"{path} is a {type(leaf).__name__}, whose operations are not those of an array",
            advice="Pass np.asarray(x), or x.filled(value) for a masked array.",
        )
    if isinstance(leaf, np.ndarray | np.generic):
        return Aval(leaf.shape, check_dtype(leaf.dtype, path))
    try:
        return weak_aval(leaf)
    except DtypeError:
        raise DtypeError(
            f"{path} is a {type(leaf).__name__}, which staticbp does not compile",
            advice="Use a float, an int, a bool, or an array of them.",
        ) from None


def converter(leaf: Any) -> Callable[[Any], Any] | None:
    """What makes compiled code's argument of leaves that look like this one; None when they are it already."""
    if not isinstance(leaf, np.ndarray):
        return None
    if leaf.ndim == 0:
        return _native_scalar
    if type(leaf) is np.ndarray and leaf.dtype.isnative:
        return _contiguous
    return _native_array


def _contiguous(array: Array) -> Array:
    flags = array.flags
    return array if flags.c_contiguous and flags.aligned else _native_array(array)


def _native_array(array: Array) -> Array:
    return np.array(array, array.dtype.newbyteorder("="), order="C", copy=True)


def _native_scalar(array: Array) -> Any:
    return array[()].astype(array.dtype.newbyteorder("="))


@dataclass(slots=True)
class Constant:
    """An array that the traced function captured: its contents as they are at each call."""

    array: Array
    aval: Aval

    def current(self) -> Any:
        """The array as compiled code takes it: one without axes as a number."""
        array = self.array
        if array.shape != self.aval.shape or array.dtype.newbyteorder("=") != self.aval.dtype:
            raise ArgumentError(
                f"a captured array of type {self.aval} has become {array.dtype}{list(array.shape)}",
                advice="Pass it as an argument: those may change their shape from call to call.",
            )
        if not array.ndim:
            return _native_scalar(array)
        if type(array) is np.ndarray and array.dtype.isnative:
            return _contiguous(array)
        return _native_array(array)


# ---- memory ---------------------------------------------------------------------------------------------------


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

# ---- long loops -----------------------------------------------------------------------------------------------

_watchers = threading.local()


@contextmanager
def reporting(report: Callable[[int, int], object]) -> Iterator[None]:
    """Within, ``report(done, total)`` is told how many steps of its loops a compiled call has done."""
    before = getattr(_watchers, "report", None)
    _watchers.report = report
    try:
        yield
    finally:
        _watchers.report = before


class Slices:
    """Runs a function with long loops a slice at a time, so that Ctrl-C is heard and progress can be told.

    `extents` are the lengths of its loops.  The number of steps that fill a slice is learnt as they run.
    """

    def __init__(self, extents: Sequence[int]) -> None:
        self.extents = tuple(extents)
        self.budget = FIRST_SLICE

    def run(self, function: Kernel, args: Sequence[Any]) -> int:
        """Call `function` until it is done; its status."""
        progress = np.zeros(3, np.int64)  # the part that it is in, the step there, the steps of a slice
        report = getattr(_watchers, "report", None)
        while True:
            progress[2] = self.budget
            start = time.perf_counter()
            status = function(*args, progress)
            elapsed = time.perf_counter() - start
            if status != PAUSED:
                break
            ideal = self.budget * SLICE / max(elapsed, 1e-9)
            self.budget = int(max(1, min(ideal, self.budget * 32, 2**40)))
            if report is not None:
                report(self._done(progress), sum(self.extents))
        if report is not None and status == 0:
            report(sum(self.extents), sum(self.extents))
        return status

    def _done(self, progress: Array) -> int:
        """Steps done: parts alternate between what stands before a loop and the loop itself."""
        part, step = int(progress[0]), int(progress[1])
        return sum(self.extents[: part // 2]) + (step if part % 2 else 0)


# ---- a compiled function --------------------------------------------------------------------------------------


class Entry:
    """A compiled function with all that the boundary does for it.

    Parameters
    ----------
    function : callable
        The generated function.
    constants : sequence of Constant
        The captured arrays.
    results : sequence of Aval
        The types of the results, which are allocated afresh for each call.
    workspace : int
        The size of the arena in bytes.
    failures : sequence of Failure
        What the statuses mean.
    extents : sequence of int
        The lengths of the loops that run in slices.
    """

    __slots__ = ("_constants", "_failures", "_scalars", "_slices", "_workspace", "function", "is_plain", "results")

    def __init__(
        self,
        function: Kernel,
        constants: Sequence[Constant],
        results: Sequence[Aval],
        *,
        workspace: int = 0,
        failures: Sequence[Failure] = (),
        extents: Sequence[int] = (),
    ) -> None:
        self.function = function
        self._constants = tuple(constants)
        self.results = [(aval.shape, aval.dtype) for aval in results]
        self._scalars = [i for i, aval in enumerate(results) if not aval.shape]
        self._workspace = workspace
        self._failures = tuple(failures)
        self._slices = Slices(extents) if extents else None
        self.is_plain = not (self._constants or workspace or extents)

    def __call__(self, arguments: Sequence[Any]) -> list[Any]:
        """The results for these arguments: arrays, and NumPy scalars where a result has no axes."""
        results: list[Any] = [np.empty(shape, dtype) for shape, dtype in self.results]
        if self.is_plain:
            status = self.function(*arguments, *results)
        else:
            status = self._run([*arguments, *[constant.current() for constant in self._constants], *results])
        if status:
            self.fail(status)
        for i in self._scalars:
            results[i] = results[i][()]
        return results

    def _run(self, args: list[Any]) -> int:
        arena = ARENAS.take(self._workspace) if self._workspace else None
        if arena is not None:
            args.append(arena)
        try:
            return self.function(*args) if self._slices is None else self._slices.run(self.function, args)
        finally:
            if arena is not None:
                ARENAS.give(arena)

    def fail(self, status: int) -> NoReturn:
        """Raise the error that a status stands for."""
        failure = self._failures[status - 1]
        kind: type[StaticbpError] = getattr(errors, failure.kind)
        raise kind(failure.message, src=failure.src)
