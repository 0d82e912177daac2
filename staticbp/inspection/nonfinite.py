"""Where the first nan or infinity of a call comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core.graph import Atom, Eqn, Graph
from staticbp.core.interpret import interpret, observing
from staticbp.errors import NonFiniteError


def refuse_nonfinite(graph: Graph, args: Sequence[Any], paths: Sequence[str], title: str) -> None:
    """Evaluate `graph` an equation at a time; stop at the first that makes a nan or infinity of finite operands.

    Raises
    ------
    NonFiniteError
        With the line, the operation, and the values that went into it.
    """
    given = [*zip(paths, args, strict=True), *((var.name, array) for var, array in graph.consts)]
    for name, value in given:
        if not finite(value):
            raise NonFiniteError(f"{title}: {_first(np.asarray(value))} is among the values of {name} already")

    def watch(eqn: Eqn, ins: Sequence[Any], outs: Sequence[Any]) -> None:
        if not all(map(finite, outs)) and all(map(finite, ins)):
            raise _culprit(eqn, ins, outs, title)

    with observing(watch):
        interpret(graph, args)


def finite(value: Any) -> bool:
    """Whether there is neither nan nor infinity in a value; integers are finite."""
    array = np.asarray(value)
    return array.dtype.kind not in "fc" or bool(np.isfinite(array).all())


def _culprit(eqn: Eqn, ins: Sequence[Any], outs: Sequence[Any], title: str) -> NonFiniteError:
    position, out = next((i, np.asarray(out)) for i, out in enumerate(outs) if not finite(out))
    where = tuple(int(i) for i in np.argwhere(~np.isfinite(out))[0])
    name = eqn.outs[position].name
    count = int(np.sum(~np.isfinite(out)))
    more = "" if out.size == 1 else f" ({count} of its {out.size} elements are not finite)"
    part = "in the derivative of this line" if eqn.adjoint else "in this line"
    lines = [f"{title}: {eqn.op.label} makes {out[where]} of finite values, {part}"]
    lines += [f"    {_element(name, where)} = {out[where]}{more}"]
    for atom, value in zip(eqn.ins, ins, strict=True):
        lines.append(f"    {_value(atom, np.asarray(value), where, out.shape)}")
    return NonFiniteError("\n".join(lines), src=eqn.src)


def _value(atom: Atom, value: np.ndarray[Any, Any], where: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """An operand: the element that counts, or the range of all of them."""
    name = getattr(atom, "name", "constant")
    if value.shape == shape:
        return f"{_element(name, where)} = {value[where]}"
    if not value.size:
        return f"{name} is empty"
    if value.size == 1:
        return f"{name} = {value.reshape(-1)[0]}"
    return f"{name}, of shape {value.shape}, from {value.min()} to {value.max()}"


def _element(name: str, where: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, where))}]" if where else name


def _first(array: np.ndarray[Any, Any]) -> Any:
    return array[~np.isfinite(array)].reshape(-1)[0]
