"""What extension modules hand to others in capsules: the addresses of functions, and tables of them.

`export` copies this into files that need it, so nothing here may need staticbp.
"""

from __future__ import annotations

import ctypes

capsule_name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", ctypes.pythonapi))
_capsule_content = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)


def capsule_pointer(capsule: object) -> int:
    """The address in a capsule."""
    pointer: int = _capsule_content(capsule, capsule_name(capsule))
    return pointer


def table_entry(table: object, place: int) -> int | None:
    """The function at a place of a table, such as those that are NumPy's binary interface."""
    return ctypes.cast(capsule_pointer(table), ctypes.POINTER(ctypes.c_void_p))[place]
