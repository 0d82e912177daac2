"""The table leaves no operation out, and a new declaration finds its way into it by itself."""

from contextlib import suppress

import numpy as np
import pytest

from staticbp.core.graph import Graph
from staticbp.core.lowering import Control
from staticbp.errors import NotDifferentiableError
from staticbp.ops.arithmetic import divide_or_zero
from staticbp.ops.families import ZERO, elementwise
from staticbp.ops.registry import NUMPY, PRIMITIVES, float_dtypes
from staticbp.transforms.jvp import jvp
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops import table
from tests.ops.checks import (
    assert_batching,
    assert_derivatives,
    assert_value,
    floats,
    graph_of,
    second_order_args,
)


def operations(graph: Graph) -> set[str]:
    return {eqn.op.name for eqn in graph.eqns}


def test_every_operation_has_a_case():
    met = {"broadcast"}
    for case in table.cases():
        graph = graph_of(case.function, case.args)
        active = floats(case.args)
        met |= operations(graph)
        with suppress(NotDifferentiableError):  # by the order of a Bessel function
            met |= operations(vjp(RULES, graph, active)) | operations(jvp(RULES, graph, active))
    wanted = {name for name, op in PRIMITIVES.items() if not isinstance(op.lowering, Control)}
    assert wanted <= met | {"custom"}, f"no case for {sorted(wanted - met)}: add one to tests/ops/cases_*.py"


def test_names_of_cases_are_unique():
    names = [case.name for case in table.cases()]
    assert len(names) == len(set(names))


@pytest.fixture
def registers():
    """Declarations made by a test are forgotten after it."""
    primitives, functions = dict(PRIMITIVES), dict(NUMPY)
    yield
    for register, before in ((PRIMITIVES, primitives), (NUMPY, functions)):
        register.clear()
        register.update(before)


def declare(**facets):
    """A smoothed absolute value, as somebody would add it."""
    given = {
        "numpy": lambda x, y: np.sqrt(x * x + y * y) - np.abs(y),
        "partials": lambda out, x, y: (
            divide_or_zero(x, np.hypot(x, y)),
            divide_or_zero(y, np.hypot(x, y)) - np.sign(y),
        ),
        "domain": table.Domain.NONZERO,
        "expr": "vm.hypot({x}, {y}) - vm.abs({y})",
        "dtypes": float_dtypes,
        **facets,
    }
    return elementwise("smooth_abs", **given)


def check_all(op):
    for case in (*table.float_cases(op), *table.float_cases(op, table.F32)):
        assert_value(case.function, case.args)
    for case in table.float_cases(op):
        rng = table.generator(case.name)
        graph = graph_of(case.function, case.args)
        reverse = assert_derivatives(graph, case.args, rng)
        assert_derivatives(reverse, second_order_args(graph, case.args, rng), rng)
        assert_batching(graph, case.args, [True, False])


def test_a_declaration_is_tested_without_an_entry(registers):
    op = declare()
    assert op in table.elementwise_ops()
    assert any(case.name.startswith("smooth_abs/") for case in table.cases())
    assert any(case.name.startswith("smooth_abs/") for case in table.smooth_cases())
    check_all(op)


@pytest.mark.parametrize(
    "partials",
    [
        lambda out, x, y: (divide_or_zero(x, np.hypot(x, y)), -np.sign(y)),
        lambda out, x, y: (x, divide_or_zero(y, np.hypot(x, y)) - np.sign(y)),
        lambda out, x, y: (None, divide_or_zero(y, np.hypot(x, y)) - np.sign(y)),
    ],
)
def test_a_wrong_derivative_is_found(registers, partials):
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check_all(declare(partials=partials))


def test_a_wrong_pair_of_rules_is_found(registers):
    rules = {
        "vjp": lambda ct, out, x, y: (ct * divide_or_zero(x, np.hypot(x, y)), None),
        "jvp": lambda dots, out, x, y: (0 if dots[0] is None else dots[0]) * divide_or_zero(x, np.hypot(x, y)),
    }
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check_all(declare(partials=None, **rules))


def test_a_missing_facet_fails_at_import(registers):
    with pytest.raises(TypeError, match="needs partials"):
        declare(partials=None)
    with pytest.raises(TypeError, match="needs dtypes"):
        elementwise("unheard_of", numpy=lambda x: x, partials=ZERO, expr="{x}")
    with pytest.raises(ValueError, match="declared twice"):
        elementwise("tanh", numpy=np.tanh, partials=ZERO, expr="{x}")
