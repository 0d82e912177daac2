"""Special functions of machine learning and statistics, on arrays and on traced values alike.

All are stable: they give the right answer for every finite argument, however large, and so do their gradients.
They take what SciPy's functions of the same names take, and give what those give.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from staticbp.ops import special as ops

__all__ = [
    "entr",
    "erf",
    "erfc",
    "expit",
    "log_expit",
    "log_softmax",
    "logit",
    "logsumexp",
    "softmax",
    "xlogy",
]

Axis = int | Sequence[int] | None


def expit(x: Any) -> Any:
    """Logistic function, ``1 / (1 + exp(-x))``.

    Parameters
    ----------
    x : array_like
        Where to evaluate it.

    Returns
    -------
    array or scalar
        Values between 0 and 1; their derivative is ``y * (1 - y)``.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp import special
    >>> special.expit(np.array([-1000.0, 0.0, 2.0]))
    array([0.        , 0.5       , 0.88079708])
    """
    return ops.expit(x)


def logit(x: Any) -> Any:
    """Inverse of `expit`, ``log(x / (1 - x))``.

    Parameters
    ----------
    x : array_like
        Numbers between 0 and 1; the ends give minus and plus infinity.

    Returns
    -------
    array or scalar
        The log-odds.

    Examples
    --------
    >>> from staticbp import special
    >>> round(float(special.logit(0.75)), 6)
    1.098612
    """
    return ops.logit(x)


def log_expit(x: Any) -> Any:
    """Logarithm of `expit`, finite where `expit` itself is zero.

    Parameters
    ----------
    x : array_like
        Where to evaluate it.

    Returns
    -------
    array or scalar
        Numbers below zero.

    Examples
    --------
    >>> from staticbp import special
    >>> float(special.log_expit(-1000.0))
    -1000.0
    """
    return ops.log_expit(x)


def erf(x: Any) -> Any:
    """Error function, ``2 / sqrt(pi)`` times the integral of ``exp(-t * t)`` from 0 to `x`.

    Parameters
    ----------
    x : array_like
        Where to evaluate it.

    Returns
    -------
    array or scalar
        Values between -1 and 1.

    Examples
    --------
    >>> from staticbp import special
    >>> round(float(special.erf(0.5)), 6)
    0.5205
    """
    return ops.erf(x)


def erfc(x: Any) -> Any:
    """Complementary error function, ``1 - erf(x)`` without the cancellation.

    Parameters
    ----------
    x : array_like
        Where to evaluate it.

    Returns
    -------
    array or scalar
        Values between 0 and 2.

    Examples
    --------
    >>> from staticbp import special
    >>> bool(special.erfc(10.0) > 0)
    True
    """
    return ops.erfc(x)


def xlogy(x: Any, y: Any) -> Any:
    """``x * log(y)``, and zero where `x` is zero, whatever `y` is.

    Parameters
    ----------
    x, y : array_like
        Factor and argument of the logarithm.

    Returns
    -------
    array or scalar
        The product; NaN where `y` is.

    Examples
    --------
    >>> from staticbp import special
    >>> float(special.xlogy(0.0, 0.0))
    0.0
    """
    return ops.xlogy(x, y)


def entr(x: Any) -> Any:
    """Entropy of one outcome, ``-x * log(x)``: zero at zero, minus infinity below.

    Parameters
    ----------
    x : array_like
        Probabilities.

    Returns
    -------
    array or scalar
        What each outcome contributes to the entropy.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp import special
    >>> bool(np.sum(special.entr(np.array([0.5, 0.5, 0.0]))) == np.log(2))
    True
    """
    return ops.entr(x)


def logsumexp(a: Any, axis: Axis = None, b: Any = None, keepdims: bool = False) -> Any:
    """Logarithm of a sum of exponentials, ``log(sum(b * exp(a)))``.

    Parameters
    ----------
    a : array_like
        Exponents; minus infinity contributes nothing, to the gradient neither.
    axis : int or tuple of int, optional
        The axes to sum over, all by default.
    b : array_like, optional
        Factors of the exponentials.
    keepdims : bool, optional
        Whether the axes that are summed over are kept with size one.

    Returns
    -------
    array or scalar
        The logarithms; the gradient with respect to `a` is its `softmax`.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp import special
    >>> float(special.logsumexp(np.array([1000.0, 1000.0, -np.inf])))
    1000.6931471805599
    """
    return ops.logsumexp(a, axis, b, keepdims)


def softmax(x: Any, axis: Axis = None) -> Any:
    """Exponentials divided by their sum.

    Parameters
    ----------
    x : array_like
        Scores.
    axis : int or tuple of int, optional
        The axes along which the results sum to one, all by default.

    Returns
    -------
    array
        Probabilities in the shape of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp import special
    >>> special.softmax(np.array([1000.0, 1000.0, -1e300]))
    array([0.5, 0.5, 0. ])
    """
    return ops.softmax(x, axis)


def log_softmax(x: Any, axis: Axis = None) -> Any:
    """Logarithm of `softmax`, finite where that underflows.

    Parameters
    ----------
    x : array_like
        Scores.
    axis : int or tuple of int, optional
        The axes along which the probabilities sum to one, all by default.

    Returns
    -------
    array
        Logarithms of probabilities in the shape of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp import special
    >>> special.log_softmax(np.array([1000.0, 0.0]))
    array([    0., -1000.])
    """
    return ops.log_softmax(x, axis)
