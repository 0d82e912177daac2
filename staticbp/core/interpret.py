"""The interpreter: a graph evaluated with NumPy, one equation at a time.  The oracle of compiled code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.graph import Eqn, Graph, Lit, Var
from staticbp.core.primitive import concrete
from staticbp.core.specialise import specialised
from staticbp.errors import GraphError

Observer = Callable[[Eqn, Sequence[Any], Sequence[Any]], None]
_OBSERVER: ContextVar[Observer | None] = ContextVar("observer", default=None)


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Tell `observer` of each equation evaluated within, those of loop bodies too: ``observer(eqn, ins, outs)``."""
    token = _OBSERVER.set(observer)
    try:
        yield
    finally:
        _OBSERVER.reset(token)


def interpret(graph: Graph, args: Sequence[Any]) -> list[np.ndarray[Any, Any]]:
    """The results of `graph` on arrays, each with exactly the shape and dtype of its type.

    Symbols in it stand for the sizes that the arguments have.
    """
    if any(shapes.symbols(var.aval.shape) for var in graph.invars):
        sizes: dict[str, int] = {}
        for var, arg in zip(graph.invars, args, strict=True):
            if not shapes.matched(var.aval.shape, np.shape(arg), sizes):
                raise GraphError(f"{graph.name}: {var.name} of shape {np.shape(arg)} is not of type {var.aval}")
        graph = specialised(graph, sizes)
    env: dict[Var, Any] = dict(graph.consts)
    for var, arg in zip(graph.invars, args, strict=True):
        env[var] = np.asarray(arg, dtype=var.aval.dtype)
    observer = _OBSERVER.get()
    with np.errstate(all="ignore"):
        for eqn in graph.eqns:
            ins = [concrete(a) if isinstance(a, Lit) else env[a] for a in eqn.ins]
            outs = eqn.op.evaluate(ins, eqn.params)
            for var, out in zip(eqn.outs, outs, strict=True):
                array = np.asarray(out)
                if array.shape != var.aval.shape or array.dtype != var.aval.dtype:
                    raise GraphError(
                        f"{eqn.op.name} evaluates to {array.dtype}{list(array.shape)} where its type is {var.aval}",
                        src=eqn.src,
                    )
                env[var] = array
            if observer is not None:
                observer(eqn, ins, [env[var] for var in eqn.outs])
    return [np.asarray(concrete(a) if isinstance(a, Lit) else env[a]) for a in graph.outs]
