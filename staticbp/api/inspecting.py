"""`inspect`: what a function is compiled to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from staticbp.api.compiling import Differentiable, compiled, differentiable
from staticbp.api.function import Bound
from staticbp.errors import ArgumentError
from staticbp.inspection.text import Inspection
from staticbp.trace.names import here

Mode = Literal["value", "grad", "value_and_grad", "vjp", "jvp"]
MODES = ("value", "grad", "value_and_grad", "vjp", "jvp")


def inspect(function: Callable[..., Any], *args: Any, mode: Mode = "value", **kwargs: Any) -> Inspection:
    """What a call of a function is compiled to.

    Parameters
    ----------
    function : callable
        A function, or anything that staticbp made of one: ``f``, ``f.grad``, ``bp.vmap(f)``.
    *args, **kwargs
        Arguments to call it with; only their structure, shapes and dtypes count.
    mode : str, optional
        What of the function to look at: its ``value``, or ``grad``, ``value_and_grad``, ``vjp`` or ``jvp``, by the
        arguments that it was decorated for, else by the first.  The tangents of ``jvp`` are like those arguments.

    Returns
    -------
    Inspection
        Each part is made when it is looked at: ``graph``, ``stages``, ``schedule``, ``source``, ``forward_source``,
        ``adjoint_source``, ``llvm``, ``asm``, ``memory``, ``cost``, ``signature``, ``cache``, ``explain()``, and
        ``asm_of(line)``.  ``show`` prints them, ``save_html`` writes a page of them, ``draw`` a picture of the graph.

    Raises
    ------
    ArgumentError
        When there is no such mode.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> print(bp.inspect(lambda x: np.tanh(x) ** 2, 0.5, mode="grad").source)  # doctest: +ELLIPSIS
    \"\"\"Gradient of function(x) with respect to x. ...
    """
    if mode not in MODES:
        advice = f"Ask for one of {', '.join(MODES)}."
        raise ArgumentError(f"there is no mode {mode!r}", src=here().src, advice=advice)
    if mode == "value":
        return (function if isinstance(function, Bound) else compiled(function)).inspect(*args, **kwargs)
    decorated = function if hasattr(function, mode) else differentiable(function)
    if mode != "jvp":
        return getattr(decorated, mode).inspect(*args, **kwargs)  # type: ignore[no-any-return]
    chosen = decorated.argnums if isinstance(decorated, Differentiable) else 0
    tangents = args[chosen] if isinstance(chosen, int) else tuple(args[n] for n in chosen)
    return decorated.jvp.inspect(args, tangents, **kwargs)  # type: ignore[attr-defined, no-any-return]
