"""Bessel functions, whole and scaled: derivatives are differences of the neighbouring orders.

By equations 10.6.1 and 10.29.1 of the NIST Digital Library of Mathematical Functions, https://dlmf.nist.gov; the
symmetric forms are taken, in which nothing is divided by the argument.
"""

from __future__ import annotations

import numpy as np

from staticbp.core.primitive import Value
from staticbp.ops.families import POSITIVE, Domain, Elementwise
from staticbp.ops.gammas import BY_ORDER
from staticbp.ops.registry import implements
from staticbp.ops.scipyfunctions import special

# ---- of the first and second kind --------------------------------------------------------------------------

jv: Elementwise = special(
    "jv", lambda out, n, x: (BY_ORDER, (jv(n - 1, x) - jv(n + 1, x)) / 2), domain=(Domain.ORDER, POSITIVE), cost=150
)
yv: Elementwise = special(
    "yv", lambda out, n, x: (BY_ORDER, (yv(n - 1, x) - yv(n + 1, x)) / 2), domain=(Domain.ORDER, POSITIVE), cost=150
)
yn: Elementwise = special(
    "yn", lambda out, n, x: (BY_ORDER, (yn(n - 1, x) - yn(n + 1, x)) / 2), domain=(Domain.ORDER, POSITIVE), cost=150
)
j1 = special("j1", lambda out, x: ((j0(x) - jv(2, x)) / 2,))
j0: Elementwise = special("j0", lambda out, x: (-j1(x),))
y1 = special("y1", lambda out, x: ((y0(x) - yv(2, x)) / 2,), domain=POSITIVE)
y0: Elementwise = special("y0", lambda out, x: (-y1(x),), domain=POSITIVE)

# ---- modified ----------------------------------------------------------------------------------------------

iv: Elementwise = special(
    "iv", lambda out, n, x: (BY_ORDER, (iv(n - 1, x) + iv(n + 1, x)) / 2), domain=(Domain.ORDER, POSITIVE), cost=150
)
kv: Elementwise = special(
    "kv", lambda out, n, x: (BY_ORDER, (kv(n - 1, x) + kv(n + 1, x)) / -2), domain=(Domain.ORDER, POSITIVE), cost=150
)
kn = special(
    "kn",
    lambda out, n, x: (BY_ORDER, (kv(n - 1, x) + kv(n + 1, x)) / -2),
    domain=(Domain.ORDER, POSITIVE),
    cost=150,
)
i1 = special("i1", lambda out, x: ((i0(x) + iv(2, x)) / 2,))
i0: Elementwise = special("i0", lambda out, x: (i1(x),))
k1 = special("k1", lambda out, x: ((k0(x) + kv(2, x)) / -2,), domain=POSITIVE)
k0: Elementwise = special("k0", lambda out, x: (-k1(x),), domain=POSITIVE)

# ---- modified and scaled: by exp(-|x|) those of the first kind, by exp(x) those of the second --------------

ive: Elementwise = special(
    "ive",
    lambda out, n, x: (BY_ORDER, (ive(n - 1, x) + ive(n + 1, x)) / 2 - np.sign(x) * out),
    domain=(Domain.ORDER, POSITIVE),
    cost=150,
)
kve: Elementwise = special(
    "kve",
    lambda out, n, x: (BY_ORDER, out - (kve(n - 1, x) + kve(n + 1, x)) / 2),
    domain=(Domain.ORDER, POSITIVE),
    cost=150,
)
i1e = special("i1e", lambda out, x: ((i0e(x) + ive(2, x)) / 2 - np.sign(x) * out,), domain=POSITIVE)
i0e: Elementwise = special("i0e", lambda out, x: (i1e(x) - np.sign(x) * out,), domain=POSITIVE)
k1e = special("k1e", lambda out, x: (out - (k0e(x) + kve(2, x)) / 2,), domain=POSITIVE)
k0e: Elementwise = special("k0e", lambda out, x: (out - k1e(x),), domain=POSITIVE)


@implements(np.i0)
def np_i0(x: Value) -> Value:
    """As `np.i0`."""
    return i0(x)
