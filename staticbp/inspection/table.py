"""Tables and quantities, as text."""

from __future__ import annotations

from collections.abc import Collection, Sequence

PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def quantity(count: float) -> str:
    """A count with an SI prefix and a space behind, for a unit to follow.

    Examples
    --------
    >>> quantity(235_200), quantity(12)
    ('235 k', '12 ')
    """
    for size, prefix in PREFIXES:
        if count >= size:
            return f"{count / size:.3g} {prefix}"
    return f"{count:.3g} "


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: Collection[int] = ()) -> str:
    """Rows under a head, in columns; those in `left` begin at the left.

    Examples
    --------
    >>> print(table(("name", "size"), [("W", "12"), ("bias", "4")], left=(0,)))
    name  size
    ----  ----
    W       12
    bias     4
    """
    cells = [[cell.strip() for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    cells.insert(1, ["-" * width for width in widths])
    lines = [
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    return "\n".join(line.rstrip() for line in lines)
