"""Whose code a file holds: the user's, a library's, or an installed package's."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from types import FrameType

PACKAGE_DIR = str(Path(__file__).resolve().parent.parent) + os.sep

# What staticbp is made of: a frame of these is never the line that the user wrote.
_LIBRARIES = ("numpy", "scipy", "numba", "llvmlite", "optree")
_STDLIB_DIR = str(Path(os.__file__).parent) + os.sep
_SITE_DIR = re.compile(r"[/\\](?:site|dist)-packages[/\\]")


class _LibraryFiles(dict[str, bool]):
    """Whether code of a file is staticbp's, NumPy's (or SciPy's, …) or the standard library's.

    A dictionary that finds out what it does not know: every traced operation asks for several frames.

    Examples
    --------
    >>> LIBRARY_FILES[os.__file__], LIBRARY_FILES["<stdin>"]
    (True, False)
    """

    def __missing__(self, filename: str) -> bool:
        known = self[filename] = _look_up(filename)
        return known


LIBRARY_FILES = _LibraryFiles()


def user_frame(frame: FrameType | None) -> FrameType | None:
    """The innermost frame of the user's own code, at or above this one; None when there is none."""
    while frame is not None and LIBRARY_FILES[frame.f_code.co_filename]:
        frame = frame.f_back
    return frame


def site_package(filename: str) -> str | None:
    """The directory or file in site-packages that holds this file; None when it is not installed there.

    Examples
    --------
    >>> site_package("/usr/lib/python3/site-packages/models/zoo/net.py")
    '/usr/lib/python3/site-packages/models'
    >>> site_package("/home/me/net.py") is None
    True
    """
    found = list(_SITE_DIR.finditer(filename))
    if not found:
        return None
    start = found[-1].end()
    return filename[:start] + re.split(r"[/\\]", filename[start:], maxsplit=1)[0]


def short_file(filename: str) -> str:
    """The file as a person would call it: without directories, and the same in every session.

    Examples
    --------
    >>> short_file("/home/me/net.py"), short_file("/home/me/zoo/__init__.py")
    ('net.py', 'zoo/__init__.py')
    >>> short_file("/scratch/ipykernel_4711/2409143.py"), short_file("<ipython-input-3-af41>")
    ('<cell>', '<cell>')
    """
    # IPython numbers its cells' files by process and by a hash: names that would change with every session.
    if re.search(r"[/\\]ipykernel_\d+[/\\]", filename) or filename.startswith("<ipython-input-"):
        return "<cell>"
    if filename.startswith("<"):
        return filename
    parts = re.split(r"[/\\]", filename)
    return "/".join(parts[-2:]) if parts[-1] == "__init__.py" else parts[-1]


def _look_up(filename: str) -> bool:
    if filename.startswith(("<frozen ", "<staticbp ", "<__array_function__")):
        return True
    path = os.path.abspath(filename)
    if path.startswith(PACKAGE_DIR):
        return True
    if path.startswith(_STDLIB_DIR) and not _SITE_DIR.search(path):
        return True
    return path.startswith(tuple(_library_dirs()))


def _library_dirs() -> list[str]:
    # A frame of a library is there only when the library has been imported; so nothing is imported here.
    modules = [sys.modules.get(name) for name in _LIBRARIES]
    files = [module.__file__ for module in modules if module is not None]
    return [str(Path(file).parent) + os.sep for file in files if file is not None]
