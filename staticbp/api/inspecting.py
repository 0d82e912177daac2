"""`inspect`: what a function is compiled to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from staticbp.api.compiling import compiled
from staticbp.api.function import Bound
from staticbp.inspection.text import Inspection


def inspect(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Inspection:
    """What a call of a function is compiled to.

    Parameters
    ----------
    function : callable
        A function, or anything that staticbp made of one: ``f``, ``f.grad``, ``bp.vmap(f)``.
    *args, **kwargs
        Arguments to call it with; only their structure, shapes and dtypes count.

    Returns
    -------
    Inspection
        With ``graph``, ``stages``, ``schedule``, ``source``, ``forward_source``, ``adjoint_source``, ``llvm`` and
        ``asm``, each made when it is looked at.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> print(bp.inspect(bp.grad(lambda x: np.tanh(x) ** 2), 0.5).source)  # doctest: +ELLIPSIS
    \"\"\"Gradient of function(x) with respect to x. ...
    """
    return (function if isinstance(function, Bound) else compiled(function)).inspect(*args, **kwargs)
