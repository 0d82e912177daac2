"""Where the functions live that machine code calls without containing them.

Numba is not imported here: a stored gradient is linked against SciPy's BLAS and the C library in
milliseconds, while importing Numba (and SciPy's ``linalg`` package) would take several tenths of a second.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import importlib.machinery
import importlib.util
import os
import sys
import threading
from types import ModuleType

import llvmlite.binding as llvm
import numpy as np
from numpy._core import _multiarray_umath  # type: ignore[attr-defined]  # where the table of its functions is

from staticbp.runtime import inner_loops, laps, team
from staticbp.runtime.capsules import capsule_name, capsule_pointer, table_entry

# `staticbp_dgemm` is the routine `dgemm` of scipy.linalg.cython_blas, `staticbp_dgetrf` one of its cython_lapack.
BLAS_PREFIX = "staticbp_"

# `staticbp.special.jv.2` is the function `jv` of scipy.special.cython_special that takes two doubles and gives one.
SPECIAL_PREFIX = "staticbp.special."

# The entries compare the type of an array argument with this address.
NDARRAY_TYPE = "staticbp.ndarray"

# What entries call of NumPy, with the places in the table of functions that is part of its binary interface.
NUMPY_FUNCTIONS = {"staticbp.PyArray_DescrFromType": 45, "staticbp.PyArray_Scalar": 60, "staticbp.PyArray_Empty": 184}

_BLAS_LOCK = threading.Lock()


def address(symbol: str) -> int | None:
    """The address of a function or variable, or None when this process has none of that name yet.

    Examples
    --------
    >>> address("staticbp_dgemm") == address("staticbp_sgemm")
    False
    >>> address("no_such_function") is None
    True
    """
    if symbol == NDARRAY_TYPE:
        return id(np.ndarray)
    if symbol == laps.SYMBOL:
        return int(laps.LAPS.ctypes.data)
    if symbol in NUMPY_FUNCTIONS:
        return table_entry(_multiarray_umath._ARRAY_API, NUMPY_FUNCTIONS[symbol])
    if inner_loops.is_of_loops(symbol):
        return inner_loops.loop_address(symbol)
    if symbol.startswith(SPECIAL_PREFIX):
        special = special_routine(symbol)
        return None if special is None else capsule_pointer(_special_routines()[special])
    if symbol in (team.SHARE, team.REST):
        return team.address(symbol)
    if symbol.startswith(BLAS_PREFIX):
        routine = symbol.removeprefix(BLAS_PREFIX)
        capsule = blas_routines().get(routine) or lapack_routines().get(routine)
        return None if capsule is None else capsule_pointer(capsule)
    if symbol.startswith("Py"):
        # Where Python is a shared library its functions need not be visible to the dynamic linker at large.
        try:
            return ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, symbol))
        except ValueError:
            return None
    found: int | None = llvm.address_of_symbol(symbol)  # what Numba has registered, once it is imported
    if found is None:
        try:
            found = ctypes.cast(_c_library()[symbol], ctypes.c_void_p).value
        except AttributeError:
            return None
    return found


@functools.cache
def _c_library() -> ctypes.CDLL:
    # On POSIX systems the process itself: Python is linked with the C library and its mathematics.
    return ctypes.CDLL("ucrtbase" if os.name == "nt" else None)


def blas_routines() -> dict[str, object]:
    """The capsules of SciPy's BLAS, by the name of the routine.

    Examples
    --------
    >>> {"dgemm", "sgemv", "ddot"} <= set(blas_routines())
    True
    """
    with _BLAS_LOCK:
        return _routines("cython_blas")


def lapack_routines() -> dict[str, object]:
    """The capsules of SciPy's LAPACK, by the name of the routine.

    Examples
    --------
    >>> {"dgetrf", "zgetrs"} <= set(lapack_routines())
    True
    """
    with _BLAS_LOCK:
        return _routines("cython_lapack")


def special_routine(symbol: str) -> str | None:
    """What ``scipy.special.cython_special`` calls a function of doubles; None when it has none such.

    Examples
    --------
    >>> special_routine("staticbp.special.gammainc.2"), special_routine("staticbp.special.stdtr.2")
    ('gammainc', '__pyx_fuse_0stdtr')
    """
    name, arity = symbol.removeprefix(SPECIAL_PREFIX).split(".")
    wanted = f"double ({'double, ' * int(arity)}int __pyx_skip_dispatch)".encode()
    # Functions of several types are there once for each, under names with a number.
    for prefix in ("", "__pyx_fuse_0", "__pyx_fuse_1", "__pyx_fuse_2"):
        capsule = _special_routines().get(prefix + name)
        if capsule is not None and capsule_name(capsule) == wanted:
            return prefix + name
    return None


def _special_routines() -> dict[str, object]:
    """The capsules of the extension, which, unlike those of BLAS, cannot do without its package."""
    routines: dict[str, object] = importlib.import_module("scipy.special.cython_special").__pyx_capi__
    return routines


@functools.cache
def _routines(extension: str) -> dict[str, object]:
    routines: dict[str, object] = _extension(extension).__pyx_capi__
    return routines


def _extension(extension: str) -> ModuleType:
    """``scipy.linalg.cython_blas`` or ``cython_lapack``, if possible without the rest of their package: it takes 0.2 s.

    The extensions need nothing of their package. They are taken out of ``sys.modules`` again, so that a later
    import goes the usual way and binds them in their package; Cython hands out the same modules then.
    """
    name = f"scipy.linalg.{extension}"
    if name in sys.modules or os.name == "nt":  # on Windows the package sets where DLLs are found
        return importlib.import_module(name)
    scipy = importlib.util.find_spec("scipy")
    for folder in (scipy and scipy.submodule_search_locations) or ():
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            file = os.path.join(folder, "linalg", extension + suffix)
            spec = importlib.util.spec_from_file_location(name, file) if os.path.exists(file) else None
            if spec is None or spec.loader is None:
                continue
            try:
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
            except ImportError:  # a SciPy whose extension does need its package
                break
            finally:
                sys.modules.pop(name, None)
            return module
    return importlib.import_module(name)
