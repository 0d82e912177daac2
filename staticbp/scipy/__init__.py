"""SciPy's modules, with functions that take traced values where SciPy has no hook for them.

``from staticbp import scipy`` gives SciPy's own modules under SciPy's own names.  Those that have functions which can
be differentiated are ours, and everything else in them is SciPy's.

Examples
--------
>>> import numpy as np
>>> from staticbp import scipy
>>> scipy.linalg.expm(np.zeros((2, 2)))
array([[1., 0.],
       [0., 1.]])
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from staticbp.scipy._elsewhere import Elsewhere


def __getattr__(name: str) -> Any:
    """A module of SciPy's: ours, if there is one."""
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if find_spec(f"{__name__}.{name}") is not None:
        return import_module(f"{__name__}.{name}")
    found = getattr(import_module("scipy"), name)
    return Elsewhere(found) if isinstance(found, ModuleType) else found


def __dir__() -> list[str]:
    return sorted(dir(import_module("scipy")))
