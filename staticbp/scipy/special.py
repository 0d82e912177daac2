"""SciPy's ``special``, with those of its functions that are no ufuncs taking traced values too.

SciPy's ufuncs ask their arguments what they mean, so the names of those that can be traced are SciPy's own objects.

Examples
--------
>>> import numpy as np
>>> import staticbp as bp
>>> from staticbp.scipy import special
>>> float(bp.grad(special.gammaln)(1.0))
-0.5772156649015
>>> special.logsumexp(np.zeros(2))
np.float64(0.6931471805599453)
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from numpy import sinc

from staticbp.ops.gammas import multigammaln, polygamma
from staticbp.ops.special import log_softmax, logsumexp, softmax, softplus

__all__ = ["log_softmax", "logsumexp", "multigammaln", "polygamma", "sinc", "softmax", "softplus"]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("scipy.special"), name)


def __dir__() -> list[str]:
    return sorted({*dir(import_module("scipy.special")), *__all__})
