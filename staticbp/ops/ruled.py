"""Values that come with a differential: what an algorithm computes, differentiated by mathematics and not step by step.

The eigenvalues of a matrix are found by an iteration; their differential is one line of algebra.  `ruled` takes what
was computed, whatever it was computed by, and the operands that it is a function of, and is differentiated by the
rule of its name.  A rule is written forwards, as books have it: ``rule(tangents, values, *operands)`` gives the
tangents of the values.  It is linear in the tangents that it is given, so that reverse mode is had by transposing it;
it is made of operations, so that it can be differentiated again.

`passes/expand.py` puts the values in place once no derivative can be asked for any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from staticbp.core.aval import Aval
from staticbp.core.lowering import Control
from staticbp.core.primitive import Builder, Origin, Params, Primitive, Rules, Value, bind, inline, lift, value_aval
from staticbp.ops.linear import Declared, batch_operand, fill
from staticbp.ops.registry import as_tuple

Differential = Callable[..., Any]
F = TypeVar("F", bound=Differential)

DIFFERENTIALS: dict[str, Differential] = {}
COTANGENTS: dict[str, Callable[..., Any]] = {}


def differential(name: str) -> Callable[[F], F]:
    """Register ``rule(tangents, values, *operands)`` as the differential of what is called `name`.

    `tangents` has None for an operand that does not move; a single value, and its tangent, come unwrapped.
    """

    def register(rule: F) -> F:
        DIFFERENTIALS[name] = rule
        return rule

    return register


def cotangents(name: str) -> Callable[[F], F]:
    """Register ``rule(cts, values, *operands)``, where the transpose of the differential would be `name` again."""

    def register(rule: F) -> F:
        COTANGENTS[name] = rule
        return rule

    return register


class Ruled(Declared):
    """The first `count` operands, as functions of the others whose differential is that of the name `rule`."""

    name = "ruled"
    lowering = Control("ruled")

    def __init__(self) -> None:
        self.__post_init__()

    def avals(self, ins: Sequence[Aval], params: Params) -> tuple[Aval, ...]:
        return tuple(aval.strong() for aval in ins[: params["count"]])

    def evaluate(self, ins: Sequence[Any], params: Params) -> tuple[Any, ...]:
        return tuple(ins[: params["count"]])

    def pushforward(
        self, rules: Rules, tangents: Sequence[Value | None], ins: Sequence[Value], params: Params
    ) -> tuple[Sequence[Value], Sequence[Value | None]]:
        count = params["count"]
        outs = bind(self, ins, params)
        if all(tangent is None for tangent in tangents[count:]):
            return outs, [None] * count
        return outs, _tangents(params["rule"], tangents[count:], outs, ins[count:])

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
        rule, count = params["rule"], params["count"]
        operands = ins[count:]
        if rule in COTANGENTS:
            return [*(None for _ in outs), *as_tuple(COTANGENTS[rule](*map(_unwrapped, (cts, outs)), *operands))]
        moving = [n for n, flag in enumerate(active[count:]) if flag]
        flowing = [i for i, ct in enumerate(cts) if ct is not None]
        given = [*outs, *operands]
        still = [value_aval(operands[n]).strong() for n in moving]
        origin = _origin()

        def tangents(*values: Value) -> list[Value]:
            dots: list[Value | None] = [None] * len(operands)
            for n, dot in zip(moving, values[len(given) :], strict=True):
                dots[n] = dot
            builder = Builder.innermost()
            assert builder is not None  # `build` sees to it
            with builder.origin(origin):
                found = _tangents(rule, dots, values[:count], values[count : len(given)])
            return [lift(fill(0, value_aval(outs[i])) if found[i] is None else found[i]) for i in flowing]

        avals = [*(value_aval(value).strong() for value in given), *still]
        graph = rules.build(rule, tangents, avals, [f"x{n}" for n in range(len(avals))])
        flags = [n >= len(given) for n in range(len(avals))]
        forward, backward = rules.vjp(graph, flags)
        zeros = [fill(0, aval) for aval in still]
        residuals = inline(forward, [*given, *zeros])[len(flowing) :]
        wanted = rules.active_outputs(graph, flags)
        flows = [cts[i] for i, flag in zip(flowing, wanted, strict=True) if flag]
        bars = iter([lift(bar) for bar in inline(backward, [*residuals, *given, *zeros, *flows])])
        return [*(None for _ in outs), *(next(bars) if n in moving else None for n in range(len(operands)))]

    def batch(
        self, rules: Rules, size: Any, ins: Sequence[Value], batched: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Sequence[bool]]:
        outs = bind(self, [batch_operand(x, size, flag) for x, flag in zip(ins, batched, strict=True)], params)
        return outs, [True] * len(outs)

    def result_names(self, params: Params) -> Sequence[str] | None:
        return None


def _unwrapped(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else tuple(values)


def _tangents(
    rule: str, tangents: Sequence[Value | None], outs: Sequence[Value], operands: Sequence[Value]
) -> tuple[Value | None, ...]:
    return as_tuple(DIFFERENTIALS[rule](tuple(tangents), _unwrapped(outs), *operands))


def _origin() -> Origin:
    """What the equations of a derivative belong to that is being recorded."""
    builder = Builder.innermost()
    site = None if builder is None else builder.site()
    return site if isinstance(site, Origin) else Origin(None, adjoint=True)


_RULED: Primitive = Ruled()


def ruled(rule: str, values: Any, *operands: Value) -> Any:
    """`values`, one or a tuple of them, as functions of `operands` with the differential that is called `rule`."""
    given = as_tuple(values)
    return _RULED(*given, *operands, rule=rule, count=len(given))


__all__ = ["COTANGENTS", "DIFFERENTIALS", "Ruled", "cotangents", "differential", "ruled"]
