"""Abstract values: what the compiler knows of a value before it is there.

``Aval(shape, dtype, weak)``; `weak` marks Python scalars, which take the dtype of what they meet (NEP 50).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.shape import Dim, Shape
from staticbp.errors import DtypeError

BOOL = np.dtype(np.bool_)
INT64 = np.dtype(np.int64)
UINT8 = np.dtype(np.uint8)
FLOAT64 = np.dtype(np.float64)
FLOAT32 = np.dtype(np.float32)
COMPLEX64 = np.dtype(np.complex64)
COMPLEX128 = np.dtype(np.complex128)

_INTEGERS = (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)
SUPPORTED = (BOOL, *(np.dtype(t) for t in _INTEGERS), FLOAT32, FLOAT64, COMPLEX64, COMPLEX128)

_SHORT = {"b": "bool", "i": "i", "u": "u", "f": "f", "c": "c"}
_WEAK_TYPES: dict[str, type] = {"b": bool, "i": int, "f": float, "c": complex}


@dataclass(frozen=True, slots=True)
class Aval:
    """The type of a value: shape, dtype, and whether the dtype is only a Python scalar's.

    Examples
    --------
    >>> str(Aval((10, 3), FLOAT64)), str(Aval((), FLOAT64, weak=True))
    ('f64[10,3]', 'f64*[]')
    """

    shape: Shape
    dtype: np.dtype[Any]
    weak: bool = False

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> Dim:
        """The number of elements."""
        return shapes.size(self.shape)

    @property
    def is_float(self) -> bool:
        """Whether a derivative can flow through values of this type."""
        return self.dtype.kind in "fc"

    @property
    def is_complex(self) -> bool:
        """Whether the values are complex numbers."""
        return self.dtype.kind == "c"

    def with_shape(self, shape: Sequence[Dim]) -> Aval:
        """The same dtype in another shape."""
        return Aval(tuple(shape), self.dtype, self.weak and not shape)

    def with_dtype(self, dtype: np.dtype[Any]) -> Aval:
        """The same shape with another, strong dtype."""
        return Aval(self.shape, dtype)

    def strong(self) -> Aval:
        """The same type, no longer weak."""
        return Aval(self.shape, self.dtype) if self.weak else self

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype.num, self.weak))  # NumPy's own hash of a dtype takes longer

    def __str__(self) -> str:
        dims = ",".join(str(dim) for dim in self.shape)
        return f"{dtype_name(self.dtype)}{'*' if self.weak else ''}[{dims}]"


def dtype_name(dtype: np.dtype[Any]) -> str:
    """The short name used in graphs: ``f64``, ``i32``, ``bool``."""
    return "bool" if dtype.kind == "b" else f"{_SHORT[dtype.kind]}{dtype.itemsize * 8}"


def check_dtype(dtype: np.dtype[Any], what: str) -> np.dtype[Any]:
    """`dtype` in native byte order, or a `DtypeError` that names `what`."""
    native = dtype.newbyteorder("=")
    if native not in SUPPORTED:
        raise DtypeError(
            f"{what} has dtype {dtype}, which staticbp does not compile",
            advice="Use float64, float32, complex128, complex64, an integer dtype or bool: convert with .astype(...).",
        )
    return native


def weak_aval(value: complex) -> Aval:
    """The type of a Python scalar."""
    kind: type = type(value)
    return Aval((), _python_dtype(kind), weak=True)


@cache
def _python_dtype(kind: type) -> np.dtype[Any]:
    if issubclass(kind, bool):
        return BOOL
    if issubclass(kind, int):
        return INT64
    if issubclass(kind, float):
        return FLOAT64
    if issubclass(kind, complex):
        return COMPLEX128
    raise DtypeError(
        f"a {kind.__name__} is not a number that staticbp compiles", advice="Use a float, a complex, an int or a bool."
    )


def aval_of(value: Any) -> Aval:
    """The type of a Python scalar, NumPy scalar or array."""
    if isinstance(value, np.ndarray | np.generic):
        return Aval(value.shape, check_dtype(value.dtype, "a value"))
    return weak_aval(value)


def promotion_token(aval: Aval) -> Any:
    """What stands for `aval` in NumPy's own promotion functions: a dtype, or for weak ones a Python type."""
    if aval.weak and aval.dtype.kind != "b":
        return _WEAK_TYPES[aval.dtype.kind]
    return aval.dtype


def promote(avals: Sequence[Aval]) -> tuple[np.dtype[Any], bool]:
    """The common dtype of several values by NEP 50, and whether all of them were weak."""
    tokens = [promotion_token(aval) for aval in avals]
    dtype = np.result_type(*(token(0) if isinstance(token, type) else token for token in tokens))
    return dtype, all(aval.weak for aval in avals)
