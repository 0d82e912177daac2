"""Small pieces of HTML for notebooks, which need no engine of templates."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_STYLE = "font-family: ui-monospace, monospace; font-size: 90%; white-space: pre; text-align: left"


class Cell(NamedTuple):
    """Text of a table with a bar behind it, as long as `share` says (0 to 1)."""

    text: str
    share: float


def preformatted(text: str) -> str:
    """Text as it stands.

    Examples
    --------
    >>> preformatted("x < y")
    '<pre style="line-height: 1.25">x &lt; y</pre>'
    """
    return f'<pre style="line-height: 1.25">{escape(text)}</pre>'


def page_table(head: Sequence[str], rows: Sequence[Sequence[str | Cell]], above: Sequence[str] = ()) -> str:
    """A table with some lines above it.

    Examples
    --------
    >>> "width: 50%" in page_table(("share", "line"), [[Cell("50 %", 0.5), "y = x @ x"]])
    True
    """
    cells = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    heads = "".join(f'<th style="{_STYLE}">{escape(name)}</th>' for name in head)
    lines = "".join(f"<div>{escape(line)}</div>" for line in above)
    return f"{lines}<table><thead><tr>{heads}</tr></thead><tbody>{cells}</tbody></table>"


def _cell(content: str | Cell) -> str:
    if isinstance(content, str):
        return f'<td style="{_STYLE}">{escape(content)}</td>'
    bar = f"width: {100 * min(1.0, max(0.0, content.share)):.3g}%; background: #e8883a; height: 4px"
    return f'<td style="{_STYLE}; min-width: 6em">{escape(content.text)}<div style="{bar}"></div></td>'
