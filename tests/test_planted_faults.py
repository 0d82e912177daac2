"""check_grads finds faults planted in rules, of the operations and of users: each of a hundred."""

from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import Any, NamedTuple

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import StaticbpError
from staticbp.ops.families import Bilinear, Elementwise
from staticbp.ops.linear import Linear, cast
from staticbp.ops.registry import Domain
from staticbp.passes.pipeline import PRIMAL, run
from staticbp.runtime import load
from staticbp.testing import check_grads
from staticbp.transforms.activity import active_variables
from tests.ops.checks import graph_of
from tests.ops.table import elementwise_ops, function_of, generator, listed_cases, sample

F64 = np.dtype(np.float64)
SMOOTH = (Domain.REAL, Domain.POSITIVE, Domain.UNIT, Domain.NONZERO, Domain.ABOVE_ONE)


def scaled(slope: Any) -> Any:
    return None if slope is None else slope * 1.0001


def wrong_sign(slope: Any) -> Any:
    return None if slope is None else -1 * slope


def dropped(slope: Any) -> Any:
    return None


def transposed(slope: Any) -> Any:
    return np.swapaxes(slope, -1, -2)


KINDS: tuple[Callable[[Any], Any], ...] = (scaled, wrong_sign, dropped)


class Fault(NamedTuple):
    """A function, arguments, and what is wrong: a field of an operation, or nothing besides the function itself."""

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    op: Any = None
    field: str = ""
    value: Any = None


# ---- rules of operations ----------------------------------------------------------------------------------------


def altered(rule: Callable[..., Any], number: int, kind: Callable[[Any], Any]) -> Callable[..., Any]:
    """A rule one of whose results is wrong."""

    def wrong(*args: Any, **params: Any) -> Any:
        result = rule(*args, **params)
        if not isinstance(result, tuple | list):
            return kind(result)
        return tuple(kind(part) if i == number else part for i, part in enumerate(result))

    return wrong


def elementwise_faults() -> Iterator[Fault]:
    kinds = cycle(KINDS)
    for op in elementwise_ops():
        if not callable(op.partials) or any(domain not in SMOOTH for domain in op.domain):
            continue
        rng = generator(op.name)
        args = tuple(sample(rng, domain, (4,), F64) for domain in op.domain)
        if op.dtypes(*(F64,) * op.arity)[-1] != F64 or not slopes(op, args):
            continue
        kind = next(kinds)
        wrong = altered(op.partials, op.arity - 1, kind)
        yield Fault(f"{op.name} {kind.__name__}", function_of(op), args, op, "partials", wrong)


def slopes(op: Elementwise, args: tuple[Any, ...]) -> bool:
    """Whether the derivative with respect to the last operand is large enough to be told from none."""
    moved = [*args[:-1], args[-1] + 1e-6]
    return bool(np.max(np.abs(op.numpy(*moved) - op.numpy(*args))) > 1e-7)


def ops_in(function: Callable[..., Any], args: tuple[Any, ...]) -> list[Any]:
    """The operations through which derivatives with respect to the arguments flow, once the program is simplified."""
    graph = run(graph_of(function, args), PRIMAL)
    live = active_variables(graph, [True] * len(args))
    last = 1 if graph.eqns and isinstance(graph.eqns[-1].op, Bilinear) else 0  # the operand whose rule is altered
    return [eqn.op for eqn in graph.eqns[-1:] if eqn.ins[last] in live and eqn.outs[0] in graph.outs]


def linear_faults() -> Iterator[Fault]:
    kinds = cycle(KINDS)
    seen: set[Any] = set()
    for case in listed_cases():
        if not all(np.asarray(arg).dtype == F64 and np.size(arg) for arg in case.args):
            continue
        for op in ops_in(case.function, case.args):
            if op in seen or op is cast:  # between equal dtypes: nothing is left of it
                continue
            if isinstance(op, Linear):
                kind = next(kinds)
                wrong: Any = altered(op.transpose, 0, kind)
                yield Fault(f"{op.name} {kind.__name__}", case.function, case.args, op, "transpose", wrong)
            elif isinstance(op, Bilinear):
                kind = next(kinds)
                wrong = (op.transposes[0], altered(op.transposes[1], 0, kind))
                yield Fault(f"{op.name} {kind.__name__}", case.function, case.args, op, "transposes", wrong)
            else:
                continue
            seen.add(op)


# ---- rules of users ---------------------------------------------------------------------------------------------

RNG = np.random.default_rng(7)
A, B, X, Y = RNG.uniform(0.3, 1.3, (3, 3)), RNG.uniform(-1, 1, (3, 3)), RNG.uniform(0.5, 2, 3), RNG.uniform(-1, 1, 3)

Rule = Callable[..., tuple[Any, ...]]
USER_RULES: dict[str, tuple[Callable[..., Any], Rule, tuple[Any, ...]]] = {
    "layer": (
        lambda w, x: np.tanh(w @ x),
        lambda w, x, ct: (np.outer(ct * (1 - np.tanh(w @ x) ** 2), x), w.T @ (ct * (1 - np.tanh(w @ x) ** 2))),
        (A, Y),
    ),
    "product": (lambda a, b: a @ b, lambda a, b, ct: (ct @ b.T, a.T @ ct), (A, B)),
    "quadratic": (
        lambda a, x: x @ a @ x,
        lambda a, x, ct: (ct * np.outer(x, x), ct * (a + a.T) @ x),
        (A, Y),
    ),
    "scaled rows": (
        lambda a, x: a * x[:, None],
        lambda a, x, ct: (ct * x[:, None], np.sum(ct * a, axis=1)),
        (A, X),
    ),
    "power": (lambda x, y: x**y, lambda x, y, ct: (ct * y * x ** (y - 1), ct * x**y * np.log(x)), (X, Y)),
    "softmax": (
        lambda x: np.exp(x) / np.sum(np.exp(x)),
        lambda x, ct: (lambda p: (p * (ct - ct @ p),))(np.exp(x) / np.sum(np.exp(x))),
        (Y,),
    ),
}
DROPPED_TERMS: dict[str, tuple[str, Rule]] = {
    "half of a quadratic form": ("quadratic", lambda a, x, ct: (ct * np.outer(x, x), ct * a @ x)),
    "the slope of tanh": ("layer", lambda w, x, ct: (np.outer(ct, x), w.T @ ct)),
    "the sum of a softmax": ("softmax", lambda x, ct: (ct * np.exp(x) / np.sum(np.exp(x)),)),
    "a product's own transpose": ("product", lambda a, b, ct: (ct @ b, a.T @ ct)),
    "a logarithm": ("power", lambda x, y, ct: (ct * y * x ** (y - 1), ct * x**y)),
}


def with_rule(function: Callable[..., Any], rule: Rule) -> Callable[..., Any]:
    """A function with a reverse rule of the user's own."""
    made = bp.custom_vjp(lambda *args: function(*args))
    made.defvjp(lambda *args: (function(*args), args), lambda saved, ct: rule(*saved, ct))
    return lambda *args: made(*args)


def user_faults() -> Iterator[Fault]:
    for name, (function, rule, args) in USER_RULES.items():
        slopes = rule(*args, np.ones_like(function(*args)))
        for number, slope in enumerate(slopes):
            matrix = np.ndim(slope) == 2 and not np.allclose(slope, slope.T)
            for kind in (scaled, wrong_sign, np.zeros_like, *((transposed,) if matrix else ())):
                wrong = with_rule(function, altered(rule, number, kind))
                yield Fault(f"{name} {number} {kind.__name__}", wrong, args)
    for what, (name, rule) in DROPPED_TERMS.items():
        function, _, args = USER_RULES[name]
        yield Fault(f"without {what}", with_rule(function, rule), args)


FAULTS = [*islice(elementwise_faults(), 50), *islice(linear_faults(), 20), *user_faults()]


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    monkeypatch.setattr(load, "JIT", False)


def test_there_are_a_hundred():
    assert len(FAULTS) >= 100


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_found(fault):
    before = getattr(fault.op, fault.field) if fault.op is not None else None
    if fault.op is not None:
        check_grads(fault.function, fault.args, order=1)
        object.__setattr__(fault.op, fault.field, fault.value)
    try:
        with pytest.raises((AssertionError, StaticbpError)) as caught:
            check_grads(fault.function, fault.args, order=1)
    finally:
        if fault.op is not None:
            object.__setattr__(fault.op, fault.field, before)
    if not isinstance(caught.value, StaticbpError):
        assert "the derivative of output" in str(caught.value)
        assert "off by" in str(caught.value)


def test_rules_without_faults_pass():
    for function, rule, args in USER_RULES.values():
        check_grads(with_rule(function, rule), args, order=1)
