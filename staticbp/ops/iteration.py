"""Loops whose number of steps is known only when they run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import BOOL, INT64, Aval
from staticbp.core.graph import Graph
from staticbp.core.interpret import interpret
from staticbp.core.lowering import Control
from staticbp.core.primitive import Params, Primitive, Rules, Value, bind, inline, lift, value_aval
from staticbp.errors import ControlFlowError
from staticbp.ops.branches import choose
from staticbp.ops.linear import batch_operand, fill
from staticbp.ops.registry import declare
from staticbp.ops.replay import Replay

COUNT = Aval((), INT64)
KEPT_BYTES = 1 << 20  # what a loop keeps of its carry for reverse mode, unless it is told otherwise
FEWEST, MOST = 16, 256  # carries that are kept: two levels of them serve the square of it in steps


class While(Primitive):
    """A loop that a test ends: ``while test(*consts, *carry): carry = body(*consts, *carry)``.

    Operands are ``(*consts, *carry)``, results the final carry.  Params: `test`, `body`, `n_consts`.

    With `saving` the results go on with the number of steps, a stride, and for each carry `slots` rows, of which row
    ``j`` is the carry before step ``j * stride``: no row is left out, and what is in those behind the last step is
    anything.  The stride starts at 1.  Whenever the rows are full every other one is given up, and the stride is
    doubled; so the memory is the same for any number of steps (Stumm and Walther, "New algorithms for optimal online
    checkpointing", SIAM J. Sci. Comput. 32, 2010, have better ones).  Reverse mode starts from these rows
    (`replay.py`).
    """

    name = "while"
    lowering = Control("while")

    def __init__(self) -> None:
        declare(self)

    def avals(self, ins: Sequence[Aval], params: Params) -> tuple[Aval, ...]:
        test, body, n_consts = _parts(params)
        given = [a.strong() for a in ins]
        for graph in (test, body):
            if [a.strong() for a in graph.in_avals] != given:
                raise ControlFlowError("a loop is given other types than its test or body takes")
        if [a.strong() for a in test.out_avals] != [Aval((), BOOL)]:
            raise ControlFlowError("the test of a loop does not return a single truth value")
        carried = given[n_consts:]
        for before, after in zip(carried, body.out_avals, strict=True):
            if before != after.strong():
                raise ControlFlowError(f"the carry of a loop changes its type from {before} to {after}")
        if not params.get("saving"):
            return tuple(carried)
        kept = (Aval((params["slots"], *a.shape), a.dtype) for a in carried)
        return (*carried, COUNT, COUNT, *kept)

    def result_names(self, params: Params) -> Sequence[str]:
        _, body, n_consts = _parts(params)
        names = [v.name for v in body.invars[n_consts:]]
        return [*names, "steps", "stride", *(f"{name}_kept" for name in names)] if params.get("saving") else names

    def evaluate(self, ins: Sequence[Any], params: Params) -> tuple[Any, ...]:
        test, body, n_consts = _parts(params)
        consts, carry = list(ins[:n_consts]), list(ins[n_consts:])
        dtypes = [v.aval.dtype for v in body.invars[n_consts:]]
        kept = _Kept(carry, dtypes, params["slots"]) if params.get("saving") else None
        while True:
            if kept is not None:
                kept.note(carry)
            if not interpret(test, [*consts, *carry])[0]:
                break
            carry = list(interpret(body, [*consts, *carry]))
        final = tuple(np.array(c, dtype=dtype) for c, dtype in zip(carry, dtypes, strict=True))
        return final if kept is None else (*final, np.int64(kept.seen - 1), np.int64(kept.stride), *kept.rows)

    def augment(
        self, rules: Rules, ins: Sequence[Value], active: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Any]:
        carried = ins[params["n_consts"] :]
        if params.get("saving"):
            outs = bind(self, ins, params)
            return outs, outs[len(carried) :]
        slots = params.get("slots") or slots_for([value_aval(x) for x in carried])
        outs = bind(self, ins, {**params, "saving": True, "slots": slots})
        return outs[: len(carried)], outs[len(carried) :]

    def pullback(
        self,
        rules: Rules,
        cts: Sequence[Value | None],
        ins: Sequence[Value],
        outs: Sequence[Value],
        active: Sequence[bool],
        extra: Any,
        params: Params,
    ) -> Sequence[Value | None]:
        _, body, n_consts = _parts(params)
        flags = list(active)
        while (grown := _grown(flags, n_consts, rules.active_outputs(body, flags))) != flags:
            flags = grown
        return Replay(self, rules, body, n_consts, flags).bars(cts, ins, extra)

    def pushforward(
        self, rules: Rules, tangents: Sequence[Value | None], ins: Sequence[Value], params: Params
    ) -> tuple[Sequence[Value], Sequence[Value | None]]:
        test, body, n_consts = _parts(params)
        n_carry = len(ins) - n_consts
        flags = [t is not None for t in tangents]
        while (grown := _grown(flags, n_consts, rules.active_outputs(body, flags))) != flags:
            flags = grown
        wanted = rules.active_outputs(body, flags)
        moved = rules.jvp(body, flags)
        dots = [fill(0, value_aval(x)) if t is None else t for x, t, f in zip(ins, tangents, flags, strict=True) if f]
        n_const_dots = sum(flags[:n_consts])
        moving = [i for i in range(n_carry) if flags[n_consts + i]]
        n_fixed = n_consts + n_const_dots

        def plain(values: Sequence[Value]) -> list[Value]:
            return [*values[:n_consts], *values[n_fixed : n_fixed + n_carry]]

        def step(*values: Value) -> list[Value]:
            given_dots = [*values[n_consts:n_fixed], *values[n_fixed + n_carry :]]
            results = inline(moved, [*plain(values), *given_dots])
            own = iter(results[n_carry:])
            out_dots = {i: next(own) for i in range(n_carry) if wanted[i]}
            return [*results[:n_carry], *(out_dots.get(i, fill(0, body.out_avals[i])) for i in moving)]

        operands = [*ins[:n_consts], *dots[:n_const_dots], *ins[n_consts:], *dots[n_const_dots:]]
        names = [v.name for v in body.invars]
        dot_names = [f"{v.name}_dot" for v, f in zip(body.invars, flags, strict=True) if f]
        called = [*names[:n_consts], *dot_names[:n_const_dots], *names[n_consts:], *dot_names[n_const_dots:]]
        avals = [value_aval(x).strong() for x in operands]
        new_params = {
            "test": rules.build(test.name, lambda *values: inline(test, plain(values)), avals, called),
            "body": rules.build(body.name, step, avals, called),
            "n_consts": n_fixed,
        }
        results = bind(self, operands, {**params, **new_params})
        outs, out_dots = _parted(results[: n_carry + len(moving)], n_carry, moving)
        if not params.get("saving"):
            return outs, out_dots
        counts, kept = results[n_carry + len(moving) :][:2], results[n_carry + len(moving) + 2 :]
        rows, row_dots = _parted(kept, n_carry, moving)
        return [*outs, *counts, *rows], [*out_dots, None, None, *row_dots]

    def batch(
        self, rules: Rules, size: Any, ins: Sequence[Value], batched: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Sequence[bool]]:
        test, body, n_consts = _parts(params)
        flags = list(batched)
        while True:
            differs = rules.batch(test, size, flags)[1][0]  # elements end at different steps: each carry is its own
            grown = _grown(flags, n_consts, [differs or flag for flag in rules.batch(body, size, flags)[1]])
            if grown == flags:
                break
            flags = grown
        many_tests, _ = rules.batch(test, size, flags)
        many, out_flags = rules.batch(body, size, flags)
        widened = flags[n_consts:]
        names = [v.name for v in many.invars]
        start = [
            batch_operand(x, size, had) if flag and i >= n_consts else x
            for i, (x, had, flag) in enumerate(zip(ins, batched, flags, strict=True))
        ]

        def advanced(values: Sequence[Value]) -> list[Value]:
            outs = inline(many, values)
            return [
                lift(batch_operand(lift(x), size, has)) if wide else x
                for x, has, wide in zip(outs, out_flags, widened, strict=True)
            ]

        saving = bool(params.get("saving"))
        if not differs:
            step = rules.build(body.name, lambda *values: advanced(values), many.in_avals, names)
            outs = bind(self, start, {**params, "test": many_tests, "body": step})
            n_carry = len(widened)
            rows = [_swap(x) if wide else x for x, wide in zip(outs[n_carry + 2 :], widened, strict=saving)]
            return [*outs[: n_carry + 2], *rows], [*widened, False, False, *widened][: len(outs)]
        (going,) = inline(many_tests, start)

        def frozen(*values: Value) -> list[Value]:
            """One step of the elements that go on; those that are done stay as they are."""
            given, (still, *taken) = values[: len(many.in_avals)], values[len(many.in_avals) :]
            news = advanced(given)
            kept = [choose(still, new, old) for new, old in zip(news, given[n_consts:], strict=True)]
            goes_on = still & inline(many_tests, [*given[:n_consts], *kept])[0]
            return [*kept, goes_on, *(count + still for count in taken)]

        counts = [Aval((size,), INT64)] if saving else []
        avals = [*many.in_avals, Aval((size,), BOOL), *counts]
        called = [*names, "going", "taken"][: len(avals)]
        n_given = len(many.in_avals)
        new_params = {
            "test": rules.build(test.name, lambda *values: [np.any(values[n_given])], avals, called),
            "body": rules.build(body.name, frozen, avals, called),
            "n_consts": n_consts,
        }
        results = bind(self, [*start, going, *(fill(0, aval) for aval in counts)], {**params, **new_params})
        n_carry = len(widened)
        if not saving:
            return results[:n_carry], widened
        # The rows are those of all elements together; each has its own number of steps.
        _, taken, _, stride, *kept = results[n_carry:]
        return [*results[:n_carry], taken, stride, *map(_swap, kept[:n_carry])], [*widened, True, False, *widened]


class _Kept:
    """The rows of a loop that saves its carries."""

    def __init__(self, carry: Sequence[Any], dtypes: Sequence[Any], slots: int) -> None:
        self.rows = [np.zeros((slots, *np.shape(c)), dtype) for c, dtype in zip(carry, dtypes, strict=True)]
        self.slots = slots
        self.stride = 1
        self.seen = 0

    def note(self, carry: Sequence[Any]) -> None:
        """See the carry before another step, and keep it when it is its turn."""
        if self.seen == self.slots * self.stride:
            for row in self.rows:
                row[: self.slots // 2] = row[::2].copy()
            self.stride *= 2
        if self.seen % self.stride == 0:
            for row, value in zip(self.rows, carry, strict=True):
                row[self.seen // self.stride] = value
        self.seen += 1


def slots_for(carried: Sequence[Aval]) -> int:
    """How many carries of these types a loop keeps: a power of two, so many as take a megabyte.

    Of those whose size is not known they are few.
    """
    if not all(shapes.is_static(a.shape) for a in carried):
        return FEWEST
    nbytes = sum(shapes.static(a.size) * a.dtype.itemsize for a in carried)
    slots = MOST
    while slots > FEWEST and slots * nbytes > KEPT_BYTES:
        slots //= 2
    return slots


def _parted(values: Sequence[Value], n_plain: int, moving: Sequence[int]) -> tuple[list[Value], list[Value | None]]:
    """Values, and the tangents of some of them that follow."""
    dots: list[Value | None] = [None] * n_plain
    for i, dot in zip(moving, values[n_plain:], strict=True):
        dots[i] = dot
    return list(values[:n_plain]), dots


def _swap(value: Value) -> Value:
    return np.swapaxes(value, 0, 1)


def _parts(params: Params) -> tuple[Graph, Graph, int]:
    return params["test"], params["body"], params["n_consts"]


def _grown(flags: Sequence[bool], n_consts: int, outs: Sequence[bool]) -> list[bool]:
    """The flags of the operands, and of the carry those of what a step makes of it besides."""
    carried = [before or after for before, after in zip(flags[n_consts:], outs, strict=True)]
    return [*flags[:n_consts], *carried]


while_loop = While()
