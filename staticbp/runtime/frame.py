"""Calls by a `Frame`, in Python: what an entry does in machine code (`entry.py`), where there is none.

That is so for generated code that runs uncompiled, for code that Numba compiled in memory only, and for long loops,
which run in slices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.runtime.memory import at_line
from staticbp.runtime.spec import Convention, Frame, Spec

MISFIT = -2
"""The status of a call with an argument that is not as the frame specifies."""

ALIGNED = 16_384  # bytes: results from here on begin at a cache line


def framed(function: Callable[..., int], convention: Convention) -> Callable[..., Any]:
    """A generated function, called as the convention says.

    Examples
    --------
    >>> def double(x, out):
    ...     out[:] = 2 * x
    ...     return 0
    >>> pair = Spec(float, 1, True, True, (2,)), Spec(float, 1, True, shape=(2,))
    >>> call = framed(double, Frame(pair[:1], pair[1:]))
    >>> call(np.ones(2))
    (array([2., 2.]),)
    >>> call(np.ones(3)) == MISFIT
    True
    """
    if not isinstance(convention, Frame):
        return function
    frame = convention
    count, lent = len(frame.arguments), sum(frame.lent)
    stacked = 0 if frame.takes_work or not isinstance(frame.workspace, int) else frame.workspace

    def call(*given: Any) -> Any:
        arguments = given[:count]
        sizes: dict[str, int] = {}
        if not fits(arguments, frame, sizes):
            return MISFIT
        large = iter(given[count : count + lent])
        kinds = [*zip(frame.results, frame.lent, strict=True)]
        results = [
            next(large) if is_lent else _made(shapes.evaluate(spec.shape or (), sizes), spec.dtype)
            for spec, is_lent in kinds
        ]
        work = (at_line((stacked,), np.dtype(np.uint8)),) if stacked else given[count + lent :]
        status = function(*arguments, *results, *work)
        made = [result for result, is_lent in zip(results, frame.lent, strict=True) if not is_lent]
        return status or tuple([result if result.ndim else result[()] for result in made])

    return call


def _made(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """Memory of a result; a long loop goes over it again and again, so that it is to be where that is fastest."""
    return at_line(shape, dtype) if math.prod(shape) * dtype.itemsize >= ALIGNED else np.empty(shape, dtype)


def fits(arguments: Sequence[Any], frame: Frame, sizes: dict[str, int]) -> bool:
    """Whether the arguments are as the frame specifies; `sizes` gains what its symbols stand for."""
    if not all(_is_as_specified(value, spec, sizes) for value, spec in zip(arguments, frame.arguments, strict=True)):
        return False
    arrays = [i for i, spec in enumerate(frame.arguments) if spec.array]
    return not any(np.may_share_memory(arguments[i], arguments[j]) for i in frame.updated for j in arrays if i != j)


def _is_as_specified(value: Any, spec: Spec, sizes: dict[str, int]) -> bool:
    if not spec.array:
        return True
    return (
        type(value) is np.ndarray
        and value.ndim == spec.ndim
        and (spec.shape is None or shapes.matched(spec.shape, value.shape, sizes))
        and value.dtype == spec.dtype
        and value.flags.c_contiguous
        and value.flags.aligned
        and (spec.readonly or value.flags.writeable)
    )
