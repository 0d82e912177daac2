"""Cotangents of which only the chosen elements count.

Backwards through `where` flows ``where(c, ct, 0)``.  Multiplied by a derivative that is infinite at an element
that was not chosen, that zero would become nan, although the element had no part in the value:
``where(x > 0, log(x), 0)`` at 0.  So the choice is taken off, the operations before the `where` are
differentiated on what is inside, and the choice is made again on what comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from staticbp.core.graph import Atom, Lit
from staticbp.core.primitive import Builder, Primitive, Traced, Value, recorded_equations
from staticbp.ops.arithmetic import where
from staticbp.ops.families import Elementwise
from staticbp.ops.linear import cast, reshape
from staticbp.ops.reduce import reduce_sum
from staticbp.ops.shape import transpose

# Of these each element of the operand's cotangent is one element of the result's, in another place.
MOVES: frozenset[Primitive] = frozenset({reshape, transpose, reduce_sum})

Pull = Callable[[Value], Sequence[Value | None]]


@dataclass(frozen=True, slots=True)
class Mask:
    """``where(condition, ct, 0)``, or ``where(condition, 0, ct)`` when `first` is false."""

    condition: Value
    first: bool

    def __call__(self, ct: Value) -> Value:
        return where(self.condition, ct, 0) if self.first else where(self.condition, 0, ct)

    def same_as(self, other: Mask) -> bool:
        """Whether both choose the same elements."""
        return self.first == other.first and self.condition.atom is other.condition.atom


class Masks:
    """The cotangents of one backward pass that are masked, and how they came about."""

    def __init__(self) -> None:
        self._inside: dict[Atom, tuple[Mask, Traced]] = {}
        self._seen = len(recorded_equations())

    def _look(self) -> None:
        """Remember those of the equations recorded since the last look that mask a cotangent."""
        builder, eqns = Builder.innermost(), recorded_equations()
        start, self._seen = self._seen, len(eqns)
        if builder is None:
            return
        for eqn in eqns[start:]:
            if eqn.op is where:
                condition, chosen, other = eqn.ins
                first = _is_zero(other)
                if first or _is_zero(chosen):
                    mask = Mask(builder.wrap(condition), first)
                    self._inside[eqn.outs[0]] = mask, builder.wrap(chosen if first else other)

    def pullback(self, op: Primitive, ct: Value, pull: Pull) -> Sequence[Value | None]:
        """``pull(ct)``, with the masks of `ct` put around the results instead."""
        self._look()
        masks: list[Mask] = []
        inside = ct
        if isinstance(op, Elementwise) or op is cast or op in MOVES:
            while isinstance(inside, Traced) and inside.atom in self._inside:
                mask, inside = self._inside[inside.atom]
                masks.append(mask)
        given = pull(inside)
        if not masks:
            return given
        if op in MOVES:
            masks = [Mask(pull(mask.condition)[0], mask.first) for mask in masks]
        return [self._around(masks, bar, inside, ct) for bar in given]

    def _around(self, masks: Sequence[Mask], bar: Value | None, inside: Value, ct: Value) -> Value | None:
        if bar is None:
            return None
        if isinstance(bar, Traced) and bar.atom is inside.atom:
            return ct
        for mask in reversed(masks):
            bar = mask(bar)
        return bar

    def add(self, x: Value, y: Value) -> Value:
        """``x + y``, masked if both are masked alike."""
        self._look()
        if isinstance(x, Traced) and isinstance(y, Traced) and x.atom in self._inside and y.atom in self._inside:
            (mask, a), (other, b) = self._inside[x.atom], self._inside[y.atom]
            if mask.same_as(other):
                return mask(self.add(a, b))
        return x + y


def _is_zero(atom: Atom) -> bool:
    return isinstance(atom, Lit) and bool(atom.value == 0)
