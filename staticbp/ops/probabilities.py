"""SciPy's distribution functions under names of their own, and functions that are a line of others.

The formulas are those that SciPy documents for each; the derivatives are those of what they are made of.
"""

from __future__ import annotations

import math

import numpy as np

from staticbp.core.primitive import Value
from staticbp.ops.arithmetic import where
from staticbp.ops.incomplete import betainc, betaincc, betaincinv, gammainc, gammaincc, gammainccinv, gammaincinv
from staticbp.ops.scipyfunctions import implements_scipy, or_scipy
from staticbp.ops.special import as_float

# ---- integrals of densities --------------------------------------------------------------------------------


@implements_scipy
@or_scipy
def chdtr(v: Value, x: Value) -> Value:
    """The probability that a chi-square number of `v` degrees of freedom is below `x`."""
    return gammainc(as_float(v) / 2, as_float(x) / 2)


@implements_scipy
@or_scipy
def chdtrc(v: Value, x: Value) -> Value:
    """The probability that a chi-square number of `v` degrees of freedom is above `x`."""
    return gammaincc(as_float(v) / 2, as_float(x) / 2)


@implements_scipy
@or_scipy
def chdtri(v: Value, p: Value) -> Value:
    """The number above which a chi-square number is with probability `p`."""
    return 2 * gammainccinv(as_float(v) / 2, as_float(p))


@implements_scipy
@or_scipy
def fdtr(dfn: Value, dfd: Value, x: Value) -> Value:
    """The probability that a number with Fisher's distribution is below `x`."""
    n, m = as_float(dfn), as_float(dfd)
    part = n * as_float(x)
    return betainc(n / 2, m / 2, part / (m + part))


@implements_scipy
@or_scipy
def fdtrc(dfn: Value, dfd: Value, x: Value) -> Value:
    """The probability that a number with Fisher's distribution is above `x`."""
    n, m = as_float(dfn), as_float(dfd)
    return betainc(m / 2, n / 2, m / (m + n * as_float(x)))


@implements_scipy
@or_scipy
def fdtri(dfn: Value, dfd: Value, p: Value) -> Value:
    """The number below which one with Fisher's distribution is with probability `p`."""
    n, m = as_float(dfn), as_float(dfd)
    part = betaincinv(m / 2, n / 2, 1 - as_float(p))
    return m * (1 - part) / (n * part)


@implements_scipy
@or_scipy
def gdtr(a: Value, b: Value, x: Value) -> Value:
    """The probability that a gamma number of rate `a` and shape `b` is below `x`."""
    return gammainc(as_float(b), as_float(a) * as_float(x))


@implements_scipy
@or_scipy
def gdtrc(a: Value, b: Value, x: Value) -> Value:
    """The probability that a gamma number of rate `a` and shape `b` is above `x`."""
    return gammaincc(as_float(b), as_float(a) * as_float(x))


@implements_scipy
@or_scipy
def gdtrix(a: Value, b: Value, p: Value) -> Value:
    """The number below which a gamma number of rate `a` and shape `b` is with probability `p`."""
    return gammaincinv(as_float(b), as_float(p)) / as_float(a)


@implements_scipy
@or_scipy
def pdtr(k: Value, m: Value) -> Value:
    """The probability of at most `k` events where `m` are expected."""
    return gammaincc(np.floor(as_float(k)) + 1, as_float(m))


@implements_scipy
@or_scipy
def pdtrc(k: Value, m: Value) -> Value:
    """The probability of more than `k` events where `m` are expected."""
    return gammainc(np.floor(as_float(k)) + 1, as_float(m))


@implements_scipy
@or_scipy
def bdtr(k: Value, n: Value, p: Value) -> Value:
    """The probability of at most `k` successes in `n` trials."""
    count, trials = np.floor(as_float(k)), as_float(n)
    every = count == trials
    return where(every, 1.0, betaincc(count + 1, where(every, 1, trials - count), as_float(p)))


@implements_scipy
@or_scipy
def bdtrc(k: Value, n: Value, p: Value) -> Value:
    """The probability of more than `k` successes in `n` trials."""
    count, trials = np.floor(as_float(k)), as_float(n)
    every = count == trials
    return where(every, 0.0, betainc(count + 1, where(every, 1, trials - count), as_float(p)))


@implements_scipy
@or_scipy
def nbdtr(k: Value, n: Value, p: Value) -> Value:
    """The probability of at most `k` failures before the `n`-th success."""
    return betainc(as_float(n), as_float(k) + 1, as_float(p))


@implements_scipy
@or_scipy
def nbdtrc(k: Value, n: Value, p: Value) -> Value:
    """The probability of more than `k` failures before the `n`-th success."""
    return betaincc(as_float(n), as_float(k) + 1, as_float(p))


# ---- a line of others --------------------------------------------------------------------------------------


@implements_scipy
@or_scipy
def exprel(x: Value) -> Value:
    """``(exp(x) - 1) / x``, one at zero."""
    number = as_float(x)
    small = np.abs(number) < 0.1
    # Near zero by its series, which loses no digits in its derivatives either.
    near = 1 + 0 * number
    for n in range(12, 1, -1):
        near = 1 + number / n * near
    return where(small, near, np.expm1(number) / where(small, 1, number))


@implements_scipy
@or_scipy
def powm1(x: Value, y: Value) -> Value:
    """``x**y - 1`` without cancellation, for positive `x`."""
    return np.expm1(as_float(y) * np.log(as_float(x)))


@implements_scipy
@or_scipy
def sindg(x: Value) -> Value:
    """The sine of an angle in degrees."""
    return np.sin(_reduced(as_float(x)) * (math.pi / 180))


@implements_scipy
@or_scipy
def cosdg(x: Value) -> Value:
    """The cosine of an angle in degrees."""
    return np.sin((90 - np.abs(_reduced(as_float(x)))) * (math.pi / 180))


def _reduced(x: Value) -> Value:
    """An angle in degrees between -180 and 180."""
    return x - 360 * np.rint(x / 360)
