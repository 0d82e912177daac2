"""Discrete Fourier transforms along an axis, none of them scaled.

Arrays are C-contiguous. The number of elements along the axis is said, as a number that code is compiled for. Each
function is one Python object with two lives, as in `vecmath`: NumPy's when Python calls it, and when compiled code does
butterflies of our own or, for sizes with large factors, a call of the pocketfft inside NumPy (see `fourier`).
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

__all__ = ["fft", "ifft", "irfft", "rfft"]

Array = np.ndarray[Any, Any]

JIT = os.environ.get("STATICBP_JIT", "1") != "0"


def fft(x: Array, out: Array, n: int, axis: int = -1) -> None:
    """``out[k] = sum(x[j] * exp(-2 pi i j k / n))``.

    Examples
    --------
    >>> out = np.empty(2, complex)
    >>> fft(np.array([1.0 + 0j, 2.0]), out, 2)
    >>> out
    array([ 3.+0.j, -1.+0.j])
    """
    out[...] = np.fft.fft(x, n, axis)


def ifft(x: Array, out: Array, n: int, axis: int = -1) -> None:
    """``out[k] = sum(x[j] * exp(2 pi i j k / n))``.

    Examples
    --------
    >>> out = np.empty(2, complex)
    >>> ifft(np.array([1.0 + 0j, 2.0]), out, 2)
    >>> out
    array([ 3.+0.j, -1.+0.j])
    """
    out[...] = np.fft.ifft(x, n, axis, norm="forward")


def rfft(x: Array, out: Array, n: int) -> None:
    """The first ``n // 2 + 1`` elements of `fft` along the last axis, which say it all when numbers are real.

    Examples
    --------
    >>> out = np.empty(2, complex)
    >>> rfft(np.array([1.0, 2.0, 3.0]), out, 3)
    >>> out.round(3)
    array([ 6. +0.j   , -1.5+0.866j])
    """
    out[...] = np.fft.rfft(x, n)


def irfft(x: Array, out: Array, n: int) -> None:
    """The real numbers of which `rfft` gives `x`, times their count `n`.

    Examples
    --------
    >>> out = np.empty(2)
    >>> irfft(np.array([3.0 + 0j, -1.0]), out, 2)
    >>> out
    array([2., 4.])
    """
    out[...] = np.fft.irfft(x, n, norm="forward")


if JIT:
    from staticbp.runtime.intrinsics import fourier

    fourier.register({name: globals()[name] for name in __all__})
