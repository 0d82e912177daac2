"""SciPy's ``signal``, whose convolutions and correlations take traced values.

Everything else, and these too when no argument is traced, is SciPy's own.

Examples
--------
>>> import numpy as np
>>> import staticbp as bp
>>> from staticbp.scipy import signal
>>> bp.grad(lambda x: np.sum(signal.convolve(x, np.array([1.0, 2.0]), "valid")))(np.ones(4))
array([2., 3., 3., 1.])
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from staticbp.ops import convolution as ops
from staticbp.ops.options import is_traced
from staticbp.ops.registry import refuse
from staticbp.ops.scipyfunctions import or_from
from staticbp.scipy._elsewhere import advised

__all__ = ["convolve", "convolve2d", "correlate", "correlate2d", "fftconvolve", "oaconvolve"]

_or_scipy = or_from("scipy.signal")


def __getattr__(name: str) -> Any:
    return advised("signal", name)


def __dir__() -> list[str]:
    return sorted({*dir(import_module("scipy.signal")), *__all__})


def convolve(
    in1: Any, in2: Any, mode: str = "full", method: str = "auto", *, axes: Any = None, dot_axes: Any = ((), ())
) -> Any:
    """Convolution of two arrays of as many axes.

    Parameters
    ----------
    in1, in2 : array_like
        The arrays.
    mode : {'full', 'same', 'valid'}, optional
        Which part: all of it, the middle in the shape of `in1`, or where one lies within the other.
    method : str, optional
        How SciPy computes plain arrays; traced ones are convolved directly.
    axes : pair of sequences of int, optional
        The axes of each array to go along, all but those of `dot_axes` by default.
    dot_axes : pair of sequences of int, optional
        Axes to be multiplied and summed over instead, as autograd's function of this name has it.

    Returns
    -------
    array
        The convolution; with `axes`, first the axes of `in1` that take no part, then those of `in2`.

    Examples
    --------
    >>> convolve([1, 2, 3], [0, 1])
    array([0, 1, 2, 3])
    """
    if not is_traced(in1, in2) and axes is None and not any(dot_axes):
        return import_module("scipy.signal").convolve(in1, in2, mode, method)
    return ops.signal_convolve(in1, in2, mode, method, axes=axes, dot_axes=dot_axes)


@_or_scipy
def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """As `scipy.signal.correlate`."""
    return ops.signal_correlate(in1, in2, mode)


@_or_scipy
def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """As `scipy.signal.fftconvolve`; traced arrays are convolved directly."""
    refuse("scipy.signal.fftconvolve", axes=axes)
    return ops.signal_convolve(in1, in2, mode)


@_or_scipy
def oaconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """As `scipy.signal.oaconvolve`; traced arrays are convolved directly."""
    refuse("scipy.signal.oaconvolve", axes=axes)
    return ops.signal_convolve(in1, in2, mode)


@_or_scipy
def convolve2d(in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Any:
    """As `scipy.signal.convolve2d` with zeros around the arrays."""
    refuse("scipy.signal.convolve2d", boundary=None if boundary == "fill" else boundary, fillvalue=fillvalue or None)
    return ops.signal_convolve(in1, in2, mode)


@_or_scipy
def correlate2d(in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Any:
    """As `scipy.signal.correlate2d` with zeros around the arrays."""
    refuse("scipy.signal.correlate2d", boundary=None if boundary == "fill" else boundary, fillvalue=fillvalue or None)
    if mode != "same":
        return ops.signal_correlate(in1, in2, mode)
    # SciPy counts the middle otherwise here than in `correlate`, where the second array has an even size.
    starts = [size // 2 for size in np.shape(in2)]
    middle = tuple(slice(start, start + size) for start, size in zip(starts, np.shape(in1), strict=True))
    return ops.signal_correlate(in1, in2)[middle]
