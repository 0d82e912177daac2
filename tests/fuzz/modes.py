"""The table of operations held against JAX in every mode: ``python -m tests.fuzz.modes [PART OF A NAME ...]``.

The modes are value, reverse, forward, forward over reverse, reverse over reverse, and reverse batched.  All take the
same arguments, tangents and cotangents here and there, and are compared to the last digits.  A case whose function
JAX has not, or cannot differentiate so, is held against central differences, and mode against mode.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from staticbp.core.graph import Graph
from staticbp.core.interpret import interpret
from staticbp.transforms.activity import active_outputs
from staticbp.transforms.jvp import jvp
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.fuzz.jaxprs import evaluate
from tests.fuzz.translated import Missing, in_jax
from tests.ops.checks import (
    assert_batching,
    assert_derivatives,
    directions,
    floats,
    graph_of,
    results,
    second_order_args,
)
from tests.ops.table import Case, generator, smooth_cases

MODES = ("value", "reverse", "forward", "forward over reverse", "reverse over reverse", "batched")
TOLERANCE = 1e-9
BATCH = 3

# Cases that differ from JAX, by the beginnings of their names, and why: where JAX is wrong, by central differences.
KNOWN = {
    "spence/": "JAX's gradient is NaN",
    "complex arccosh": "JAX's derivative is that of another branch left of the imaginary axis",
    "complex sign": "JAX's derivative is zero, which it is not for complex numbers",
    "sinc/near zero": "JAX's derivatives cancel near zero",
    "nanstd/derivative beside NaN": "JAX's derivatives are NaN",
    "einsum_path": "JAX's list is shorter than NumPy's, and the case is about the length of the list",
    "multinomial": "JAX takes one list of counts, and not several",
    "multiply.reduce/dtype": "it is about numbers in single precision",
}

Arrays = list[Any]


class Given(NamedTuple):
    """What a case is differentiated at and along: lists for the arguments that are floats, or results that are."""

    args: tuple[Any, ...]
    active: list[bool]
    tangents: Arrays
    cotangents: Arrays
    moved_cotangents: Arrays
    second: Arrays  # cotangents of the results and of the gradients

    def moving(self) -> Arrays:
        """The arguments that are floats."""
        return [arg for arg, flag in zip(self.args, self.active, strict=True) if flag]


def given(case: Case) -> tuple[Graph, Given]:
    """The graph of a case, and numbers drawn for it."""
    graph, rng, active = graph_of(case.function, case.args), generator(case.name), floats(case.args)
    outs = [x for x in interpret(graph, list(case.args)) if x.dtype.kind == "f"]
    moving = [arg for arg, flag in zip(case.args, active, strict=True) if flag]
    cotangents, moved = directions(rng, outs), directions(rng, outs)
    second = [*directions(rng, outs), *directions(rng, moving)]
    return graph, Given(case.args, active, directions(rng, moving), cotangents, moved, second)


def batch(arg: Any) -> Any:
    """An argument and others near it, which lie in the same domain and the same order."""
    return np.stack([np.asarray(arg) * 0.999**k for k in range(BATCH)])


# ---- by staticbp ------------------------------------------------------------------------------------------------


def spread(values: Sequence[Any], flags: Sequence[bool], like: Sequence[Any]) -> Arrays:
    """Values for those that there is a flag for, zeros for the others."""
    rest = iter(values)
    return [next(rest) if flag else np.zeros(np.shape(other)) for flag, other in zip(flags, like, strict=True)]


class Ours:
    """The modes of a graph, each a list of arrays: results that are floats, and derivatives of or by them all."""

    def __init__(self, graph: Graph, at: Given) -> None:
        self.at, self.graph = at, graph
        self.outs = interpret(graph, list(at.args))
        self.real = [x.dtype.kind == "f" for x in self.outs]
        self.wanted = active_outputs(graph, at.active)
        self.primals = self.chosen(self.outs, self.real)
        self.reversed = vjp(RULES, graph, at.active)

    @staticmethod
    def chosen(values: Sequence[Any], flags: Sequence[bool]) -> Arrays:
        """The values that there is a flag for."""
        return [value for value, flag in zip(values, flags, strict=True) if flag]

    def of_real(self, values: Sequence[Any], wanted: Sequence[bool]) -> Arrays:
        """Values for the results that are floats, those of the active ones."""
        return self.chosen(values, self.chosen(wanted, self.real))

    def value(self) -> Arrays:
        """The results."""
        return self.primals

    def reverse(self) -> Arrays:
        """The gradients."""
        return self._split(interpret(self.reversed, self._reverse_args()))[1]

    def forward(self) -> Arrays:
        """The tangents of the results."""
        found = interpret(jvp(RULES, self.graph, self.at.active), [*self.at.args, *self.at.tangents])
        return self.chosen(spread(found[len(self.outs) :], self.wanted, self.outs), self.real)

    def _reverse_args(self) -> Arrays:
        return [*self.at.args, *self.of_real(self.at.cotangents, self.wanted)]

    def _split(self, found: Arrays) -> tuple[Arrays, Arrays]:
        outs, bars = found[: len(self.outs)], found[len(self.outs) :]
        return self.chosen(outs, self.real), bars

    def _of_reverse(self) -> tuple[Arrays, list[bool], list[bool]]:
        args = self._reverse_args()
        active = [*self.at.active, *(True for _ in args[len(self.at.args) :])]
        return args, active, active_outputs(self.reversed, active)

    def forward_over_reverse(self) -> Arrays:
        """The tangents of the results and the gradients."""
        args, active, wanted = self._of_reverse()
        moving = [*self.at.tangents, *self.of_real(self.at.moved_cotangents, self.wanted)]
        found = interpret(jvp(RULES, self.reversed, active), [*args, *moving])
        like = interpret(self.reversed, args)
        outs, bars = self._split(spread(found[len(like) :], wanted, like))
        return [*outs, *bars]

    def reverse_over_reverse(self) -> Arrays:
        """The gradients of results and gradients, by the arguments and the cotangents."""
        args, active, wanted = self._of_reverse()
        of_outs = spread(self.at.second, self.real, self.outs)
        seeds = self.chosen([*of_outs, *self.at.second[len(self.primals) :]], wanted)
        found = interpret(vjp(RULES, self.reversed, active), [*args, *seeds])[len(wanted) :]
        count = sum(self.at.active)
        flags = self.chosen(self.wanted, self.real)
        return [*found[:count], *spread(found[count:], flags, self.primals)]

    def batched(self) -> Arrays:
        """Results and gradients of a batch of arguments and cotangents."""
        args, active, _ = self._of_reverse()
        many, mapped = RULES.batch(self.reversed, BATCH, active)
        stacks = [batch(arg) if flag else arg for arg, flag in zip(args, active, strict=True)]
        found = interpret(many, stacks)
        whole = [x if flag else np.stack([x] * BATCH) for x, flag in zip(found, mapped, strict=True)]
        outs, bars = self._split(whole)
        return [*outs, *bars]


# ---- by JAX -----------------------------------------------------------------------------------------------------


def jaxs(function: Callable[..., Any], at: Given) -> dict[str, Callable[[], Arrays]]:
    """The same modes, by JAX."""
    jax: Any = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    translated, moving = in_jax(function), tuple(at.moving())

    def of_moving(*values: Any) -> list[Any]:
        rest = iter(values)
        args = [next(rest) if flag else arg for arg, flag in zip(at.args, at.active, strict=True)]
        outs = [jax.numpy.asarray(out) for out in results(translated(*args))]
        return [out for out in outs if out.dtype.kind == "f"]

    def reverse(values: Any, cotangents: Any) -> Any:
        outs, pullback = jax.vjp(of_moving, *values)
        return outs, list(pullback(list(cotangents)))

    def flat(function: Callable[..., Any], *args: Any) -> Arrays:
        leaves, structure = jax.tree.flatten(args)
        traced = jax.make_jaxpr(lambda *leaves: jax.tree.leaves(function(*structure.unflatten(leaves))))(*leaves)
        return evaluate(traced, [np.asarray(leaf) for leaf in leaves])

    def twice(values: Any, cotangents: Any, second: Any) -> Any:
        (outs, _), pullback = jax.vjp(reverse, values, cotangents)
        return pullback((second[: len(outs)], second[len(outs) :]))

    def along(values: Any, cotangents: Any, tangents: Any, moved: Any) -> Any:
        return jax.jvp(reverse, (values, cotangents), (tangents, moved))[1]

    stacked = [tuple(map(batch, column)) for column in (moving, at.cotangents)]
    cotangents, tangents = tuple(at.cotangents), tuple(at.tangents)
    return {
        "value": lambda: flat(of_moving, *moving),
        "reverse": lambda: flat(lambda v, c: reverse(v, c)[1], moving, cotangents),
        "forward": lambda: flat(lambda v, t: jax.jvp(of_moving, v, t)[1], moving, tangents),
        "forward over reverse": lambda: flat(along, moving, cotangents, tangents, tuple(at.moved_cotangents)),
        "reverse over reverse": lambda: flat(twice, moving, cotangents, list(at.second)),
        "batched": lambda: flat(jax.vmap(reverse), *stacked),
    }


# ---- the comparison ---------------------------------------------------------------------------------------------


def difference(found: Arrays, wanted: Arrays) -> float:
    """The largest difference, relative to the largest element of its array if that is above one."""
    worst = 0.0
    for ours, exact in zip(found, wanted, strict=True):
        if not np.array_equal(np.isfinite(ours), np.isfinite(exact)):
            return float("inf")
        both = np.isfinite(exact)
        size = max(1.0, float(np.max(np.abs(exact[both]), initial=0.0)))
        worst = max(worst, float(np.max(np.abs(np.asarray(ours)[both] - exact[both]), initial=0.0)) / size)
    return worst


def outcomes(case: Case) -> dict[str, str]:
    """What comes out in each mode: ``"same"``, ``"differs by ..."``, or why JAX has nothing to compare with."""
    graph, at = given(case)
    ours = Ours(graph, at)
    try:
        theirs = jaxs(case.function, at)
    except Missing as reason:
        return dict.fromkeys(MODES, f"none: {reason}")
    outcome: dict[str, str] = {}
    known = next((f"explained: {why}:" for name, why in KNOWN.items() if case.name.startswith(name)), None)
    for mode in MODES:
        found = getattr(ours, mode.replace(" ", "_"))()
        try:
            wanted = theirs[mode]()
        except Missing as reason:
            outcome[mode] = f"none: {reason}"
            continue
        except AssertionError:  # of `evaluate`
            raise
        except Exception as error:  # noqa: BLE001 - whatever they raise: there is nothing to compare with
            outcome[mode] = f"none: {type(error).__name__}: {' '.join(str(error).split())[:100]}"
            continue
        if [np.shape(x) for x in found] != [np.shape(x) for x in wanted]:
            outcome[mode] = "none: its results have other shapes or types"
            continue
        worst = difference(found, wanted)
        outcome[mode] = "same" if worst <= TOLERANCE else f"{known or 'differs'} by {worst:.1e}"
    return outcome


def check_alone(case: Case) -> None:
    """Both modes, to second order, are what central differences say and one what the other is, batched too."""
    graph, rng = graph_of(case.function, case.args), generator(case.name)
    reverse = assert_derivatives(graph, case.args, rng)
    if reverse is not None:
        args = second_order_args(graph, case.args, rng)
        assert_derivatives(reverse, args, rng)
        assert_batching(reverse, args, [True] * len(args))


def compared(parts: Sequence[str] = ()) -> list[Case]:
    """The cases of the table in double precision through which a derivative flows, or those with such names."""
    cases = [case for case in smooth_cases() if any(part in case.name for part in parts or [""])]
    single = {np.dtype(np.float32), np.dtype(np.complex64)}
    return [c for c in cases if any(floats(c.args)) and not any(np.asarray(arg).dtype in single for arg in c.args)]


def report(cases: Sequence[Case]) -> bool:
    """Print what comes out; whether nothing differs."""
    counts: dict[str, Counter[str]] = {mode: Counter() for mode in MODES}
    for case in cases:
        try:
            outcome = outcomes(case)
            if set(outcome.values()) != {"same"}:
                check_alone(case)  # what JAX has not, and who is right where it differs
        except Exception:  # noqa: BLE001 - whatever is wrong, the next case is tried
            outcome = dict.fromkeys(MODES, f"differs: {' '.join(traceback.format_exc(limit=-2).split())[-400:]}")
        for mode, what in outcome.items():
            counts[mode][what.split(":")[0].split(" by ")[0]] += 1
        odd = {what: [m for m, w in outcome.items() if w == what] for what in outcome.values() if what != "same"}
        for what, modes in odd.items():
            print(f"{case.name}: {', '.join(modes) if len(modes) < len(MODES) else 'all'}: {what}", flush=True)  # noqa: T201
    for mode, count in counts.items():
        print(f"{mode:>22}: {dict(count)}")  # noqa: T201 - a command
    return not any(count["differs"] for count in counts.values())


def main() -> int:
    """Compare the cases of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="parts of names of cases; all without one")
    warnings.simplefilter("ignore")
    return 0 if report(compared(parser.parse_args().names)) else 1


if __name__ == "__main__":
    sys.exit(main())
