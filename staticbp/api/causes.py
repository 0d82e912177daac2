"""Why a function is compiled: what differs from all that it was compiled for before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from staticbp.api.forms import Call, Form
from staticbp.compilation import Compilation
from staticbp.core.tree import Structure
from staticbp.inspection.logs import compiling
from staticbp.inspection.signature import Subject
from staticbp.trace.guards import Guard

REMEMBERED = 64  # compilations of one function


@dataclass(frozen=True, slots=True)
class _Signature:
    """What a function was compiled for: the structure of its arguments, their leaves, and the static ones."""

    structure: Structure
    leaves: dict[str, str]
    statics: dict[int | str, Any]

    @staticmethod
    def of(call: Call, paths: Sequence[str]) -> _Signature:
        """That of a call whose leaves are called `paths`."""
        leaves = dict(zip(paths, map(_type_of, call.leaves), strict=True))
        return _Signature(call.structure, leaves, {where: value for where, _, value in call.statics})

    def differences(self, other: _Signature) -> Iterator[str]:
        """How it differs from another one."""
        for where in dict.fromkeys([*self.statics, *other.statics]):
            mine, theirs = self.statics.get(where), other.statics.get(where)
            if mine != theirs or type(mine) is not type(theirs):
                name = f"static argument {where}"
                yield f"{name} is {mine!r} instead of {theirs!r}"
        for path, kind in self.leaves.items():
            if path not in other.leaves:
                yield f"{path} is new, {kind}"
            elif other.leaves[path] != kind:
                yield f"{path} is {kind} instead of {other.leaves[path]}"
        yield from (f"{path} is missing" for path in other.leaves if path not in self.leaves)
        if self.structure != other.structure and self.leaves.keys() == other.leaves.keys():
            yield f"the arguments are {self.structure!r} instead of {other.structure!r}"


class History:
    """What a function was compiled for, and why each time."""

    def __init__(self) -> None:
        self._causes: list[tuple[_Signature, str]] = []

    def cause(self, call: Call, paths: Sequence[str], changed: str | None = None) -> str:
        """Why a call like this one has to be compiled, or had to be; `changed` is what was frozen and is different."""
        signature = _Signature.of(call, paths)
        if changed is not None:
            return f"{changed} has changed"
        if not self._causes:
            return "the first call in this process"
        for known, cause in reversed(self._causes):
            if known == signature:
                return f"{cause} (compiled already)"
        candidates = [[*signature.differences(known)] for known, _ in reversed(self._causes)]
        nearest = min(candidates, key=lambda differences: len(differences))
        return "; ".join(nearest) or "its sizes are not those that it was compiled for"

    def subject(
        self,
        call: Call,
        paths: Sequence[str],
        form: Form | None,
        guards: Callable[[], Iterable[Guard]],
        exact: Callable[[], Compilation] | None,
    ) -> Subject:
        """A call, which `form` is compiled for if there is one, as those want to know it who look inside."""

        def cause() -> str:
            changed = None if form is None else form.guards.changed()
            if form is not None and not form.exact and changed is None:
                return "it is compiled already, for any sizes"
            return self.cause(call, paths, changed)

        def frozen() -> dict[str, Any]:
            return {guard.where: guard.expected for guard in guards()}

        return Subject(paths, {where: value for where, _, value in call.statics}, frozen, cause, exact)

    @contextmanager
    def compiling(
        self, name: str, call: Call, paths: Sequence[str], changed: str | None
    ) -> Iterator[Callable[[Form], None]]:
        """Tell of a compilation for a call like this one, which is done within, and remember it.

        What is compiled is handed to the function that this gives.
        """
        cause, signature = self.cause(call, paths, changed), _Signature.of(call, paths)
        with compiling(name, cause) as sizes:
            yield lambda form: sizes.extend(f"{paths[leaf]}.shape[{axis}]" for _, leaf, axis in form.entry.sizes)
        kept = [(known, why) for known, why in self._causes if known != signature]
        self._causes = [*kept[1 - REMEMBERED :], (signature, cause)]


def _type_of(leaf: Any) -> str:
    if isinstance(leaf, np.ndarray):
        return f"{leaf.dtype}[{','.join(map(str, leaf.shape))}]"
    return type(leaf).__name__
