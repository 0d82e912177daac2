"""The variables of a function that runs with ``control_flow="python"``: which have a value, and what they stay like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.primitive import value_aval
from staticbp.core.tree import flatten, map_leaves
from staticbp.errors import ControlFlowError
from staticbp.trace.jumps import RESULT
from staticbp.trace.names import here

Names = tuple[str, ...]
State = tuple[Any, ...]


class Unset:
    """A variable that has not been assigned; whoever looks at it is told so."""

    __array_ufunc__ = None

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise ControlFlowError(
            f"{self.name} is read where it may not have been assigned",
            src=here().src,
            advice=f"Assign {self.name} before the loop or branch.",
        )

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):  # what Python looks for is not there
            raise AttributeError(attribute)
        return self()


for _method in ("add", "sub", "mul", "truediv", "pow", "matmul", "mod", "floordiv", "lt", "le", "gt", "ge"):
    setattr(Unset, f"__{_method}__", Unset.__call__)
    setattr(Unset, f"__r{_method}__", Unset.__call__)
for _method in ("neg", "bool", "float", "int", "iter", "len", "getitem", "array", "array_function"):
    setattr(Unset, f"__{_method}__", Unset.__call__)


def filled(value: Any, other: Any) -> Any:
    """Zeros in the place of a result that is not looked at where it has not been assigned."""
    if not (isinstance(value, Unset) and value.name.startswith(RESULT)) or isinstance(other, Unset):
        return value
    return map_leaves(lambda leaf: np.zeros_like(leaf) if np.ndim(leaf) else leaf * 0, other)


def require_same(names: Names, one: State, other: State, line: int) -> None:
    """Refuse two branches that do not assign the same variables, or unlike values to one of them."""
    for name, left, right in zip(names, one, other, strict=True):
        if isinstance(left, Unset) != isinstance(right, Unset) and not name.startswith(RESULT):
            raise ControlFlowError(
                f"{name} is read behind line {line}, and assigned in one branch of it only",
                src=here().src,
                advice=f"Assign {name} before the branch, or in both.",
            )
        what = "what is returned" if name.startswith(RESULT) else name
        found = () if left is right else _unlike(left, right)
        if found:
            raise ControlFlowError(
                f"{what} is {found[0]} where the test in line {line} holds, and {found[1]} where it does not",
                src=here().src,
                advice="Whichever way it goes, give it the same structure and shape; np.broadcast_to makes shapes so.",
            )


def _unlike(one: Any, other: Any) -> tuple[str, str] | tuple[()]:
    """What two values are, in words, that differ in structure or in a shape."""
    if isinstance(one, Unset) or isinstance(other, Unset):
        return ()
    (leaves, structure), (others, its) = flatten(one), flatten(other)
    if structure != its:
        return str(structure), str(its)
    pairs = [(value_aval(a).shape, value_aval(b).shape) for a, b in zip(leaves, others, strict=True)]
    wrong = [pair for pair in pairs if not shapes.same(*pair)]
    return (f"of shape {shapes.text(wrong[0][0])}", f"of shape {shapes.text(wrong[0][1])}") if wrong else ()


def settled(names: Names, state: State, step: Callable[[], State], line: int) -> State:
    """What a loop carries, when it begins: everything has a value, a result that nobody looks at too."""
    if not any(isinstance(value, Unset) for value in state):
        return state
    after = step()  # what this adds to the graph is not needed, and goes
    begun = tuple(filled(value, other) for value, other in zip(state, after, strict=True))
    for name, value in zip(names, begun, strict=True):
        if isinstance(value, Unset):
            raise ControlFlowError(
                f"{name} is read behind the loop in line {line}, which may never assign it",
                src=here().src,
                advice=f"Assign {name} before the loop.",
            )
    return begun


def kept(names: Names, before: State, after: State, line: int) -> State:
    """What a step of a loop makes of its variables; one that does not stay what it was is an error that names it."""
    for name, old, new in zip(names, before, after, strict=True):
        found = _unlike(old, new)
        if found:
            raise ControlFlowError(
                f"{name} is {found[0]} before a step of the loop in line {line}, and {found[1]} behind it",
                src=here().src,
                advice="What a loop changes keeps its structure and shape; make room for all of it before.",
            )
    return after
