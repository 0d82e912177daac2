"""Discrete Fourier transforms along the last axis, none of them scaled.

Arrays are C-contiguous, with any number of leading axes.  Each function is one Python object with two lives, as in
`vecmath`: NumPy's when Python calls it, a call of the pocketfft inside NumPy (see `pocketfft`) when compiled code does.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

__all__ = ["fft", "ifft", "irfft", "rfft"]

Array = np.ndarray[Any, Any]

JIT = os.environ.get("STATICBP_JIT", "1") != "0"


def fft(x: Array, out: Array) -> None:
    """``out[k] = sum(x[j] * exp(-2 pi i j k / n))``.

    Examples
    --------
    >>> out = np.empty(2, complex)
    >>> fft(np.array([1.0 + 0j, 2.0]), out)
    >>> out
    array([ 3.+0.j, -1.+0.j])
    """
    out[...] = np.fft.fft(x)


def ifft(x: Array, out: Array) -> None:
    """``out[k] = sum(x[j] * exp(2 pi i j k / n))``.

    Examples
    --------
    >>> out = np.empty(2, complex)
    >>> ifft(np.array([1.0 + 0j, 2.0]), out)
    >>> out
    array([ 3.+0.j, -1.+0.j])
    """
    out[...] = np.fft.ifft(x, norm="forward")


def rfft(x: Array, out: Array) -> None:
    """The first half of `fft` of real numbers, which says it all: `out` has ``n // 2 + 1`` elements.

    Examples
    --------
    >>> out = np.empty(2, complex)
    >>> rfft(np.array([1.0, 2.0, 3.0]), out)
    >>> out.round(3)
    array([ 6. +0.j   , -1.5+0.866j])
    """
    out[...] = np.fft.rfft(x)


def irfft(x: Array, out: Array) -> None:
    """The real numbers of which `rfft` gives `x`, times their count.

    Examples
    --------
    >>> out = np.empty(2)
    >>> irfft(np.array([3.0 + 0j, -1.0]), out)
    >>> out
    array([2., 4.])
    """
    out[...] = np.fft.irfft(x, out.shape[-1], norm="forward")


if JIT:
    from staticbp.runtime import pocketfft

    pocketfft.register({name: globals()[name] for name in __all__})
