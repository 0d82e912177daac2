"""Statements that are too long for one line, broken inside their parentheses as a person would do it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

INDENT = "    "
WIDTH = 110

# Where a bracket's content is broken, what binds loosest first.
_SEPARATORS = ((",",), (" if ", " else "), (" & ",), (" + ", " - "), (" * ", " / "))


def layout(head: str, value: str, pad: str) -> list[str]:
    r"""The lines of ``head value``: one, or several where that is too long.

    Examples
    --------
    >>> print(*layout("total = ", " + ".join(f"values[{n}, k]" for n in range(10)), ""), sep="\n")
    total = (
        values[0, k]
        + values[1, k]
        ...
        + values[9, k]
    )
    """
    if len(pad) + len(head) + len(value) <= WIDTH:
        return [f"{pad}{head}{value}"]
    if head and len(_split(value)) > 1:
        value = f"({value})"
    return _broken(head + value, pad)


def _broken(text: str, pad: str) -> list[str]:
    """The lines of `text`, which is broken inside its widest parentheses."""
    bracket = _widest_bracket(text) if len(pad) + len(text) > WIDTH else None
    if bracket is None:
        return [pad + text]
    start, end = bracket
    whole = pad + INDENT + text[start:end]
    inside = [whole] if len(whole) <= WIDTH else []
    for part in [] if inside else _split(text[start:end]):
        inside += _part(part, pad + INDENT)
    return [pad + text[:start], *inside, pad + text[end:]]


def _part(text: str, pad: str) -> list[str]:
    """The lines of what stands between brackets: here an argument may be broken at its operators."""
    if len(pad) + len(text) > WIDTH and text.endswith(",") and len(pieces := _split(text[:-1])) > 1:
        pieces[-1] += ","
        return [line for piece in pieces for line in _broken(piece, pad)]
    return _broken(text, pad)


def _depths(text: str) -> Iterator[tuple[int, str, int]]:
    """Each character with its position and how many brackets are open around it."""
    depth = 0
    for position, character in enumerate(text):
        depth -= character in ")]"
        yield position, character, depth
        depth += character in "(["


def _widest_bracket(text: str) -> tuple[int, int] | None:
    """Where the content of the widest outermost parentheses begins and ends."""
    found: list[tuple[int, int]] = []
    start = 0
    for position, character, depth in _depths(text):
        if depth == 0 and character == "(":
            start = position + 1
        elif depth == 0 and character == ")":
            found.append((start, position))
    return max(found, key=lambda pair: pair[1] - pair[0], default=None)


def _split(text: str) -> list[str]:
    """The parts of an expression at its loosest operators, which begin the lines; a comma ends them."""
    for separators in _SEPARATORS:
        if not any(separator in text for separator in separators):
            continue
        cuts = [
            (position, separator)
            for position, character, depth in _depths(text)
            if depth == 0 and character in ", "  # as all of them begin
            for separator in separators
            if text.startswith(separator, position)
        ]
        if cuts:
            return _cut(text, cuts)
    return [text]


def _cut(text: str, cuts: Sequence[tuple[int, str]]) -> list[str]:
    if cuts[0][1] == ",":
        ends = [-1, *(position for position, _ in cuts), len(text)]
        return [f"{part}," for start, end in pairwise(ends) if (part := text[start + 1 : end].strip())]
    starts = [0, *(position for position, _ in cuts), len(text)]
    return [text[start:end].strip() for start, end in pairwise(starts)]
