"""The typed static graph: what to compute.

::

    Graph  = Graph(name, invars: (Var, ...), consts: ((Var, array), ...), eqns: (Eqn, ...), outs: (Atom, ...))
    Eqn    = Eqn(outs: (Var, ...), op: Primitive, ins: (Atom, ...), params: {str: Any}, src: SrcLine, adjoint: bool)
    Atom   = Var(aval, name) | Lit(value, aval)

Each variable is defined once, before it is used.  A literal is one scalar that fills its shape, so that
``2.0 * x`` needs no array of twos.  Consts are the arrays that the traced function captured; compiled code
takes them as arguments, so their current contents count.  The bodies of loops and branches are graphs among
the params, without consts of their own.  `check.py` holds the rules, `text.py` the textual form.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from staticbp.core import text
from staticbp.core.aval import Aval

if TYPE_CHECKING:
    from staticbp.core.primitive import Primitive


@dataclass(frozen=True, slots=True)
class SrcLine:
    """A line of the user's program: short file name, number and text.

    `during` is the call of a compiled function in which it was met; by it no two lines differ.
    """

    file: str
    line: int
    text: str
    during: Activation | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}  {self.text}" if self.text else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, eq=False)
class Activation:
    """One call of a compiled function by a function that is traced: its name, its line, and the call around it."""

    name: str
    src: SrcLine | None
    outer: Activation | None = None
    _lines: dict[SrcLine, SrcLine] = field(default_factory=dict, repr=False)

    def during(self, src: SrcLine | None) -> SrcLine | None:
        """A line as it is met in this call."""
        if src is None:
            return None
        found = self._lines.get(src)
        if found is None:
            found = self._lines[src] = SrcLine(src.file, src.line, src.text, self)
        return found

    def chain(self) -> list[Activation]:
        """The calls that this one is in, the outermost first, and itself."""
        return [self] if self.outer is None else [*self.outer.chain(), self]


class Var:
    """A variable of a graph.  Identity is what counts; the name is for people and need not be unique."""

    __slots__ = ("aval", "name")

    def __init__(self, aval: Aval, name: str) -> None:
        self.aval = aval
        self.name = name

    def __repr__(self) -> str:
        return f"{self.name}: {self.aval}"


class Lit:
    """A scalar constant that fills the shape of its aval."""

    __slots__ = ("aval", "value")

    def __init__(self, value: Any, aval: Aval) -> None:
        self.value: np.generic = aval.dtype.type(value)
        self.aval = aval

    def __repr__(self) -> str:
        return f"{self.value}: {self.aval}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lit) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def key(self) -> tuple[Any, ...]:
        """What makes two literals the same: bits, so that nan equals itself and -0.0 is not 0.0."""
        return (self.value.tobytes(), self.aval)

    def is_value(self, number: float) -> bool:
        """Whether this literal is `number`; zero of either sign is zero."""
        return bool(self.value == number)


Atom = Var | Lit


@dataclass(slots=True, eq=False)
class Eqn:
    """``outs = op[params] ins``, as written on the user's line `src`.

    Nobody changes one; a frozen one would take longer to make, and there are tens of thousands.
    """

    outs: tuple[Var, ...]
    op: Primitive
    ins: tuple[Atom, ...]
    params: dict[str, Any] = field(default_factory=dict)
    src: SrcLine | None = None
    adjoint: bool = False

    def subgraphs(self) -> Iterator[Graph]:
        """The graphs among the params."""
        for value in self.params.values():
            if isinstance(value, Graph):
                yield value
            elif isinstance(value, tuple):
                yield from (item for item in value if isinstance(item, Graph))


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A function as equations in static single assignment form."""

    name: str
    invars: tuple[Var, ...]
    eqns: tuple[Eqn, ...]
    outs: tuple[Atom, ...]
    consts: tuple[tuple[Var, np.ndarray[Any, Any]], ...] = ()

    @property
    def in_avals(self) -> tuple[Aval, ...]:
        """The types of the inputs."""
        return tuple(v.aval for v in self.invars)

    @property
    def out_avals(self) -> tuple[Aval, ...]:
        """The types of the outputs."""
        return tuple(a.aval for a in self.outs)

    def with_eqns(self, eqns: Iterable[Eqn], outs: Iterable[Atom] | None = None) -> Graph:
        """The same inputs with other equations."""
        return Graph(self.name, self.invars, tuple(eqns), self.outs if outs is None else tuple(outs), self.consts)

    def __str__(self) -> str:
        return text.graph_text(self)
