"""Where the user's program is, and what it calls the value that it computes.

Every equation carries the user's line, and every variable the user's name for it: errors point at the one,
generated code reads like the other.  :func:`here` finds both from the stack, as an operation is traced.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from staticbp.core.graph import SrcLine
from staticbp.trace.origin import LIBRARY_FILES, short_file, user_frame
from staticbp.trace.source import Names, Place, Position, source_file

# A value that is returned through this many functions is named after none of their callers.
_MAX_RETURNS = 8
# Far more than a program has functions; cells of a notebook that runs for weeks do not pile up.
_MAX_CODES = 10_000
# Functions of their own until Python 3.11.
_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")


@dataclass(frozen=True, slots=True)
class Site:
    """The place in the user's program where an operation is executed.

    Parameters
    ----------
    src : SrcLine or None
        The line; None outside any code of the user's.
    names : tuple of str or None
        What the result is called: one name, one per part for ``a, b = …``, none for an inner value.
    target : str or None
        What the value is called that this result is a part of: the name itself for a root.
    function : str or None
        The user's function, ``Net.loss`` for a method.
    """

    src: SrcLine | None = None
    names: Names = ()
    target: str | None = None
    function: str | None = None

    @property
    def name(self) -> str | None:
        """The one name of the result; None for an inner value and for several."""
        return self.names[0] if len(self.names) == 1 else None


@dataclass(frozen=True, slots=True)
class _Spot:
    """What one instruction of a code object says, whoever called it."""

    place: Place
    site: Site


_OUTSIDE = Site()


def here() -> Site:
    """The user's innermost line that is being executed, and the name of what it computes.

    Examples
    --------
    >>> def gain(x):
    ...     site = here()
    ...     return site
    >>> site = gain(1.0)
    >>> site.name, site.function, site.src.line, site.src.text
    ('site', 'gain', 2, 'site = here()')
    """
    frame = user_frame(sys._getframe(1))
    return _OUTSIDE if frame is None else _site(frame, _MAX_RETURNS)


def raised_at(error: BaseException) -> SrcLine | None:
    """The user's innermost line that an error came through; without one, the line that is being executed."""
    found, place = None, error.__traceback__
    while place is not None:
        found = found if LIBRARY_FILES[place.tb_frame.f_code.co_filename] else place.tb_frame
        place = place.tb_next
    return here().src if found is None else _site(found, _MAX_RETURNS).src


def defined_at(function: Callable[..., Any]) -> SrcLine | None:
    """The line on which a function is defined; None for what is not written in Python, or not by the user.

    Examples
    --------
    >>> def gain(x):
    ...     return 2.0 * x
    >>> defined_at(gain).text, defined_at(len)
    ('def gain(x):', None)
    """
    code = getattr(inspect.unwrap(inspect.unwrap(function, stop=inspect.ismethod)), "__code__", None)
    if not isinstance(code, CodeType) or LIBRARY_FILES[code.co_filename]:
        return None
    file = source_file(code.co_filename)
    line = code.co_firstlineno
    # A decorated function's code begins at its first decorator.
    while file.text(line).startswith("@"):
        line += 1
    return SrcLine(short_file(code.co_filename), line, file.text(line))


def _site(frame: FrameType, returns: int) -> Site:
    spot = _spot(frame)
    place, site = spot.place, spot.site
    caller = frame.f_back
    if not place.returned or returns == 0 or caller is None or LIBRARY_FILES[caller.f_code.co_filename]:
        return site
    # What a function returns is called what its caller calls it.
    outer = _site(caller, returns - 1)
    names: Names = ()
    if place.root:
        names = outer.names
        if place.item is not None:
            name = names[place.item] if len(names) > max(place.item, 1) else None
            names = (name,) if name else ()
    target = names[0] if len(names) == 1 and names[0] else outer.target
    return Site(site.src, names, target, site.function)


@dataclass(slots=True)
class _Code:
    """What is known of a code object, which is kept: no other may take its address while we go by that."""

    code: CodeType
    positions: list[Position]
    spots: dict[int, _Spot]


# By address: code objects compare by content, and two cells may well have equal ones.
_codes: dict[int, _Code] = {}


def _spot(frame: FrameType) -> _Spot:
    known = _codes.get(id(frame.f_code))
    if known is None:
        if len(_codes) >= _MAX_CODES:
            _codes.clear()
        code = frame.f_code
        known = _codes[id(code)] = _Code(code, list(code.co_positions()), {})
    spot = known.spots.get(frame.f_lasti)
    if spot is None:
        spot = known.spots[frame.f_lasti] = _look_up(frame, known.positions[frame.f_lasti // 2])
    return spot


def _look_up(frame: FrameType, position: Position) -> _Spot:
    code = frame.f_code
    file = source_file(code.co_filename, frame.f_globals)
    place = file.place(position)
    line = position[0] or frame.f_lineno or code.co_firstlineno
    src = SrcLine(short_file(code.co_filename), line, file.text(line))
    return _Spot(place, Site(src, place.names, place.target, _function_name(code)))


def _function_name(code: CodeType) -> str:
    """``Net.loss`` for a method, ``step`` for a local function; comprehensions belong to theirs."""
    parts = code.co_qualname.split(".")
    while len(parts) > 2 and parts[-1] in _COMPREHENSIONS:
        parts = parts[:-2]  # with the `<locals>` in front
    return ".".join(parts).rpartition("<locals>.")[2]
