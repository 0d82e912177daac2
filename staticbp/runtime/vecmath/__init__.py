"""Scalar functions that vectorise: what generated code calls as ``vm.exp(x)`` and so on.

Each takes float32 to float32 and float64 to float64 (integers are taken in float64, where NumPy does not define the
function on integers), treats zeros, infinities, NaN, subnormals and overflow as NumPy does, branches nowhere, and is
inlined where it is called, so that a loop of them becomes a loop of SIMD instructions (``sin``, ``cos`` and ``tan``
have a rare branch and are called in vector form instead). Called from Python, each is NumPy's own function.

Errors stay below these bounds, in units of the last place. They are somewhat above the largest that searches against
mpmath found, with and without fused multiply-add; ``tests/runtime/test_vecmath.py`` goes on searching:

=============  =======  =======      =============  =======  =======
function       float64  float32      function       float64  float32
=============  =======  =======      =============  =======  =======
exp            1.5      1.5          sin, cos       0.8      0.6
exp2           1.1      1.1          tan            2.1      0.6
expm1          2.1      1.7          arcsin         2.1      0.6
expit          2.6      2.6          arccos         1.2      0.6
tanh           2.5      2.5          arctan         1.9      0.6
sinh           2.4      2.1          arctan2        1.9      0.6
cosh           1.2      1.2          arcsinh        1.6      1.6
log            0.85     0.85         arccosh        1.8      2
log1p          0.85     0.85         arctanh        1.7      1.7
log2           0.8      0.8          cbrt           0.7      0.6
log10          0.8      0.8          hypot          1.1      0.6
pow            1.1      0.6          sqrt           0.5      0.5
erf            1.8      0.6          digamma (> 0)  3        0.6
erfc           3.5      0.6          expit_slope    4.0      4.5
lgamma         that of the C library
=============  =======  =======      =============  =======  =======

``logaddexp`` is within 1 ulp of the largest of result and arguments. Rounding, comparisons, signs and
remainders are exact.

``radd``, ``rmul``, ``rmax`` and ``rmin`` are the steps of reductions; ``sel`` chooses without a branch;
``bits`` and ``from_bits`` look inside a float. The remaining divisions (``floor_divide``, ``remainder``,
``fmod``), ``lgamma``, ``digamma`` and ``zeta`` are scalar code. The functions of `scipyspecial` are SciPy's own.

Examples
--------
>>> import numpy as np
>>> from staticbp.runtime import vecmath as vm
>>> float(vm.expit(0.0)), vm.tanh(np.float32(0)).dtype
(0.5, dtype('float32'))
>>> float(vm.remainder(-7.0, 3.0)), int(vm.floor_divide(-7, 3))
(2.0, -3)
"""

from __future__ import annotations

from staticbp.runtime.vecmath.arithmetic import (
    abs,
    ceil,
    copysign,
    floor,
    floor_divide,
    fmax,
    fmin,
    fmod,
    isfinite,
    isinf,
    isnan,
    maximum,
    minimum,
    remainder,
    rint,
    sign,
    signbit,
    sqrt,
    trunc,
)
from staticbp.runtime.vecmath.circular import cos, sin, tan
from staticbp.runtime.vecmath.errorfunction import erf, erfc
from staticbp.runtime.vecmath.exponential import cosh, exp, exp2, expit, expit_slope, expm1, sinh, tanh
from staticbp.runtime.vecmath.gammas import digamma, lgamma, zeta
from staticbp.runtime.vecmath.inverse import arccos, arcsin, arctan, arctan2, cbrt, hypot
from staticbp.runtime.vecmath.logarithm import arccosh, arcsinh, arctanh, log, log1p, log2, log10, logaddexp
from staticbp.runtime.vecmath.power import pow
from staticbp.runtime.vecmath.reduction import bits, from_bits, radd, rmax, rmin, rmul, sel
from staticbp.runtime.vecmath.scipyspecial import (
    beta,
    betainc,
    betaincc,
    betainccinv,
    betaincinv,
    betaln,
    binom,
    dawsn,
    erfcinv,
    erfcx,
    erfi,
    erfinv,
    exp1,
    expi,
    expn,
    gamma,
    gammainc,
    gammaincc,
    gammainccinv,
    gammaincinv,
    gammaln,
    hyp1f1,
    i0,
    i0e,
    i1,
    i1e,
    iv,
    ive,
    j0,
    j1,
    jv,
    k0,
    k0e,
    k1,
    k1e,
    kn,
    kv,
    kve,
    log_ndtr,
    ndtri,
    poch,
    rgamma,
    spence,
    stdtr,
    y0,
    y1,
    yn,
    yv,
)

__all__ = [
    "abs",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "beta",
    "betainc",
    "betaincc",
    "betainccinv",
    "betaincinv",
    "betaln",
    "binom",
    "bits",
    "cbrt",
    "ceil",
    "copysign",
    "cos",
    "cosh",
    "dawsn",
    "digamma",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfi",
    "erfinv",
    "exp",
    "exp1",
    "exp2",
    "expi",
    "expit",
    "expit_slope",
    "expm1",
    "expn",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "from_bits",
    "gamma",
    "gammainc",
    "gammaincc",
    "gammainccinv",
    "gammaincinv",
    "gammaln",
    "hyp1f1",
    "hypot",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "isfinite",
    "isinf",
    "isnan",
    "iv",
    "ive",
    "j0",
    "j1",
    "jv",
    "k0",
    "k0e",
    "k1",
    "k1e",
    "kn",
    "kv",
    "kve",
    "lgamma",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_ndtr",
    "logaddexp",
    "maximum",
    "minimum",
    "ndtri",
    "poch",
    "pow",
    "radd",
    "remainder",
    "rgamma",
    "rint",
    "rmax",
    "rmin",
    "rmul",
    "sel",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "spence",
    "sqrt",
    "stdtr",
    "tan",
    "tanh",
    "trunc",
    "y0",
    "y1",
    "yn",
    "yv",
    "zeta",
]
