"""Which elements of a result depend on which elements of an input: the pattern of a Jacobian, found from the graph.

Each value is followed by a matrix of truth values, a row for each of its elements and a column for each element of the
input.  Of an operation it is known that it works element by element, that it moves elements, or that it reduces some
axes; of anything else it is supposed that every element of a result depends on everything.  So a pattern may have more
entries than the Jacobian, and never fewer.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.graph import Eqn, Graph, Lit, Var
from staticbp.ops.families import Elementwise
from staticbp.ops.linear import Linear

Pattern = Any  # scipy.sparse.csr_array of bool
Array = np.ndarray[Any, Any]

EXACT = 2**24  # numbers up to here are floats of 32 bits


def dependence(graph: Graph, position: int) -> list[Pattern]:
    """The pattern of each result of a graph with respect to its input at `position`.

    Parameters
    ----------
    graph : Graph
        A graph of plain operations, of known shapes.
    position : int
        Which of its inputs is differentiated.

    Returns
    -------
    list of scipy.sparse.csr_array
        For each result a matrix of truth values, of its size by that of the input.
    """
    return _Walk(graph, position).results()


def indexes(graph: Graph) -> list[tuple[Var, Array]]:
    """The captured arrays that a pattern depends on: those of integers and truth values."""
    return [(var, array) for var, array in graph.consts if array.dtype.kind in "iub"]


class _Walk:
    def __init__(self, graph: Graph, position: int) -> None:
        self.sparse: Any = importlib.import_module("scipy.sparse")
        self.graph = graph
        chosen = graph.invars[position]
        self.columns = _size(chosen)
        identity = self.sparse.eye_array(self.columns, dtype=bool, format="csr")
        self.found: dict[Var, Pattern] = {chosen: identity}
        self.known: dict[Var, Array] = {var: np.asarray(array) for var, array in indexes(graph)}

    def results(self) -> list[Pattern]:
        for eqn in self.graph.eqns:
            patterns = [self.of(atom) for atom in eqn.ins]
            if any(pattern is not None for pattern in patterns):
                self.found |= {var: self.through(eqn, patterns, var) for var in eqn.outs}
            elif all(isinstance(atom, Lit) or atom in self.known for atom in eqn.ins):
                self.evaluate(eqn)
        nothing = [self.sparse.csr_array((_size(atom), self.columns), dtype=bool) for atom in self.graph.outs]
        return [
            found if (found := self.of(a)) is not None else n for a, n in zip(self.graph.outs, nothing, strict=True)
        ]

    def of(self, atom: Var | Lit) -> Pattern | None:
        """The pattern of a value; None when it does not depend on the input."""
        return None if isinstance(atom, Lit) else self.found.get(atom)

    def evaluate(self, eqn: Eqn) -> None:
        """The values of what depends on constants only: indexes, most of all."""
        values = [a.value if isinstance(a, Lit) else self.known[a] for a in eqn.ins]
        with np.errstate(all="ignore"):
            self.known |= dict(zip(eqn.outs, map(np.asarray, eqn.op.evaluate(values, eqn.params)), strict=True))

    def through(self, eqn: Eqn, patterns: list[Pattern | None], out: Var) -> Pattern:
        """The pattern of a result of an equation."""
        rows = _size(out)
        if isinstance(eqn.op, Elementwise):
            given = [self.spread(p, rows) for p in patterns if p is not None]
            return _union(given)
        places = self.moved(eqn, rows)
        if places is not None:
            given = [m @ p for m, p in zip(places, patterns, strict=True) if m is not None and p is not None]
            return _union(given)
        if len(patterns) == 1 and (groups := self.groups(eqn, out)) is not None:
            return groups @ patterns[0]
        return self.spread(_union([self.anything(p) for p in patterns if p is not None]), rows)

    def spread(self, pattern: Pattern, rows: int) -> Pattern:
        """A pattern for as many rows: that of a number, for all elements."""
        if pattern.shape[0] == rows:
            return pattern
        return self.sparse.csr_array(np.ones((rows, 1), dtype=bool)) @ pattern

    def anything(self, pattern: Pattern) -> Pattern:
        """One row: whatever any of the elements depends on."""
        return self.sparse.csr_array(np.ones((1, pattern.shape[0]), dtype=bool)) @ pattern

    def moved(self, eqn: Eqn, rows: int) -> list[Pattern | None] | None:
        """For each operand where its elements go, when that is all that is done to them; None when it is not.

        A linear operation that moves elements does so with any numbers.  So all elements of all operands are numbered,
        the places are read from the result, and other numbers have to come out where those say.
        """
        floats = [atom.aval.is_float for atom in eqn.ins]
        known = [a.value if isinstance(a, Lit) else self.known.get(a) for a in eqn.ins]
        if not isinstance(eqn.op, Linear) or any(k is None and not f for k, f in zip(known, floats, strict=True)):
            return None  # an index, say, that is known only when the compiled code runs
        sizes = [_size(atom) if is_float else 0 for atom, is_float in zip(eqn.ins, floats, strict=True)]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        codes = np.arange(1, starts[-1] + 1)
        numbers = np.random.default_rng(0).integers(1, EXACT, starts[-1])
        found, check = (self.applied(eqn, values, starts, known) for values in (codes, numbers))
        targets = np.flatnonzero(found)
        sources = found[targets].astype(np.int64) - 1
        if np.any((sources < 0) | (sources >= starts[-1])) or starts[-1] >= EXACT:
            return None
        wanted = np.zeros(rows)
        wanted[targets] = numbers[sources]
        if not (np.array_equal(found[targets], sources + 1) and np.array_equal(check, wanted)):
            return None
        places: list[Pattern | None] = []
        for i, is_float in enumerate(floats):
            mine = (sources >= starts[i]) & (sources < starts[i + 1])
            where = (targets[mine], sources[mine] - starts[i])
            ones = np.ones(len(where[0]), dtype=bool)
            places.append(self.sparse.csr_array((ones, where), shape=(rows, sizes[i])) if is_float else None)
        return places

    def applied(self, eqn: Eqn, values: Array, starts: Array, known: list[Any]) -> Array:
        """The result, flat, for these numbers as the elements of the operands that are floats."""
        given: list[Any] = []
        for i, (atom, value) in enumerate(zip(eqn.ins, known, strict=True)):
            if atom.aval.is_float:
                shape = shapes.static_shape(atom.aval.shape, "a pattern")
                value = values[starts[i] : starts[i + 1]].reshape(shape).astype(atom.aval.dtype)
            given.append(value)
        with np.errstate(all="ignore"):
            return np.asarray(eqn.op.evaluate(given, eqn.params)[0], dtype=float).ravel()

    def groups(self, eqn: Eqn, out: Var) -> Pattern | None:
        """The elements that each element of a reduction is made of; None for what is no reduction of some axes."""
        shape = shapes.static_shape(eqn.ins[0].aval.shape, "a pattern")
        axes = eqn.params.get("axes")
        if set(eqn.params) != {"axes"} or not isinstance(axes, tuple):
            return None
        kept = tuple(extent for axis, extent in enumerate(shape) if axis not in axes)
        if kept != tuple(out.aval.shape):
            return None
        with_ones = [1 if axis in axes else extent for axis, extent in enumerate(shape)]
        rows = np.broadcast_to(np.arange(_size(out)).reshape(with_ones), shape).ravel()
        ones = np.ones(rows.size, dtype=bool)
        return self.sparse.csr_array((ones, (rows, np.arange(rows.size))), shape=(_size(out), rows.size))


def _union(patterns: list[Pattern]) -> Pattern:
    total = patterns[0]
    for pattern in patterns[1:]:
        total = total + pattern
    return total


def _size(atom: Var | Lit) -> int:
    return shapes.static(atom.aval.size, "a pattern")
