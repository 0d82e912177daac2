"""The machine code of a line or loop, and how many elements it works on at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from staticbp.codegen.writer import Line, written
from staticbp.compilation import Compilation
from staticbp.core.schedule import Stmt
from staticbp.core.traverse import children, source_lines, walk
from staticbp.errors import ArgumentError
from staticbp.inspection.rich import Text
from staticbp.trace.names import here

LOCATION = re.compile(r"\s*\.loc\s+\d+\s+(\d+)")
DIRECTIVE = re.compile(r"\s*\.(?!L)\w|\.L(?:tmp|func_|CPI|JTI)\w+:")  # and labels that nothing jumps to

# Arithmetic on whole vectors: on x86-64 of floats (ps, pd) in the registers xmm, ymm, zmm; on aarch64 in v0.4s, v0.2d.
_X86 = re.compile(r"\s*(?!v?(?:xor|mov|unpck|shuf|perm))v?\w+(p[sd])\s.*%([xyz])mm")
_ARM = re.compile(r"\s*(?!mov|dup|ext)\w+\s+v\d+\.(4s|2d)")
_REGISTERS = {"x": 128, "y": 256, "z": 512}
_ELEMENTS = {"ps": ("float32", 32), "pd": ("float64", 64), "4s": ("float32", 32), "2d": ("float64", 64)}


@dataclass(frozen=True, slots=True)
class Vectors:
    """The widest vectors that some code computes with: `count` elements of `dtype`, `bits` in all."""

    dtype: str
    count: int
    bits: int

    def __str__(self) -> str:
        return f"{self.count} {self.dtype} at a time, in registers of {self.bits} bits"


@dataclass(frozen=True, slots=True)
class Assembly:
    """The machine code of some lines of the generated code.

    Attributes
    ----------
    place : str
        The line or loop that was asked for.
    generated : list of str
        The lines of the generated code that it became.
    lines : list of str
        The instructions.
    vectors : Vectors or None
        The widest vectors that it computes with; None when it works on single numbers.
    calls : list of str
        The functions that it calls, whose code is not among the lines.
    """

    place: str
    generated: list[str]
    lines: list[str]
    vectors: Vectors | None
    calls: list[str]

    def _repr_html_(self) -> str:
        return Text(str(self), "gas")._repr_html_()

    def __str__(self) -> str:
        elsewhere = f"in {', '.join(self.calls)}" if self.calls else "one number at a time"
        width = str(self.vectors) if self.vectors is not None else elsewhere
        width = width if self.lines else "no instruction is known to come from it; see .asm"
        head = [f"; {self.place}: {width}", *(f";   {line}" for line in self.generated)]
        return "\n".join([*head, *self.lines])


def located(text: str) -> Iterator[tuple[str, int | None]]:
    r"""The instructions and labels of assembly, each with the line of the generated code that it comes from.

    Examples
    --------
    >>> list(located("f:\n\t.loc\t1 7 1\n\tretq"))
    [('f:', None), ('\tretq', 7)]
    """
    line: int | None = None
    for row in text.splitlines():
        if (found := LOCATION.match(row)) is not None:
            line = int(found[1]) or None
        elif row.strip() and not DIRECTIVE.match(row):
            if re.match(r"[\w.]", row) and not row.startswith(".L"):
                line = None  # another function begins
            yield row, line


def vectors_in(lines: Sequence[str]) -> Vectors | None:
    r"""The widest vectors that instructions compute with.

    Examples
    --------
    >>> print(vectors_in(["\tvmulpd %ymm4, %ymm4, %ymm5", "\tvaddsd %xmm1, %xmm1, %xmm2"]))
    4 float64 at a time, in registers of 256 bits
    >>> print(vectors_in(["\tvaddsd %xmm1, %xmm1, %xmm2"]))
    None
    """
    found: list[Vectors] = []
    for line in lines:
        if (x86 := _X86.match(line)) is not None:
            (dtype, size), bits = _ELEMENTS[x86[1]], max(_REGISTERS[name] for name in re.findall(r"%([xyz])mm", line))
            found.append(Vectors(dtype, bits // size, bits))
        elif (arm := _ARM.match(line)) is not None:
            dtype, size = _ELEMENTS[arm[1]]
            found.append(Vectors(dtype, 128 // size, 128))
    return max(found, key=lambda vectors: vectors.bits, default=None)


def assembly_of(compilation: Compilation, text: str, place: int | str) -> Assembly:
    """The machine code of a line of the program, by its number or a part of its text, or of generated code.

    `text` is the assembly of the whole module, with the lines of the generated code in it.
    """
    rows = written(compilation.schedule, compilation.title)
    schedule = compilation.schedule
    body = [stmt for each in (*schedule.functions, schedule) for stmt in each.body]
    numbers = _numbers(rows, body, place)
    if not numbers:
        known = dict.fromkeys(str(src) for stmt in body for src in source_lines(stmt))
        raise ArgumentError(
            f"no code comes from {place!r}",
            src=here().src,
            advice=f"Ask for one of these lines, by number or text, or for a line of the source: {'; '.join(known)}",
        )
    lines = [line.expandtabs(8) for line, number in located(text) if number in numbers]
    calls = dict.fromkeys(match[1] for line in lines if (match := re.search(r"\b(?:callq?|bl)\s+\*?([\w.]+)", line)))
    name = f"line {place}" if isinstance(place, int) else place
    generated = [str(rows[number - 1]) for number in sorted(numbers)]
    return Assembly(name, generated, lines, vectors_in(lines), list(calls))


def _numbers(rows: Sequence[Line], body: Sequence[Stmt], place: int | str) -> set[int]:
    """The numbers of the lines of generated code that are meant."""
    chosen = {id(stmt) for stmt in _from_program(body, place, False)}
    if not chosen and isinstance(place, str):
        meant = next((row.stmt for row in rows if row.stmt is not None and place in row), None)
        chosen = {id(stmt) for stmt in walk([meant])} if meant is not None else set()
    found = {n for n, row in enumerate(rows, 1) if row.stmt is not None and id(row.stmt) in chosen}
    return {n for n in found if not rows[n - 1].lstrip().startswith("#")}


def _from_program(body: Sequence[Stmt], place: int | str, here: bool) -> Iterator[Stmt]:
    """The statements that come from a line of the program; one that names no line belongs to the one before."""
    for stmt in body:
        if stmt.src:
            here = any(src.line == place if isinstance(place, int) else place in src.text for src in stmt.src)
        if here:
            yield stmt
        for block in children(stmt):
            yield from _from_program(block, place, here)
