"""Structured loops, and the operations that steer differentiation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core.aval import Aval
from staticbp.core.graph import Graph, Lit
from staticbp.core.interpret import interpret
from staticbp.core.lowering import Control
from staticbp.core.primitive import Params, Primitive, Rules, Value, bind, inline, lift, named, value_aval
from staticbp.core.shape import static_shape
from staticbp.errors import ControlFlowError
from staticbp.ops.families import ZERO, elementwise
from staticbp.ops.linear import batch_operand, fill
from staticbp.ops.registry import declare

stop_gradient = elementwise(
    "stop_gradient",
    numpy=lambda x: x,
    expr="{x}",
    partials=ZERO,
    dtypes=lambda x: (np.dtype(x), np.dtype(x)),
    cost=0,
    for_complex="{x}",
)


class Scan(Primitive):
    """A loop of fixed length: ``for t: carry, y[t] = body(*consts, *carry, *x[t])``.

    Operands are ``(*consts, *carry, *xs)``, results ``(*final carry, *ys)``.  Params: `body`, `n_consts`,
    `n_carry`, `length`, and `reverse` (from the last element to the first; ys keep their places).

    There may be two more, for reverse mode.  With `recompute` it saves nothing but the carry of each step, and takes
    the step again.  With `segments`, a tuple of lengths, it is that of a loop over segments of the first length, each
    of which is a loop with the other lengths as its segments, and is recomputed.
    """

    name = "scan"
    lowering = Control("scan")

    def __init__(self) -> None:
        declare(self)

    def avals(self, ins: Sequence[Aval], params: Params) -> tuple[Aval, ...]:
        body, n_consts, n_carry, length = _parts(params)
        n_loop = n_consts + n_carry
        for given, inner in zip(ins[:n_loop], body.in_avals[:n_loop], strict=True):
            if given.strong() != inner.strong():
                raise ControlFlowError(f"a loop whose body takes {inner} was given {given}")
        for given, inner in zip(ins[n_loop:], body.in_avals[n_loop:], strict=True):
            if given.shape != (length, *inner.shape) or given.dtype != inner.dtype:
                raise ControlFlowError(f"a loop of length {length} over {inner} was given {given}")
        carried = body.in_avals[n_consts:n_loop]
        for before, after in zip(carried, body.out_avals[:n_carry], strict=True):
            if before.strong() != after.strong():
                raise ControlFlowError(f"the carry of a loop changes its type from {before} to {after}")
        ys = tuple(Aval((length, *a.shape), a.dtype) for a in body.out_avals[n_carry:])
        return (*(a.strong() for a in carried), *ys)

    def result_names(self, params: Params) -> Sequence[str]:
        body, n_consts, n_carry, _ = _parts(params)
        carry = [v.name for v in body.invars[n_consts : n_consts + n_carry]]
        return [*carry, *(getattr(atom, "name", "y") for atom in body.outs[n_carry:])]

    def evaluate(self, ins: Sequence[Any], params: Params) -> tuple[Any, ...]:
        body, n_consts, n_carry, length = _parts(params)
        consts, carry, xs = _three(ins, n_consts, n_carry)
        rows: list[Any] = [None] * length
        steps = range(length - 1, -1, -1) if params["reverse"] else range(length)
        for t in steps:
            outs = interpret(body, [*consts, *carry, *(x[t] for x in xs)])
            carry, rows[t] = outs[:n_carry], outs[n_carry:]
        ys_avals = self.avals([value_aval(x) for x in ins], params)[n_carry:]
        ys = [
            np.stack([row[i] for row in rows]) if length else np.empty(static_shape(aval.shape), aval.dtype)
            for i, aval in enumerate(ys_avals)
        ]
        return (*(np.array(c) for c in carry), *ys)

    def augment(
        self, rules: Rules, ins: Sequence[Value], active: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Any]:
        body, n_consts, n_carry, _ = _parts(params)
        if params.get("segments"):
            segmented = _in_segments(rules, self, ins, params)
            forward, backward = rules.vjp(segmented, active)
            values = [lift(x) for x in inline(forward, ins)]
            return values[: len(body.outs)], (
                rules.active_outputs(segmented, active),
                backward,
                values[len(body.outs) :],
            )
        flags = _carry_fixed_point(active, n_consts, n_carry, lambda f: rules.active_outputs(body, f))
        forward, backward = rules.vjp(body, flags)
        if params.get("recompute"):
            forward, backward = body, recomputing(rules, forward, backward, len(body.outs))
        n_residuals = len(forward.outs) - len(body.outs)
        # Beside the residuals, the backward body takes the carry that each step started from.
        used = {a for eqn in backward.eqns for a in eqn.ins} | set(backward.outs)
        taken = [n_residuals + n_consts + i for i in range(n_carry)]
        kept = [i for i, position in enumerate(taken) if backward.invars[position] in used]
        saved = (*forward.outs, *(forward.invars[n_consts + i] for i in kept))
        outs = bind(self, ins, {**params, "body": forward.with_eqns(forward.eqns, saved)})
        n_outs = len(body.outs)
        extra = (flags, backward, kept, outs[n_outs : n_outs + n_residuals], outs[n_outs + n_residuals :])
        return outs[:n_outs], extra

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
        body, n_consts, n_carry, length = _parts(params)
        if params.get("segments"):
            flow, backward, saved = extra
            flowing = [i for i, flag in enumerate(flow) if flag]
            given = [fill(0, value_aval(outs[i])) if cts[i] is None else cts[i] for i in flowing]
            found = iter(inline(backward, [*saved, *ins, *given]))
            return [next(found) if flag else None for flag in active]
        flags, backward, kept, residuals, saved_carry = extra
        n_loop = n_consts + n_carry
        wanted = rules.active_outputs(body, flags)
        consts, carry, xs = _three(ins, n_consts, n_carry)
        const_flags, carry_flags, x_flags = _three(flags, n_consts, n_carry)
        out_carry = [i for i in range(n_carry) if wanted[i]]
        back_carry = [i for i in range(n_carry) if carry_flags[i]]
        back_consts = [i for i in range(n_consts) if const_flags[i]]
        ys_wanted = [i for i in range(n_carry, len(body.outs)) if wanted[i]]

        def filled(position: int) -> Value:
            ct = cts[position]
            return fill(0, value_aval(outs[position])) if ct is None else ct

        init_bars = [fill(0, value_aval(carry[i])) if cts[i] is None else cts[i] for i in back_carry]
        sums = [fill(0, value_aval(consts[i])) for i in back_consts]
        rows = [*residuals, *saved_carry, *xs, *(filled(i) for i in ys_wanted)]
        n_residuals, n_saved, n_xs = len(residuals), len(saved_carry), len(xs)

        def step(*values: Value) -> list[Value]:
            given_consts, rest = values[:n_consts], values[n_consts:]
            bars, rest = rest[: len(back_carry)], rest[len(back_carry) :]
            totals, rest = rest[: len(back_consts)], rest[len(back_consts) :]
            step_residuals, rest = rest[:n_residuals], rest[n_residuals:]
            step_carry, rest = rest[:n_saved], rest[n_saved:]
            step_xs, y_bars = rest[:n_xs], rest[n_xs:]
            before: list[Value] = [fill(0, a) for a in body.in_avals[n_consts:n_loop]]
            for i, value in zip(kept, step_carry, strict=True):
                before[i] = value
            bar_of = dict(zip(back_carry, bars, strict=True))
            carry_bars = [bar_of[i] for i in out_carry]
            results = inline(backward, [*step_residuals, *given_consts, *before, *step_xs, *carry_bars, *y_bars])
            const_bars, new_bars, x_bars = (
                results[: len(back_consts)],
                results[len(back_consts) : len(back_consts) + len(back_carry)],
                results[len(back_consts) + len(back_carry) :],
            )
            summed = [
                named(total + _lifted(bar), f"{body.invars[i].name}_bar")
                for i, total, bar in zip(back_consts, totals, const_bars, strict=True)
            ]
            return [*new_bars, *summed, *x_bars]

        operands = [*consts, *init_bars, *sums, *rows]
        names = [
            *(f"{v.name}" for v in body.invars[:n_consts]),
            *(f"{body.invars[n_consts + i].name}_bar" for i in back_carry),
            *(f"{body.invars[i].name}_bar" for i in back_consts),
            *(v.name for v in backward.invars[:n_residuals]),
            *(body.invars[n_consts + i].name for i in kept),
            *(v.name for v in body.invars[n_loop:]),
            *(f"{getattr(body.outs[i], 'name', 'y')}_bar" for i in ys_wanted),
        ]
        n_whole = n_consts + len(back_carry) + len(back_consts)
        avals = [value_aval(x) if i < n_whole else _row(value_aval(x)) for i, x in enumerate(operands)]
        back_body = rules.build(f"{body.name}_bar", step, [a.strong() for a in avals], names)
        results = bind(
            self,
            operands,
            {
                "body": back_body,
                "n_consts": n_consts,
                "n_carry": len(back_carry) + len(back_consts),
                "length": length,
                "reverse": not params["reverse"],
                **({"recompute": True} if params.get("recompute") else {}),
            },
        )
        bars: list[Value | None] = [None] * len(ins)
        positions = [n_consts + i for i in back_carry] + back_consts + [n_loop + i for i, f in enumerate(x_flags) if f]
        for position, value in zip(positions, results, strict=True):
            bars[position] = value
        return bars

    def pushforward(
        self, rules: Rules, tangents: Sequence[Value | None], ins: Sequence[Value], params: Params
    ) -> tuple[Sequence[Value], Sequence[Value | None]]:
        body, n_consts, n_carry, _ = _parts(params)
        given = [t is not None for t in tangents]
        flags = _carry_fixed_point(given, n_consts, n_carry, lambda f: rules.active_outputs(body, f))
        wanted = rules.active_outputs(body, flags)
        # An active carry stays one even when a step overwrites it by something that is not.
        moved = rules.jvp(body, flags)
        dots = [fill(0, value_aval(x)) if t is None else t for x, t, f in zip(ins, tangents, flags, strict=True) if f]
        groups = _three(list(zip(ins, flags, strict=True)), n_consts, n_carry)
        iterator = iter(dots)
        moving = [[next(iterator) for _, f in group if f] for group in groups]
        operands = [v for group, extra in zip(groups, moving, strict=True) for v in (*(x for x, _ in group), *extra)]
        sizes = [(len(group), len(extra)) for group, extra in zip(groups, moving, strict=True)]
        called = _three(list(zip((v.name for v in body.invars), flags, strict=True)), n_consts, n_carry)
        names = [
            name for group in called for name in (*(n for n, _ in group), *(f"{n}_dot" for n, moves in group if moves))
        ]
        carry_moving = [i for i in range(n_carry) if flags[n_consts + i]]
        n_outs = len(body.outs)

        def step(*values: Value) -> list[Value]:
            rest = list(values)
            plain: list[Value] = []
            dotted: list[Value] = []
            for n_plain, n_dots in sizes:
                plain += rest[:n_plain]
                dotted += rest[n_plain : n_plain + n_dots]
                rest = rest[n_plain + n_dots :]
            results = inline(moved, [*plain, *dotted])
            outs, out_dots = results[:n_outs], iter(results[n_outs:])
            dot_of = {i: next(out_dots) for i in range(n_outs) if wanted[i]}
            carry_dots = [dot_of.get(i, fill(0, body.out_avals[i])) for i in carry_moving]
            y_dots = [dot_of[i] for i in range(n_carry, n_outs) if wanted[i]]
            return [*outs[:n_carry], *carry_dots, *outs[n_carry:], *y_dots]

        n_whole = sum(sizes[0]) + sum(sizes[1])
        avals = [value_aval(x) if i < n_whole else _row(value_aval(x)) for i, x in enumerate(operands)]
        new_body = rules.build(body.name, step, [a.strong() for a in avals], names)
        new_params = {
            **params,
            "body": new_body,
            "n_consts": sum(sizes[0]),
            "n_carry": n_carry + len(carry_moving),
        }
        results = bind(self, operands, new_params)
        n_all_carry = n_carry + len(carry_moving)
        n_ys = n_outs - n_carry
        outs = [*results[:n_carry], *results[n_all_carry : n_all_carry + n_ys]]
        out_dots: list[Value | None] = [None] * n_outs
        for i, dot in zip(carry_moving, results[n_carry:n_all_carry], strict=True):
            out_dots[i] = dot
        ys_wanted = [i for i in range(n_carry, n_outs) if wanted[i]]
        for i, dot in zip(ys_wanted, results[n_all_carry + n_ys :], strict=True):
            out_dots[i] = dot
        return outs, out_dots

    def batch(
        self, rules: Rules, size: Any, ins: Sequence[Value], batched: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Sequence[bool]]:
        body, n_consts, n_carry, _ = _parts(params)
        n_loop = n_consts + n_carry
        flags = _carry_fixed_point(batched, n_consts, n_carry, lambda f: rules.batch(body, size, f)[1])
        many, out_flags = rules.batch(body, size, flags)
        # Every carry that is batched anywhere must leave each step batched as well.
        widened = [flags[n_consts + i] if i < n_carry else out_flags[i] for i in range(len(body.outs))]

        def step(*values: Value) -> list[Value]:
            outs = inline(many, values)
            return [
                batch_operand(out, size, has) if wanted else out
                for out, has, wanted in zip(outs, out_flags, widened, strict=True)
            ]

        new_body = rules.build(body.name, step, many.in_avals, [v.name for v in many.invars])
        operands = [
            batch_operand(x, size, had) if flag and i < n_loop else x
            for i, (x, had, flag) in enumerate(zip(ins, batched, flags, strict=True))
        ]
        rows = [_swap(x) if flag else x for x, flag in zip(operands[n_loop:], flags[n_loop:], strict=True)]
        outs = bind(self, [*operands[:n_loop], *rows], {**params, "body": new_body})
        ys = [_swap(y) if flag else y for y, flag in zip(outs[n_carry:], widened[n_carry:], strict=True)]
        return [*outs[:n_carry], *ys], widened


def recomputing(rules: Rules, forward: Graph, backward: Graph, n_outs: int) -> Graph:
    """``backward(*ins, *cotangents)`` that computes for itself what `forward` would have saved for it."""
    n_ins, n_residuals = len(forward.invars), len(forward.outs) - n_outs

    def again(*values: Value) -> list[Value]:
        residuals = inline(forward, values[:n_ins])[n_outs:]
        return inline(backward, [*residuals, *values])

    given = backward.invars[n_residuals:]
    return rules.build(backward.name, again, [v.aval for v in given], [v.name for v in given])


def _in_segments(rules: Rules, loop: Primitive, ins: Sequence[Value], params: Params) -> Graph:
    """The loop as one over segments, of which each is a loop; and one over the steps that are left over."""
    body, n_consts, n_carry, length = _parts(params)
    each, *within = params["segments"]
    count = length // each
    n_loop = n_consts + n_carry
    plain = {name: value for name, value in params.items() if name != "segments"}
    names = [v.name for v in body.invars]
    inner = {**plain, "length": each, **({"segments": tuple(within)} if within else {})}
    rows = [Aval((each, *a.shape), a.dtype) for a in body.in_avals[n_loop:]]
    segment = rules.build(body.name, lambda *values: bind(loop, values, inner), [*body.in_avals[:n_loop], *rows], names)
    done = each * count
    # Those that are left over come last: behind the others, or before them when the loop runs backwards.
    main, rest = (
        (slice(length - done, None), slice(0, length - done))
        if params["reverse"]
        else (
            slice(0, done),
            slice(done, None),
        )
    )

    def run(*values: Value) -> list[Value]:
        consts, carry, xs = _three(values, n_consts, n_carry)
        blocks = [np.reshape(_part(x, main, length), (count, *a.shape)) for x, a in zip(xs, rows, strict=True)]
        outs = bind(loop, [*consts, *carry, *blocks], {**plain, "body": segment, "length": count, "recompute": True})
        ys = [np.reshape(y, (done, *value_aval(y).shape[2:])) for y in outs[n_carry:]]
        carry = list(outs[:n_carry])
        if done == length:
            return [*carry, *ys]
        left = [_part(x, rest, length) for x in xs]
        last = bind(loop, [*consts, *carry, *left], {**plain, "length": length - done})
        joined = [
            np.concatenate((more, y) if params["reverse"] else (y, more))
            for y, more in zip(ys, last[n_carry:], strict=True)
        ]
        return [*last[:n_carry], *joined]

    return rules.build(body.name, run, [value_aval(x).strong() for x in ins], names)


def _part(rows: Value, part: slice, length: int) -> Value:
    """Some of the rows; all of them as they are."""
    return rows if (part.start or 0) == 0 and part.stop in (None, length) else rows[part]


def _parts(params: Params) -> tuple[Graph, int, int, Any]:
    return params["body"], params["n_consts"], params["n_carry"], params["length"]


def _three(items: Sequence[Any], n_consts: int, n_carry: int) -> tuple[list[Any], list[Any], list[Any]]:
    """Split operands, or what is said of them, into consts, carry and xs."""
    return (
        list(items[:n_consts]),
        list(items[n_consts : n_consts + n_carry]),
        list(items[n_consts + n_carry :]),
    )


def _carry_fixed_point(flags: Sequence[bool], n_consts: int, n_carry: int, outputs: Any) -> list[bool]:
    """Grow the flags of the carry until a step that starts with them ends with no more."""
    now = list(flags)
    while True:
        after = outputs(now)
        grown = [now[n_consts + i] or after[i] for i in range(n_carry)]
        if grown == now[n_consts : n_consts + n_carry]:
            return now
        now[n_consts : n_consts + n_carry] = grown


def _row(aval: Aval) -> Aval:
    return Aval(aval.shape[1:], aval.dtype)


def _swap(value: Value) -> Value:
    return np.swapaxes(value, 0, 1)


def _lifted(value: Value) -> Value:
    return fill(float(value.value), value.aval) if isinstance(value, Lit) else value


scan = Scan()
