"""`debug_nans`: the first line that makes a nan or an infinity."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from staticbp.api.arguments import argument_paths
from staticbp.api.function import Function, describe
from staticbp.core.primitive import Builder
from staticbp.core.recording import attending
from staticbp.core.tree import flatten
from staticbp.errors import NonFiniteError
from staticbp.inspection.nonfinite import finite, refuse_nonfinite

_LOCK = threading.Lock()
_PLAIN: Callable[..., Any] = Function.__call__


class _Watch(threading.local):
    depth = 0


_watch = _Watch()  # how many of these contexts this thread is in
_open = 0  # how many there are in all


@contextmanager
def debug_nans() -> Iterator[None]:
    """Find the line that makes the first nan or infinity: a context in which every compiled call is checked.

    A call within whose result is not finite is evaluated again, an equation at a time, until an operation makes a
    nan or an infinity of finite operands.  That costs time and memory only then; calls outside are not slower.  Only
    calls of the thread that entered the context are checked.

    Raises
    ------
    NonFiniteError
        Within the context: with the line of the program, whether its value or its derivative is meant, the operation,
        and the values that went into it.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> with bp.debug_nans():
    ...     bp.grad(lambda x: np.sum(np.sqrt(x)))(np.array([4.0, 0.0]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    staticbp.errors.NonFiniteError: gradient of function(x) with respect to x: div makes inf of finite values, in the...
    """
    global _open
    with _LOCK:
        _open += 1
        Function.__call__ = _checked  # type: ignore[method-assign]  # so that calls cost nothing when none is checked
    _watch.depth += 1
    try:
        with attending():
            yield
    finally:
        _watch.depth -= 1
        with _LOCK:
            _open -= 1
            if not _open:
                Function.__call__ = _PLAIN  # type: ignore[method-assign]


def _checked(self: Function[..., Any], *args: Any, **kwargs: Any) -> Any:
    if not _watch.depth or Builder.innermost() is not None:
        return _PLAIN(self, *args, **kwargs)
    call = self._call(args, kwargs)
    leaves = [np.array(leaf) for leaf in call.leaves]  # copies, because arguments may be donated
    result = _PLAIN(self, *args, **kwargs)
    if all(finite(leaf) for leaf in flatten(result)[0]):
        return result
    compilation = self._compilation(call)
    paths = argument_paths(call.args, call.kwargs, self._argument_names(len(call.args)))
    title = describe(self)
    refuse_nonfinite(compilation.graph, leaves, paths, title)
    raise NonFiniteError(f"{title} returns values that are not finite, though it is made of finite steps")
