"""The gamma function and its kin: factorials, beta functions, their logarithms.

The numbers at the derivatives are those of the equations in the NIST Digital Library of Mathematical Functions,
https://dlmf.nist.gov.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from staticbp.core.primitive import Value
from staticbp.errors import NumericalError
from staticbp.ops.arithmetic import where
from staticbp.ops.families import ABOVE_ONE, POSITIVE, UNIT, Domain, Elementwise, Unknown
from staticbp.ops.options import traced
from staticbp.ops.registry import SCIPY
from staticbp.ops.scipyfunctions import implements_scipy, or_scipy, scipy_dtypes, special

BY_ORDER = Unknown("the derivative by the order has no closed form; give the order as an integer, or hold it constant")
BY_PARAMETER = Unknown("the derivative by a parameter of a hypergeometric function has no closed form")

# ---- the gamma function ------------------------------------------------------------------------------------

# 25.11.17
zeta: Elementwise = special(
    "zeta",
    lambda out, s, q: (BY_ORDER, -s * zeta(s + 1, q)),
    domain=(Domain.ORDER, POSITIVE),
    dtypes=scipy_dtypes("_zeta"),
)
SCIPY["_zeta"] = zeta  # under which name SciPy calls it

# 5.15.1: the trigamma function is a zeta function.
psi = special("psi", lambda out, x: (zeta(2, x),), kernel="digamma", domain=POSITIVE)

gammaln = special("gammaln", lambda out, x: (psi(x),), domain=POSITIVE)  # 5.2.2

gamma = special("gamma", lambda out, x: (out * psi(x),), domain=POSITIVE)

rgamma = special("rgamma", lambda out, x: (-out * psi(x),), domain=POSITIVE)


@implements_scipy
@or_scipy
def gammasgn(x: Value) -> Value:
    """The sign of the gamma function; NaN at its poles but zero."""
    x = traced(x) + 0.0
    floor = np.floor(x)
    sign = where((np.remainder(floor, 2) == 0) | (x > 0), np.ones_like(x), -1.0)
    return where(x == 0, np.copysign(1.0, x), where((floor == x) & (x < 0) | np.isnan(x), np.nan, sign))


@or_scipy
def polygamma(n: Value, x: Value) -> Value:
    """The n-th derivative of `psi`."""
    order = traced(n)
    higher = where(np.remainder(order, 2) == 0, -1.0, 1.0) * gamma(order + 1.0) * zeta(order + 1, x)  # 5.15.2
    return where(order == 0, psi(x), where(order == 0, 1.0, higher))


@or_scipy
def multigammaln(a: Value, d: Any) -> Value:
    """The logarithm of the gamma function of matrices of d rows."""
    if int(d) != d:
        raise NumericalError(f"multigammaln takes a whole number of rows, not {d}")
    x = traced(a)
    constant = d * (d - 1) * 0.25 * math.log(math.pi)  # 35.3.4
    return constant + sum((gammaln(x - 0.5 * j) for j in range(1, int(d))), start=gammaln(x))


# 5.2.5
poch = special("poch", lambda out, z, m: (out * (psi(z + m) - psi(z)), out * psi(z + m)), domain=(POSITIVE, POSITIVE))

# ---- beta functions ----------------------------------------------------------------------------------------

# 5.12.1
betaln = special("betaln", lambda out, a, b: (psi(a) - psi(a + b), psi(b) - psi(a + b)), domain=(POSITIVE, POSITIVE))

beta = special(
    "beta",
    lambda out, a, b: (out * (psi(a) - psi(a + b)), out * (psi(b) - psi(a + b))),
    domain=(POSITIVE, POSITIVE),
)

# 1.2.6, as a quotient of gamma functions
binom = special(
    "binom",
    lambda out, n, k: (out * (psi(n + 1) - psi(n - k + 1)), out * (psi(n - k + 1) - psi(k + 1))),
    domain=(ABOVE_ONE, Domain.FRACTION),
)

# ---- Kummer's function -----------------------------------------------------------------------------------------

# 13.3.15
hyp1f1: Elementwise = special(
    "hyp1f1",
    lambda out, a, b, x: (BY_PARAMETER, BY_PARAMETER, a / b * hyp1f1(a + 1, b + 1, x)),
    domain=(Domain.ORDER, Domain.ORDER, UNIT),
    cost=100,
)
