"""What a compiled function takes: one :class:`Spec` for each argument."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt


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

    def __init__(self, dtype: npt.DTypeLike, ndim: int, array: bool, readonly: bool = False) -> None:
        dtype = np.dtype(dtype)
        if dtype.kind not in "biufc" or not dtype.isnative:
            raise ValueError(f"compiled code takes no arguments of dtype {dtype!r}")
        if ndim < 0 or (ndim and not array):
            raise ValueError(f"a scalar has no dimensions, yet ndim is {ndim}")
        for field, value in zip(fields(self), (dtype, ndim, array, readonly), strict=True):
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
        return f"{self.dtype.str}:{self.ndim}:{int(self.array)}:{int(self.readonly)}"
