"""The boundary: between the objects that a user holds and generated code, which trusts what it is given.

On the way in, each leaf is checked by name and made what compiled code takes: an array of the machine's byte
order, aligned and contiguous, or a number.  On the way out, results are memory of their own, never an argument's
and never the compiler's, and statuses become errors that name the user's line.

::

    results or status = function(*arguments, *constants, [work])
"""

from __future__ import annotations

import operator
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from staticbp import errors
from staticbp.core import shape as shapes
from staticbp.core.aval import Aval, check_dtype, weak_aval
from staticbp.core.primitive import Traced
from staticbp.core.schedule import Failure
from staticbp.core.shape import Dim
from staticbp.errors import ArgumentError, DonationError, DtypeError, LeakedTracerError, StaticbpError
from staticbp.runtime.frame import MISFIT
from staticbp.runtime.memory import ARENAS, BUFFERS, roomy

PAUSED = -1  # the status of a function that has run one slice of a long loop
SLICE = 0.05  # seconds: how long a slice lasts, and with it how soon Ctrl-C is heard
FIRST_SLICE = 16  # iterations of the first slice of all; after it the time of one is known

Array = np.ndarray[Any, Any]
Kernel = Callable[..., Any]

# ---- on the way in --------------------------------------------------------------------------------------------


def signature(leaves: Sequence[Any]) -> tuple[Any, ...]:
    """What of the leaves a compiled form depends on: dtype and shape of arrays, the type of all else.

    Examples
    --------
    >>> signature([np.zeros(3), 0.5])
    ((dtype('float64'), (3,)), <class 'float'>)
    """
    return tuple([(x.dtype, x.shape) if type(x) is np.ndarray else type(x) for x in leaves])


def odd_arrays() -> tuple[type, ...]:
    """The kinds of arrays whose operations are not those of an array.

    NumPy imports masked arrays when they are first asked for, which takes 15 ms; until somebody did there are none.
    """
    return np.matrix, getattr(sys.modules.get("numpy.ma"), "MaskedArray", np.matrix)


def admit(leaf: Any, path: str) -> Aval:
    """The type that compiled code knows `leaf` by; an error that calls it `path` when there is none."""
    if isinstance(leaf, Traced):
        raise LeakedTracerError(
            f"{path} is a traced value, used after its function was traced",
            advice="Return it from the function instead of storing it in a global, an attribute or a list.",
        )
    if isinstance(leaf, odd_arrays()):
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

    `loops` are the lengths of its loops, each with how many of the user's steps are taken in a turn.  The number of
    turns that fill a slice is learnt as they run.
    """

    def __init__(self, loops: Sequence[tuple[int, int]]) -> None:
        self.loops = tuple(loops)
        self.total = sum(length * turn for length, turn in loops)
        self.budget = FIRST_SLICE

    def running(self, function: Kernel) -> Kernel:
        """`function`, called until it is done."""
        return lambda *args: self.run(function, args)

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
                report(self._done(progress), self.total)
        if report is not None and status == 0:
            report(self.total, self.total)
        return status

    def _done(self, progress: Array) -> int:
        """Steps done: parts alternate between what stands before a loop and the loop itself."""
        part, step = int(progress[0]), int(progress[1])
        before = sum(length * turn for length, turn in self.loops[: part // 2])
        return before + (step * self.loops[part // 2][1] if part % 2 else 0)


# ---- a compiled function --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Donated:
    """A result that is an argument updated in place: the number of the result, that of the leaf, and its path."""

    result: int
    leaf: int
    path: str


class Entry:
    """A compiled function with all that the boundary does for it.

    Parameters
    ----------
    function : callable
        The generated function, called by its `Frame`.
    constants : sequence of Constant
        The captured arrays.
    results : sequence of Aval
        The types of the results, which are allocated afresh for each call.
    lent : collection of int
        The results that the function is handed memory for.
    zeros : collection of int
        The results that are zero: memory that comes as zeros (from calloc), of which the function knows nothing.
    donated : sequence of Donated
        The results that are arguments.
    workspace : int or DimExpr
        The size of the arena in bytes that the function is given; 0 when it wants none.
    padding : int
        To multiples of what the sizes that it depends on are rounded up.
    sizes : sequence of (str, int, int)
        The symbols in types and in the workspace, each with the leaf and the axis that it is the size of.
    failures : sequence of Failure
        What the statuses mean.
    """

    __slots__ = (
        "_donated",
        "_failures",
        "constants",
        "function",
        "lent",
        "padding",
        "results",
        "sizes",
        "updated",
        "workspace",
        "zeros",
    )

    def __init__(
        self,
        function: Kernel,
        constants: Sequence[Constant],
        results: Sequence[Aval],
        *,
        lent: Collection[int] = (),
        zeros: Collection[int] = (),
        donated: Sequence[Donated] = (),
        workspace: Dim = 0,
        padding: int = 1,
        sizes: Sequence[tuple[str, int, int]] = (),
        failures: Sequence[Failure] = (),
    ) -> None:
        self.function = function
        self.constants = tuple(constants)
        self.results: list[tuple[Any, np.dtype[Any]]] = [(aval.shape, aval.dtype) for aval in results]
        self.lent = tuple(lent)
        self.zeros = frozenset(zeros)
        self.updated = {item.result: item.leaf for item in donated}
        self.workspace = workspace
        self.padding = padding
        self.sizes = tuple(sizes)
        self._donated = tuple(donated)
        self._failures = tuple(failures)

    def __call__(self, leaves: Sequence[Any]) -> list[Any]:
        """The results for leaves as compiled code takes them: arrays, and NumPy scalars where there are no axes."""
        large = [BUFFERS.lend(*self.results[i]) for i in self.lent]
        made = self._run(leaves, large)
        if isinstance(made, int):
            self.fail(made)
        known: dict[int, Any] = dict(zip(self.lent, large, strict=True))
        known |= {i: leaves[leaf] for i, leaf in self.updated.items()}
        if self.zeros:
            sizes = self.sizes_in(leaves)
            for i in self.zeros:
                shape, dtype = self.results[i]
                known[i] = _zero(shapes.evaluate(shape, sizes), dtype)
        fresh = iter(made)
        return [known[i] if i in known else next(fresh) for i in range(len(self.results))]

    def _run(self, leaves: Sequence[Any], large: Sequence[Array]) -> tuple[Any, ...] | int:
        arguments = [*leaves, *(constant.current() for constant in self.constants), *large]
        if not self.workspace:
            return self.function(*arguments)
        arena = ARENAS.take(self._room(leaves))
        try:
            return self.function(*arguments, arena)
        finally:
            ARENAS.give(arena)

    def sizes_in(self, leaves: Sequence[Any]) -> dict[str, int]:
        """What the symbols stand for in a call."""
        return {name: np.shape(leaves[leaf])[axis] for name, leaf, axis in self.sizes}

    def _room(self, leaves: Sequence[Any]) -> int:
        """The bytes of workspace that a call is given."""
        if isinstance(self.workspace, int):
            return self.workspace
        return roomy(self.workspace.evaluate(shapes.padded_sizes(self.sizes_in(leaves), self.padding)))

    def settle(self, status: int, leaves: Sequence[Any], large: Sequence[Array]) -> tuple[Any, ...] | None:
        """What a call comes to that gave this status: an error; or results, once arrays are as code takes them.

        `large` is the memory that it was handed.  None when that is not what was wrong: the arguments are others than
        they were taken for.
        """
        if status != MISFIT:
            self.fail(status)
        if self._donated:
            return None
        taken = [_contiguous(x) if type(x) is np.ndarray and x.ndim and x.dtype.isnative else x for x in leaves]
        if not self.constants and all(map(operator.is_, taken, leaves)):
            return None
        made = self._run(taken, large)
        if not isinstance(made, int):
            return made
        if made != MISFIT:
            self.fail(made)
        return None

    def check_donated(self, leaves: Sequence[Any]) -> None:
        """Refuse arrays, as the user gave them, that cannot be updated in place, or that share memory."""
        for item in self._donated:
            check_in_place(leaves[item.leaf], item.path)
        captured = "an array that the function has captured"
        names = {item.leaf: item.path for item in self._donated}
        others = [(leaf, names.get(i, "another argument")) for i, leaf in enumerate(leaves)]
        others += [(constant.array, captured) for constant in self.constants]
        for item in self._donated:
            for number, (other, name) in enumerate(others):
                shared = isinstance(other, np.ndarray) and np.may_share_memory(leaves[item.leaf], other)
                if shared and number != item.leaf:
                    raise DonationError(
                        f"{item.path} is donated, and shares memory with {name}",
                        advice="Donate a copy, or hand over a copy of the other.",
                    )

    def fail(self, status: int) -> NoReturn:
        """Raise the error that a status stands for."""
        if status == MISFIT:
            raise ArgumentError("an argument was changed by another thread while it was being handed over")
        failure = self._failures[status - 1]
        kind: type[StaticbpError] = getattr(errors, failure.kind)
        raise kind(failure.message, src=failure.src)


def _zero(shape: Any, dtype: np.dtype[Any]) -> Any:
    return np.zeros(shape, dtype) if shape else dtype.type(0)


def check_in_place(leaf: Any, path: str) -> None:
    """Refuse what is no array that compiled code can write to."""
    wanted = "a C-contiguous, writeable array of the machine's byte order"
    if type(leaf) is not np.ndarray:
        found = f"a {type(leaf).__name__}"
    elif not leaf.flags.writeable:
        found = "read-only"
    elif not leaf.flags.c_contiguous:
        found = f"an array of strides {leaf.strides}"
    elif not leaf.flags.aligned or not leaf.dtype.isnative:
        found = f"an array of {leaf.dtype.str}{'' if leaf.flags.aligned else ' that is not aligned'}"
    else:
        return
    raise DonationError(
        f"{path} is donated, and is {found} where {wanted} is needed", advice=f"Donate np.array({path}), a copy."
    )
