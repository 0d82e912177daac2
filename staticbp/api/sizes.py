"""Which sizes are symbols, so that one compilation serves all of them.

Either the user says so (`dynamic_axes`), or it is found out: a function that has been compiled for one shape and is
called with another is compiled for all sizes of the dimensions that differ.  Dimensions that changed from the same
size to the same size, those of a batch and of its labels say, are one symbol.  What cannot be traced without the
numbers is compiled for these sizes alone, and not tried again.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from staticbp.compilation import user_stacklevel
from staticbp.core import shape as shapes
from staticbp.core.shape import SMALLEST, Dim, DimExpr, Shape, symbol
from staticbp.errors import ArgumentError, ConcreteSizeError, RetraceWarning
from staticbp.trace.names import here

LOG = logging.getLogger("staticbp.sizes")

MANY = 8  # shapes that a function is compiled for one by one, after which the user is told
NAMES = ("n", "m", "k", "l", "p", "q", "r", "s")

Axes = tuple[tuple[str, tuple[tuple[int, str], ...]], ...]
Pattern = tuple[Shape | None, ...]  # the shape of each leaf, with symbols in it; None for what is no array
Place = tuple[int, int, str]  # a leaf, an axis of it, and the name of its size
DynamicAxes = Mapping[str, Mapping[int, str]] | bool | None


def axes_of(dynamic_axes: DynamicAxes | Axes) -> Axes | bool:
    """The option `dynamic_axes` as it is kept: what was declared, or whether symbols are found out.

    Examples
    --------
    >>> axes_of({"X": {0: "n"}}), axes_of(None), axes_of(False)
    ((('X', ((0, 'n'),)),), True, False)
    """
    if dynamic_axes is None or isinstance(dynamic_axes, bool | tuple):
        return True if dynamic_axes is None else dynamic_axes
    found: list[tuple[str, tuple[tuple[int, str], ...]]] = []
    remedy = 'Give a name to each axis: dynamic_axes={"X": {0: "n"}}.'
    given: object = dynamic_axes
    if not isinstance(given, Mapping):
        raise ArgumentError(f"dynamic_axes is {given!r}", src=here().src, advice=remedy)
    for argument, axes in dynamic_axes.items():
        named: object = axes
        if not isinstance(named, Mapping) or not all(isinstance(axis, int) for axis in named):
            raise ArgumentError(f"dynamic_axes of {argument!r} is {axes!r}", src=here().src, advice=remedy)
        for name in named.values():
            if not isinstance(name, str) or not name.isidentifier():
                what = f"dynamic_axes calls a size {name!r}, which is not a name"
                raise ArgumentError(what, src=here().src, advice=remedy)
        found.append((str(argument), tuple(sorted(axes.items()))))
    return tuple(found)


@dataclass(slots=True)
class _Kind:
    """What is known of calls that differ in shapes only."""

    seen: list[Pattern] = field(default_factory=list)  # shapes that were compiled as they are
    patterns: list[Pattern] = field(default_factory=list)  # those that were compiled with symbols
    refused: dict[Pattern, str] = field(default_factory=dict)  # those that could not be, and why not
    warned: bool = False


class Sizes:
    """Finds the symbols in the shapes of a function's calls.

    Parameters
    ----------
    axes : Axes or bool
        What was declared; True to find out, False for no symbols.
    function : str
        What the function is called.
    """

    def __init__(self, axes: Axes | bool, function: str) -> None:
        self._axes = axes
        self._function = function
        self._kinds: dict[Any, _Kind] = {}
        self._places: dict[Any, list[Place]] = {}  # what the declaration says of each kind of call

    def handed_on(self, same_arguments: bool) -> Axes | bool:
        """What holds for a transform of the function: a declaration only if its arguments are the same."""
        return True if self.declared and not same_arguments else self._axes

    @property
    def declared(self) -> bool:
        """Whether the user has said which sizes are symbols."""
        return isinstance(self._axes, tuple)

    def known(self, kind: Any, leaves: Sequence[Any], paths: Callable[[], Sequence[str]]) -> Pattern | None:
        """The pattern that serves these leaves, if it was declared or compiled; None otherwise."""
        if isinstance(self._axes, tuple):
            if kind not in self._places:
                self._places[kind] = _places(self._axes, leaves, paths(), self._function)
            return _declared(self._places[kind], leaves, paths)
        found = self._kinds.get(kind)
        actual = _shapes(leaves)
        return None if found is None else next((p for p in found.patterns if _fits(p, actual)), None)

    def pattern(self, kind: Any, leaves: Sequence[Any], paths: Callable[[], Sequence[str]]) -> Pattern | None:
        """The pattern to compile these leaves for; None when they are to be compiled as they are."""
        known = self.known(kind, leaves, paths)
        if known is not None or self._axes is not True or kind not in self._kinds:
            return known
        found = self._kinds[kind]
        made = _generalised(found.seen, _shapes(leaves), paths()) if found.seen else None
        return None if made in found.refused else made

    def note(self, kind: Any, leaves: Sequence[Any], pattern: Pattern | None) -> None:
        """Remember what was compiled."""
        if self._axes is not True:
            return
        found = self._kinds.setdefault(kind, _Kind())
        known, made = (found.seen, _shapes(leaves)) if pattern is None else (found.patterns, pattern)
        if made not in known:
            known.append(made)

    def refuse(self, kind: Any, pattern: Pattern, reason: Exception, paths: Sequence[str]) -> None:
        """Remember that a pattern cannot be compiled, and why."""
        text = str(reason) if isinstance(reason, ConcreteSizeError) else f"{type(reason).__name__}: {reason}"
        self._kinds[kind].refused[pattern] = text
        LOG.info("%s is compiled for each shape of %s: %s", self._function, _listed(pattern, paths), text)

    def warn_if_many(self, kind: Any, paths: Sequence[str]) -> None:
        """Tell the user, once, that a function has been compiled for many shapes one by one."""
        found = self._kinds.get(kind)
        if found is None or found.warned or len(found.seen) < MANY or not found.refused:
            return
        found.warned = True
        pattern, reason = next(reversed(found.refused.items()))
        warnings.warn(
            f"{self._function} has been compiled for {len(found.seen)} shapes one by one, and cannot be compiled for "
            f"all sizes of {_listed(pattern, paths)}:\n  {reason}\n"
            "  Pad the arguments to a few sizes, or change the line; dynamic_axes=False says that this is meant.",
            RetraceWarning,
            stacklevel=user_stacklevel(),
        )

    def reason(self, kind: Any, leaves: Sequence[Any], paths: Callable[[], Sequence[str]]) -> str | None:
        """Why these leaves are compiled as they are, if symbols were tried for them."""
        found = self._kinds.get(kind)
        actual = _shapes(leaves)
        return None if found is None else next((why for p, why in found.refused.items() if _fits(p, actual)), None)


def _shapes(leaves: Sequence[Any]) -> Pattern:
    return tuple([leaf.shape if isinstance(leaf, np.ndarray) else None for leaf in leaves])


def _fits(pattern: Pattern, actual: Pattern) -> bool:
    """Whether shapes are of a pattern."""
    sizes: dict[str, int] = {}
    return all(
        wanted is None or (found is not None and shapes.matched(wanted, shapes.static_shape(found), sizes))
        for wanted, found in zip(pattern, actual, strict=True)
    )


def _differing(one: Pattern, other: Pattern) -> Iterable[tuple[int, int, Dim, Dim]]:
    """Where two lists of shapes differ: leaf, axis, and both sizes."""
    for leaf, (left, right) in enumerate(zip(one, other, strict=True)):
        for axis, (old, new) in enumerate(zip(left or (), right or (), strict=True)):
            if not shapes.same((old,), (new,)):
                yield leaf, axis, old, new


def _generalised(seen: Sequence[Pattern], actual: Pattern, paths: Sequence[str]) -> Pattern | None:
    """`actual` with symbols where it differs from the most similar shapes that were seen; None without any."""
    nearest = min(reversed(seen), key=lambda other: len(list(_differing(other, actual))))
    free = iter([name for name in NAMES if name not in paths] + [f"size{i}" for i in range(len(paths) * 32)])
    symbols: dict[tuple[Dim, Dim], DimExpr] = {}
    made: list[list[Dim] | None] = [None if shape is None else list(shape) for shape in actual]
    for leaf, axis, old, new in _differing(nearest, actual):
        if shapes.static(new) < SMALLEST:
            continue
        if (old, new) not in symbols:
            symbols[old, new] = symbol(next(free))
        dims = made[leaf]
        assert dims is not None
        dims[axis] = symbols[old, new]
    return tuple(None if dims is None else tuple(dims) for dims in made) if symbols else None


def _places(axes: Axes, leaves: Sequence[Any], paths: Sequence[str], function: str) -> list[Place]:
    """The axes of leaves that were declared, each with its name."""
    found: list[Place] = []
    for argument, named in axes:
        chosen = [i for i, path in enumerate(paths) if _belongs(path, argument)]
        if not chosen:
            known = ", ".join(dict.fromkeys(paths))
            raise ArgumentError(f"dynamic_axes names {argument!r}, but the arguments of {function} are {known}")
        for leaf in chosen:
            for axis, name in named:
                if not -np.ndim(leaves[leaf]) <= axis < np.ndim(leaves[leaf]):
                    raise ArgumentError(f"dynamic_axes names axis {axis} of {paths[leaf]}, which has no such axis")
                found.append((leaf, axis, name))
    return found


def _declared(places: Sequence[Place], leaves: Sequence[Any], paths: Callable[[], Sequence[str]]) -> Pattern | None:
    """The pattern that was declared; sizes of 0 and 1 are no symbols.  None when there is no symbol left."""
    sizes: dict[str, tuple[int, int]] = {}
    made: list[list[Dim] | None] = [list(x.shape) if isinstance(x, np.ndarray) else None for x in leaves]
    for leaf, axis, name in places:
        found = leaves[leaf].shape[axis]
        size, first = sizes.setdefault(name, (found, leaf))
        if found != size:
            raise ArgumentError(
                f"the size {name} is {size} in {paths()[first]}, but {found} in {paths()[leaf]}",
                advice=f"Both are declared to be {name} in dynamic_axes; give them names of their own.",
            )
        dims = made[leaf]
        if dims is not None and size >= SMALLEST:
            dims[axis] = symbol(name)
    if all(size < SMALLEST for size, _ in sizes.values()):
        return None
    return tuple(None if dims is None else tuple(dims) for dims in made)


def _belongs(path: str, argument: str) -> bool:
    """Whether a leaf is an argument, or a part of it."""
    return path == argument or path.startswith((f"{argument}.", f"{argument}["))


def _listed(pattern: Pattern, paths: Sequence[str]) -> str:
    """The arguments that have symbols in their shapes."""
    symbolic = [(path, shape) for path, shape in zip(paths, pattern, strict=True) if shape and shapes.symbols(shape)]
    return ", ".join(f"{path} {shapes.text(shape)}" for path, shape in symbolic)
