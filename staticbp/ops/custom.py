"""Operations with a derivative of the user's own: a graph for the value, and a rule in place of its derivative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from staticbp.core.graph import Atom, Eqn, Graph, Var
from staticbp.core.lowering import Control
from staticbp.core.primitive import Builder, Origin, Params, Rules, Value, bind, inline, lift, value_aval
from staticbp.errors import NotDifferentiableError
from staticbp.ops.body import Body
from staticbp.ops.linear import batch_operand, fill

Make = Callable[[], Graph]


@dataclass(eq=False, repr=False)
class CustomRule:
    """How one call of a custom operation is differentiated: by reverse mode, by forward mode, or not at all.

    Parameters
    ----------
    name : str
        What the user calls the operation.
    moving : tuple of bool
        Which operands the rule differentiates; the others are integers, or were captured.
    make_joint : callable, optional
        Makes ``joint(*ins, *cotangents of float outs) -> (*outs, *cotangents of moving ins)``.
    make_tangent : callable, optional
        Makes ``tangent(*ins, *tangents of moving ins) -> (*outs, *tangents of float outs)``.
    refusal : str, optional
        Why there is no derivative, where there is neither.

    The graphs are made when they are first asked for, so that the rule of an operation may call the operation.  One
    of them is enough: both are linear in their last inputs, and the one is the other transposed.
    """

    name: str
    moving: tuple[bool, ...]
    make_joint: Make | None = None
    make_tangent: Make | None = None
    refusal: str = "has no derivative"

    @cached_property
    def joint(self) -> Graph | None:
        """Value and cotangents."""
        return None if self.make_joint is None else self.make_joint()

    @cached_property
    def tangent(self) -> Graph | None:
        """Value and tangents."""
        return None if self.make_tangent is None else self.make_tangent()

    def __str__(self) -> str:
        return self.name

    def require(self, active: Sequence[bool], ins: Sequence[Value]) -> None:
        """Refuse a derivative that the rule does not give."""
        if self.make_joint is None and self.make_tangent is None:
            raise NotDifferentiableError(
                f"{self.name} {self.refusal}, and its derivative is asked for here",
                src=_site(),
                advice="Keep the derivative out with bp.stop_gradient on its arguments, or give it a rule "
                "(bp.custom_vjp, bp.custom_jvp).",
            )
        for flag, moves, value in zip(active, self.moving, ins, strict=True):
            if flag and not moves:
                called = getattr(getattr(value, "atom", None), "name", "a value")
                raise NotDifferentiableError(
                    f"{self.name} reads {called} from around it, or has it among its nondiff_argnums, and a derivative "
                    "with respect to it is asked for, which its rule does not give",
                    src=_site(),
                    advice=f"Make it an argument of {self.name} that the rule differentiates, or keep the derivative "
                    "out with bp.stop_gradient.",
                )


class Custom(Body):
    """``body(*ins)``, differentiated by a rule.  Params: `body`, a graph, and `rule`, a `CustomRule`."""

    name = "custom"
    lowering = Control("custom")

    def augment(
        self, rules: Rules, ins: Sequence[Value], active: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Any]:
        rule: CustomRule = params["rule"]
        body: Graph = params["body"]
        count, floats = len(body.outs), _floats(body)
        if rule.joint is not None:
            forward, backward = rules.split(rule.joint, count, len(floats))
            values = _lifted(inline(forward, ins))
            return values[:count], (backward, values[count:], floats, True)
        if rule.tangent is None:
            return bind(self, ins, params), None
        moving = [aval for aval, moves in zip(body.in_avals, rule.moving, strict=True) if moves]
        flags = [False] * len(ins) + [True] * len(moving)
        forward, backward = rules.vjp(rule.tangent, flags)
        still = [fill(0, aval) for aval in moving]  # linear in the tangents: any would do
        values = _lifted(inline(forward, [*ins, *still]))
        wanted = rules.active_outputs(rule.tangent, flags)
        flowing = [i for n, i in enumerate(floats) if wanted[count + n]]
        linear = is_linear(forward, backward, len(rule.tangent.outs), len(still))
        return values[:count], (backward, [*values[len(rule.tangent.outs) :], *ins, *still], flowing, linear)

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
        rule: CustomRule = params["rule"]
        rule.require(active, ins)
        backward, saved, flowing, linear = extra
        if not linear:
            raise _not_linear(rule, "tangents", "reverse mode", "bp.custom_vjp")
        given = [fill(0, value_aval(outs[i])) if cts[i] is None else cts[i] for i in flowing]
        operands = [*saved, *ins, *given] if rule.joint is not None else [*saved, *given]
        bars = iter(inline(backward, operands))
        return [next(bars) if moves else None for moves in rule.moving]

    def pushforward(
        self, rules: Rules, tangents: Sequence[Value | None], ins: Sequence[Value], params: Params
    ) -> tuple[Sequence[Value], Sequence[Value | None]]:
        rule: CustomRule = params["rule"]
        body: Graph = params["body"]
        rule.require([t is not None for t in tangents], ins)
        count, floats = len(body.outs), _floats(body)
        dots = [
            fill(0, value_aval(x)) if dot is None else dot
            for x, dot, moves in zip(ins, tangents, rule.moving, strict=True)
            if moves
        ]
        out_dots: list[Value | None] = [None] * count
        if rule.tangent is not None:
            values = _lifted(inline(rule.tangent, [*ins, *dots]))
            for i, dot in zip(floats, values[count:], strict=True):
                out_dots[i] = dot
            return values[:count], out_dots
        assert rule.joint is not None  # `require` sees to it
        # The transpose of a pullback is the pushforward (J. Townsend, "A new trick for calculating Jacobian vector
        # products", 2017).
        back = rule.joint.with_eqns(rule.joint.eqns, rule.joint.outs[count:])
        flags = [False] * len(ins) + [True] * len(floats)
        forward, transposed = rules.vjp(back, flags)
        if not is_linear(forward, transposed, len(back.outs), len(floats)):
            raise _not_linear(rule, "cotangent", "forward mode", "bp.custom_jvp")
        still = [fill(0, body.out_avals[i]) for i in floats]
        residuals = inline(forward, [*ins, *still])[len(back.outs) :]
        wanted = rules.active_outputs(back, flags)
        flowing = [dot for dot, flag in zip(dots, wanted, strict=True) if flag]
        moved = _lifted(inline(transposed, [*residuals, *ins, *still, *flowing]))
        for i, dot in zip(floats, moved, strict=True):
            out_dots[i] = dot
        return bind(self, ins, params), out_dots

    def batch(
        self, rules: Rules, size: Any, ins: Sequence[Value], batched: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Sequence[bool]]:
        rule: CustomRule = params["rule"]
        body: Graph = params["body"]
        count, flags = len(body.outs), list(batched)
        moving = [flag for flag, moves in zip(flags, rule.moving, strict=True) if moves]
        every = [True] * count

        def many_cotangents() -> Graph:
            assert rule.joint is not None
            return _batched(rules, rule.joint, size, [*flags, *(True for _ in _floats(body))], [*every, *moving])

        def many_tangents() -> Graph:
            assert rule.tangent is not None
            return _batched(rules, rule.tangent, size, [*flags, *moving], [True] * len(rule.tangent.outs))

        made = CustomRule(
            rule.name,
            rule.moving,
            None if rule.make_joint is None else many_cotangents,
            None if rule.make_tangent is None else many_tangents,
            rule.refusal,
        )
        many = _batched(rules, body, size, flags, every)
        return bind(self, ins, {"body": many, "rule": made}), every


def is_linear(forward: Graph, backward: Graph, n_outs: int, n_last: int) -> bool:
    """Whether a graph is linear in its last inputs, of which this is the derivative: it must not depend on them.

    `forward` gives the graph's `n_outs` results and the residuals, `backward` takes the residuals first.
    """
    n_residuals, n_ins = len(forward.outs) - n_outs, len(forward.invars)
    touched = _depending(forward, set(forward.invars[n_ins - n_last :]))
    residuals = zip(backward.invars, forward.outs[n_outs:], strict=False)
    start = {var for var, saved in residuals if saved in touched}
    start.update(backward.invars[n_residuals + n_ins - n_last : n_residuals + n_ins])
    touched = _depending(backward, start)
    return not any(out in touched for out in backward.outs)


def _depending(graph: Graph, start: set[Var]) -> set[Atom]:
    """The variables that depend on those of `start`."""
    found: set[Atom] = set(start)
    for eqn in graph.eqns:
        flags = [atom in found for atom in eqn.ins]
        if any(flags):
            found.update(out for out, flag in zip(eqn.outs, _results_depending(eqn, flags), strict=True) if flag)
    return found


def _results_depending(eqn: Eqn, flags: Sequence[bool]) -> list[bool]:
    """Which results of an equation depend on the operands that are flagged; loops and branches are looked into."""
    params, every = eqn.params, [True] * len(eqn.outs)
    if "branches" in params:
        each = [_outs_depending(branch, flags[1:]) for branch in params["branches"]]
        return every if flags[0] else [any(column) for column in zip(*each, strict=True)]
    if not isinstance(params.get("body"), Graph):
        return every
    n_consts = params.get("n_consts", 0)
    n_carry = params.get("n_carry", len(eqn.ins) - n_consts if "test" in params else 0)
    now = list(flags)
    while True:
        after = _outs_depending(params["body"], now)
        grown = [now[n_consts + i] or after[i] for i in range(n_carry)]
        if grown == now[n_consts : n_consts + n_carry]:
            break
        now[n_consts : n_consts + n_carry] = grown
    if "test" not in params:
        return [*grown, *after[n_carry:]]
    saved = [False, False, *grown] if params.get("saving") else []
    return every if any(_outs_depending(params["test"], now)) else [*grown, *saved]


def _outs_depending(body: Graph, flags: Sequence[bool]) -> list[bool]:
    found = _depending(body, {var for var, flag in zip(body.invars, flags, strict=True) if flag})
    return [out in found for out in body.outs]


def _not_linear(rule: CustomRule, what: str, mode: str, instead: str) -> NotDifferentiableError:
    return NotDifferentiableError(
        f"the rule of {rule.name} is not linear in the {what}, so {mode}, its transpose, cannot be had from it",
        src=_site(),
        advice=f"Give the operation a rule for {mode}: {instead}.",
    )


def _batched(rules: Rules, graph: Graph, size: Any, flags: Sequence[bool], wanted: Sequence[bool]) -> Graph:
    """`graph` for many at once, its results with an axis for them exactly where `wanted`.

    A cotangent of what is the same for all of them is the sum of theirs.
    """
    many, found = rules.batch(graph, size, flags)

    def run(*values: Value) -> list[Value]:
        outs = _lifted(inline(many, values))
        return [
            lift(batch_operand(x, size, has)) if wish else _summed(x) if has else x
            for x, has, wish in zip(outs, found, wanted, strict=True)
        ]

    return rules.build(graph.name, run, many.in_avals, [v.name for v in many.invars])


def _summed(bar: Value) -> Value:
    builder = Builder.innermost()
    assert builder is not None  # `build` sees to it
    with builder.origin(Origin(None, adjoint=True)):
        return bar.sum(axis=0)


def _floats(body: Graph) -> list[int]:
    """The results that have derivatives."""
    return [i for i, aval in enumerate(body.out_avals) if aval.is_float]


def _lifted(values: Sequence[Value]) -> list[Value]:
    return [lift(value) for value in values]


def _site() -> Any:
    builder = Builder.innermost()
    return None if builder is None else builder.site().src


custom = Custom()
