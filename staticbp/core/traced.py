"""Traced values, and what an array of them shares with others: as in NumPy, writing to one may change another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from staticbp.core.aval import Aval
from staticbp.core.graph import Atom, SrcLine
from staticbp.core.recording import RECORDING
from staticbp.errors import MutationError

if TYPE_CHECKING:
    from staticbp.core.primitive import Builder


@dataclass(slots=True, eq=False)
class Memory:
    """Where the elements of an array lie, as far as that is not memory of its own to do with as one likes.

    A view has a `base`; `again(base)` makes it anew, and `basis` is what the base held when it was last made.  One
    that is not `sure` may be a copy instead, as ``x.reshape(-1)`` is one for some x.  `frozen` says why nothing may be
    written to it, and `changed` is the line after which nobody knows what it holds.  What is `ordered` lies in memory
    row by row for certain.
    """

    base: Traced | None = None
    again: Callable[[Traced], Traced] | None = None
    basis: Atom | None = None
    sure: bool = True
    frozen: str | None = None
    changed: SrcLine | None = None
    ordered: bool = False


class Traced:
    """A value under construction: an atom of the graph that `builder` is building.

    An array that is assigned to has another atom from then on.  `trace/tracer.py` derives from this the class that
    speaks NumPy's protocols.
    """

    __slots__ = ("_atom", "builder", "memory")
    __hash__ = object.__hash__

    def __init__(self, builder: Builder, atom: Atom) -> None:
        self.builder = builder
        self._atom = atom
        self.memory: Memory | None = None

    @property
    def atom(self) -> Atom:
        """What the value is at present; raises `MutationError` where nobody could say."""
        if self.memory is not None:
            self._look(self.memory)
        return self._atom

    @property
    def aval(self) -> Aval:
        """The type of the value."""
        return self._atom.aval

    @property
    def name(self) -> str:
        """What messages call it."""
        return getattr(self._atom, "name", None) or str(getattr(self._atom, "value", self._atom))

    def become(self, atom: Atom) -> None:
        """Hold something else, of the same type, from now on."""
        self._atom = atom
        if self.memory is not None and self.memory.base is not None:
            self.memory.basis = self.memory.base.atom

    def root(self) -> Traced:
        """The array whose memory this one lies in: itself when it is no view."""
        value = self
        while value.memory is not None and value.memory.base is not None:
            value = value.memory.base
        return value

    def _look(self, memory: Memory) -> None:
        """Make a view anew when its base was written to."""
        if memory.changed is not None:
            raise self._unknown(memory.changed, "by itself or through what may be a view of it")
        base = memory.base
        if base is None or memory.again is None or base.builder is not self.builder:
            return
        present = base.atom
        if present is memory.basis:
            return
        if not memory.sure:
            raise self._unknown(None, "through the array that it may be a view of")
        with recording_in(self.builder):
            self._atom = memory.again(base).atom
        memory.basis = present

    def _unknown(self, line: SrcLine | None, how: str) -> MutationError:
        return MutationError(
            f"{self.name} was changed in place{f' at {line},' if line else ''} {how}: what it holds now depends on "
            "whether NumPy had to copy it",
            src=self.builder.site().src,
            advice="Write y = x.reshape(...).copy(), or assign before reshaping.",
        )


@contextmanager
def recording_in(builder: Builder) -> Iterator[None]:
    """Record in a builder further out for a moment."""
    innermost = RECORDING.innermost
    RECORDING.innermost = builder
    try:
        yield
    finally:
        RECORDING.innermost = innermost
