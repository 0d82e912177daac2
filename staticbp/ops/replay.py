"""Going back through a loop whose number of steps nobody knew: its steps are taken again, from carries it has kept.

The loop has kept its carry before every `stride`-th step.  So its steps fall into segments, gone through from the
last to the first.  From what was kept at its beginning the steps of a segment are taken again, and by the same rule
carries are kept on the way; then each step of it, from the last to the first, is differentiated where it is.  As
long as there are no more steps than rows, every carry is there; up to the square of that, every step is taken twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import INT64, Aval
from staticbp.core.graph import Graph
from staticbp.core.primitive import Params, Primitive, Rules, Value, bind, inline, lift, named, value_aval
from staticbp.ops.index import gathered
from staticbp.ops.linear import fill

COUNT = Aval((), INT64)


class Replay:
    """The reverse mode of one loop: `bars` gives the cotangents of its operands.

    `flags` says which operands of the body are active, the carry grown to what any number of steps makes of it.
    """

    def __init__(self, loop: Primitive, rules: Rules, body: Graph, n_consts: int, flags: Sequence[bool]) -> None:
        self.loop = loop
        self.rules = rules
        self.body = body
        self.n_consts = n_consts
        self.forward, self.backward = rules.vjp(body, flags)
        self.wanted = rules.active_outputs(body, flags)
        self.back_consts = [i for i, flag in enumerate(flags[:n_consts]) if flag]
        self.moving = [i for i, flag in enumerate(flags[n_consts:]) if flag]
        self.avals = [aval.strong() for aval in body.in_avals]
        self.names = [v.name for v in body.invars]
        self.again = self._counted()

    def bars(self, cts: Sequence[Value | None], ins: Sequence[Value], saved: Sequence[Value]) -> Sequence[Value | None]:
        """The cotangents of the operands; `saved` is the number of steps, the stride, and what was kept."""
        consts, carry = ins[: self.n_consts], ins[self.n_consts :]
        steps, stride, *kept = saved
        slots = shapes.static(value_aval(kept[0]).shape[0])
        start = [fill(0, value_aval(carry[i])) if cts[i] is None else cts[i] for i in self.moving]
        sums = [fill(0, value_aval(consts[i])) for i in self.back_consts]
        # Cotangents of the rows themselves: there are some where this derivative is differentiated again.
        row_cts = {i: ct for i, ct in enumerate(cts[len(carry) + 2 :]) if ct is not None and i in self.moving}
        last = named((steps if row_cts else steps - 1) // stride, "segment")
        fixed = [*consts, steps, stride, *kept, *row_cts.values()]

        def segment(*values: Value) -> list[Value]:
            given, (number, *state) = values[: len(fixed)], values[len(fixed) :]
            own, (steps, stride), rest = _cut(given, self.n_consts, 2)
            rows, row_bars = rest[: len(kept)], rest[len(kept) :]
            present = _present(number)
            count = named(np.minimum(steps - present * stride, stride), "count")
            state = self._segment(own, [_row(x, present) for x in rows], count, state, slots)
            for i, bar in zip(row_cts, row_bars, strict=True):
                place = self.moving.index(i)
                state[place] = state[place] + _row(bar, present)
            return [number - 1, *state]

        names = [*self.names[: self.n_consts], "steps", "stride", *self._carry_names("_kept")]
        names += [f"{self.names[self.n_consts + i]}_kept_bar" for i in row_cts]
        state_names = self._state_names()
        results = self._down(segment, fixed, [last, *start, *sums], [*names, "segment", *state_names])
        found: list[Value | None] = [None] * len(ins)
        positions = [self.n_consts + i for i in self.moving] + self.back_consts
        for position, bar in zip(positions, results, strict=True):
            found[position] = bar
        return found

    def _segment(
        self, consts: Sequence[Value], first: Sequence[Value], count: Value, state: Sequence[Value], slots: int
    ) -> list[Value]:
        """Go back through `count` steps that start from a carry `first`."""
        ahead = {**self.again, "saving": True, "slots": slots}
        last = named(count - 1, "last")
        outs = bind(self.loop, [*consts, last, fill(0, COUNT), *first], ahead)
        n_carry = len(first)
        _, stride, _, *kept = outs[1 + n_carry :]  # the position is kept too, and not wanted
        fixed = [*consts, stride, *kept]

        def step(*values: Value) -> list[Value]:
            given, (position, *state) = values[: len(fixed)], values[len(fixed) :]
            own, (stride,), rows = _cut(given, self.n_consts, 1)
            present = _present(position)
            place = named(present // stride, "row")
            start = [_row(x, place) for x in rows]
            _, *carry = bind(self.loop, [*own, present, place * stride, *start], self.again)
            return [position - 1, *self._back(own, carry, state)]

        names = [*self.names[: self.n_consts], "stride", *self._carry_names("_kept"), "position", *self._state_names()]
        return self._down(step, fixed, [last, *state], names)

    def _back(self, consts: Sequence[Value], carry: Sequence[Value], state: Sequence[Value]) -> list[Value]:
        """One step back: the cotangents of the carry before it, and the sums so far of those of the constants."""
        bars, totals = state[: len(self.moving)], state[len(self.moving) :]
        residuals = inline(self.forward, [*consts, *carry])[len(self.body.outs) :]
        bar_of = dict(zip(self.moving, bars, strict=True))
        given = [bar_of[i] for i, flag in enumerate(self.wanted) if flag]
        results = [lift(x) for x in inline(self.backward, [*residuals, *consts, *carry, *given])]
        const_bars, new_bars = results[: len(totals)], results[len(totals) :]
        sums = [
            named(total + bar, f"{self.names[i]}_bar")
            for i, total, bar in zip(self.back_consts, totals, const_bars, strict=True)
        ]
        return [*new_bars, *sums]

    def _down(self, step: Any, fixed: Sequence[Value], start: Sequence[Value], names: Sequence[str]) -> list[Value]:
        """Repeat a step, which lowers the first of what it carries, down to 0; the rest of what it carries then."""
        avals = [value_aval(x).strong() for x in (*fixed, *start)]
        first = len(fixed)
        params = {
            "test": self.rules.build(f"{self.body.name}_left", lambda *values: [values[first] >= 0], avals, names),
            "body": self.rules.build(f"{self.body.name}_bar", step, avals, names),
            "n_consts": first,
        }
        return list(bind(self.loop, [*fixed, *start], params)[1:])

    def _counted(self) -> Params:
        """The loop's step, repeated up to a given position: params of a loop."""
        n_consts = self.n_consts
        names = [*self.names[:n_consts], "until", "position", *self._carry_names("")]
        avals = [*self.avals[:n_consts], COUNT, COUNT, *self.avals[n_consts:]]

        def step(*values: Value) -> list[Value]:
            own, (_, position), carry = _cut(values, n_consts, 2)
            return [position + 1, *inline(self.body, [*own, *carry])]

        return {
            "test": self.rules.build(
                f"{self.body.name}_before", lambda *values: [values[n_consts + 1] < values[n_consts]], avals, names
            ),
            "body": self.rules.build(self.body.name, step, avals, names),
            "n_consts": n_consts + 1,
        }

    def _carry_names(self, suffix: str) -> list[str]:
        return [f"{name}{suffix}" for name in self.names[self.n_consts :]]

    def _state_names(self) -> list[str]:
        moving = [self.names[self.n_consts + i] for i in self.moving]
        return [f"{name}_bar" for name in (*moving, *(self.names[i] for i in self.back_consts))]


def _cut(values: Sequence[Value], first: int, second: int) -> tuple[Sequence[Value], Sequence[Value], Sequence[Value]]:
    """Values in three parts, of which the sizes of two are given."""
    return values[:first], values[first : first + second], values[first + second :]


def _present(number: Value) -> Value:
    """A number that is not below 0: in a batch, elements that are done go on where they are."""
    return named(np.maximum(number, 0), "present")


def _row(rows: Value, number: Value) -> Value:
    """A row that is there."""
    return gathered(rows, [number], (0,), 0, safe=True)
