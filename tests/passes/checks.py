"""Graphs as expressions, and values held to the last bit."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from staticbp.core.aval import Aval
from staticbp.core.check import check_graph
from staticbp.core.graph import Atom, Graph, Lit
from staticbp.core.interpret import interpret
from staticbp.core.primitive import value_aval
from staticbp.core.text import literal_text, param_text
from staticbp.ops.control import scan
from staticbp.passes.dce import dce
from staticbp.trace.trace import trace

TINY = np.finfo(float).tiny
SPECIAL = np.array(
    [0.0, -0.0, 1.0, -1.0, 0.5, 3.7, -2.6, 1e-3, 30.0, -40.0, 1e300, -1e300, TINY, -TINY / 8, np.inf, -np.inf, np.nan]
)
PAIRS = np.meshgrid(SPECIAL, SPECIAL, indexing="ij")


def expression(graph: Graph) -> str:
    """The results of a graph as nested calls: ``neg(mul(x, y))``."""
    made = {out: eqn for eqn in graph.eqns for out in eqn.outs}

    def show(atom: Atom) -> str:
        if isinstance(atom, Lit):
            return literal_text(atom)
        eqn = made.get(atom)
        if eqn is None:
            return atom.name
        params = ", ".join(f"{k}={param_text(v)}" for k, v in eqn.params.items() if not isinstance(v, Graph))
        place = f".{eqn.outs.index(atom)}" if len(eqn.outs) > 1 else ""
        return f"{eqn.op.name}{f'[{params}]' if params else ''}({', '.join(map(show, eqn.ins))}){place}"

    return ", ".join(map(show, graph.outs))


def after(step: Callable[[Graph], Graph], graph: Graph) -> Graph:
    """`graph` after a pass, checked, without what the pass has made unnecessary."""
    return check_graph(dce(check_graph(step(graph))))


def as_adjoint(graph: Graph) -> Graph:
    """The same equations as if they belonged to a derivative."""
    return graph.with_eqns(replace(eqn, adjoint=True) for eqn in graph.eqns)


def assert_same_bits(graph: Graph, other: Graph, args: Sequence[Any]) -> None:
    """The same values to the last bit, the sign of zeros included; one NaN is as good as another."""
    for found, wanted in zip(interpret(other, args), interpret(graph, args), strict=True):
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)
        if wanted.dtype.kind == "f":
            known = ~np.isnan(wanted)
            np.testing.assert_array_equal(np.signbit(found)[known], np.signbit(wanted)[known])


def assert_close_values(graph: Graph, other: Graph, args: Sequence[Any]) -> None:
    """The same values up to roundings; zeros of either sign are zero."""
    for found, wanted in zip(interpret(other, args), interpret(graph, args), strict=True):
        assert found.dtype == wanted.dtype
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


def loop(
    step: Callable[..., Any],
    consts: Sequence[Any],
    carry: Sequence[Any],
    xs: Sequence[Any],
    length: int,
    reverse: bool = False,
) -> tuple[Any, ...]:
    """A scan recorded in the function being traced; ``step(*consts, *carry, *rows)`` gives carry and rows."""
    operands = [*consts, *carry, *xs]
    whole = [value_aval(value).strong() for value in operands]
    n_loop = len(consts) + len(carry)
    avals = [*whole[:n_loop], *(Aval(a.shape[1:], a.dtype) for a in whole[n_loop:])]
    names = step.__code__.co_varnames[: len(avals)]

    def flat(*values: Any) -> Sequence[Any]:
        out = step(*values)
        return out if isinstance(out, tuple) else (out,)

    body = trace(flat, "step", avals, list(names))
    params = {"body": body, "n_consts": len(consts), "n_carry": len(carry), "length": length, "reverse": reverse}
    out = scan(*operands, **params)
    return out if isinstance(out, tuple) else (out,)
