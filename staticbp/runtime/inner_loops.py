"""The compiled inner loops of NumPy's generalised ufuncs, by address, so that machine code calls them directly.

What ``np.linalg`` and ``np.fft`` compute is done by functions of NumPy's public type ``PyUFuncGenericFunction``,
``loop(char **args, npy_intp *dimensions, npy_intp *strides, void *data)``.  They take arrays of any strides and any
number of matrices, and need neither the GIL nor Python objects.  Their addresses stand in the ufunc object, whose
layout is part of NumPy's binary interface.  So compiled code gives the very numbers that NumPy gives, from the LAPACK
and the pocketfft inside NumPy.

`export` copies this into files that need it, so nothing here may need staticbp but its `capsules`.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy._core import _multiarray_umath  # type: ignore[attr-defined]  # where the table of its functions is

from staticbp.runtime.capsules import table_entry

# `staticbp.loop.linalg.svd_s.d` is the loop of `svd_s` for float64, `staticbp.data...` what it is given as `data`.
LOOP_PREFIX = "staticbp.loop."
DATA_PREFIX = "staticbp.data."

# NumPy's functions that clear and tell the floating-point flags, with their places in the table of ufunc functions.
CLEAR_FLAGS, GET_FLAGS = "staticbp.PyUFunc_clearfperr", "staticbp.PyUFunc_getfperr"
UFUNC_FUNCTIONS = {CLEAR_FLAGS: 27, GET_FLAGS: 28}

_MODULES = {"linalg": "numpy.linalg._umath_linalg", "fft": "numpy.fft._pocketfft_umath"}


class _Head(ctypes.Structure):
    """The public part of a ``PyUFuncObject`` behind the head that all Python objects have."""

    _fields_ = [
        ("nin", ctypes.c_int),
        ("nout", ctypes.c_int),
        ("nargs", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
        ("ntypes", ctypes.c_int),
        ("reserved", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("types", ctypes.c_void_p),
    ]


@dataclass(frozen=True, slots=True)
class InnerLoop:
    """One loop of a ufunc: where its code and its data lie, and the core axes of each array that it takes."""

    symbol: str
    data_symbol: str
    address: int
    data: int | None
    axes: tuple[tuple[str, ...], ...]

    @property
    def letters(self) -> tuple[str, ...]:
        """The names of the core axes, in the order in which the loop takes their extents."""
        return tuple(dict.fromkeys(letter for axes in self.axes for letter in axes))


def ufunc(name: str) -> np.ufunc:
    """A generalised ufunc of NumPy's own, as ``linalg.svd_s`` or ``fft.ifft``.

    Examples
    --------
    >>> ufunc("linalg.solve").signature
    '(m,m),(m,n)->(m,n)'
    """
    module, _, function = name.partition(".")
    found: np.ufunc = getattr(importlib.import_module(_MODULES[module]), function)
    return found


@functools.cache
def inner_loop(name: str, types: str) -> InnerLoop:
    """The loop of a ufunc for operands of the types `types`, in NumPy's letters.

    Raises
    ------
    LookupError
        When the ufunc has none for these types, or this NumPy keeps its ufuncs otherwise.

    Examples
    --------
    >>> loop = inner_loop("linalg.solve", "dd")
    >>> loop.axes, loop.letters, loop.data
    ((('m', 'm'), ('m', 'n'), ('m', 'n')), ('m', 'n'), None)
    """
    function = ufunc(name)
    head = _Head.from_address(id(function) + object.__basicsize__)
    if (head.nin, head.nout, head.name) != (function.nin, function.nout, function.__name__.encode()):
        raise LookupError(f"the ufuncs of NumPy {np.__version__} are not laid out as expected")
    wanted = [np.dtype(letter).num for letter in types]
    codes = ctypes.string_at(head.types, head.ntypes * head.nargs)
    for n in range(head.ntypes):
        if list(codes[n * head.nargs : n * head.nargs + head.nin]) == wanted:
            place, data = head.functions[n], head.data[n] if head.data else None
            if place is None:
                break
            return InnerLoop(
                f"{LOOP_PREFIX}{name}.{types}",
                f"{DATA_PREFIX}{name}.{types}",
                place,
                data,
                _axes(str(function.signature)),
            )
    raise LookupError(f"NumPy's {name} has no loop for {types}")


def _axes(signature: str) -> tuple[tuple[str, ...], ...]:
    """The core axes of each operand and result of ``(m,n)->(m,p),(p)``."""
    groups: Sequence[str] = signature.replace(" ", "").replace("->", ",").strip("()").split("),(")
    return tuple(tuple(letter for letter in group.split(",") if letter) for group in groups)


def is_of_loops(symbol: str) -> bool:
    """Whether a symbol stands for a loop, for what one is given, or for what is called beside them."""
    return symbol.startswith((LOOP_PREFIX, DATA_PREFIX)) or symbol in UFUNC_FUNCTIONS


def loop_address(symbol: str) -> int | None:
    """The address that such a symbol stands for; None when NumPy has no such loop."""
    if symbol in UFUNC_FUNCTIONS:
        return table_entry(_multiarray_umath._UFUNC_API, UFUNC_FUNCTIONS[symbol])
    is_loop = symbol.startswith(LOOP_PREFIX)
    name, _, types = symbol.removeprefix(LOOP_PREFIX if is_loop else DATA_PREFIX).rpartition(".")
    try:
        found = inner_loop(name, types)
    except (LookupError, AttributeError, ImportError):
        return None
    return found.address if is_loop else found.data
