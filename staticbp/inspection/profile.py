"""`Profile`: where the time of a call goes, against the most that the machine could do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from staticbp.core.graph import SrcLine
from staticbp.core.schedule import Accumulate, Call, If, Let, Loop, Stmt, Store, Update, While, expr_dtype
from staticbp.core.traverse import source_lines, walk
from staticbp.inspection.cost import Work, label_of, lines_of, work_of
from staticbp.inspection.html import Cell, page_table
from staticbp.inspection.machine import Peaks
from staticbp.inspection.table import quantity, table
from staticbp.inspection.timing import Part

SHOWN = 0.001  # of the time: what takes less is not in the table
HEAD = ("time", "share", "roofline", "bound by", "loop or kernel", "first line")


@dataclass(frozen=True, slots=True)
class Row:
    """A loop nest or kernel call, and what was measured of it.

    Attributes
    ----------
    label : str
        What it is.
    seconds : float
        Its time in one call of the function.
    count : float
        How often it runs in one call.
    work : Work
        Operations and bytes of all of its runs.
    limit : float
        The least time that the machine could take for that, in seconds; 0 where nothing is known.
    bound : str
        What the limit comes from: ``memory``, ``arithmetic`` or ``functions``.
    lines : tuple of SrcLine
        The lines of the program that it comes from.
    adjoint : bool
        Whether it belongs to the derivative.
    """

    label: str
    seconds: float
    count: float
    work: Work
    limit: float
    bound: str
    lines: tuple[SrcLine, ...]
    adjoint: bool

    @property
    def reached(self) -> float:
        """The share of what the machine could do that is reached, 0 to 1."""
        return min(1.0, self.limit / self.seconds) if self.seconds else 0.0


class Profile:
    """Where the time of a call goes.

    Attributes
    ----------
    title : str
        What was measured.
    whole : float
        The time of a call, in seconds: the mean of the quarter that was least disturbed.
    dispatch : float
        What of it is spent before and after the compiled code: finding it, checking arguments, making room for results
        and giving it back.
    rows : list of Row
        The loop nests and kernel calls in the order of the code.  They and the dispatch were timed in a copy of it that
        has a clock between them, what the clock takes being taken off; those of a short call in copies that grow.
    lines : dict of SrcLine to float
        The seconds of each line of the program.  A loop that several lines share is divided among them by operations.
    unaccounted : float
        The whole without dispatch and rows; negative where the clocks were in the way.
    peaks : Peaks or None
        The most that the machine does; None when code runs uncompiled.
    """

    def __init__(self, title: str, whole: float, dispatch: float, parts: Sequence[Part], peaks: Peaks | None) -> None:
        self.title = title
        self.whole = whole
        self.dispatch = dispatch
        self.peaks = peaks
        self._parts = parts

    @cached_property
    def rows(self) -> list[Row]:
        """The loop nests and kernel calls."""
        return [_row(part, self.peaks) for part in self._parts if part.count]

    @cached_property
    def lines(self) -> dict[SrcLine, float]:
        """The seconds of each line of the program."""
        found: dict[SrcLine, float] = {}
        for part in self._parts:
            shares = [lines_of(stmt) for stmt in part.statements]
            known = [share for share in shares if share]
            for share in known:
                for src, weight in share.items():
                    found[src] = found.get(src, 0.0) + part.seconds * weight / len(known)
        return found

    @property
    def unaccounted(self) -> float:
        """What is in none of the rows."""
        return self.whole - self.dispatch - sum(row.seconds for row in self.rows)

    def _head(self) -> list[str]:
        within = sum(row.seconds for row in self.rows)
        times = [duration(seconds) for seconds in (self.whole, self.dispatch, within, self.unaccounted)]
        return [
            self.title,
            "{} a call: {} dispatch, {} in the parts below, {} unaccounted for".format(*times),
            f"at most, as measured: {self.peaks}" if self.peaks is not None else "uncompiled, so no roofline",
        ]

    def _cells(self) -> list[tuple[str, ...]]:
        """The table of the parts, without those that are too short to show."""
        shown = [row for row in self.rows if row.seconds >= SHOWN * self.whole]
        rest = [row for row in self.rows if row.seconds < SHOWN * self.whole]
        total = sum(row.seconds for row in rest)
        more = (
            [(duration(total), f"{total / self.whole:.1%}", "", "", f"{len(rest)} more, all short", "")] if rest else []
        )
        return [*self._shown(shown), *more]

    def _shown(self, rows: Sequence[Row]) -> list[tuple[str, ...]]:
        return [
            (
                duration(row.seconds),
                f"{row.seconds / self.whole:.1%}",
                f"{row.reached:.0%}" if row.limit else "",
                row.bound,
                row.label if row.count == 1 else f"{row.label}  ({quantity(row.count).strip()} times)",
                str(row.lines[0]) if row.lines else "",
            )
            for row in rows
        ]

    def _line_cells(self) -> list[tuple[str, str, str]]:
        ordered = sorted(self.lines.items(), key=lambda item: -item[1])
        return [(duration(seconds), f"{seconds / self.whole:.1%}", str(src)) for src, seconds in ordered]

    def __str__(self) -> str:
        tables = [table(HEAD, self._cells(), left=(3, 4, 5))] if self.rows else ["nothing is computed"]
        if self.lines:
            tables.append(table(("time", "share", "line"), self._line_cells(), left=(2,)))
        return "\n\n".join(["\n".join(self._head()), *tables])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        parts = page_table(HEAD, _with_bars(self._cells()), self._head())
        return parts + page_table(("time", "share", "line"), _with_bars(self._line_cells()))


def _with_bars(cells: Sequence[tuple[str, ...]]) -> list[list[str | Cell]]:
    """Rows of a table with a bar for the share in their second column."""
    return [[time, Cell(share, float(share.rstrip("%")) / 100), *rest] for time, share, *rest in cells]


def duration(seconds: float) -> str:
    """Seconds with a unit that suits them.

    Examples
    --------
    >>> duration(2.5e-6), duration(0.0), duration(-3e-9), duration(1.25)
    ('2.5 µs', '0 ns', '-3 ns', '1.25 s')
    """
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if abs(seconds) >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def _row(part: Part, peaks: Peaks | None) -> Row:
    first = part.statements[0]
    lines = tuple(dict.fromkeys(src for stmt in part.statements for src in source_lines(stmt)))
    once = sum((work_of(stmt) for stmt in part.statements), Work())
    bounds = {} if peaks is None else peaks.seconds(once.flops, once.functions, once.bytes, _dtype(part.statements))
    bound = max(bounds, key=lambda kind: bounds[kind], default="")
    limit = bounds.get(bound, 0.0) * part.count
    work = Work(*(round(amount * part.count) for amount in (once.flops, once.functions, once.bytes)))
    label = label_of(first) if isinstance(first, Loop | Call | If | While) else _scalars(part.statements)
    return Row(label, part.seconds, part.count, work, limit, bound if limit else "", lines, first.adjoint)


def _scalars(statements: Sequence[Stmt]) -> str:
    """What statements between the loops are called."""
    names = [
        stmt.name if isinstance(stmt, Let) else stmt.buffer.name for stmt in statements if isinstance(stmt, Let | Store)
    ]
    shown = ", ".join(dict.fromkeys(names))
    return f"scalars: {shown}" if len(shown) <= 40 else f"scalars: {shown[:40].rsplit(',', 1)[0]}, …"


def _dtype(statements: Sequence[Stmt]) -> str:
    """The dtype that most of the floating-point work is done in."""
    for stmt in walk(statements):
        if isinstance(stmt, Call) and stmt.writes and stmt.writes[0].dtype.kind == "f":
            return stmt.writes[0].dtype.name
        if isinstance(stmt, Let | Store | Update | Accumulate) and expr_dtype(stmt.expr).kind == "f":
            return expr_dtype(stmt.expr).name
    return np.dtype(np.float64).name
