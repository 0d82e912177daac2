"""What a call is compiled for: the types of its arguments, what is static, and what tracing froze."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

from staticbp.compilation import Compilation
from staticbp.core.aval import Aval

_CODE = (FunctionType, BuiltinFunctionType, ModuleType, type, np.ufunc)
WIDTH = 60  # characters of a value


@dataclass(frozen=True, slots=True)
class Subject:
    """What is inspected, as the one knows it who made the compilation.

    `paths` are what the user calls the leaves, `statics` the static arguments by position or name; `frozen` gives what
    was read while tracing, by its place, and `cause` why it is compiled.  Where the compilation is for any sizes,
    `exact` gives one for those at hand, which work and memory are counted for.
    """

    paths: Sequence[str] = ()
    statics: Mapping[int | str, Any] = field(default_factory=dict)
    frozen: Callable[[], Mapping[str, Any]] = dict
    cause: Callable[[], str] = lambda: "it was asked for"
    exact: Callable[[], Compilation] | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """What a call is compiled for.

    Attributes
    ----------
    name : str
        The generated function.
    arguments : dict of str to Aval
        The types of the leaves of the arguments, by what the user calls them.
    results : list of Aval
        The types of the results.
    statics : dict
        The values of static arguments, by position or name.
    frozen : dict of str to object
        What the function read besides its arguments, and the values that became a part of the code: when one of them
        changes, it is traced again.
    """

    name: str
    arguments: dict[str, Aval]
    results: list[Aval]
    statics: dict[int | str, Any]
    frozen: dict[str, Any]

    def __str__(self) -> str:
        arguments = ", ".join(f"{path}: {aval}" for path, aval in self.arguments.items())
        lines = [f"{self.name}({arguments}) -> {', '.join(map(str, self.results)) or 'nothing'}"]
        lines += [f"static argument {where} = {_shown(value)}" for where, value in self.statics.items()]
        values = {where: value for where, value in self.frozen.items() if not isinstance(value, _CODE)}
        lines += [f"{where} = {_shown(value)}" for where, value in values.items()]
        return "\n".join(lines)


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
