"""What a value cannot do while a function is traced: it is not known before the compiled code runs.

Each refusal says what to write instead, in the words of the user's own statement where that is possible.
"""

from __future__ import annotations

import difflib
import sys
from typing import Any, NoReturn

import numpy as np

from staticbp.core.primitive import Traced
from staticbp.errors import (
    MutationError,
    TracedArrayError,
    TracedAttributeError,
    TracedBranchError,
    TracedConversionError,
    UnsupportedFunctionError,
)
from staticbp.ops import catalog
from staticbp.trace.instead import is_stored_at, numpy_name, rewording
from staticbp.trace.names import here


def not_stored(src: object) -> MutationError:
    """The error for an assignment of a traced value to elements of an array that is not traced."""
    return MutationError(
        "a traced value cannot be stored in a plain array",
        src=src,
        advice="Make the array traced: np.zeros_like(x), or zeros() from bp.numpy (from staticbp import numpy as "
        "np); or build it from its parts with np.stack or np.concatenate.",
    )


class Unknown(Traced):
    """A value that is known only when the compiled code runs."""

    __slots__ = ()

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        if is_stored_at(sys._getframe(1)):
            raise not_stored(here().src)
        advice = (
            "Build arrays of traced values with np.stack([x, y]) or np.concatenate, or take array() and zeros() "
            "from bp.numpy: from staticbp import numpy as np."
        )
        if self.aval.dtype.kind in "biu":
            advice += " To index an array from outside the function, make it an argument, or write np.take(array, i)."
        raise TracedArrayError(
            f"{self!r} cannot become a plain NumPy array: its value is known only when the compiled code runs",
            src=here().src,
            advice=advice,
        )

    def __bool__(self) -> NoReturn:
        raise TracedBranchError(
            f"the truth of {self!r} is known only when the compiled code runs",
            src=here().src,
            advice=rewording(sys._getframe(1))
            or "Write np.where(condition, a, b) or bp.cond(condition, f, g, x) in place of if/else, "
            "bp.while_loop(test, step, x) in place of while, np.minimum/np.maximum in place of min/max, "
            "np.logical_and/or/not in place of and/or/not.",
        )

    @property
    def _numba_type_(self) -> NoReturn:
        """What Numba asks a value for that is given to a function of its."""
        raise TracedConversionError(
            f"a function compiled by Numba is given {self!r}, whose value is known only when the compiled code runs",
            src=here().src,
            advice="Call the Python function that was compiled (f.py_func), or make the compiled one an operation: "
            "bp.from_numba(f, vjp=...).",
        )

    def _convert(self, to: str) -> NoReturn:
        raise TracedConversionError(
            f"{to} of {self!r}: its value is known only when the compiled code runs",
            src=here().src,
            advice=numpy_name(sys._getframe(2))
            or "Go on with the traced value itself; use x.astype(dtype) for another dtype, np.floor or np.rint to "
            "round, and name the argument in static_argnums when it must be a Python number.",
        )

    def __float__(self) -> float:
        return self._convert("float()")

    def __int__(self) -> int:
        return self._convert("int()")

    def __complex__(self) -> complex:
        return self._convert("complex()")

    def __index__(self) -> int:
        return self._convert("an integer index or range()")

    def item(self, *args: int) -> NoReturn:
        """Refused: a traced value has no Python number yet."""
        self._convert(".item()")

    def tolist(self) -> NoReturn:
        """Refused: a traced value has no Python numbers yet."""
        self._convert(".tolist()")

    def __delitem__(self, key: Any) -> None:
        raise MutationError(
            f"elements of {self!r} cannot be deleted",
            src=here().src,
            advice="Write np.concatenate([x[:i], x[i + 1:]]).",
        )

    def __format__(self, spec: str) -> str:
        if spec:
            self._convert(f"format(..., {spec!r})")
        return str(self)

    def __getattr__(self, name: str) -> Any:
        if hasattr(np.ndarray, name) and not name.startswith("__"):
            raise UnsupportedFunctionError(
                f"the array method .{name} is not supported on traced values",
                src=here().src,
                advice=catalog.alternative(name),
            )
        if name.startswith("__"):  # asked for by protocols, which only want to know
            raise AttributeError(name)
        known = difflib.get_close_matches(name, dir(self), n=1)
        raise TracedAttributeError(
            f"an array has no attribute {name!r}",
            src=here().src,
            advice=f"Did you mean .{known[0]}?" if known else None,
        )
