"""The memory that is kept for the calls to come."""

from __future__ import annotations

from staticbp.runtime.memory import ARENAS, BUFFERS


def release_memory() -> int:
    """Give memory back to the system that is kept for later calls and that nobody uses now.

    Arrays of 8 MiB and more that compiled functions have returned, and what functions work in, are not given back when
    they are not needed any more: the next call takes them over, which saves the system from filling new memory with
    zeros.  At most a sixteenth of the machine's memory is kept so, or 256 MiB if that is more, and 256 MiB of smaller
    workspaces.  Arrays that somebody still has stay what they are.

    Returns
    -------
    int
        How many bytes were given back.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> @bp.compile
    ... def doubled(x):
    ...     return 2.0 * x
    >>> released = bp.release_memory()
    >>> y = doubled(np.ones(2_000_000))
    >>> bp.release_memory()
    0
    >>> del y
    >>> bp.release_memory() >= 16_000_000
    True
    """
    return BUFFERS.clear() + ARENAS.clear()
