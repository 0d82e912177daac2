"""`explain_zero`: why a gradient is zero."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from staticbp.api.arguments import argument_paths
from staticbp.api.compiling import compiled
from staticbp.api.staging import with_respect_to
from staticbp.errors import ArgumentError
from staticbp.inspection.zeros import Report, findings


def explain_zero(
    function: Callable[..., Any], *args: Any, argnums: int | Sequence[int] | None = None, **kwargs: Any
) -> Report:
    """Why the gradient of a function is zero, or an input of it is not differentiable.

    The function is traced, and evaluated backwards with NumPy, one equation at a time.  Nothing is compiled.

    Parameters
    ----------
    function : callable
        A function of arrays, numbers and structures of them.  Where its output is not one number, the derivative of
        the sum of all outputs is explained.
    *args, **kwargs
        The arguments at which the gradient is zero.
    argnums : int or sequence of int, optional
        The positional arguments to explain; by default those that the function was decorated with, else the first.

    Returns
    -------
    Report
        To be printed.  ``.findings`` has one entry for each leaf: its ``path``, its ``kind`` (``nonzero``, ``partly``,
        ``integer``, ``unused``, ``cut``, ``vanishes``, ``cancels``), and the ``ends`` of its paths: operation, line of
        the program, and reason.  ``.zero`` are those whose whole gradient is zero.

    Raises
    ------
    ArgumentError
        When `argnums` names an argument that is not there.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> def loss(w, b, scale):
    ...     return np.sum(np.maximum(w - b, 0.0) * np.round(scale))
    >>> report = bp.explain_zero(loss, np.array([1.0, 2.0]), 5.0, 3.0, argnums=(0, 2))
    >>> [(finding.path, finding.kind, finding.ends[0].op) for finding in report.findings]
    [('w', 'vanishes', 'maximum'), ('scale', 'cut', 'rint')]
    """
    traced = compiled(function)
    chosen = getattr(function, "argnums", 0) if argnums is None else argnums
    numbers = tuple(_position(n, len(args)) for n in ((chosen,) if isinstance(chosen, int) else chosen))
    call = traced._call(args, kwargs)
    compilation = traced._compilation(call)
    names = traced._argument_names(len(args))
    paths = argument_paths(call.args, call.kwargs, names)
    wanted = {path for n in numbers for path in argument_paths(call.args[n : n + 1], {}, names[n : n + 1])}
    leaves = [np.asarray(leaf) for leaf in call.leaves]
    found = findings(compilation.traced, leaves, paths, [path in wanted for path in paths])
    return Report(f"The gradient of {with_respect_to(function, numbers)}", tuple(found))


def _position(number: int, count: int) -> int:
    if not -count <= number < count:
        raise ArgumentError(f"argnums names argument {number}, but the call has {count}")
    return number % count
