"""Compiled functions for code that is not staticbp's: functions of Numba's, callbacks for C, files.

What a call is compiled to is the same as ever.  Around it stands a few lines of text (`codegen.standalone`) in place of
the boundary that Python needs, which code that Numba compiles can call and a file can hold.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.codegen.standalone import (
    Boundary,
    Leaf,
    argument_texts,
    free,
    is_single_number,
    keyword_names,
    returned,
    write_boundary,
    write_callback,
)
from staticbp.compilation import Compilation, identifier
from staticbp.core import shape as shapes
from staticbp.core.schedule import Loop, Schedule
from staticbp.core.tree import Structure
from staticbp.errors import ArgumentError
from staticbp.runtime.spec import Frame
from staticbp.trace.names import defined_at


@dataclasses.dataclass(frozen=True, slots=True)
class Standalone:
    """A compiled call with what stands around it elsewhere."""

    boundary: Boundary
    source: str
    frame: Frame
    constants: dict[str, Any]

    @property
    def takers(self) -> dict[str, tuple[str, np.dtype[Any], tuple[int, ...]]]:
        """What the text calls to check its arguments."""
        leaves = self.boundary.leaves
        return {self.boundary.taker(leaf): (leaf.name, leaf.aval.dtype, leaf.shape) for leaf in leaves}


def standalone(compilation: Compilation, structure: Structure, names: Sequence[str]) -> Standalone:
    """What a compilation is when nothing of staticbp is around it.

    Parameters
    ----------
    compilation : Compilation
        That of the call.
    structure : Structure
        The structure of ``(args, kwargs)``.
    names : sequence of str
        The names of the positional arguments.
    """
    compilation.donate = None  # what becomes of an argument's memory is for the caller to say
    function = compilation.name + ("_" if compilation.name in callables().support_names() else "")
    schedule = _named(compilation.schedule, f"{function}_kernel")
    leaves = [Leaf(b.name, b.aval) for b in schedule.arguments]
    taken = {b.name for b in (*schedule.arguments, *schedule.results)}
    compilation = compilation.with_schedule(schedule)
    avals = compilation.graph.out_avals
    computed = iter(schedule.results)
    outs = [
        Leaf(free(f"zero{i}", taken) if i in compilation.zeros else next(computed).name, aval.strong())
        for i, aval in enumerate(avals)
    ]
    texts = argument_texts(structure, [leaf.name for leaf in leaves])
    parameters = [*names, *keyword_names(structure)]
    kept = [
        (name if text == name else free(name, taken), text)
        for name, text in zip(map(identifier, parameters), texts, strict=True)
        if text
    ]
    boundary = Boundary(
        function,
        compilation.title,
        kept,
        leaves,
        [free(b.name, taken | callables().support_names()) for b in schedule.constants],
        [leaf for i, leaf in enumerate(outs) if i not in compilation.zeros],
        [leaf for i, leaf in enumerate(outs) if i in compilation.zeros],
        _output(compilation, outs),
        shapes.static(schedule.workspace, "a function for other code"),
        schedule.failures,
        re.search(r"\bnative\.", compilation.source) is not None,
    )
    arrays = [np.array(constant.current()) for constant in compilation.captured]  # as they are now, from now on
    constants = {name: array[()] for name, array in zip(boundary.constants, arrays, strict=True)}
    return Standalone(boundary, compilation.source, compilation.frame, constants)


def _named(schedule: Schedule, name: str) -> Schedule:
    """A schedule under another name, whose long loops run to their ends at once."""
    body = [dataclasses.replace(s, sliced=False) if isinstance(s, Loop) and s.sliced else s for s in schedule.body]
    return dataclasses.replace(schedule, name=name, body=body)


def _output(compilation: Compilation, outs: Sequence[Leaf]) -> str:
    for _, value in compilation.outputs.plain:
        if not isinstance(value, bool | int | float | complex | np.generic):
            raise ArgumentError(
                f"{compilation.name} returns a {type(value).__name__}, which code outside of staticbp has no use for",
                src=defined_at(compilation.origin),
                advice="Return arrays and numbers only.",
            )
    return returned(compilation.outputs.structure, outs, compilation.outputs.plain)


def njit_of(made: Standalone) -> Any:
    """The function of Numba's."""
    boundary = made.boundary
    generated = made.source, boundary.kernel, made.frame
    return callables().njit_function(write_boundary(boundary), boundary.name, generated, made.takers, made.constants)


def cfunc_of(made: Standalone, compilation: Compilation) -> Any:
    """The callback, as ``scipy.LowLevelCallable``."""
    boundary = made.boundary
    _require_numbers(boundary, compilation)
    generated = made.source, boundary.kernel, made.frame
    single = is_single_number(boundary)
    callback, kept = callables().callback(
        write_callback(boundary), boundary.name, generated, made.constants, single=single
    )
    _KEPT.append(kept)
    return callback


_KEPT: list[Any] = []  # callbacks: whoever was given the address of one may call it until the process ends


def _require_numbers(boundary: Boundary, compilation: Compilation) -> None:
    """Refuse what does not go through C's numbers."""
    results = (*boundary.results, *boundary.zeros)
    leaves = boundary.leaves
    plain = compilation.outputs.plain
    shapes = [leaf.aval.shape for leaf in leaves]
    fits = (
        not plain
        and [(leaf.aval.shape, leaf.aval.dtype) for leaf in results] == [((), np.dtype(float))]
        and all(leaf.aval.dtype == np.float64 for leaf in leaves)
        and (bool(leaves) and (not any(shapes) or (len(shapes) == 1 and len(shapes[0]) == 1)))
    )
    if not fits:
        taken = ", ".join(f"{leaf.name}: {leaf.aval}" for leaf in leaves)
        given = ", ".join(str(leaf.aval) for leaf in results) or "no number of float64"
        raise ArgumentError(
            f"{boundary.name} takes ({taken}) and returns {given}, which a callback of C cannot",
            src=defined_at(compilation.origin),
            advice="A callback takes numbers, or one vector, of float64, and returns one number of float64. For others "
            "use .njit(...) inside a function of your own that numba.cfunc compiles.",
        )


def callables() -> Any:
    """What makes functions of Numba's: with Numba, which is imported only now."""
    return importlib.import_module("staticbp.runtime.callables")


__all__ = ["Standalone", "callables", "cfunc_of", "njit_of", "standalone"]
