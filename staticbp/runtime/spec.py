"""What a compiled function takes: one :class:`Spec` for each argument, and a :class:`Frame` for a call of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from staticbp.core import shape as shapes
from staticbp.core.shape import Dim, Shape


@dataclass(frozen=True, slots=True, init=False)
class Spec:
    """The type of one argument of a generated function.

    Parameters
    ----------
    dtype : dtype-like
        The element type, in the machine's own byte order.
    ndim : int
        The number of dimensions; 0 for a scalar.
    array : bool
        Whether an array is passed (which may have 0 dimensions) or a scalar.
    readonly : bool
        Whether the function only reads the array, so that a read-only one may be passed.
    shape : tuple of int or DimExpr, optional
        The shape, where it is known and has to be as it is; what a symbol stands for is the same in all of a call.

    Examples
    --------
    >>> print(Spec(np.float32, 2, array=True))
    C-contiguous, writeable float32 array of 2 dimensions
    >>> print(Spec(np.int64, 0, array=False))
    int64 scalar
    """

    dtype: np.dtype[Any]
    ndim: int
    array: bool
    readonly: bool = False
    shape: Shape | None = None

    def __init__(
        self,
        dtype: npt.DTypeLike,
        ndim: int,
        array: bool,
        readonly: bool = False,
        shape: Shape | None = None,
    ) -> None:
        dtype = np.dtype(dtype)
        if dtype.kind not in "biufc" or not dtype.isnative:
            raise ValueError(f"compiled code takes no arguments of dtype {dtype!r}")
        if ndim < 0 or (ndim and not array):
            raise ValueError(f"a scalar has no dimensions, yet ndim is {ndim}")
        if shape is not None and len(shape) != ndim:
            raise ValueError(f"the shape {shape} has not {ndim} dimensions")
        for field, value in zip(fields(self), (dtype, ndim, array, readonly, shape), strict=True):
            object.__setattr__(self, field.name, value)

    def __str__(self) -> str:
        if not self.array:
            return f"{self.dtype} scalar"
        access = "" if self.readonly else ", writeable"
        plural = "" if self.ndim == 1 else "s"
        return f"C-contiguous{access} {self.dtype} array of {self.ndim} dimension{plural}"

    @property
    def token(self) -> str:
        """The argument's part in the key of the store."""
        extents = "" if self.shape is None else ":" + "x".join(map(str, self.shape))
        return f"{self.dtype.str}:{self.ndim}:{int(self.array)}:{int(self.readonly)}{extents}"


STACK = 4_032 if os.name == "nt" else 65_536  # bytes: workspace up to here lies on the stack of the calling thread
LARGE = 8_388_608  # bytes: from here on, memory that is new to the process costs as much as writing to it
WORK = Spec(np.uint8, 1, array=True)


@dataclass(frozen=True, slots=True)
class Frame:
    """A call of a compiled function that makes its own results.

    The function is called with what the caller has, and the entry does the rest::

        function(*arguments, *lent, [work]) -> (*results), or a status if that is not 0

    Results come as fresh arrays, and as NumPy scalars where they have no axes; the memory of large ones is lent by the
    caller.  The status `MISFIT` says that an
    argument is not as specified: not an array, of another type or shape, not contiguous, or, if it is written to,
    read-only or in memory that is another argument's too.  Nothing has been touched then.

    Parameters
    ----------
    arguments : tuple of Spec
        Those of the caller.  Arrays that are not read-only are updated in place.
    results : tuple of Spec
        What the entry allocates, with shapes; the generated function takes them after the arguments.
    workspace : int or DimExpr
        The bytes of memory that the function wants to work in, as its last argument.  Little is taken from the
        stack; if it is more than that, or depends on the sizes of arrays, the caller gives it.

    Examples
    --------
    >>> matrix, vector = (Spec(float, len(shape), True, True, shape) for shape in [(2, 3), (3,)])
    >>> frame = Frame((matrix, vector), (Spec(float, 1, True, shape=(2,)),))
    >>> [spec.shape for spec in frame.parameters]
    [(2, 3), (3,), (2,)]
    """

    arguments: tuple[Spec, ...]
    results: tuple[Spec, ...]
    workspace: Dim = 0

    @property
    def parameters(self) -> tuple[Spec, ...]:
        """What the generated function takes."""
        return (*self.arguments, *self.results, *((WORK,) if self.workspace else ()))

    @property
    def lent(self) -> tuple[bool, ...]:
        """For each result, whether its memory is lent by the caller."""
        sizes = [shapes.size(spec.shape or ()) for spec in self.results]
        return tuple(
            isinstance(size, int) and size * spec.dtype.itemsize >= LARGE
            for size, spec in zip(sizes, self.results, strict=True)
        )

    @property
    def takes_work(self) -> bool:
        """Whether the workspace is given by the caller."""
        return not isinstance(self.workspace, int) or self.workspace > STACK

    @property
    def updated(self) -> tuple[int, ...]:
        """The positions of the arguments that are written to."""
        return tuple(i for i, spec in enumerate(self.arguments) if spec.array and not spec.readonly)


Convention = Sequence[Spec] | Frame
"""How a compiled function is called: with all its parameters, which gives its status, or by a `Frame`."""


def parameters_of(convention: Convention) -> tuple[Spec, ...]:
    """What the generated function takes, whichever way it is called."""
    return convention.parameters if isinstance(convention, Frame) else tuple(convention)


def convention_token(convention: Convention) -> str:
    """The convention's part in the key of the store."""
    taken = ", ".join(spec.token for spec in parameters_of(convention))
    if not isinstance(convention, Frame):
        return taken
    return f"{taken}; {len(convention.results)} made, {convention.workspace} bytes, {STACK} on the stack"
