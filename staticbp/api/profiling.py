"""`profile`: where the time of a call goes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from staticbp.api.compiling import compiled
from staticbp.api.forms import Call
from staticbp.api.function import Bound, Function
from staticbp.compilation import Compilation
from staticbp.core.tree import map_leaves
from staticbp.inspection.machine import peaks
from staticbp.inspection.profile import Profile
from staticbp.inspection.timing import at_sizes, per_call, timed
from staticbp.runtime.laps import TURN
from staticbp.runtime.load import JIT


def profile(function: Callable[..., Any], *args: Any, seconds: float = 1.0, **kwargs: Any) -> Profile:
    """Measure where the time of a call goes: by loop and kernel, by line, and before and after the compiled code.

    The first time on a machine, its peaks are measured too, which takes a second or two: what it can compute, and
    move between processor, caches and memory.  They are kept beside the stored code, in ``machine.json``.

    Parameters
    ----------
    function : callable
        A function, or anything that staticbp made of one: ``f``, ``f.grad``, ``bp.vmap(f)``.
    *args, **kwargs
        Arguments to call it with, again and again.  Donated ones are copied before, and change from call to call.
    seconds : float, optional
        How long to measure for, about; not less than some calls take.

    Returns
    -------
    Profile
        To be printed.  ``.whole``, ``.dispatch``, ``.rows``, ``.lines`` and ``.peaks`` are the data.

    Notes
    -----
    The parts are timed in a copy of the compiled code, with a clock read between them (some 20 ns a reading, which are
    taken off).  The loop of a scan or fold is opened, and the parts of its steps are timed, where those take much
    longer than that.  Where a call is too short for a clock, it is timed in copies that grow by a part each: a part
    takes what a call takes longer by with it.  The roofline [1]_ of a part is the most that the machine could do: all
    operations at the rate of a large product of matrices, or all bytes at the rate of the cache that they fit into,
    whichever takes longer.

    References
    ----------
    .. [1] S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model for multicore
       architectures", Communications of the ACM 52 (4), 2009.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> found = bp.profile(lambda A, x: np.sum(np.tanh(A @ x)), np.ones((300, 200)), np.ones(200), seconds=0.1)
    >>> [(row.label.split()[0], row.work.flops) for row in found.rows if row.work.flops > 1000]
    [('blas.gemv', 120000)]
    >>> 0 < found.dispatch < found.whole
    True
    """
    if isinstance(function, Bound):
        args = function.__func__._bind_first(function.__self__, args)
    traced = function.__func__ if isinstance(function, Bound) else compiled(function)
    call = traced._call(args, kwargs)
    if traced._donate(call) is not None:
        args, kwargs = _copied(traced, call)
        call = traced._call(args, kwargs)
    sizes = traced._find(call).entry.sizes_in(call.leaves)
    compilation = traced._compilation(call, traced._pattern(call))

    def calling(compilation: Compilation) -> Callable[[], object]:
        return functools.partial(traced._with_form(call, compilation), *args, **kwargs)

    with TURN:
        copies = timed(compilation, calling, sizes)
        whole = per_call(functools.partial(traced, *args, **kwargs), copies, seconds)
    parts = [at_sizes(part, sizes) for part in copies.parts]
    return Profile(compilation.title, whole, copies.dispatch, parts, peaks() if JIT else None)


def _copied(traced: Function[..., Any], call: Call) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call with arrays of their own."""

    def own(leaf: Any) -> Any:
        return np.array(leaf) if isinstance(leaf, np.ndarray) else leaf

    args, kwargs = map_leaves(own, (call.args, call.kwargs))
    return (args, kwargs) if traced._statics is None else traced._statics.put_back(args, kwargs, call.statics)
