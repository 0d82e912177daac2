"""Loops whose number of steps is known only when they run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core.aval import BOOL, Aval
from staticbp.core.graph import Graph
from staticbp.core.interpret import interpret
from staticbp.core.lowering import Control
from staticbp.core.primitive import Builder, Params, Primitive, Rules, Value, bind, inline, lift, value_aval
from staticbp.errors import ControlFlowError, NotDifferentiableError
from staticbp.ops.branches import choose
from staticbp.ops.linear import batch_operand, fill
from staticbp.ops.registry import declare


class While(Primitive):
    """A loop that a test ends: ``while test(*consts, *carry): carry = body(*consts, *carry)``.

    Operands are ``(*consts, *carry)``, results the final carry.  Params: `test`, `body`, `n_consts`.
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
        for before, after in zip(given[n_consts:], body.out_avals, strict=True):
            if before != after.strong():
                raise ControlFlowError(f"the carry of a loop changes its type from {before} to {after}")
        return tuple(given[n_consts:])

    def result_names(self, params: Params) -> Sequence[str]:
        _, body, n_consts = _parts(params)
        return [v.name for v in body.invars[n_consts:]]

    def evaluate(self, ins: Sequence[Any], params: Params) -> tuple[Any, ...]:
        test, body, n_consts = _parts(params)
        consts, carry = list(ins[:n_consts]), list(ins[n_consts:])
        while interpret(test, [*consts, *carry])[0]:
            carry = list(interpret(body, [*consts, *carry]))
        return tuple(np.array(c, dtype=v.aval.dtype) for c, v in zip(carry, body.invars[n_consts:], strict=True))

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
        builder = Builder.innermost()
        raise NotDifferentiableError(
            "the steps of a loop that a test ends are not kept, so nothing can flow back through them",
            src=None if builder is None else builder.site().src,
            advice="Use bp.fori_loop or bp.scan with a fixed number of steps and bp.cond in them, forward mode "
            "(bp.jvp, bp.jacfwd), or bp.stop_gradient on what the loop is given.",
        )

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
        results = bind(self, operands, new_params)
        out_dots: list[Value | None] = [None] * n_carry
        for i, dot in zip(moving, results[n_carry:], strict=True):
            out_dots[i] = dot
        return results[:n_carry], out_dots

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

        if not differs:
            step = rules.build(body.name, lambda *values: advanced(values), many.in_avals, names)
            return bind(self, start, {**params, "test": many_tests, "body": step}), widened
        (going,) = inline(many_tests, start)

        def frozen(*values: Value) -> list[Value]:
            """One step of the elements that go on; those that are done stay as they are."""
            *given, still = values
            news = advanced(given)
            kept = [choose(still, new, old) for new, old in zip(news, given[n_consts:], strict=True)]
            return [*kept, still & inline(many_tests, [*given[:n_consts], *kept])[0]]

        avals = [*many.in_avals, Aval((size,), BOOL)]
        called = [*names, "going"]
        new_params = {
            "test": rules.build(test.name, lambda *values: [np.any(values[-1])], avals, called),
            "body": rules.build(body.name, frozen, avals, called),
            "n_consts": n_consts,
        }
        return bind(self, [*start, going], new_params)[:-1], widened


def _parts(params: Params) -> tuple[Graph, Graph, int]:
    return params["test"], params["body"], params["n_consts"]


def _grown(flags: Sequence[bool], n_consts: int, outs: Sequence[bool]) -> list[bool]:
    """The flags of the operands, and of the carry those of what a step makes of it besides."""
    carried = [before or after for before, after in zip(flags[n_consts:], outs, strict=True)]
    return [*flags[:n_consts], *carried]


while_loop = While()
